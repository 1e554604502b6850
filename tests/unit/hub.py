"""A hub on this machine that knows one good token, for what asks whether it would give a model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = "hf_good"


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if not self.path.endswith("/auth-check"):
            self.send_error(404)
            return
        given = self.headers.get("Authorization")
        code = 401 if given is None else 200 if given == f"Bearer {GOOD}" else 403
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal of a test."""


@contextmanager
def gated_hub() -> Iterator[str]:
    """The address of a hub while it answers: 401 without a token, 403 with another."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
