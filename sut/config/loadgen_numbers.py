"""A number in LoadGen's configuration files, as LoadGen reads it.

It reads a whole number with strtoull(…, 0) and a fraction with strtod (TestSettings::FromConfig in
loadgen/test_settings_internal.cc): 0600 is octal there, 6e5 is 6, -1 is 2 to the 64th less one. A
text that means something else to a person is refused.
"""

from __future__ import annotations

import math
import re

_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_HEX = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)
_OCTAL = re.compile(r"0[0-7]*")
_WHOLE = re.compile(
    r"(?P<sign>[+-]?)(?:0x(?P<hex>[0-9a-f]+)|(?P<oct>0[0-7]*)|(?P<dec>[1-9][0-9]*))", re.I
)
_HEX_FRACTION = re.compile(r"[+-]?0x([0-9a-f]+(\.[0-9a-f]*)?|\.[0-9a-f]+)(p[+-]?[0-9]+)?", re.I)
_ENDLESS = re.compile(r"[+-]?(inf|infinity|nan(\(\w*\))?)", re.I)

MOST = 2**64 - 1
"""LoadGen counts in 64 bits and takes this for whatever is more."""


class NotAsLoadGen(ValueError):
    """What the number must be, or what LoadGen makes of it, after `NAME is TEXT, `."""


def whole(text: str) -> int:
    """The whole number that a text is, to a person and to LoadGen.

    Raises:
        NotAsLoadGen: it is none, or LoadGen reads another.
    """
    if _HEX.fullmatch(text):
        return int(text, 16)
    if not _DECIMAL.fullmatch(text):
        raise NotAsLoadGen("must be a whole number")
    meant = float(text)
    if not meant.is_integer() or meant < 0:
        raise NotAsLoadGen("must be a whole number")
    read = _strtoull(text.removeprefix("+"))
    exact = int(text) if text.removeprefix("+").isdecimal() else int(meant)
    if read != exact or read > MOST:
        shown = "the largest there is" if read > MOST else str(read)
        raise NotAsLoadGen(f"which LoadGen reads as {shown}; must be plain digits")
    return read


def fraction(text: str) -> float:
    """The number that a text is, to a person and to LoadGen.

    Raises:
        NotAsLoadGen: it is none, or without end.
    """
    if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)):
        raise NotAsLoadGen("must be a number")
    return float(text)


def _strtoull(text: str) -> int:
    """C's reading with base 0: digits up to the first other character, octal after a 0."""
    digits = re.match(r"[0-9]+", text)
    if digits is None:
        return 0
    octal = _OCTAL.match(text)
    if octal is not None and text[0] == "0":
        return int(octal[0], 8)
    return int(digits[0])


def taken(text: str) -> bool:
    """Whether LoadGen takes a word for a value: all of it is a whole number or a fraction in C."""
    return any(form.fullmatch(text) for form in (_WHOLE, _DECIMAL, _HEX_FRACTION, _ENDLESS))


def as_whole(text: str) -> int:
    """What strtoull(…, 0) makes of a word: what it begins with, 0 if that is no number."""
    found = _WHOLE.match(text)
    if found is None:
        return 0
    bases = (("hex", 16), ("oct", 8), ("dec", 10))
    number = next(int(found[name], base) for name, base in bases if found[name] is not None)
    if number > MOST:
        return MOST
    return (-number if found["sign"] == "-" else number) % (MOST + 1)


def as_fraction(text: str) -> float:
    """What strtod makes of a word that is taken."""
    if _HEX_FRACTION.fullmatch(text):
        return float.fromhex(text)
    return float(text.partition("(")[0])
