from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qsl.dataset import Dataset
from qsl.load import SAMPLE_FILE, load_dataset, load_warmup
from qsl.prompts import render
from qsl.synthetic import Drawn, Lengths
from qsl.tokenizer import open_tokenizer
from sut.errors import DatasetError


def load(model: Path | str, **changes: Any) -> Dataset:
    arguments: dict[str, Any] = {
        "source": "sample",
        "path": None,
        "model_path": model,
        "prompt_format": "chat",
        "vocab_size": 1000,
        "eos_token_ids": (2,),
        "context_tokens": 4000,
        "max_tokens": 32,
        "synthetic": Drawn(20, 1, Lengths(870, 400, 60, 2540, 40, 110)),
        "max_samples": None,
        "allow_pickle": False,
    }
    return load_dataset(**(arguments | changes))


def tokenised(tmp_path: Path) -> Path:
    path = tmp_path / "cnn_eval.json"
    rows = [{"input": f"a{i}", "tok_input": [i + 5] * (i + 1), "output": f"o{i}"} for i in range(4)]
    path.write_text(json.dumps(rows))
    return path


def test_the_shipped_sample(model_folder: Path) -> None:
    data = load(model_folder)
    samples = json.loads(SAMPLE_FILE.read_text(encoding="utf-8"))
    assert data.count == len(samples) == 64
    assert data.references == [sample["output"] for sample in samples]
    assert data.articles == [sample["input"] for sample in samples]
    assert data.sha256 == hashlib.sha256(SAMPLE_FILE.read_bytes()).hexdigest()
    assert (data.name, data.source, data.synthetic) == ("cnn_style_sample", "sample", False)
    tokenizer = open_tokenizer(model_folder)
    assert data.prompt(7).tolist() == render("chat", samples[7]["input"], tokenizer)


def test_a_file_with_ids_needs_no_tokenizer(tmp_path: Path) -> None:
    path = tokenised(tmp_path)
    data = load("no/such/model", source="file", path=path, prompt_format="none")
    assert [p.tolist() for p in data.prompts] == [[5], [6] * 2, [7] * 3, [8] * 4]
    assert data.references == ["o0", "o1", "o2", "o3"]
    assert (data.path, data.name) == (path, "cnn_eval")


def test_max_samples_cuts_every_column_but_not_the_checksum(tmp_path: Path) -> None:
    path = tokenised(tmp_path)
    whole, part = (load("x", source="file", path=path, max_samples=n) for n in (None, 2))
    assert [p.tolist() for p in part.prompts] == [[5], [6, 6]]
    assert (part.references, part.articles) == (["o0", "o1"], ["a0", "a1"])
    assert part.sha256 == whole.sha256


def test_max_samples_of_text_and_synthetic(model_folder: Path) -> None:
    assert load(model_folder, max_samples=3).count == 3
    assert load("x", source="synthetic", max_samples=3).count == 3
    assert load("x", source="synthetic", max_samples=30).count == 20


def test_synthetic_has_references_where_the_model_has_a_tokenizer(model_folder: Path) -> None:
    data = load(model_folder, source="synthetic")
    without = load("no/such/model", source="synthetic")
    assert data.references is not None
    assert len(data.references) == data.count
    assert all(data.references)
    assert without.references is None
    assert data.sha256 == without.sha256


def test_synthetic_fits_the_context_and_needs_no_model() -> None:
    data = load("no/such/model", source="synthetic", context_tokens=400, max_tokens=100)
    assert (data.synthetic, data.count) == (True, 20)
    assert data.lengths.max == 300
    assert 2 not in data.prompts.tokens


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocab_size": 8}, "sample 3 holds token id 8"),
        ({"context_tokens": 35}, "sample 3 has 4 prompt tokens"),
    ],
)
def test_what_was_loaded_is_checked(tmp_path: Path, changes: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load("x", source="file", path=tokenised(tmp_path), **changes)


def test_a_file_needs_a_path() -> None:
    with pytest.raises(DatasetError, match="no path is given"):
        load("x", source="file")


def test_a_pickle_needs_leave(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "o.pkl"
    pd.DataFrame({"tok_input": [[5, 6]], "output": ["a"]}).to_pickle(path)
    with pytest.raises(DatasetError, match="allow_pickle"):
        load("x", source="file", path=path)
    assert load("x", source="file", path=path, allow_pickle=True).prompt(0).tolist() == [5, 6]


def warm(data: Dataset, model: Path | str, count: int = 6) -> list[list[int]]:
    return [ids.tolist() for ids in load_warmup(data, count, model, "chat", 1000, (2,))]


def test_warmup_is_text_for_text(model_folder: Path) -> None:
    data = load(model_folder)
    prompts = warm(data, model_folder)
    start = open_tokenizer(model_folder).chat_text("")[:8]
    expected = open_tokenizer(model_folder).encode_batch([start], special_tokens=False)[0]
    assert all(ids[: len(expected)] == expected for ids in prompts)
    assert not {tuple(ids) for ids in prompts} & {tuple(p.tolist()) for p in data.prompts}


def test_warmup_is_drawn_where_text_is_impossible(tmp_path: Path, model_folder: Path) -> None:
    file = load("x", source="file", path=tokenised(tmp_path))
    synthetic = load("x", source="synthetic")
    for data, model in ((file, "x"), (file, model_folder), (synthetic, model_folder)):
        prompts = warm(data, model)
        assert len(prompts) == 6
        assert (max(map(len, prompts)), min(map(len, prompts))) == (
            data.lengths.max,
            data.lengths.min,
        )
        assert all(2 not in ids for ids in prompts)


def test_no_warmup(model_folder: Path) -> None:
    assert warm(load(model_folder), model_folder, 0) == []


def test_importing_and_loading_stays_light(model_folder: Path) -> None:
    """A run over the shipped sample must not wait for transformers or pandas."""
    code = (
        "import sys, qsl.load, qsl.prepare\n"
        f"qsl.load.load_dataset('sample', None, {str(model_folder)!r}, 'chat', 1000, (2,), 4000,"
        " 32, None, None, False)\n"
        "heavy = ['transformers', 'torch', 'vllm', 'mlperf_loadgen', 'pandas', 'pyarrow']\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_generated_of_lengths_that_nobody_knows() -> None:
    with pytest.raises(DatasetError, match="nothing says how long the benchmark's prompts are"):
        load("x", source="synthetic", synthetic=None)


def test_padded_prompts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "padded.json"
    rows = [{"input": f"a{i}", "tok_input": [50 + i, *[2] * (9 - i)]} for i in range(4)]
    path.write_text(json.dumps(rows))
    with pytest.raises(DatasetError, match="sample 0 ends with token 2 9 times") as caught:
        load("x", source="file", path=path)
    assert caught.value.where == str(path)
