from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from qsl.prompts import find_format, format_names, render, render_batch
from qsl.tokenizer import open_tokenizer
from sut.errors import DatasetError


def test_the_official_prompt_is_the_official_one() -> None:
    """Pinned twice: its shape for a reader, its hash (taken from MLCommons' file) for a typo."""
    text = find_format("llama3.1-8b-cnn").template
    assert text.startswith("Summarize the following news article in 128 tokens. Please output ")
    assert text.endswith("\n\nArticle:\n{input}\n\nSummary:")
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "071129ffafe15ad2525f2f96af87eea5e17887187b8ea452ffdf33840e96ef2c"


def test_braces_in_an_article_are_left_alone() -> None:
    text = find_format("llama3.1-8b-cnn").text("{input} and {0}")
    assert "Article:\n{input} and {0}\n\nSummary:" in text


def test_plain_format_takes_the_default_special_tokens_once(model_folder: Path) -> None:
    tokenizer = open_tokenizer(model_folder)
    ids = render("llama3.1-8b-cnn", "An article.", tokenizer)
    text = find_format("llama3.1-8b-cnn").text("An article.")
    assert ids == [1, *tokenizer.encode_batch([text], special_tokens=False)[0]]
    assert len(ids) == len(text) + 1


def test_chat_format_is_the_rendered_template_and_nothing_more(model_folder: Path) -> None:
    tokenizer = open_tokenizer(model_folder)
    ids = render("chat", "An article.", tokenizer)
    message = "Summarize the following news article in two sentences.\n\nAn article."
    rendered = f"<s>user\n{message}</s><s>assistant\n"
    assert tokenizer.chat_text(message) == rendered
    assert ids == tokenizer.encode_batch([rendered], special_tokens=False)[0]
    assert ids.count(1) == 2
    assert ids.count(2) == 1


def test_batch_equals_one_by_one(model_folder: Path) -> None:
    tokenizer = open_tokenizer(model_folder)
    articles = ["One.", "A second, longer one.", ""]
    for name in format_names():
        assert render_batch(name, articles, tokenizer) == [
            render(name, article, tokenizer) for article in articles
        ]


def test_an_unknown_format_names_the_known() -> None:
    with pytest.raises(DatasetError, match=r"'llama'.*chat, llama3\.1-8b-cnn"):
        find_format("llama")


def test_the_template_may_stand_in_the_configuration(model_folder: Path) -> None:
    (model_folder / "chat_template.jinja").unlink()
    with pytest.raises(DatasetError, match="no chat template"):
        render("chat", "x", open_tokenizer(model_folder))
    config = {"bos_token": "<s>", "chat_template": "{{ bos_token }}{{ messages[0].content }}"}
    (model_folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert open_tokenizer(model_folder).chat_text("x") == "<s>x"
    config["chat_template"] = [{"name": "default", "template": "d{{ messages[0].content }}"}]  # type: ignore[assignment]
    (model_folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert open_tokenizer(model_folder).chat_text("x") == "dx"


@pytest.mark.parametrize("template", ["{% if %}", "{{ messages.x.y }}", "{{ strftime_now('%Y') }}"])
def test_a_template_that_fails_is_named(model_folder: Path, template: str) -> None:
    (model_folder / "chat_template.jinja").write_text(template)
    with pytest.raises(DatasetError, match="the chat template fails") as caught:
        open_tokenizer(model_folder).chat_text("x")
    assert caught.value.where == str(model_folder)


def test_a_broken_tokenizer_is_named(model_folder: Path) -> None:
    (model_folder / "tokenizer.json").write_text("{}")
    with pytest.raises(DatasetError, match="the tokenizer cannot be read"):
        open_tokenizer(model_folder)


def test_a_broken_configuration_is_named(model_folder: Path) -> None:
    (model_folder / "tokenizer_config.json").write_text("[")
    with pytest.raises(DatasetError, match="not a JSON object"):
        open_tokenizer(model_folder).chat_text("x")


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no tokenizer was found") as caught:
        open_tokenizer(tmp_path)
    assert caught.value.where == str(tmp_path)
