"""The one way in which a page is made: from a template beside its module, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:\+00:00|Z)")


def moment(text: str) -> str:
    """A record's time as a person reads it: to the second, in UTC; other text as it is."""
    found = _MOMENT.fullmatch(text)
    return text if found is None else f"{found[1]} {found[2]} UTC"


def template(path: Path, filters: Mapping[str, Callable[..., Any]] | None = None) -> Template:
    """A page's template; a name that nobody gave it is an error, never an empty place.

    A page that shows results has the one stylesheet: `{% include 'style.css' %}`.

    Args:
        path: of the template.
        filters: of its own, by their names in it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"moment": moment, **(filters or {})}
    return environment.get_template(path.name)
