"""The plan of a session as text: what --dry-run prints."""

from __future__ import annotations

from collections.abc import Sequence

from sut.config.between_fields import not_submittable
from sut.config.keys import leaves, show, value_at
from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.plan.forecast import Plan


def render_plan(loaded: Loaded, plans: Sequence[Plan]) -> str:
    """The resolved plan as text: the runs, then each value with its source."""
    config = loaded.config
    lines = [
        f"profile {config.profile}, round {config.round}, model {config.model.name}, "
        f"system {config.system.name}, engine {config.engine.kind}"
    ]
    reasons = not_submittable(config)
    if reasons:
        lines.append(f"not submittable: {'; '.join(reasons)}")
    if not config.system.measured and config.engine.kind != "null":
        lines.append(f"not measured: the settings of {config.system.name} never ran on that card")
    lines += ["", "runs"]
    for item in plans:
        noun = "samples" if item.scenario is Scenario.OFFLINE else "queries"
        lines.append(
            f"  {item.scenario} {item.mode}: about {item.queries_expected} {noun} in about "
            f"{_clock(item.duration_expected_s)}"
        )
        lines.append(f"    {item.why}")
    total_s = sum(item.duration_expected_s for item in plans)
    lines.append(f"  all of them: about {_clock(total_s)}, without engine start and warm-up")
    lines += ["", "settings"]
    rows = [(key, show(value_at(config, key)), loaded.origins[key]) for key in leaves()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines += [f"  {key:<{widths[0]}}  {value:<{widths[1]}}  {where}" for key, value, where in rows]
    return "\n".join(lines) + "\n"


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
