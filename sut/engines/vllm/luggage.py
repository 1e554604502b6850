"""Our object in vLLM's own configuration: unpacked in each process that vLLM starts.

vLLM takes any object with a `compute_hash` as `additional_config` and hands it to its processes by
pickling it. Unpickled there, before anything of vLLM runs, it fastens the leash
(`sut.engines.vllm.orphans`) and lets the core be asked what it is (`sut.engines.vllm.own_word`). A
plugin of vLLM's would come after the handshake, and be found only where this package was installed
since it had one.
"""

from __future__ import annotations

from typing import Any

from sut.engines.vllm.orphans import Leash
from sut.engines.vllm.own_word import teach


class Luggage:
    """What goes along.

    Args:
        leash: ends whoever unpacks it with the process that packed it.
    """

    def __init__(self, leash: Leash):
        self.leash = leash

    def compute_hash(self) -> str:
        """For vLLM's key of compiled graphs, which do not depend on us."""
        return "luggage"

    def __reduce__(self) -> tuple[Any, tuple[Leash]]:
        return unpacked, (self.leash,)


def unpacked(leash: Leash) -> Luggage:
    """In another process: the leash is fastened already, by being unpickled."""
    teach()
    return Luggage(leash)
