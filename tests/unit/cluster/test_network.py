from __future__ import annotations

import socket

import pytest

from sut.cluster.network import Address, addresses, choose, port_in_use
from sut.errors import ConfigError

LAN, FAST = Address("eth0", "192.168.1.5"), Address("ib0", "10.0.0.5")
BRIDGE = Address("docker0", "172.17.0.1")


def test_the_only_address_is_taken_without_ado() -> None:
    choice = choose([LAN], None, None)
    assert choice.taken == LAN
    assert choice.sentence() == "Address 192.168.1.5 (eth0), the only one."


def test_of_several_the_default_routes_is_taken_and_all_are_named() -> None:
    choice = choose([FAST, BRIDGE, LAN], None, LAN.ip)
    assert choice.taken == LAN
    assert choice.sentence() == (
        "Address 192.168.1.5 (eth0) was taken: the default route leaves by it. "
        "Also here: 10.0.0.5 (ib0), 172.17.0.1 (docker0); --node-ip takes another."
    )


def test_a_containers_bridge_is_taken_only_if_there_is_nothing_else() -> None:
    assert choose([BRIDGE, FAST], None, None).taken == FAST
    assert choose([BRIDGE, FAST], None, BRIDGE.ip).taken == FAST
    assert choose([BRIDGE], None, None).taken == BRIDGE


def test_the_one_asked_for_is_taken() -> None:
    choice = choose([LAN, FAST], FAST.ip, LAN.ip)
    assert (choice.taken, choice.others) == (FAST, (LAN,))
    assert choose([LAN], "127.0.0.1", None).taken.ip == "127.0.0.1"


def test_one_that_is_not_here_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"10\.9\.9\.9 .* has 192\.168\.1\.5 \(eth0\)"):
        choose([LAN], "10.9.9.9", None)


def test_without_any_network_there_is_loopback_and_it_says_so() -> None:
    assert "no worker can join" in choose([], None, None).sentence()


def test_loopback_is_not_among_the_addresses() -> None:
    assert "127.0.0.1" not in {each.ip for each in addresses()}


def test_a_port_is_in_use_while_somebody_listens() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert port_in_use("127.0.0.1", port)
    assert not port_in_use("127.0.0.1", port)
