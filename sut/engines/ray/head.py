"""Is the cluster's head there? Ray itself says nothing for a minute, then ends nodes and driver."""

from __future__ import annotations

import asyncio


async def head_gone(address: str, timeout_s: float) -> str | None:
    """None if the head's port answers, else what is wrong in one line.

    Args:
        address: HOST:PORT of the head, as Ray's runtime context has it.
        timeout_s: until a port that does not answer counts as silent.
    """
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), timeout_s)
    except TimeoutError:
        return f"the cluster's head at {address} is silent for {timeout_s:g} s"
    except OSError as error:
        return f"the cluster's head at {address} is gone ({error.strerror})"
    writer.close()
    return None
