"""MLPerf Inference for Llama-3.1-8B: the official LoadGen asks, a vLLM engine answers."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sut.api import load_result, run
    from sut.result.schema import Result

    __version__: str

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Python still looks for `-m sut.main`. Until that listens, Ctrl-C ends us without a word: an
    # import that it cuts short would end in a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

__all__ = ["Result", "__version__", "load_result", "run"]


def __getattr__(name: str) -> Any:
    """What the package offers, loaded only when it is asked for: `import sut` costs nothing."""
    if name in ("load_result", "run"):
        from sut import api

        return getattr(api, name)
    if name == "Result":
        from sut.result.schema import Result

        return Result
    if name == "__version__":
        return _version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    """Of the installed distribution."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sut-mlperf")
    except PackageNotFoundError:
        return "not installed"
