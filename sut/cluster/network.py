"""Which of this machine's addresses the other nodes are to use, and why.

A head that listens on the wrong one of several networks is the most common reason why workers
cannot join; so the choice is explicit, shown, and can be overruled.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from sut.errors import ConfigError

# Bridges and pairs that containers and virtual machines make: no other machine is on them.
VIRTUAL = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "podman", "lxc", "tailscale")
# Never sent to: connecting a datagram socket only asks the kernel which way it would go.
# (TEST-NET-1, RFC 5737.)
FAR_AWAY = ("192.0.2.1", 9)


@dataclass(frozen=True)
class Address:
    """An IPv4 address of this machine."""

    interface: str
    ip: str

    def __str__(self) -> str:
        return f"{self.ip} ({self.interface})"


@dataclass(frozen=True)
class Choice:
    """The address taken, the reason in a few words, and what else there was."""

    taken: Address
    why: str
    others: tuple[Address, ...]

    def sentence(self) -> str:
        """For the user: what was taken, and how to take another."""
        if not self.others:
            return f"Address {self.taken}, {self.why}."
        rest = ", ".join(str(each) for each in self.others)
        return (
            f"Address {self.taken} was taken: {self.why}. Also here: {rest}; "
            "--node-ip takes another."
        )


def addresses() -> list[Address]:
    """IPv4 addresses of interfaces that are up; loopback and link-local ones left out."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = []
    for interface, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family != socket.AF_INET or interface not in up:
                continue
            ip = ipaddress.ip_address(entry.address)
            if not ip.is_loopback and not ip.is_link_local:
                found.append(Address(interface, entry.address))
    return found


def default_route_ip() -> str | None:
    """The address this machine speaks from to the outside; None without a default route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR_AWAY)
        except OSError:
            return None
        ip: str = probe.getsockname()[0]
        return ip


def choose(found: Sequence[Address], asked: str | None, default_ip: str | None) -> Choice:
    """The address for the head.

    Args:
        found: this machine's, as `addresses` lists them.
        asked: --node-ip, or None.
        default_ip: as `default_route_ip` gives it.

    Raises:
        ConfigError: the address asked for is not this machine's.
    """
    if asked is not None:
        return _asked(found, asked)
    if not found:
        return Choice(Address("lo", "127.0.0.1"), "no other is up, so no worker can join", ())
    if len(found) == 1:
        return Choice(found[0], "the only one", ())
    real = [each for each in found if not each.interface.startswith(VIRTUAL)] or list(found)
    by_route = [each for each in real if each.ip == default_ip]
    taken = (by_route or real)[0]
    why = "the default route leaves by it" if by_route else "the first that is not a virtual bridge"
    return Choice(taken, why, tuple(each for each in found if each != taken))


def _asked(found: Sequence[Address], asked: str) -> Choice:
    here = [*found, Address("lo", "127.0.0.1")]
    taken = next((each for each in here if each.ip == asked), None)
    if taken is None:
        raise ConfigError(
            f"{asked} is not an address of this machine, which has "
            f"{', '.join(str(each) for each in here)}.",
            where="--node-ip",
            remedy="Give one of these, or leave --node-ip out.",
        )
    return Choice(taken, "asked for", tuple(each for each in found if each != taken))


def port_in_use(ip: str, port: int) -> bool:
    """Whether something on this machine holds the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Ray's own server does: a port whose last user has just gone is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError:
            return True
        return False
