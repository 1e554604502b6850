"""The plan of a session as text: what --dry-run prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sut.config.between_fields import not_submittable
from sut.config.keys import show, values_of
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.plan.rate import probed
from sut.plan.run_plan import RunPlan


def render_plan(loaded: Loaded, plans: Sequence[RunPlan]) -> str:
    """The resolved plan as text: the runs, then each value with its source."""
    config = loaded.config
    lines = [
        f"profile {config.profile}, round {config.round}, model {config.model.name}, "
        f"system {config.system.name}, engine {config.engine.kind}"
    ]
    reasons = not_submittable(config)
    if reasons:
        lines.append(f"not submittable: {'; '.join(reasons)}")
    if not config.system.measured and config.engine.planned().has_model:
        lines.append(f"not measured: the settings of {config.system.name} never ran on that card")
    lines += ["", "runs"]
    lines += _engines(config)
    auto = probed(config, loaded.origins)
    for plan in plans:
        noun = "samples" if plan.run.scenario is Scenario.OFFLINE else "queries"
        expected = plan.forecast
        lines.append(
            f"  {plan.run}: about {expected.queries_expected} {noun} in about "
            f"{clock(expected.duration_expected_s)}"
        )
        lines.append(f"    {expected.why}")
        if plan.run.scenario in auto:
            lines.append("    target_qps is auto: a probe after the warm-up measures the rate")
        if plan.audit is not None:
            lines.append(f"    under {plan.audit.path}")
    total_s = sum(plan.forecast.duration_expected_s for plan in plans)
    lines.append(f"  all of them: about {clock(total_s)}, without engine start and warm-up")
    lines += ["", "settings"]
    rows = [
        (key, show(value), loaded.origins.get(key, "default"))
        for key, value in values_of(config).items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines += [f"  {key:<{widths[0]}}  {value:<{widths[1]}}  {where}" for key, value, where in rows]
    return "\n".join(lines) + "\n"


def _engines(config: RunConfig) -> list[str]:
    starts = config.engine_starts()
    if len(starts) == 1:
        return []
    served = [f"{number} for {', '.join(each)}" for number, each in enumerate(starts, 1)]
    return [
        f"  {len(starts)} engines, one after the other, because their settings differ: "
        f"{'; '.join(served)}"
    ]


def plan_document(loaded: Loaded, plans: Sequence[RunPlan]) -> dict[str, Any]:
    """The same as JSON, with all that LoadGen will be given."""
    return {
        "config": loaded.config.model_dump(mode="json"),
        "origins": loaded.origins,
        "engine_starts": loaded.config.engine_starts(),
        "runs": [
            {
                "scenario": plan.run.scenario,
                "mode": plan.run.mode,
                "test": plan.run.test,
                "queries_expected": plan.forecast.queries_expected,
                "queries_at_most": plan.forecast.queries_at_most,
                "duration_expected_s": plan.forecast.duration_expected_s,
                "why": plan.forecast.why,
                "loadgen_model": plan.loadgen_model,
                "user_conf": plan.user_conf,
                "audit_config": str(plan.audit.path) if plan.audit else None,
                "audit_config_sha256": plan.audit.sha256 if plan.audit else None,
                "expected_settings": dict(plan.expected_settings),
            }
            for plan in plans
        ],
    }


def clock(seconds: float) -> str:
    """A duration as a person says it: seconds below a minute, then minutes, then hours."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
