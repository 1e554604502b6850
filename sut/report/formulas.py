"""How the figures of a result are made, for whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass

from sut.config.names import Scenario


@dataclass(frozen=True)
class Rates:
    """The formulas of a scenario's pair of rates (`sut.metrics.loadgen_rates`).

    Attributes:
        where: what a letter stands for; empty: there is none.
    """

    samples: str
    tokens: str
    where: str = ""

    def sentence(self, scenario: Scenario) -> str:
        """Both in a sentence."""
        words = f"{scenario}: samples/s = {self.samples}"
        if self.where:
            return f"{words}, tokens/s = {self.tokens}, {self.where}."
        return f"{words}; tokens/s = {self.tokens}."


_SERVED = Rates("(n - 1) / t", "output tokens / t", "t = until the query issued last is done")
RATES = {
    Scenario.OFFLINE: Rates("samples / longest latency", "output tokens / longest latency"),
    Scenario.SERVER: _SERVED,
    Scenario.INTERACTIVE: _SERVED,
    Scenario.SINGLE_STREAM: Rates("1 / mean latency", "output tokens / sum of latencies"),
}
SENTENCES = {scenario: rates.sentence(scenario) for scenario, rates in RATES.items()} | {
    Scenario.INTERACTIVE: "Interactive: as Server, under tighter limits."
}
# LoadGen's, from when a query was due.
TIMES = {
    "latency": "last token - scheduled time",
    "ttft": "first token - scheduled time",
    "tpot": "(latency - TTFT) / (output tokens - 1)",
}
PERCENTILE = "the value at index floor(n * p) of the sorted values"
