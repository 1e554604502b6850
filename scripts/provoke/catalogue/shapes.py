"""What may lie where a file is expected."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

Shape = Callable[[Path, bytes], object]
"""Makes it at a path; the bytes are what an honest file holds."""
DEEP = 100_000


def holding(content: bytes) -> Shape:
    """A file of these bytes."""
    return lambda path, _: path.write_bytes(content)


def _socket(path: Path, _: bytes) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def holes(size: int) -> Shape:
    """A file of so many bytes that are nowhere."""

    def made(path: Path, _: bytes) -> None:
        with path.open("wb") as stream:
            stream.truncate(size)

    return made


# No files at all.
KINDS: dict[str, tuple[str, Shape]] = {
    "pipe": ("a pipe", lambda path, _: os.mkfifo(path)),
    "socket": ("a socket", _socket),
    "folder": ("a folder", lambda path, _: path.mkdir()),
    "zero": ("a link to /dev/zero", lambda path, _: path.symlink_to("/dev/zero")),
    "dangling": ("a link to nothing", lambda path, _: path.symlink_to("nothing")),
    "loop": ("a link to itself", lambda path, _: path.symlink_to(path.name)),
    "sparse": ("a file of 64 GiB of nothing", holes(1 << 36)),
}
# Files that hold no text, or not what was asked for.
BYTES: dict[str, tuple[str, Shape]] = {
    "empty": ("an empty file", holding(b"")),
    "nul": ("64 KiB of zero bytes", holding(bytes(1 << 16))),
    "noise": ("bytes of no encoding", holding(bytes(range(128, 256)) * 500)),
    "utf-16": (
        "itself in UTF-16",
        lambda path, honest: path.write_bytes(honest.decode("utf-8", "replace").encode("utf-16")),
    ),
    "half": ("half of itself", lambda path, honest: path.write_bytes(honest[: len(honest) // 2])),
    "twice": ("itself, twice", lambda path, honest: path.write_bytes(honest * 2)),
}
JSON: dict[str, tuple[str, Shape]] = {
    "deep": (f"{DEEP:,} brackets", holding(b"[" * DEEP)),
    "deep-objects": (f"{DEEP:,} objects, each in another", holding(b'{"input":' * DEEP)),
    "deep-whole": (f"{DEEP:,} lists, whole", holding(b"[" * DEEP + b"]" * DEEP)),
    "deep-value": (
        "an object with a value nested too deep",
        holding(b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
    ),
    "digits": ("a number of 100,000 digits", holding(b'{"a": ' + b"9" * 100_000 + b"}")),
    "null": ("null", holding(b"null")),
    "list": ("an empty list", holding(b"[]")),
    "object": ("an empty object", holding(b"{}")),
    "twice-a-key": ("an object with a key twice", holding(b'{"a": 1, "a": 2}')),
    "surrogate": ("half a surrogate pair", holding(b'{"a": "\\ud800", "\\ud800": 1}')),
    "nan": ("NaN and Infinity", holding(b'{"a": NaN, "b": -Infinity, "c": 1e999}')),
}
_LAUGHS = "\n".join(
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]",
        *(
            f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
    ]
)
YAML: dict[str, tuple[str, Shape]] = {
    "laughs": ("aliases that make 10^9 values", holding(_LAUGHS.encode())),
    "laughs-key": (
        "the same, for a key that exists",
        holding(_LAUGHS.encode() + b"\nscenarios: *i\n"),
    ),
    "laughs-map": (
        "aliases of mappings that make 10^9 keys",
        holding(
            "\n".join(
                [
                    "a: &a {x: 1, y: 2, z: 3, u: 1, v: 1, w: 1, p: 1, q: 1, r: 1, s: 1}",
                    *(
                        f"{name}: &{name} {{{', '.join(f'k{i}: *{before}' for i in range(10))}}}"
                        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
                    ),
                ]
            ).encode()
        ),
    ),
    "merge": ("a mapping merged into itself", holding(b"a: &a\n  <<: *a\n  b: 1\n")),
    "self": ("a list that holds itself", holding(b"scenarios: &a [*a]\n")),
    "deep": (f"{DEEP:,} brackets", holding(b"a: " + b"[" * DEEP)),
    "deep-whole": (f"{DEEP:,} lists, whole", holding(b"scenarios: " + b"[" * DEEP + b"]" * DEEP)),
    "deep-block": (
        "2,000 keys, each below another",
        holding("\n".join(f"{' ' * i}k:" for i in range(2000)).encode()),
    ),
    "tag": ("a tag of Python's", holding(b"a: !!python/object/apply:os.system ['touch x']\n")),
    "digits": (
        "a number of 100,000 digits",
        holding(b"server: {target_qps: " + b"9" * 100_000 + b"}"),
    ),
    "zero-byte": ("a zero byte in a path", holding(b'results_dir: "a\\0b"\n')),
    "number": ("1e300 for a count", holding(b"warmup: {queries: 1e300}\n")),
    "documents": ("two documents", holding(b"a: 1\n---\nb: 2\n")),
    "tabs": ("tabs for spaces", holding(b"server:\n\ttarget_qps: 2\n")),
    "anchors": (
        "100,000 anchors",
        holding("\n".join(f"k{i}: &a{i} 1" for i in range(100_000)).encode()),
    ),
    "regex": ("a number that is nearly one, 100,000 long", holding(b"a: " + b"1" * 100_000 + b"x")),
}
PARQUET: dict[str, tuple[str, Shape]] = {
    "magic": ("the magic of parquet and nothing else", holding(b"PAR1PAR1")),
    "length": ("a footer longer than the file", holding(b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1")),
    "negative": ("a footer of negative length", holding(b"PAR1" + b"\xff\xff\xff\xff" + b"PAR1")),
}
