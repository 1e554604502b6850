"""The official checker's complaints → what each means and what to do about it.

The table is data: user_confs/submission/complaints.yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import yaml

from sut.config.shipped import CONF_ROOT

TABLE = CONF_ROOT / "submission" / "complaints.yaml"
# Said beside a complaint, never instead of one; and habits of its log parser.
NOISE = re.compile(
    r"^Some .* Checks failed for: |^SUMMARY: submission has errors|"
    r"^There are multiple messages with key |^Execution of check \S+ skipped for |"
    r"^compliance dir \S+ has issues$| measurement_dir has issues$| is OK but accuracy has issues$"
)


@dataclass(frozen=True)
class Explained:
    """A complaint in plain words."""

    place: str
    sentence: str
    remedy: str


@dataclass(frozen=True)
class Rule:
    """One row of the table."""

    pattern: re.Pattern[str]
    sentence: str
    remedy: str


@cache
def rules() -> tuple[Rule, ...]:
    """The table, in its order."""
    document = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return tuple(
        Rule(re.compile(row["pattern"]), row["sentence"], row["remedy"])
        for row in document["complaints"]
    )


def explain(text: str) -> Explained | None:
    """The meaning of one complaint; None if it is not known here."""
    for rule in rules():
        match = rule.pattern.match(text)
        if match:
            groups = match.groupdict()
            place = groups.pop("place", None) or ""
            return Explained(place.strip(), rule.sentence.format(**groups), rule.remedy)
    return None
