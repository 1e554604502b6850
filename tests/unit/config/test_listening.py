"""Where scrapes are answered, by what the flag says."""

from __future__ import annotations

import pytest

from sut.commands.run import parser, refuse_strays
from sut.config.listening import listening
from sut.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0", ("127.0.0.1", 0)),
        ("0.0.0.0:9464", ("0.0.0.0", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
    ],
)
def test_a_port_is_loopbacks_unless_an_address_is_given(given: str, where: tuple[str, int]) -> None:
    assert listening("--metrics-port")(given) == where


@pytest.mark.parametrize("given", ["", "x", "65536", "-1", "0.0.0.0:", "host:x"])
def test_what_is_no_port_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="is not a whole number from 0 to 65535"):
        listening("--metrics-port")(given)


@pytest.mark.parametrize("other", ["--dry-run", "--coordinated"])
def test_it_is_refused_where_it_would_have_no_effect(other: str) -> None:
    with pytest.raises(ConfigError, match=f"--metrics-port does not go with {other}"):
        refuse_strays(parser().parse_args(["--metrics-port", "0", other]))
