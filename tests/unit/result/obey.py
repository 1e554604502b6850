"""A recorded run as LoadGen would have left it under another plan.

The recordings were made under configurations of their own. What LoadGen measured stays as it is.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from sut.config.rounds import Round, load_round
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.plan.run_plan import RunPlan, plan_runs
from sut.record.folder import RunDir
from sut.submission.user_conf_checks import COMMON, OF_SCENARIO

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"


def plan_of(root: Path, scenario: str, kind: str, rules: Round | None = None) -> RunPlan | None:
    """What the session's configuration asks of a run; None where the round lacks the scenario.

    Args:
        kind: performance, accuracy, or a compliance test's name.
    """
    document = json.loads((root / "config.json").read_text(encoding="utf-8"))["config"]
    mode = kind if kind in ("performance", "accuracy") else "compliance"
    changes: dict[str, Any] = {"scenarios": [scenario], "mode": mode}
    if mode == "compliance":
        changes["compliance"] = {"tests": [kind], "audit_config": None}
    with suppress(ConfigError):
        config = RunConfig.model_validate(document | changes)
        return plan_runs(config, rules or load_round(config.round), 48)[0]
    return None


def obey(folder: Path, plan: RunPlan | None) -> None:
    """Have the logs show the plan's settings, and run.json say so; None: nothing is known."""
    if plan is None:
        return
    detail, summary = folder / DETAIL, folder / SUMMARY
    log, shown = detail.read_text(encoding="utf-8"), summary.read_text(encoding="utf-8")
    for key, value in plan.expected_settings.items():
        log = _logged(log, key, value)
        shown = _listed(shown, _name(key), value)
    for key, value in _requested(plan.user_conf).items():
        if f'"{key}"' in log:
            log = _logged(log, key, value)
    detail.write_text(log, encoding="utf-8")
    summary.write_text(shown, encoding="utf-8")
    (folder / "user.conf").write_text(plan.user_conf, encoding="utf-8")
    changes: dict[str, Any] = {"expected_settings": dict(plan.expected_settings)}
    if plan.audit is not None:
        (folder / "audit.config").write_text(plan.audit.text, encoding="utf-8")
        changes |= {"audit_config": "audit.config", "audit_config_sha256": plan.audit.sha256}
    changes |= {"loadgen_model": plan.loadgen_model, "log_sha256": RunDir(folder).hashes()}
    path = folder / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(run | changes), encoding="utf-8")


def _requested(user_conf: str) -> dict[str, float]:
    """What LoadGen says that it was asked for by a user.conf of one scenario."""
    found: dict[str, float] = {}
    for line in (each.split() for each in user_conf.splitlines() if " = " in each):
        _, scenario, key = line[0].rsplit(".", 2)
        if known := (COMMON | OF_SCENARIO.get(scenario, {})).get(key):
            value = float(line[2]) * known[1]
            found[known[0]] = int(value) if value.is_integer() else value
    return found


def _logged(log: str, key: str, value: object) -> str:
    pattern = rf'("key": "{re.escape(key)}", "value": )("[^"]*"|[^,]+)'
    changed, count = re.subn(pattern, lambda m: m[1] + json.dumps(value), log)
    if count:
        return changed
    lines = log.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if '"key": "effective_' in line)
    line = re.sub(r'"key": "[^"]*"', f'"key": "{key}"', lines[at])
    return "".join([*lines[:at], _logged(line, key, value), *lines[at:]])


def _name(key: str) -> str:
    """What the summary calls a setting of the detail log."""
    kind, _, name = key.partition("_")
    if kind == "requested":
        return f"{name.removeprefix('server_')} (ns)"
    return name.replace("_ms", " (ms)")


def _listed(summary: str, name: str, value: object) -> str:
    shown = str(int(value)) if isinstance(value, bool) else f"{value}"
    return re.sub(rf"(?m)^({re.escape(name)} ?: ).*$", lambda m: m[1] + shown, summary)
