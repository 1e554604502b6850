"""A real run of the null engine, asked once by Prometheus while it goes on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import running, settings, wait_for_line

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer
RUN = "Server performance"


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.fullmatch(r"Metrics: (http://127\.0\.0\.1:\d+/metrics)\n", line):
            return found[1]
    pytest.fail("the harness never said where it is asked")


def test_a_run_is_scraped_while_it_goes_on(tmp_path: Path) -> None:
    lasting = settings(
        server__min_duration_s=3, server__target_qps=200,
        engine__null__ttft_ms=1, engine__null__tpot_ms=0.05,
    )  # fmt: skip
    arguments = ("--scenario", "Server", "--engine", "null", *lasting, "--metrics-port", "0")
    with running(tmp_path / "results", *arguments) as process:
        url = url_of(process)
        wait_for_line(process, f"{RUN}: ")  # comes after the look that it is of
        with urlopen(url) as answer:
            text = answer.read().decode()
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.startswith("VALID: "), "people are told as ever"
    families = {each.name: each for each in text_string_to_metric_families(text)}
    (ended,) = families["sut_samples_ended"].samples
    assert ended.labels == {"run": RUN}
    assert ended.value > 0
    (tokens,) = families["sut_output_tokens"].samples
    assert tokens.value >= ended.value
    assert [each.labels["time"] for each in families["sut_latency_seconds"].samples] == [
        "TTFT", "TPOT", "latency",
    ]  # fmt: skip
    (phase,) = families["sut_phase"].samples
    assert phase.labels == {"phase": f"running {RUN}"}
    assert not families["sut_preemptions"].samples, "the null engine counts none"
