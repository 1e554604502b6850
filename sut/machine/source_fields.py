"""What fields a class of an installed package has, by its source: nothing of it is imported."""

from __future__ import annotations

import ast
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path


def fields_in_source(package: str, module: str, classes: Collection[str]) -> frozenset[str]:
    """Names that the bodies of some classes annotate, but for private ones.

    Args:
        package: of the top level.
        module: its file, below the package's folder.
        classes: by their names.

    Returns:
        None of them where the package is not installed, or its source is not as expected.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        tree = ast.parse((Path(spec.origin).parent / module).read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return frozenset()
    bodies = [
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name in classes
    ]
    return frozenset(
        each.target.id
        for body in bodies
        for each in body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and not each.target.id.startswith("_")
    )
