"""Logs of a compliance run as LoadGen writes them, and what may be done to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sut.logs.accuracy import ACCURACY_NAME

Entry = dict[str, Any]

LLAMA_EOS = (128001, 128008, 128009)
SMALL_EOS = (2,)
SEED = 720381539243781796
AUDITED = {
    "effective_scenario": "Server",
    "effective_test_mode": "PerformanceOnly",
    "effective_accuracy_log_sampling_target": 100,
    "effective_accuracy_log_rng_seed": SEED,
    "effective_sample_concatenate_permutation": False,
}
MARK = "Found Audit Config file (audit.config). Overriding TestSettings from audit.config file."


def spelled(tokens: Sequence[int]) -> str:
    """Token ids as LoadGen logs the bytes of a response."""
    return b"".join(token.to_bytes(4, "little", signed=True) for token in tokens).hex().upper()


def entry(seq: int, tokens: Sequence[int], **changes: Any) -> Entry:
    whole: Entry = {
        "seq_id": seq,
        "qsl_idx": seq % 48,
        "data": spelled(tokens),
        "token_data": spelled(tokens[:1]),
        "token_count": len(tokens),
    }
    return whole | changes


def healthy(eos: int = LLAMA_EOS[-1]) -> list[Entry]:
    """100 answers of different lengths; three of four end in an end-of-sequence id."""
    answers = (
        [5, 6, 7, *range(8, 8 + seq % 5), *([eos] if seq % 4 else [8])] for seq in range(100)
    )
    return [entry(seq, tokens) for seq, tokens in enumerate(answers)]


def write_log(folder: Path, entries: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ACCURACY_NAME
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def write_detail(folder: Path, values: dict[str, Any], *, audit: bool = True) -> None:
    lines = [{"key": key, "value": value, "metadata": {}} for key, value in values.items()]
    if audit:
        warning = {"is_warning": True}
        lines.append({"key": "warning_generic_message", "value": MARK, "metadata": warning})
    lines.append({"key": "num_errors", "value": 0, "metadata": {}})
    text = "".join(f":::MLLOG {json.dumps(line)}\n" for line in lines)
    (folder / "mlperf_log_detail.txt").write_text(text)


def answer(tokens: Sequence[int], **changes: Any) -> Callable[[list[Entry]], object]:
    """Put this answer in the place of sample 40."""

    def sabotage(entries: list[Entry]) -> object:
        entries[40] = entry(40, tokens, **changes)
        return entries

    return sabotage


def without(key: str) -> Callable[[list[Entry]], object]:
    def sabotage(entries: list[Entry]) -> object:
        del entries[40][key]
        return entries

    return sabotage


@dataclass(frozen=True)
class Sabotage:
    """What is done to a log of Server, and what must be found.

    `official` is what the official script says of it, its own three lines: "T" or "F" for first
    token, end of sequence, length; None where it breaks off without a word.
    """

    what: str
    spoil: Callable[[list[Entry]], object]
    ours: str
    failed: tuple[str, ...]
    official: str | None
    eos: tuple[int, ...] = LLAMA_EOS


ENDS_TWICE = "answers that end in more than one end-of-sequence id"
GOES_ON = "answers that go on after an end-of-sequence id"
FIRST = "answers that do not begin with the first token reported"
COUNT = "answers whose token count is not their length"

SABOTAGES = [
    Sabotage("nothing", lambda log: log, "TTT", (), "TTT"),
    Sabotage("two EOS at the end", answer([5, 6, 128009, 128009]), "TFT", (ENDS_TWICE,), "TTT"),
    Sabotage(
        "two different EOS at the end", answer([5, 6, 128001, 128009]), "TFT", (ENDS_TWICE,), "TTT"
    ),
    Sabotage("an EOS in the middle", answer([5, 128008, 6, 7]), "TFT", (GOES_ON,), "TTT"),
    Sabotage(
        "two EOS at the end, id 2", answer([5, 6, 2, 2]), "TFT", (ENDS_TWICE,), "TFT", SMALL_EOS
    ),
    Sabotage("an answer of two EOS, id 2", answer([2, 2]), "TFT", (ENDS_TWICE,), "TTT", SMALL_EOS),
    Sabotage(
        "an EOS in the middle, id 2", answer([5, 2, 6, 7]), "TFT", (GOES_ON,), "TTT", SMALL_EOS
    ),
    Sabotage("one token too many told", answer([5, 6, 7], token_count=4), "TTF", (COUNT,), "TTF"),
    Sabotage("no token counted", answer([5, 6, 7], token_count=0), "TTF", (COUNT,), "TTF"),
    Sabotage("no token count", without("token_count"), "TTF", (COUNT,), None),
    Sabotage(
        "another first token", answer([5, 6, 7], token_data=spelled([6])), "FTT", (FIRST,), "FTT"
    ),
    Sabotage("no first token told", answer([5, 6, 7], token_data=""), "FTT", (FIRST,), "TTT"),
    Sabotage("no first token logged", without("token_data"), "FTT", (FIRST,), "FTT"),
    Sabotage("a failed sample", answer([]), "FTF", (FIRST, "shortest answer"), "TTT"),
    Sabotage("an answer of one token", answer([5]), "TTF", ("shortest answer",), "TTT"),
    Sabotage("an answer of 129 tokens", answer(range(3, 132)), "TTF", ("longest answer",), "TTT"),
    Sabotage("one sample missing", lambda log: log[:-1], "TTF", ("samples logged",), "TTT"),
    Sabotage(
        "one sample twice, one missing",
        lambda log: [*log[:-1], log[0]],
        "TTF",
        ("samples logged twice",),
        "TTT",
    ),
    Sabotage(
        "no sample at all",
        lambda log: [],
        "FFF",
        ("samples logged",),
        "TTT",
    ),
]
