"""Every source of configuration, layered into one RunConfig that knows where values are from.

Whatever chooses a setting of a run comes through here: our YAML, a user's YAML and user.conf, the
variables of `flags.ENVIRONMENT`, the flags. Other modules read other YAML (rounds, a system's
statement, hosts) and the variables that belong to Ray, vLLM and the driver.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sut.config import between_fields as checks
from sut.config import official, selection, strays
from sut.config.engine_options import typed
from sut.config.flags import ENVIRONMENT
from sut.config.held import Profile, held_values, load_profile, of_profile
from sut.config.keys import (
    BY_SCENARIO,
    Setting,
    checked,
    leaves,
    parts,
    replaced_by,
    require_known,
    sentence,
    show,
    value_of_text,
)
from sut.config.names import Scenario
from sut.config.rate import with_probe
from sut.config.round_values import default_benchmark, round_settings
from sut.config.rounds import Round, load_round
from sut.config.schema import RunConfig
from sut.config.user_conf import parse_user_conf, readers_of
from sut.config.yaml_tree import read_leaves
from sut.errors import ConfigError

# Rising: a later layer wins over an earlier one. The schema's defaults lie below all of them.
PRECEDENCE = (
    "host",
    "round",
    "profile",
    "model",
    "system",
    "system's processor",
    "system's profile",
    "config file",
    "environment",
    "user.conf",
    "flags",
)

# Sources that may choose a profile, round, system or model.
_CHOOSERS = ("config file", "flags")

Layers = dict[str, list[Setting]]


# The layers that the held values themselves are from.
_HOLDERS = ("host", "round", "profile")

# Sources that are a person's; files that we ship are nobody's word.
_USERS = ("config file", "environment", "user.conf", "flags")
_SHIPPED = tuple(f"user_confs/{kind}/" for kind in ("models", "profiles", "rounds", "systems"))


@dataclass(frozen=True)
class Loaded:
    """The configuration of a run, and for each dotted key the source its value is from.

    None exists that was not checked: whatever made it, a run takes nothing else.

    Raises:
        ConfigError: from its constructor, the first rule that the configuration breaks.
    """

    config: RunConfig
    origins: dict[str, str]
    notes: tuple[str, ...] = ()
    """What was given and has no effect; sentences without their end."""

    def __post_init__(self) -> None:
        """Check; a value of a wrong type that a copy smuggled in is made right or refused."""
        object.__setattr__(self, "config", checks.admitted(self.config, self.origins))


def shipped(origin: str) -> bool:
    """Whether a value is from one of the files that come with the project."""
    return origin.startswith(_SHIPPED)


def load(
    overrides: Sequence[tuple[str, Any, str]] = (),
    *,
    environment: Mapping[str, str],
    card: str | None,
    gpu_missing: str | None = None,
    host_name: str,
    config_file: Path | None = None,
    user_conf: Path | None = None,
    used_of_ray: Collection[str] = (),
    avx512: bool = True,
) -> Loaded:
    """Resolve the configuration of a run.

    Args:
        overrides: (key, raw value, flag), as `flags.to_overrides` gives them.
        environment: where the variables of `flags.ENVIRONMENT` are looked up.
        card: the GPU's name; decides the system unless one is named. None: no driver answers.
        gpu_missing: why an installation for GPUs can use none; it is then no machine without one.
        host_name: the node's name unless one is given.
        config_file: the user's own YAML.
        user_conf: the user's user.conf in LoadGen's format.
        used_of_ray: keys of engine.ray that the call uses even where it has no replicas.
        avx512: whether the processor has it; a system may set other values where it has not.

    Raises:
        ConfigError: naming key, value, source and remedy.
    """
    layers = _layers(host_name, config_file, environment, overrides)
    profile = _profile(_choice(layers, "profile", _default("profile")))
    guessed = _add_system_and_model(layers, profile, used_of_ray, card, avx512)
    rules = _round(_choice(layers, "round", _default("round")))
    benchmark, unsaid = _left_out(layers, rules)
    first = _first_scenario(layers)
    layers["round"] = [*unsaid, *round_settings(rules, benchmark, first, profile.from_round)]
    layers["user.conf"], notes = _user_conf(user_conf, rules, benchmark)
    winners = _merge(layers, held_values(profile, rules, benchmark, first), profile.name)
    made = resolved(winners, _origins(winners), notes)
    return _not_a_bad_guess(made, gpu_missing) if guessed else made


def _layers(
    host_name: str,
    config_file: Path | None,
    environment: Mapping[str, str],
    overrides: Sequence[tuple[str, Any, str]],
) -> Layers:
    """What was given, by where it was given; nobody's choices yet."""
    return {
        "host": [Setting("node_name", _node_name(host_name), "host name")],
        "config file": _expanded(_config_file(config_file)),
        "environment": _environment(environment),
        "flags": _expanded([_flag(*override) for override in overrides]),
    }


def _user_conf(
    path: Path | None, rules: Round, benchmark: str
) -> tuple[list[Setting], tuple[str, ...]]:
    if path is None:
        return [], ()
    given = parse_user_conf(path, readers_of(rules, benchmark))
    return [Setting(key, value, f"{path}:{line}") for key, value, line in given.settings], (
        given.notes
    )


def _add_system_and_model(
    layers: Layers,
    profile: Profile,
    used_of_ray: Collection[str],
    card: str | None,
    avx512: bool,
) -> bool:
    """The layers of profile, model and system, whoever chooses; whether it is a guess."""
    fallback = Setting("system", "cpu", "no NVIDIA driver answers")
    if card is not None:
        fallback = Setting("system", selection.system_of(card), f"the card is an {card}")
    chosen = _choice(layers, "system", fallback)
    system = selection.load_system(chosen)
    model = _choice(layers, "model", system.default_model)
    layers |= {
        "profile": list(profile.settings),
        "model": selection.model_settings(model, system.default_model),
        "system": system.settings,
        "system's processor": [] if avx512 else system.without_avx512,
        "system's profile": system.overlays[profile.name],
    }
    # First of the two: what would be said of replicas is wrong where there are none.
    strays.refuse_unused(_of_ray(layers), _last(layers, "engine.replicas"), used_of_ray)
    return chosen is fallback and card is None


def _of_ray(layers: Layers) -> list[Setting]:
    """The settings of engine.ray that win, as far as a user gave them."""
    found = []
    for key in sorted(strays.ALL_OF_RAY):
        setting = _last(layers, key)
        theirs = [s for name in _USERS for s in layers.get(name, ())]
        if setting is not None and (setting in theirs or not shipped(setting.origin)):
            found.append(setting)
    return found


def _not_a_bad_guess(loaded: Loaded, gpu_missing: str | None) -> Loaded:
    """A machine without a GPU says nothing of other nodes, nor of what cannot be used here.

    Raises:
        ConfigError: a model is to answer, and nobody said on what.
    """
    engine = loaded.config.engine
    if not engine.planned().has_model:
        return loaded
    if engine.ray.address is not None:
        raise ConfigError(
            f"the replicas run on the cluster at {engine.ray.address}, and this machine, which has "
            "no GPU, does not tell what theirs have.",
            where=loaded.origins["engine.ray.address"],
            remedy="Say it: --system a30-bf16 for instance, --system auto, or --system cpu.",
        )
    if gpu_missing is not None:
        raise ConfigError(
            f"vLLM is installed here for NVIDIA GPUs, and none can be used: {gpu_missing}.",
            where="system",
            remedy="Look at `nvidia-smi` and CUDA_VISIBLE_DEVICES; or name it: --system a30-bf16.",
        )
    return loaded


def _default(key: str) -> Setting:
    return Setting(key, leaves()[key].default, "default")


def _left_out(layers: Layers, rules: Round) -> tuple[str, list[Setting]]:
    """The benchmark, and what of it and of its prompts' form a model's file leaves out."""
    said = _last(layers, "model.benchmark")
    found = [] if said else [default_benchmark(rules)]
    benchmark = str((said or found[0]).value)
    if _last(layers, "model.prompt_format") is None:
        found += official.prompt_formats(benchmark)[:1]
    return benchmark, found


def _last(layers: Layers, key: str) -> Setting | None:
    """The setting of `key` that wins among the layers there are."""
    found = [s for name in PRECEDENCE for s in layers.get(name, ()) if s.key == key]
    return found[-1] if found else None


def _choice(layers: Layers, key: str, fallback: Setting) -> Setting:
    """Who chooses a profile, round, system or model; a choice of a section is used up here."""
    chosen = _last({name: layers[name] for name in _CHOOSERS}, key) or fallback
    if key in ("system", "model"):
        for name in _CHOOSERS:
            layers[name] = [setting for setting in layers[name] if setting.key != key]
    return chosen


def _node_name(host_name: str) -> str:
    """The host's name with anything a file name should not hold replaced."""
    kept = (c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in host_name)
    return "".join(kept) or "node"


def _config_file(path: Path | None) -> list[Setting]:
    if path is None:
        return []
    return [
        selection.setting_of(leaf) for leaf in read_leaves(path) if leaf.path[0] != "description"
    ]


def _environment(environment: Mapping[str, str]) -> list[Setting]:
    """A variable set to nothing counts as not set."""
    return [
        Setting(key, value_of_text(key, text, f"environment {name}"), f"environment {name}")
        for name, key in ENVIRONMENT.items()
        if (text := environment.get(name, "").strip())
    ]


def _flag(key: str, raw: Any, origin: str) -> Setting:
    value = value_of_text(key, raw, origin) if isinstance(raw, str) else raw
    return Setting(key, value, origin)


def _expanded(settings: list[Setting]) -> list[Setting]:
    """Known keys, plus `system`, `model` as choices and `dataset` as source and path."""
    found: list[Setting] = []
    for setting in settings:
        text = isinstance(setting.value, str)
        if setting.key == "dataset" and text:
            found += selection.dataset_settings(setting)
            continue
        if not (setting.key in ("system", "model") and text):
            require_known(setting)
        found += parts(setting)
    return found


def _profile(choice: Setting) -> Profile:
    if choice.value not in selection.PROFILES:
        raise ConfigError(
            f"profile is {show(choice.value)}, must be {' or '.join(selection.PROFILES)}.",
            where=choice.origin,
        )
    return load_profile(str(choice.value))


def _round(choice: Setting) -> Round:
    try:
        return load_round(str(choice.value))
    except ConfigError as error:
        raise ConfigError(error.message, where=choice.origin, remedy=error.remedy) from error


def _first_scenario(layers: Layers) -> Scenario | None:
    """The first scenario that a source asks for; the schema or `checks` refuses a bad one."""
    setting = _last(layers, "scenarios")
    try:
        return None if setting is None else checked(setting)[0]
    except (ConfigError, IndexError):
        return None


def _merge(layers: Layers, held: Mapping[str, Setting], profile: str) -> dict[str, Setting]:
    """The setting that wins for each key; one that contradicts the profile is refused anyway."""
    winners: dict[str, Setting] = {}
    for name in PRECEDENCE:
        # Within a source, what is said for one scenario wins over what is said for all.
        given = sorted(layers.get(name, ()), key=lambda each: each.key.startswith(BY_SCENARIO))
        for setting in (each for one in given for each in with_probe(one)):
            value = checked(setting)
            fixed = None if name in _HOLDERS else held.get(setting.key)
            if fixed is not None and value != checked(fixed):
                why = of_profile(setting, fixed, profile)
                raise ConfigError(why.sentence, where=setting.origin, remedy=why.remedy)
            # Re-inserted, so that the order of the dict is that of precedence.
            for replaced in replaced_by(setting.key, winners):
                del winners[replaced]
            winners[setting.key] = setting
    _settle_official(winners, profile)
    return typed(winners, _default("engine.kind").value)


def _origins(winners: Mapping[str, Setting]) -> dict[str, str]:
    given = {key: setting.origin for key, setting in winners.items()}
    return dict.fromkeys(leaves(), "default") | given


def _settle_official(winners: dict[str, Setting], profile: str) -> None:
    """In quick, another model's weights under an official model's settings are not official.

    The mlperf profile, and a user's own word that they are, leave it to `checks` to refuse.
    """
    claim, path, benchmark = (
        winners.get(f"model.{name}") for name in ("official", "path", "benchmark")
    )
    if (
        claim is None
        or path is None
        or benchmark is None
        or checked(claim) is not True
        or profile == "mlperf"
    ):
        return
    why = official.why_not(str(path.value), str(benchmark.value))
    if why is not None and shipped(claim.origin):
        winners["model.official"] = Setting("model.official", False, f"not recognised: {why}")


def resolved(
    winners: Mapping[str, Setting], origins: Mapping[str, str], notes: tuple[str, ...] = ()
) -> Loaded:
    """The settings as one configuration.

    Raises:
        ConfigError: a value that is missing or out of bounds, or values that contradict.
    """
    try:
        config = RunConfig.model_validate(_tree(winners))
    except ValidationError as error:
        raise _as_config_error(error, winners) from error
    return Loaded(config, dict(origins), notes)


def _tree(settings: Mapping[str, Setting]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, setting in settings.items():
        *path, last = key.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = setting.value
    return tree


def _as_config_error(error: ValidationError, winners: Mapping[str, Setting]) -> ConfigError:
    """A complaint of the whole tree, with the source of the key or of its section's last value."""
    path = ".".join(part for part in error.errors()[0]["loc"] if isinstance(part, str))
    order = [s.origin for key, s in winners.items() if key == path or key.startswith(f"{path}.")]
    return ConfigError(sentence(error), where=order[-1] if order else None)
