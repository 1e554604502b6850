from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import decoders

from qsl.tokenizer import Tokenizer, TransformersTokenizer, open_tokenizer, tokenizer_sha256
from sut.errors import DatasetError
from tests.unit.qsl.conftest import make_tokenizer

EOS = 2


def opened(folder: Path, **config: object) -> Tokenizer:
    """A tokenizer of single characters."""
    tokenizer = make_tokenizer()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return open_tokenizer(folder)


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode_batch([text], special_tokens=False)[0]


def test_what_was_encoded_is_decoded(tmp_path: Path) -> None:
    tokenizer = opened(tmp_path)
    texts = ["The river rose.", "", " a  b\n"]
    batch = [ids(tokenizer, text) for text in texts]
    assert tokenizer.decode_batch(batch, skip_special_tokens=True) == texts


def test_special_tokens_are_left_out_on_demand(tmp_path: Path) -> None:
    tokenizer = opened(tmp_path)
    batch = [[1, *ids(tokenizer, "ab"), EOS, EOS]]
    assert tokenizer.decode_batch(batch, skip_special_tokens=True) == ["ab"]
    assert tokenizer.decode_batch(batch, skip_special_tokens=False) == ["<s>ab</s></s>"]


def test_numpy_ids_and_ids_outside_the_vocabulary_are_taken(tmp_path: Path) -> None:
    tokenizer = opened(tmp_path)
    known = np.array([*ids(tokenizer, "ab"), 2_000_000_000], dtype=np.int32)
    assert tokenizer.decode_batch([known.tolist()], skip_special_tokens=True) == ["ab"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "He did n't go , she 's sure ."),
        ({"clean_up_tokenization_spaces": False}, "He did n't go , she 's sure ."),
        # Llama-3.1's configuration, as the reference's transformers 4.46 reads it.
        ({"clean_up_tokenization_spaces": True}, "He didn't go, she's sure."),
    ],
)
def test_blanks_are_cleaned_up_where_the_model_asks_for_it(
    tmp_path: Path, config: dict[str, bool], expected: str
) -> None:
    tokenizer = opened(tmp_path, **config)
    batch = [ids(tokenizer, "He did n't go , she 's sure .")]
    assert tokenizer.decode_batch(batch, skip_special_tokens=True) == [expected]


def test_a_tokenizer_of_transformers_decodes_alike() -> None:
    class Foreign:
        clean_up_tokenization_spaces = True

        def decode(self, ids: list[int], **settings: bool) -> str:
            assert settings == {
                "skip_special_tokens": True,
                "clean_up_tokenization_spaces": False,
            }
            return " .".join(map(str, ids))

    tokenizer = TransformersTokenizer(Foreign())
    assert tokenizer.decode_batch([[1, 2], []], skip_special_tokens=True) == ["1.2", ""]


def test_a_byte_order_mark_of_the_configuration_is_read_over(tmp_path: Path) -> None:
    opened(tmp_path, clean_up_tokenization_spaces=True)
    path = tmp_path / "tokenizer_config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    tokenizer = open_tokenizer(tmp_path)
    batch = [ids(tokenizer, "a .")]
    assert tokenizer.decode_batch(batch, skip_special_tokens=True) == ["a."]


def test_a_tokenizer_is_known_by_what_reads_answers(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        opened(folder)
    same = tokenizer_sha256(one)
    assert same is not None
    assert tokenizer_sha256(other) == same
    (other / "chat_template.jinja").write_text("of the prompts alone")
    (other / "tokenizer_config.json").write_text('{"chat_template": "too"}')
    assert tokenizer_sha256(other) == same
    (other / "tokenizer_config.json").write_text('{"clean_up_tokenization_spaces": true}')
    assert tokenizer_sha256(other) != same
    text = (one / "tokenizer.json").read_text()
    (one / "tokenizer.json").write_text(text + " ")
    assert tokenizer_sha256(one) != same


def test_a_folder_of_no_tokenizer_has_no_hash_and_an_older_form_has_one(tmp_path: Path) -> None:
    assert tokenizer_sha256(tmp_path) is None
    (tmp_path / "vocab.json").write_text("{}")
    before = tokenizer_sha256(tmp_path)
    assert before is not None
    (tmp_path / "merges.txt").write_text("a b")
    assert tokenizer_sha256(tmp_path) not in (None, before)


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(DatasetError, match="not a JSON object"):
        tokenizer_sha256(tmp_path)


@pytest.mark.parametrize(
    "template",
    [
        *("{{ 1 / 0 }}", "{{ 1 + 'a' }}", "{{ nothing.at.all }}", "{% for"),
        "{{ 'a' * 10 ** 15 }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_template_that_fails_is_the_models_fault(tmp_path: Path, template: str) -> None:
    with pytest.raises(DatasetError, match="the chat template fails"):
        opened(tmp_path, chat_template=template).chat_text("a")


def test_a_tokenizer_that_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").symlink_to("nothing")
    with pytest.raises(DatasetError, match="it is no file"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize("template", [7, [7], [{"name": "other", "template": "x"}], [{}]])
def test_what_is_no_template_is_none(tmp_path: Path, template: object) -> None:
    with pytest.raises(DatasetError, match="the model has no chat template"):
        opened(tmp_path, chat_template=template).chat_text("a")
