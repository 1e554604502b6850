"""Whether the processor multiplies bfloat16, by what the kernel says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.machine import processor


@pytest.mark.parametrize(
    ("machine", "text", "has"),
    [
        ("x86_64", "vendor_id\t: A\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("x86_64", "flags\t\t: fpu avx avx2\n", False),
        ("x86_64", "flags\t\t: fpu avx2 avx512foo\n", False),
        ("x86_64", "vendor_id\t: A\n", True),
        ("x86_64", None, True),
        ("aarch64", "Features\t: asimd\n", True),
    ],
)
def test_only_an_x86_processor_that_tells_is_taken_to_lack_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, text: str | None, has: bool
) -> None:
    info = tmp_path / "cpuinfo"
    if text is not None:
        info.write_text(text)
    monkeypatch.setattr(processor, "CPU_INFO", info)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert processor.has_avx512() is has
