"""A session that meets every rule of a small round, for tests that break one fact at a time."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from sut.config.official import officials
from sut.config.rounds import Round
from sut.config.schema import GenerationConfig, ModelConfig
from sut.record.folder import sha256_of
from tests.unit.result.obey import obey, plan_of
from tests.unit.result.sessions import (
    RECORDED,
    dump,
    edit,
    log_answers,
    make_accuracy,
    make_round,
    make_run,
    make_session,
    make_session_facts,
    rewrite_log,
    seal,
)

DETAIL = "mlperf_log_detail.txt"
ACCURACY_LOG = "mlperf_log_accuracy.json"
RUNS = {
    "Offline performance": "Offline/performance",
    "Offline accuracy": "Offline/accuracy",
    "Offline TEST06": "Offline/TEST06",
    "Server performance": "Server/performance",
    "Interactive performance": "Interactive/performance",
}
AUDIT_WARNING = (
    ':::MLLOG {"key": "warning_generic_message", "value": "Found Audit Config file '
    '(audit.config). Overriding TestSettings from audit.config file.", "time_ms": 0.01, '
    '"namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", "metadata": '
    '{"is_error": false, "is_warning": true, "file": "loadgen.cc", "line_no": 1, '
    '"pid": 5361, "tid": 5361}}\n'
)


def small_round(**benchmark: Any) -> Round:
    """The tests' round, cut down to what the recordings hold."""
    rules = make_round().model_dump(mode="json")
    ours = rules["benchmarks"]["llama3.1-8b"]
    ours |= {
        "dataset_count": 48,
        "max_tokens": 8,
        "one_of": [],
        "accuracy_min": {"ROUGE1": 38.391408, "GEN_LEN": 4000},
        "accuracy_max": {"GEN_LEN": 5000},
    }
    for scenario in ours["scenarios"].values():
        scenario |= {"min_duration_ms": 5, "min_query_count": 192}
    ours["scenarios"]["Server"]["latency_percentile"] = 95
    ours |= benchmark
    zero = ("max_duration_ms", "accuracy_log_probability")
    rules["fixed_settings"] = {f"effective_{name}": 0 for name in zero}
    rules["sources"] = {"seeds": "constants.py", "required, one_of": "the checker"}
    return Round.model_validate(rules)


def compliant_session(parent: Path, *more: str) -> Path:
    """A session with Offline in all three kinds; `more` recordings are added to it."""
    model = ModelConfig(
        name="small", path="models/small", context_tokens=2048, vocab_size=100,
        eos_token_ids=(0,), official=True, loadgen_model="llama3_1-8b",
        benchmark="llama3.1-8b", prompt_format="llama3.1-8b-cnn",
    )  # fmt: skip
    compliance = {"tests": ("TEST06",)}
    root = make_session(
        parent, "offline", "accuracy", *more, mode="all", model=model, compliance=compliance,
        generation=GenerationConfig(max_tokens=8), rules=small_round(),
    )  # fmt: skip
    dump(root / "session.json", _session_facts())
    _add_test06(root)
    folder = root / "Offline" / "accuracy"
    metrics = [
        {"name": "ROUGE1", "value": 38.3915, "target": None, "upper_limit": None, "passed": None},
        {"name": "GEN_LEN", "value": 4800.0, "target": None, "upper_limit": None, "passed": None},
    ]
    dump(folder / "accuracy.json", make_accuracy(folder, metrics=metrics))
    seal(root)
    return root


def _session_facts() -> dict[str, Any]:
    facts = make_session_facts()
    facts["engine"] |= {
        "arguments": {
            "dtype": "bfloat16", "quantization": None, "kv_cache_dtype": "auto",
            "load_format": "auto", "enable_prefix_caching": False,
        },
        "sampling": {
            "temperature": 0.0, "max_tokens": 8, "min_tokens": 1, "stop_token_ids": [0],
            "detokenize": False,
        },
        "model_sha256": officials()[0].weights_sha256[0], "model_recognised": "llama3.1-8b",
        "model_config_sha256": "3" * 64,
        "details": {"prefix_caching": False, "speculative_decoding": False},
    }  # fmt: skip
    return facts


def _add_test06(root: Path) -> None:
    folder = root / "Offline" / "TEST06"
    shutil.copytree(RECORDED / "offline", folder)
    dump(folder / "run.json", make_run(folder, "Offline", "compliance"))
    edit(folder / "run.json", test="TEST06")
    log_answers(folder, range(100))
    obey(folder, plan_of(root, "Offline", "TEST06", small_round()))
    rewrite_log(folder, DETAIL, lambda text: text.replace('"pid": 5360', '"pid": 5361'))
    rewrite_log(folder, DETAIL, lambda text: AUDIT_WARNING.join(_split(text)))
    check = {
        "name": "first token", "measured": True, "limit": True, "comparison": "==",
        "unit": None, "source": "TEST06", "passed": True,
    }  # fmt: skip
    verification = {
        "test": "TEST06", "checks": [check], "passed": True,
        "log_sha256": sha256_of(folder / ACCURACY_LOG),
    }  # fmt: skip
    dump(folder / "verification.json", verification)


def _split(text: str) -> tuple[str, str]:
    """The log before and from its last line."""
    end = text.rstrip("\n").rfind("\n") + 1
    return text[:end], text[end:]


def set_logged(folder: Path, key: str, value: str) -> None:
    """Have LoadGen's log say another value; the recorded hash follows."""
    pattern = re.compile(rf'("key": "{re.escape(key)}", "value": )("[^"]*"|[^,]+)')

    def change(text: str) -> str:
        changed, count = pattern.subn(rf"\g<1>{value}", text)
        assert count, f"{key} is not in {folder}"
        return changed

    rewrite_log(folder, DETAIL, change)


def remove_logged(folder: Path, key: str) -> None:
    """Have LoadGen's log not hold a key."""
    rewrite_log(folder, DETAIL, lambda text: re.sub(rf'.*"key": "{re.escape(key)}".*\n', "", text))


def set_fact(path: Path, *keys: str, value: Any) -> None:
    """Change one value of a JSON file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    dump(path, document)
