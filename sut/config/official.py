"""The benchmarks' own weights, recognised by their content wherever the folder lies.

Their config.json has the values that `recognised_by` in the files of user_confs/models gives, and
their tensors have the names and shapes that follow from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sut.config import checkpoint
from sut.config.keys import Setting, show
from sut.config.model_files import DESCRIPTION, described, local_folder, looks_like_hub_id
from sut.config.schema import ModelConfig
from sut.config.shipped import conf_path, names
from sut.config.yaml_tree import Leaf, read_leaves
from sut.errors import ConfigError

SECTION = "recognised_by"

# What the benchmark fixes along with its weights; the mlperf profile holds it for them.
HELD = (
    "model.prompt_format",
    "model.context_tokens",
    "model.vocab_size",
    "model.eos_token_ids",
)

# transformers 5 writes both of these as one object.
_ROPE, _ROPE_THETA, _ROPE_SCALING = "rope_parameters", "rope_theta", "rope_scaling"
_FEW = 3


@dataclass(frozen=True)
class Official:
    """One benchmark's own model."""

    name: str
    """Its file in user_confs/models."""
    hub_id: str
    benchmarks: tuple[str, ...]
    """Those that are answered with it."""
    held: Mapping[str, Setting]
    must_say: tuple[Leaf, ...]
    may_say: tuple[Leaf, ...]
    """What config.json may leave out, for it is the architecture's own default."""
    weights_sha256: tuple[str, ...] = ()
    """Of the published checkpoints, as `sut.inputs.weights` counts it; empty: none is known."""

    def differences(self, config: Mapping[str, Any]) -> list[str]:
        """What a config.json says otherwise, in words; empty: it is this model's."""
        found = []
        for leaf in (*self.must_say, *self.may_say):
            key, wanted = leaf.path, leaf.value
            said = list(_said(config, key))
            if not said and leaf in self.must_say:
                found.append(f"{'.'.join(key)} is missing")
            other = next((value for value in said if not _same(value, wanted)), _NOTHING)
            if other is not _NOTHING:
                found.append(f"{'.'.join(key)} is {_short(other)}, not {show(wanted)}")
        return found


_NOTHING = object()


def _said(config: Mapping[str, Any], key: tuple[str, ...]) -> Iterator[Any]:
    """Every value that a config.json gives to a key, in either spelling."""
    places = [key]
    if key == (_ROPE_THETA,):
        places.append((_ROPE, _ROPE_THETA))
    elif key[0] == _ROPE_SCALING:
        places.append((_ROPE, *key[1:]))
    for place in places:
        value: Any = config
        for part in place:
            value = value.get(part, _NOTHING) if isinstance(value, Mapping) else _NOTHING
        if value is not _NOTHING:
            yield value


def _same(said: Any, wanted: Any) -> bool:
    """Whether two values mean the same: 8 is 8.0, an order of ids means nothing, 1 is not true."""
    if isinstance(said, bool) or isinstance(wanted, bool):
        return said is wanted
    if isinstance(said, list) and isinstance(wanted, list):
        pairs = ((said, wanted), (wanted, said))
        return all(any(_same(one, two) for two in b) for a, b in pairs for one in a)
    return bool(said == wanted)


def _short(value: Any) -> str:
    text = show(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@cache
def officials() -> tuple[Official, ...]:
    """Every model of user_confs/models that says how it is recognised."""
    found = (_official(conf_path("models", name)) for name in names("models"))
    return tuple(each for each in found if each is not None)


def _official(path: Path) -> Official | None:
    leaves = read_leaves(path)
    must_say, may_say = _signs(leaves, "must_say"), _signs(leaves, "may_say")
    if not must_say:
        return None
    settings = {
        key: Setting(key, leaf.value, leaf.origin)
        for leaf in leaves
        if (key := ".".join(leaf.path)).startswith("model.")
    }
    return Official(
        name=str(settings["model.name"].value),
        hub_id=str(settings["model.path"].value),
        benchmarks=_named(leaves, "benchmarks") or (str(settings["model.benchmark"].value),),
        held={key: settings[key] for key in HELD},
        must_say=must_say,
        may_say=may_say,
        weights_sha256=_named(leaves, "weights_sha256"),
    )


def _signs(leaves: list[Leaf], kind: str) -> tuple[Leaf, ...]:
    return tuple(
        Leaf(leaf.path[2:], leaf.value, leaf.origin)
        for leaf in leaves
        if leaf.path[:2] == (SECTION, kind)
    )


def _named(leaves: list[Leaf], key: str) -> tuple[str, ...]:
    """A list of the section: the benchmarks, where the model is that of more than its own."""
    said = (leaf.value for leaf in leaves if leaf.path == (SECTION, key))
    return tuple(str(name) for name in next(said, ()))


def of_benchmark(benchmark: str) -> list[Official]:
    """The models that a benchmark is answered with."""
    return [each for each in officials() if benchmark in each.benchmarks]


def own_model(benchmark: str, where: str, remedy: str) -> Official:
    """The first of them.

    Args:
        benchmark: the checker's id.
        where: who asks, for the refusal.
        remedy: what helps, for the refusal.

    Raises:
        ConfigError: no file of user_confs/models says whose weights the benchmark's are.
    """
    known = of_benchmark(benchmark)
    if not known:
        raise ConfigError(
            f"{benchmark} has no model of its own in user_confs/models.", where=where, remedy=remedy
        )
    return known[0]


def prompt_formats(benchmark: str) -> list[Setting]:
    """What a benchmark's own models are asked with, each once."""
    found = (each.held["model.prompt_format"] for each in of_benchmark(benchmark))
    return list({str(setting.value): setting for setting in found}.values())


def recognise(folder: Path) -> Official | None:
    """Whose weights a folder holds, by config.json and tensors; None: no official model's."""
    own = _by_description(folder)
    return None if own is None or _other_tensors(folder) else own


def contradicted(path: str) -> str | None:
    """Why a folder is not the official model that its config.json says it is.

    None where its tensors agree with it, and where no official model is claimed.
    """
    folder = local_folder(path)
    own = None if folder is None else _by_description(folder)
    if folder is None or own is None:
        return None
    other = _other_tensors(folder)
    return _tensors_are_others(folder, own, other) if other else None


def _by_description(folder: Path) -> Official | None:
    """The official model that a folder's config.json is of."""
    config = described(folder)
    if config is None:
        return None
    return next((each for each in officials() if not each.differences(config)), None)


def _other_tensors(folder: Path) -> list[str]:
    return checkpoint.differences(folder, described(folder) or {})


def _tensors_are_others(folder: Path, own: Official, other: Sequence[str]) -> str:
    return (
        f"the {DESCRIPTION} of {folder} is that of {own.name} and its tensors are another "
        f"model's: {', '.join(other)}"
    )


def why_not(path: str, benchmark: str) -> str | None:
    """Why a model's path is not that of the benchmark's own weights.

    None where it is, and where nothing can be said yet: a folder that is not on this machine.
    """
    folder = local_folder(path)
    if folder is not None:
        return _why_not_folder(folder, benchmark)
    ids = [each.hub_id for each in of_benchmark(benchmark)]
    if path in ids or not looks_like_hub_id(path):
        return None
    own = " or ".join(ids) or "a model that can be recognised"
    return f"{path} is not {own}, and no folder whose {DESCRIPTION} could be looked at"


def _why_not_folder(folder: Path, benchmark: str) -> str | None:
    config, place, known = described(folder), folder / DESCRIPTION, of_benchmark(benchmark)
    if not known:
        return f"{benchmark} has no model in user_confs/models that could be recognised"
    if config is None:
        return f"{place} is not a JSON object"
    nearest = min(known, key=lambda each: len(each.differences(config)))
    other = nearest.differences(config)
    if not other:
        tensors = _other_tensors(folder)
        return _tensors_are_others(folder, nearest, tensors) if tensors else None
    more = f" and {len(other) - _FEW} more" if len(other) > _FEW else ""
    return f"{place} is not that of {nearest.name}: {', '.join(other[:_FEW])}{more}"


def require_recognised(folder: Path, model: ModelConfig) -> None:
    """Refuse files that are not the weights they are said to be; others are nobody's claim.

    Raises:
        ConfigError: the model is said to be official, and config.json or tensors are others.
    """
    if not model.official:
        return
    why = _why_not_folder(folder, model.benchmark)
    if why is not None:
        raise ConfigError(
            f"model.official is true, but {why}.",
            where="model.path",
            remedy="Give the official weights' folder, or set model.official=false.",
        )


def disowned(model: ModelConfig) -> str | None:
    """Why weights that go by an official model's name are not taken for it; None: nothing to say.

    So does a session of the quick profile say in words that its weights are others.
    """
    if model.official or model.name not in {each.name for each in officials()}:
        return None
    why = why_not(model.path, model.benchmark)
    return why and f"the weights are not taken for {model.name}'s own: {why}"
