"""Some answers of a run: as text where it was kept, else as the token ids that the log has."""

from __future__ import annotations

from dataclasses import dataclass

from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME, read_accuracy_log
from sut.record.samples import read_sample_answers, spread
from sut.record.session import RunRecord
from sut.result.schema import RunResult

IDS = 24
DECODED = (
    "The texts were decoded when the answers were scored, by the tokenizer with SHA-256 {}; "
    "each is cut where it is long. The log itself has token ids alone."
)
NOT_DECODED = (
    "No text was kept, so these are the first token ids of each answer, as LoadGen logged them."
)


@dataclass(frozen=True)
class Sample:
    """One answer.

    Attributes:
        tokens: of the whole answer.
        answer: text or token ids; None: neither is at hand.
        reference: the data set's text; None: it has none, or it was not kept.
    """

    index: int
    tokens: int
    answer: str | None
    reference: str | None


@dataclass(frozen=True)
class Samples:
    """Some, and where their texts are from."""

    origin: str
    answers: list[Sample]


def samples(run: RunResult, record: RunRecord) -> Samples | None:
    """Those of an accuracy or compliance run; None where no answer was logged."""
    if run.mode == "performance":
        return None
    kept = read_sample_answers(record.folder.samples)
    of_log = {log.name: log.sha256 for log in run.logs}.get(ACCURACY_NAME)
    if kept is None or kept.log_sha256 != of_log:
        return _ids(record)
    found = [Sample(each.sample_index, each.tokens, each.answer, each.reference)
             for each in kept.answers]  # fmt: skip
    return Samples(DECODED.format(kept.tokenizer_sha256 or "that is not known"), found)


def _ids(record: RunRecord) -> Samples | None:
    try:
        logged = read_accuracy_log(record.folder.root / ACCURACY_NAME)
    except LogError:
        return None
    ordered = sorted(logged, key=lambda each: each.sample_index)
    found = []
    for place in spread(len(ordered)):
        each = ordered[place]
        first = " ".join(map(str, each.tokens[:IDS].tolist()))
        more = " …" if len(each.tokens) > IDS else ""
        found.append(Sample(each.sample_index, len(each.tokens), f"{first}{more}", None))
    return Samples(NOT_DECODED, found) if found else None
