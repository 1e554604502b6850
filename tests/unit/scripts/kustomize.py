"""As much of kustomize as scripts/kubernetes uses, for machines without the program.

Resources, patches by merging or (with a target) by path, generated ConfigMaps without the hash in
their names, image names.
test_kubernetes.py holds it against the program where there is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
MERGE_KEYS = ("mountPath", "name")
KNOWN = {
    "apiVersion",
    "kind",
    "resources",
    "patches",
    "configMapGenerator",
    "images",
    "configurations",
}


def render(folder: Path) -> list[Manifest]:
    """The manifests of a folder with a kustomization.yaml."""
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(plan) <= KNOWN, f"{folder.name} uses what this renderer does not know"
    manifests: list[Manifest] = []
    for name in plan.get("resources", ()):
        path = folder / name
        manifests += render(path) if path.is_dir() else read(path)
    for patch in plan.get("patches", ()):
        changes = read(folder / patch["path"])
        if "target" in patch:
            (operations,) = changes
            for manifest in manifests:
                if manifest["kind"] == patch["target"]["kind"]:
                    add_by_path(manifest, operations)
            continue
        for change in changes:
            manifests = [merge(m, change) if same(m, change) else m for m in manifests]
    for generator in plan.get("configMapGenerator", ()):
        files = {Path(name).name: (folder / name).read_text("utf-8") for name in generator["files"]}
        head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}}
        if generator.get("behavior") == "replace":
            manifests = [m for m in manifests if not same(m, head)]
        manifests.append(head | {"data": files})
    for image in plan.get("images", ()):
        set_image(manifests, image["name"], f"{image['newName']}:{image['newTag']}")
    return manifests


def read(path: Path) -> list[Manifest]:
    """Every document of one file."""
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def same(one: Manifest, other: Manifest) -> bool:
    """Whether both name the same object."""
    return (one["kind"], one["metadata"]["name"]) == (other["kind"], other["metadata"]["name"])


def merge(base: Any, change: Any) -> Any:
    """A strategic merge: mappings by key, lists of named things by name, the rest replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        return base | {k: merge(base[k], v) if k in base else v for k, v in change.items()}
    if isinstance(base, list) and isinstance(change, list) and base and change:
        for key in MERGE_KEYS:
            if all(isinstance(item, dict) and key in item for item in [*base, *change]):
                changes = {item[key]: item for item in change}
                merged = [merge(item, changes.pop(item[key], {})) for item in base]
                return [*merged, *changes.values()]
    return change


def add_by_path(manifest: Manifest, operations: Any) -> None:
    """JSON Patch (RFC 6902) as far as it appends to lists."""
    for operation in operations:
        assert operation["op"] == "add"
        *way, last = operation["path"].strip("/").split("/")
        assert last == "-", "appending is all that is known here"
        place: Any = manifest
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        place.append(operation["value"])


def set_image(tree: Any, name: str, image: str) -> None:
    """Replace `image: name` everywhere below `tree`."""
    if isinstance(tree, dict):
        if tree.get("image") == name:
            tree["image"] = image
        for value in tree.values():
            set_image(value, name, image)
    elif isinstance(tree, list):
        for value in tree:
            set_image(value, name, image)
