"""LoadGen's own process: what it refuses before it starts a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.loadgen.child import LoadGenSpec
from sut.loadgen.link import FrameReader, Kind
from sut.loadgen.process import LoadGenProcess

WAIT_S = 60.0


def spec(folder: Path, model: str, performance_count: int) -> LoadGenSpec:
    conf = folder / "user.conf"
    conf.write_text("*.Server.target_qps = 10\n*.Server.min_duration = 600000\n")
    return LoadGenSpec(
        user_conf=str(conf),
        loadgen_model=model,
        loadgen_scenario="Server",
        mode="performance",
        total_count=13368,
        performance_count=performance_count,
        log_dir=str(folder),
        audit_config=str(folder / "no-audit.config"),
        enable_trace=False,
    )


@pytest.mark.parametrize(
    ("model", "performance_count", "said"),
    [
        # Its folder's name, and no name that LoadGen knows: generic rules, and no error.
        ("llama3.1-8b", 13368, "use_token_latencies False and not True for llama3.1-8b"),
        ("llama3_1-8b", 5000, "performance_sample_count_override 13368 and not 5000"),
    ],
)
def test_rules_of_another_model_are_refused_before_the_first_query(
    tmp_path: Path, model: str, performance_count: int, said: str
) -> None:
    reader, frames = FrameReader(), []
    with LoadGenProcess(spec(tmp_path, model, performance_count), tmp_path / "out.log") as child:
        child.connection.settimeout(WAIT_S)
        while data := child.connection.recv(1 << 16):
            frames += list(reader.feed(data))
        assert child.wait(WAIT_S)
        ended = child.how_it_ended()
    ((kind, payload),) = frames
    assert kind is Kind.ERROR
    assert said in payload.decode()
    assert ended == "LoadGen's process exited with code 3"
    assert not (tmp_path / "mlperf_log_detail.txt").exists()
