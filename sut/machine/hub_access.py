"""Whether the hub would give a model to whoever asks now, without fetching any of it.

Set-up asks too, on a bare Python: nothing here needs a package. The token goes into the request's
header and nowhere else.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

# As huggingface_hub names them, first to last (huggingface_hub/constants.py, utils/_auth.py).
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TOKEN_FILE = "HF_TOKEN_PATH"
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
ENDPOINT, PUBLIC_HUB = "HF_ENDPOINT", "https://huggingface.co"
PATIENCE_S = 10.0
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def home() -> Path:
    """The hub's own folder: its cache, and the token that `hf auth login` leaves."""
    return Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")


def cached(model: str) -> bool:
    """Whether a model's description is in the hub's cache, with whatever came along."""
    hub = Path(os.environ.get("HF_HUB_CACHE") or home() / "hub")
    return any(hub.glob(f"models--{model.replace('/', '--')}/snapshots/*/config.json"))


def switched_off() -> bool:
    """Whether a variable keeps everything from asking the hub."""
    return any(os.environ.get(name, "") not in ("", "0") for name in OFFLINE)


def token() -> str | None:
    """The token that a download would use; None: none is here."""
    for name in TOKENS:
        if found := os.environ.get(name, "").strip():
            return found
    try:
        path = Path(os.environ.get(TOKEN_FILE) or home() / "token")
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def refusal(model: str, patience_s: float = PATIENCE_S) -> str | None:
    """Why the hub would not give a model, as half a sentence; None: it would.

    It asks `/api/models/MODEL/auth-check`, as huggingface_hub's `auth_check` does.

    Args:
        model: `owner/name`.
        patience_s: for one answer.

    Raises:
        OSError: the hub cannot be asked, or gives an answer of another kind; the text says why.
    """
    endpoint = os.environ.get(ENDPOINT, "").rstrip("/") or PUBLIC_HUB
    own = token()
    try:
        asked = urllib.request.Request(f"{endpoint}/api/models/{model}/auth-check")
        if own is not None:
            asked.add_unredirected_header("Authorization", f"Bearer {own}")
        with urllib.request.urlopen(asked, timeout=patience_s):
            return None
    except urllib.error.HTTPError as error:
        if error.code not in REFUSED:
            raise
        who = "without a token" if own is None else "with this token"
        return f"the hub does not give {model} {who}"
    except (ValueError, http.client.HTTPException) as error:  # no address, or no HTTP behind it
        raise OSError(f"{endpoint} does not answer as a hub: {error}") from error
