"""Real LoadGen in a process of its own: which settings it takes, and what it logs of a short run.

python loadgen_probe.py settings USER_CONF MODEL SCENARIO
python loadgen_probe.py run OUT MODEL SCENARIO MODE TOTAL PERFORMANCE AUDIT_CONFIG
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ATTRIBUTES = (
    "qsl_rng_seed",
    "sample_index_rng_seed",
    "schedule_rng_seed",
    "server_target_qps",
    "server_target_latency_percentile",
    "offline_expected_qps",
    "single_stream_expected_latency_ns",
    "single_stream_target_latency_percentile",
    "min_duration_ms",
    "min_query_count",
    "performance_sample_count_override",
    "sample_concatenate_permutation",
    "use_token_latencies",
    "ttft_latency",
    "tpot_latency",
)


def settings_of(text: str, model: str, scenario: str, folder: Path) -> dict[str, Any]:
    """What FromConfig makes of a user.conf; `returned` is its return value."""
    conf = folder / "probe_user.conf"
    conf.write_text(text)
    found: dict[str, Any] = json.loads(_child("settings", str(conf), model, scenario))
    return found


def detail_of(
    text: str,
    model: str,
    scenario: str,
    folder: Path,
    *,
    mode: str = "performance",
    total: int,
    performance: int,
    audit: str | None = None,
) -> dict[str, Any]:
    """Run LoadGen against a system that answers at once; its detail log, first value per key."""
    out = folder / f"{scenario}-{mode}"
    out.mkdir()
    (out / "user.conf").write_text(text)
    audit_config = out / "audit.config"
    if audit is not None:
        audit_config.write_text(audit)
    _child("run", str(out), model, scenario, mode, str(total), str(performance), str(audit_config))
    found: dict[str, Any] = {}
    for line in (out / "mlperf_log_detail.txt").read_text().splitlines():
        entry = json.loads(line.removeprefix(":::MLLOG "))
        found.setdefault(entry["key"], entry["value"])
    return found


def _child(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _print_settings(conf: str, model: str, scenario: str) -> None:
    import mlperf_loadgen as lg

    settings = lg.TestSettings()
    found = {"returned": settings.FromConfig(conf, model, scenario)}
    found |= {name: getattr(settings, name) for name in ATTRIBUTES}
    sys.stdout.write(json.dumps(found))


def _run(
    out: str, model: str, scenario: str, mode: str, total: str, performance: str, audit: str
) -> None:
    import mlperf_loadgen as lg
    import numpy as np

    settings = lg.TestSettings()
    assert settings.FromConfig(f"{out}/user.conf", model, scenario) == 0
    settings.scenario = getattr(lg.TestScenario, scenario)
    accuracy = mode == "accuracy"
    settings.mode = lg.TestMode.AccuracyOnly if accuracy else lg.TestMode.PerformanceOnly
    answer = np.array([5, 6, 7], np.int32)
    place = answer.ctypes.data

    def issue(samples: list[Any]) -> None:
        if scenario != "Offline":
            lg.FirstTokenComplete([lg.QuerySampleResponse(s.id, place, 4, 1) for s in samples])
        lg.QuerySamplesComplete([lg.QuerySampleResponse(s.id, place, 12, 3) for s in samples])

    sut = lg.ConstructSUT(issue, lambda: None)
    qsl = lg.ConstructQSL(int(total), int(performance), lambda _: None, lambda _: None)
    logs = lg.LogSettings()
    logs.log_output = lg.LogOutputSettings()
    logs.log_output.outdir = out
    logs.enable_trace = False
    lg.StartTestWithLogSettings(sut, qsl, settings, logs, audit)


if __name__ == "__main__":
    if sys.argv[1] == "settings":
        _print_settings(*sys.argv[2:])
    else:
        _run(*sys.argv[2:])
