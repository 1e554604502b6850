"""Which system and model a name, a folder or a YAML path stands for, as settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sut.config import official
from sut.config.keys import Setting, require_known, show
from sut.config.natural import near_one
from sut.config.shipped import conf_path, names
from sut.config.yaml_tree import Leaf, read_leaves, read_text
from sut.errors import ConfigError
from sut.json_text import decoded
from sut.machine.places import expanded

PROFILES = ("quick", "mlperf")
# The system for a card that has no file of its own.
ANY_CARD = "auto"
# The key by which a system's file takes over another's settings.
LIKE = "like"
# What a system's file says for a processor without AVX-512, over all else that it says.
WITHOUT_AVX512 = "without_avx512"

# config.json of a Hugging Face folder → our key.
_FOLDER_KEYS = {
    "vocab_size": "model.vocab_size",
    "max_position_embeddings": "model.context_tokens",
    "eos_token_id": "model.eos_token_ids",
}


@dataclass(frozen=True)
class System:
    """A system file: its settings, its overlay for each profile, the model it goes with.

    Attributes:
        without_avx512: its overlay for a processor that lacks these instructions.
    """

    settings: list[Setting]
    overlays: dict[str, list[Setting]]
    default_model: Setting
    without_avx512: list[Setting]


def find(kind: str, choice: Setting) -> Path:
    """The file of user_confs/<kind> that a choice names, or the user's own .yaml.

    Raises:
        ConfigError: no such name.
    """
    name = str(choice.value)
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = names(kind)
    if name in known:
        return conf_path(kind, name)
    hint = near_one(name, known) or "Give one of them, or the path of a .yaml."
    raise ConfigError(
        f"{name} is not in user_confs/{kind}, which has {', '.join(known)}.",
        where=choice.origin,
        remedy=hint,
    )


def setting_of(leaf: Leaf, skip: int = 0) -> Setting:
    """A leaf as a setting; `skip` drops leading keys."""
    return Setting(".".join(leaf.path[skip:]), leaf.value, leaf.origin)


def known_settings(leaves: list[Leaf], skip: int = 0) -> list[Setting]:
    """Leaves as settings of known keys; a section left empty says nothing.

    Raises:
        ConfigError: an unknown key.
    """
    settings = []
    for leaf in leaves:
        setting = setting_of(leaf, skip)
        if setting.key == "description":
            continue
        require_known(setting)
        settings.append(setting)
    return settings


def system_of(card: str) -> str:
    """The first shipped system whose `accelerator` is this card; else the one for any card."""
    for name in names("systems"):
        leaves = {leaf.path: leaf.value for leaf in read_leaves(conf_path("systems", name))}
        if str(leaves.get(("system", "accelerator"))).lower() == card.strip().lower():
            return name
    return ANY_CARD


def load_system(choice: Setting) -> System:
    """Read the system that `choice` names, over the one that it says it is like.

    Raises:
        ConfigError: unknown name or key, no default_model, an overlay for no profile, files that
            are like each other.
    """
    return _like(choice, ())


def _like(choice: Setting, above: tuple[Path, ...]) -> System:
    """A system, read for the files above it."""
    path = find("systems", choice)
    if path in above:
        raise ConfigError(
            f"{path.name} is like itself, by way of {' and '.join(p.name for p in above)}.",
            where=choice.origin,
            remedy="Let one of them stand alone.",
        )
    leaves = read_leaves(path)
    like = next((leaf for leaf in leaves if leaf.path == (LIKE,)), None)
    if like is None:
        return _system(path, leaves, None)
    below = _like(Setting(LIKE, like.value, like.origin), (*above, path))
    return _system(path, [leaf for leaf in leaves if leaf is not like], below)


def _system(path: Path, leaves: list[Leaf], below: System | None) -> System:
    """One file's settings, over those of the system below it."""
    plain: list[Leaf] = []
    lacking: list[Setting] = below.without_avx512 if below is not None else []
    overlays: dict[str, list[Setting]] = {name: [] for name in PROFILES}
    default_model: Setting | None = None
    for leaf in leaves:
        if leaf.path == ("default_model",):
            default_model = setting_of(leaf)
        elif leaf.path[0] == WITHOUT_AVX512:
            lacking = [*lacking, *known_settings([leaf], skip=1)]
        elif leaf.path[0] != "profiles":
            plain.append(leaf)
        elif len(leaf.path) > 2 and leaf.path[1] in PROFILES:
            overlays[leaf.path[1]] += known_settings([leaf], skip=2)
        else:
            raise ConfigError(
                f"{'.'.join(leaf.path)} is {show(leaf.value)}, but profiles holds only "
                f"{' and '.join(PROFILES)}, each with settings.",
                where=leaf.origin,
            )
    if below is not None:
        own = known_settings(plain)
        both = {name: [*below.overlays[name], *overlays[name]] for name in PROFILES}
        model = default_model or below.default_model
        return System([*below.settings, *own], both, model, lacking)
    if default_model is None:
        raise ConfigError("default_model is missing.", where=str(path), remedy="Name a model.")
    return System(known_settings(plain), overlays, default_model, lacking)


def model_settings(choice: Setting, default: Setting) -> list[Setting]:
    """Settings of the model that `choice` names: a name, a .yaml, an id or a folder.

    Raises:
        ConfigError: nothing of these, or a folder that does not describe itself.
    """
    text = str(choice.value)
    folder = expanded(Path(text))
    if text in names("models") or text.endswith((".yaml", ".yml")):
        return _read_model(find("models", choice))
    for name in names("models"):
        settings = _read_model(conf_path("models", name))
        if any(
            setting.key == "model.path" and setting.value == text.rstrip("/")
            for setting in settings
        ):
            return settings
    if folder.is_dir():
        own = official.recognise(folder)
        if own is not None:
            settings = _read_model(conf_path("models", own.name))
            place = Setting("model.path", text, choice.origin)
            return [*settings, place, Setting("model.revision", None, choice.origin)]
        base = _read_model(find("models", default))
        return [*base, *_folder_settings(folder, choice)]
    if "/" not in text:
        find("models", choice)
    raise ConfigError(
        f"{text} is not a folder here, and of another model neither vocabulary, context nor "
        "end-of-sequence ids are known.",
        where=choice.origin,
        remedy="Write a YAML like those in user_confs/models and give its path.",
    )


def _read_model(path: Path) -> list[Setting]:
    """A model's file; what it is recognised by is not a setting.

    Raises:
        ConfigError: an unknown key, or recognition in a file that is not the project's.
    """
    leaves = read_leaves(path)
    signs = [leaf for leaf in leaves if leaf.path[0] == official.SECTION]
    if signs and path != conf_path("models", path.stem):
        raise ConfigError(
            f"{official.SECTION} says how a benchmark's own weights are recognised, which only "
            "the files of user_confs/models can say.",
            where=signs[0].origin,
            remedy="Remove the section.",
        )
    return known_settings([leaf for leaf in leaves if leaf not in signs])


def _folder_settings(folder: Path, choice: Setting) -> list[Setting]:
    path = folder / "config.json"
    described = _json_object(path, choice)
    generation = folder / "generation_config.json"
    own = [
        Setting("model.name", folder.resolve().name, choice.origin),
        Setting("model.path", str(choice.value), choice.origin),
        Setting("model.revision", None, choice.origin),
        Setting("model.official", False, choice.origin),
        Setting("engine.vllm.load_format", "auto", choice.origin),
    ]
    for source, key in _FOLDER_KEYS.items():
        value = described.get(source)
        if source == "eos_token_id":
            more = _json_object(generation, choice) if generation.is_file() else {}
            value = sorted({*_as_list(value), *_as_list(more.get(source))}) or None
        if value is None:
            raise ConfigError(
                f"{path} has no {source}.",
                where=choice.origin,
                remedy="Write a YAML like those in user_confs/models and give its path.",
            )
        own.append(Setting(key, value, str(path)))
    return own


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _json_object(path: Path, choice: Setting) -> dict[str, Any]:
    remedy = "Write a YAML like those in user_confs/models and give its path."
    if not path.is_file():
        raise ConfigError(f"there is no {path}.", where=choice.origin, remedy=remedy)
    try:
        value = decoded(read_text(path))
    except ValueError as error:
        raise ConfigError("not valid JSON.", where=str(path), remedy=remedy) from error
    if not isinstance(value, dict):
        raise ConfigError("not a JSON object.", where=str(path), remedy=remedy)
    return value


def dataset_settings(choice: Setting) -> list[Setting]:
    """`sample`, `synthetic` or a path, as settings of source and path together."""
    text = str(choice.value)
    source, path = (text, None) if text in ("sample", "synthetic") else ("file", text)
    return [
        replace(choice, key="dataset.source", value=source),
        replace(choice, key="dataset.path", value=path),
    ]
