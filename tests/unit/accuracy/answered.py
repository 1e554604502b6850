"""A session with one accuracy run whose answers are texts that a test chooses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import decoders

from qsl.files import read_file
from qsl.tokenizer import open_tokenizer
from sut.accuracy.evaluate import Sources, evaluate_run, write_files
from sut.config.schema import DatasetConfig, GenerationConfig, ModelConfig
from sut.record.facts import AccuracyFacts
from tests.unit.qsl.conftest import CHAT_TEMPLATE, make_tokenizer
from tests.unit.result.sessions import answered_by, dump, make_config, make_run, make_session_facts

EOS = 2
SUMMARIES = (
    "The river rose by two metres on Monday. Nobody was hurt.",
    "A lighthouse keeper found a bottle from 1911.",
    "The school choir won the cup for the third time.",
    "Bees returned to the town hall roof.",
)


def make_model(folder: Path) -> Path:
    """A folder with single characters as tokens."""
    folder.mkdir()
    tokenizer = make_tokenizer()
    # Without a decoder the characters would be joined by blanks.
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "config.json").write_text("{}")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": EOS}))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    return folder


def make_dataset(path: Path, summaries: Sequence[str] = SUMMARIES, **leave_out: bool) -> Path:
    """A data set's file; `output=False` leaves the references out."""
    rows: list[dict[str, Any]] = [
        {"input": f"article {number}", "tok_input": [5, 6, 7 + number], "output": summary}
        for number, summary in enumerate(summaries)
    ]
    dump(path, [{k: v for k, v in row.items() if leave_out.get(k, True)} for row in rows])
    return path


def encoded(model: Path, text: str) -> list[int]:
    """Token ids of an answer, closed by the end-of-sequence id."""
    return [*open_tokenizer(model).encode_batch([text], special_tokens=False)[0], EOS]


def entry(index: int, tokens: Sequence[int], seq_id: int = 0) -> dict[str, Any]:
    """One entry as LoadGen writes it."""
    data = np.array(tokens, dtype="<i4").tobytes().hex().upper()
    return {"seq_id": seq_id, "qsl_idx": index, "data": data, "token_count": len(tokens)}


def write_log(folder: Path, answers: Sequence[Sequence[int]]) -> Path:
    """An accuracy log with the last sample first: LoadGen's order is its own."""
    path = folder / "mlperf_log_accuracy.json"
    dump(path, [entry(i, answers[i], seq_id=i) for i in reversed(range(len(answers)))])
    return path


def write_ledger(folder: Path, states: Sequence[str], reasons: Sequence[str | None]) -> None:
    """A ledger with these ends."""
    n = len(states)
    columns: dict[str, Any] = {
        name: pa.array([1] * n, pa.int64())
        for name in ("sample_index", "issued_ns", "first_token_ns", "done_ns", "tokens_in",
                     "tokens_out", "replica")
    }  # fmt: skip
    columns |= {
        "seq": pa.array(range(n), pa.int64()),
        "state": pa.array(states, pa.string()),
        "finish_reason": pa.array(reasons, pa.string()),
        "failure": pa.array([None] * n, pa.string()),
    }
    pq.write_table(pa.table(columns), folder / "ledger.parquet")


def make_answered(
    parent: Path,
    texts: Sequence[str] = SUMMARIES,
    summaries: Sequence[str] = SUMMARIES,
    *,
    output: bool = True,
    **config: Any,
) -> tuple[Path, Path]:
    """The session's folder and that of its run."""
    model = make_model(parent / "model")
    file = make_dataset(parent / "news.json", summaries, output=output)
    defaults: dict[str, Any] = {
        "model": ModelConfig(
            name="small", path=str(model), context_tokens=2048, vocab_size=300,
            eos_token_ids=(EOS,), benchmark="llama3.1-8b", prompt_format="llama3.1-8b-cnn",
        ),
        "dataset": DatasetConfig(source="file", path=file),
        "generation": GenerationConfig(max_tokens=200),
    }  # fmt: skip
    root = parent / "node_20261124T000000Z"
    run = root / "Offline" / "accuracy"
    run.mkdir(parents=True)
    made = make_config(("accuracy",), **(defaults | config))
    dump(root / "config.json", {"config": made.model_dump(mode="json"), "origins": {}})
    facts = make_session_facts()
    facts["engine"] |= answered_by(made)
    facts["dataset"] |= {"sha256": read_file(file).sha256, "count": len(summaries)}
    facts["engine"]["model_path"] = str(model)
    dump(root / "session.json", facts)
    write_log(run, [encoded(model, text) for text in texts])
    write_ledger(run, ["succeeded"] * len(texts), ["stop"] * len(texts))
    dump(run / "run.json", make_run(run, "Offline", "accuracy"))
    return root, run


def write_evaluation(
    run_dir: Path, session_root: Path, sources: Sources | None = None
) -> AccuracyFacts:
    """Evaluate a run and leave both files beside its logs, as the harness does."""
    facts = evaluate_run(run_dir, session_root, sources)
    write_files(run_dir, facts)
    return facts
