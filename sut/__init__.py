"""MLPerf Inference for Llama-3.1-8B: the official LoadGen asks, a vLLM engine answers."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """`sut.__version__`, of the installed distribution; looked up only when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sut-mlperf")
    except PackageNotFoundError:
        return "not installed"
