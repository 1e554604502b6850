"""Every page that the harness makes, of recorded sessions: what a browser is shown in the tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sut.campaign.report import campaign_html
from sut.compare.comparison import compared
from sut.compare.page import comparison_html
from sut.peak.report import peak_html
from sut.record.ending import EndingFacts
from sut.record.session import SessionRecord, read_session
from sut.report.compliance.build import compliance_html, report_of
from sut.report.compliance.evidence import view_of
from sut.report.page.build import report_html
from sut.report.page.several import several_html
from sut.result.build import result_of
from sut.result.schema import Result
from tests.unit.result.sessions import dump, edit, make_session, seal

EVIL = "<script>document.title='owned'</script>\"><img src=x onerror=\"document.title='owned'\">"
RECORDED = ("server", "offline", "interactive", "singlestream")


def write_pages(folder: Path) -> dict[str, Path]:
    """Each page by its name, in the folder of its session where it has one."""
    found = {
        name: _report(make_session(folder / name, *recordings))
        for name, recordings in (("report", RECORDED), ("accuracy", ("accuracy",)))
    }
    found["failed"] = _report(_never_ready(folder / "failed"))
    found["interrupted"] = _report(_interrupted(folder / "interrupted"))
    found["hostile"] = _report(make_session(folder / "hostile", "server"), hostile=True)
    found |= {f"{name} compliance": found[name].with_name("compliance.html") for name in found}
    roots = [found["report"].parent, found["hostile"].parent]
    found["comparison"] = folder / "comparison.html"
    found["comparison"].write_text(comparison_html(compared([str(each) for each in roots])))
    found["several"] = folder / "several.html"
    judged_all = [judged(found[name].parent) for name in ("report", "interrupted", "hostile")]
    judged_all[2] = (spoilt(judged_all[2][0]), judged_all[2][1])
    found["several"].write_text(several_html(judged_all, found["several"]))
    found["campaign"] = folder / "campaign.html"
    found["campaign"].write_text(campaign_html(CAMPAIGN))
    for name in ("document", "system"):  # what it links to, which a search leaves
        file = folder / CAMPAIGN["stages"][2]["search"][name]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    found["peak"] = folder / "peak.html"
    found["peak"].write_text(peak_html(searched()))
    return found


def judged(root: Path) -> tuple[Result, SessionRecord]:
    """A session with the evaluations that were written beside its logs."""
    record = read_session(root)
    runs = (replace(run, evaluation=run.stated_accuracy) for run in record.runs)
    record = replace(record, runs=tuple(runs))
    return result_of(record), record


def _report(root: Path, *, hostile: bool = False) -> Path:
    result, record = judged(root)
    if hostile:
        result = spoilt(result)
    path = root / "report.html"
    path.write_text(report_html(result, record), encoding="utf-8")
    compliance = compliance_html(report_of(view_of(record, result)))
    path.with_name("compliance.html").write_text(compliance, encoding="utf-8")
    return path


def spoilt(result: Result) -> Result:
    """A result with every text of others replaced by one that a page must not take for its own."""
    names = {"model": EVIL, "node": EVIL, "command": [EVIL], "benchmark": EVIL}
    changes: dict[str, Any] = {
        "benchmark_info": result.benchmark_info.model_copy(update=names),
        "notes": [EVIL],
        "reasons": [EVIL],
        "valid": False,
        "scenarios": {
            scenario: run.model_copy(update={"advice": [EVIL], "incidents": [EVIL]})
            for scenario, run in result.scenarios.items()
        },
        "configuration_origins": {EVIL: EVIL},
    }
    return result.model_copy(update=changes)


def _never_ready(parent: Path) -> Path:
    root = make_session(parent, "server")
    shutil.rmtree(root / "Server")
    document = json.loads((root / "session.json").read_text(encoding="utf-8"))
    dump(root / "session.json", document | {"engine": None, "warmup": None, "reuse_probe": None})
    (root / "engine.log").write_text(EVIL)
    cause = "the engine did not start: CUDA out of memory"
    lines = ["ERROR torch.OutOfMemoryError: tried to allocate 14.96 GiB", EVIL]
    return _ended(root, EndingFacts(
        phase="starting the engine", cause=cause, log="engine.log", last_lines=lines,
    ))  # fmt: skip


def _interrupted(parent: Path) -> Path:
    root = make_session(parent, "server")
    cause = "Ctrl-C ended it"
    run = root / "Server" / "performance" / "run.json"
    edit(
        run, interrupted=True, loadgen_returned=False, loadgen_exit=f"{cause}; its log stops there"
    )
    return _ended(root, EndingFacts(phase="running Server", cause=cause, stopped_by="Ctrl-C"))


def _ended(root: Path, ending: EndingFacts) -> Path:
    dump(root / "ending.json", ending.model_dump())
    seal(root)
    return root


CAMPAIGN: dict[str, Any] = {
    "plan": "plan.yaml", "valid": False, "interrupted": True,
    "comparisons": [{
        "scenario": "Server", "comparable": True, "page": "comparison.html",
        "stages": {"A": "Server performance cpu", "B": EVIL},
    }],
    "stages": [
        {"stage": "Server performance cpu", "state": "VALID", "kept": True, "reasons": [],
         "figures": {"tokens/s": 1085.5, "samples/s": 196.5, "TTFT P99 ms": None},
         "run": "performance", "search": None,
         "session": "report/node_20261124T000000Z",
         "page": "report/node_20261124T000000Z/report.html"},
        {"stage": EVIL, "state": "INVALID", "kept": False, "reasons": [EVIL, "too slow"],
         "figures": {}, "session": None, "page": None, "run": "performance", "search": None},
        {"stage": "Server tune cpu", "state": "found", "kept": False, "reasons": [],
         "figures": {}, "session": None, "page": None, "run": "tune", "search": {
            "value_is": "of the nearest limit's headroom", "budget_s": 1800.0, "spent_s": 1200.0,
            "trials": 12, "failed": 1, "confirmed_by": "the run of full length",
            "document": "tunes/Server-0123456789ab/tune.json",
            "system": "tunes/Server-0123456789ab/tuned.yaml",
            "given": {"engine.vllm.max_num_seqs": 4, "engine.vllm.dtype": EVIL},
            "best": {"engine.vllm.max_num_seqs": 64, "engine.vllm.dtype": EVIL},
            "effects": [
                {"key": "engine.vllm.max_num_seqs", "given": 4, "best": 64, "ratio": 1.5,
                 "rounds": [1.4, 1.6], "no_ratio": None},
                {"key": "engine.vllm.dtype", "given": EVIL, "best": EVIL, "ratio": None,
                 "rounds": [], "no_ratio": EVIL},
            ]}},
    ],
}  # fmt: skip


def searched() -> dict[str, Any]:
    """What a search for the peak leaves, with one rate that held and one that did not."""
    runs = list(_trials())
    return {
        "scenario": "Server", "model": "small", "round": "v6.1", "profile": "quick",
        "limits": {"TTFT P99": 2000.0, "TPOT P99": 100.0}, "why": "the step is small enough",
        "peak": runs[1], "binding": "TTFT P99", "runs": runs,
        "chances": [{"target_qps": 20.0, "queries": 12000, "chance": 0.98},
                    {"target_qps": 22.0, "queries": 13200, "chance": None}],
    }  # fmt: skip


def _trials() -> Iterator[dict[str, Any]]:
    for rate, ttft, held in ((10.0, 300.0, True), (20.0, 900.0, True), (30.0, 4000.0, False)):
        full = rate == 20.0
        yield {
            "kind": "confirmation" if full else "trial",
            "target_qps": rate, "held": held, "valid": True if full else None, "given_up": None,
            "measured_ms": {"TTFT P99": ttft, "TPOT P99": 40.0 + rate},
            "completed_qps": rate * 0.99, "goodput_qps": rate if held else rate / 3,
            "session": f"sessions/node_20261124_0000{rate:02.0f}",
        }  # fmt: skip
