"""The few calls of W3C WebDriver that the tests of the pages need, on chromedriver, by HTTP.

A client library would bring a dozen packages for seven calls of the protocol.
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# WebDriver's own code points of keys (W3C WebDriver, "keyboard actions").
TAB, ENTER, ARROW_RIGHT = "\ue004", "\ue007", "\ue014"
# A call that is not answered by then is never answered.
PATIENCE_S = 120.0
_LISTENS = "started successfully on port "


@dataclass(frozen=True)
class Driver:
    """One session of a browser."""

    address: str

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One command; what it answers.

        Raises:
            AssertionError: chromedriver refuses it, in its own words.
        """
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            f"{self.address}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from None

    def get(self, address: str) -> None:
        """Open a page, and wait until it is loaded."""
        self.call("POST", "/url", {"url": address})

    def execute_script(self, script: str, *arguments: object) -> Any:
        """What a function of that body returns in the page."""
        return self.call("POST", "/execute/sync", {"script": script, "args": arguments})

    def get_log(self, kind: str) -> Any:
        """What was logged since it was last asked for."""
        return self.call("POST", "/se/log", {"type": kind})

    def execute_cdp_cmd(self, command: str, parameters: object) -> Any:
        """A command of the DevTools protocol."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def press(self, key: str) -> None:
        """A key, down and up."""
        steps = [{"type": each, "value": key} for each in ("keyDown", "keyUp")]
        self.call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]}
        )


@contextmanager
def driven(driver: str, binary: str, flags: Sequence[str], log: Path) -> Iterator[Driver]:
    """A browser under chromedriver; both are gone at the end.

    Args:
        driver: chromedriver.
        binary: the browser.
        flags: of the browser.
        log: where chromedriver says what it does.
    """
    with (
        log.open("wb") as errors,
        subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        try:
            server = f"http://127.0.0.1:{_port(process)}"
            options = {"binary": binary, "args": list(flags)}
            wanted = {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            made = Driver(server).call(
                "POST", "/session", {"capabilities": {"alwaysMatch": wanted}}
            )
            session = Driver(f"{server}/session/{made['sessionId']}")
            try:
                yield session
            finally:
                session.call("DELETE", "")
        finally:
            process.terminate()


def _port(process: subprocess.Popen[bytes]) -> int:
    """The port that it took, by the line in which it says so."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.decode(errors="replace"))
        if _LISTENS in said[-1]:
            return int(said[-1].partition(_LISTENS)[2].strip().rstrip("."))
    raise AssertionError(f"chromedriver did not start: {''.join(said)}")
