"""MLPerf's own words for what is run. Standard library only, so that `--help` may read them."""

from __future__ import annotations

from enum import StrEnum


class Scenario(StrEnum):
    """The MLPerf scenarios of this benchmark; Interactive is LoadGen's Server, tighter."""

    OFFLINE = "Offline"
    SERVER = "Server"
    INTERACTIVE = "Interactive"
    SINGLE_STREAM = "SingleStream"

    @property
    def loadgen_scenario(self) -> str:
        """LoadGen's own name: it knows no Interactive."""
        return "Server" if self is Scenario.INTERACTIVE else self.value

    @property
    def section(self) -> str:
        """The section of the configuration that sizes its runs."""
        return _SECTIONS[self]

    @property
    def reports_first_token(self) -> bool:
        """LoadGen takes FirstTokenComplete in every scenario but Offline."""
        return self is not Scenario.OFFLINE


_SECTIONS = {
    Scenario.OFFLINE: "offline",
    Scenario.SERVER: "server",
    Scenario.INTERACTIVE: "interactive",
    Scenario.SINGLE_STREAM: "single_stream",
}


class Mode(StrEnum):
    """What one LoadGen run is; a compliance run is a performance run under an audit.config."""

    PERFORMANCE = "performance"
    ACCURACY = "accuracy"
    COMPLIANCE = "compliance"


class ModeChoice(StrEnum):
    """Which LoadGen runs each scenario gets, on one engine start."""

    PERFORMANCE = "performance"
    ACCURACY = "accuracy"
    COMPLIANCE = "compliance"
    BOTH = "both"
    ALL = "all"

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The runs, in the order they are made."""
        if self is ModeChoice.BOTH:
            return (Mode.PERFORMANCE, Mode.ACCURACY)
        return tuple(Mode) if self is ModeChoice.ALL else (Mode(self.value),)
