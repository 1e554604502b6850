"""Every source of configuration, layered into one RunConfig that knows where values are from.

Nothing else in the project reads YAML or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sut.config import checks, selection
from sut.config.flags import ENVIRONMENT
from sut.config.keys import Setting, checked, leaves, require_known, sentence, show, value_of_text
from sut.config.loadgen_conf import parse_user_conf, readers_of
from sut.config.rules import CONF_ROOT, Round, load_round
from sut.config.schema import RunConfig, Scenario
from sut.config.yaml_tree import read_leaves
from sut.errors import ConfigError

# Rising: a later layer wins over an earlier one. The schema's defaults lie below all of them.
PRECEDENCE = (
    "host",
    "round",
    "profile",
    "model",
    "system",
    "system's profile",
    "config file",
    "environment",
    "user.conf",
    "flags",
)

# Sources that may choose a profile, round, system or model.
_CHOOSERS = ("config file", "flags")

_ROUND_SECTIONS = {
    "offline": Scenario.OFFLINE,
    "server": Scenario.SERVER,
    "interactive": Scenario.INTERACTIVE,
    "single_stream": Scenario.SINGLE_STREAM,
}

Layers = dict[str, list[Setting]]


@dataclass(frozen=True)
class Loaded:
    """The configuration of a run, and for each dotted key the source its value is from."""

    config: RunConfig
    origins: dict[str, str]


@dataclass(frozen=True)
class _Profile:
    name: str
    settings: list[Setting]
    from_round: tuple[str, ...]
    fixed: tuple[str, ...]


def load(
    overrides: Sequence[tuple[str, Any, str]] = (),
    *,
    environment: Mapping[str, str],
    gpu_present: bool,
    gpu_missing: str | None = None,
    host_name: str,
    config_file: Path | None = None,
    user_conf: Path | None = None,
) -> Loaded:
    """Resolve the configuration of a run.

    Args:
        overrides: (key, raw value, flag), as `flags.to_overrides` gives them.
        environment: where the variables of `flags.ENVIRONMENT` are looked up.
        gpu_present: whether an NVIDIA driver answers; decides the system unless one is named.
        gpu_missing: why an installation for GPUs can use none; it is then no machine without one.
        host_name: the node's name unless one is given.
        config_file: the user's own YAML.
        user_conf: the user's user.conf in LoadGen's format.

    Raises:
        ConfigError: naming key, value, source and remedy.
    """
    layers: Layers = {
        "host": [Setting("node_name", _node_name(host_name), "host name")],
        "config file": _expanded(_config_file(config_file)),
        "environment": _environment(environment),
        "flags": _expanded([_flag(*override) for override in overrides]),
    }
    profile = _profile(_choice(layers, "profile", _default("profile")))
    fallback = Setting(
        "system",
        "a30-bf16" if gpu_present else "cpu",
        f"{'an' if gpu_present else 'no'} NVIDIA driver answers",
    )
    chosen = _choice(layers, "system", fallback)
    if chosen is fallback and not gpu_present:
        _refuse_to_guess_for_others(layers)
        _refuse_to_guess_without(layers, gpu_missing)
    system = selection.load_system(chosen)
    model = _choice(layers, "model", system.default_model)
    layers |= {
        "profile": profile.settings,
        "model": selection.model_settings(model, system.default_model),
        "system": system.settings,
        "system's profile": system.overlays[profile.name],
    }
    rules = _round(_choice(layers, "round", _default("round")))
    benchmark = _last(layers, "model.benchmark") or _default("model.benchmark")
    layers["round"] = _round_settings(rules, str(benchmark.value), profile.from_round, layers)
    if user_conf is not None:
        layers["user.conf"] = [
            Setting(key, value, f"{user_conf}:{line}")
            for key, value, line in parse_user_conf(
                user_conf, readers_of(rules, str(benchmark.value))
            )
        ]
    loaded = _merge(layers, profile)
    checks.check(loaded.config, loaded.origins, rules)
    return loaded


def _refuse_to_guess_for_others(layers: Layers) -> None:
    """A control node without a GPU says nothing of the nodes that will answer.

    Raises:
        ConfigError: replicas of a model on a cluster, and nobody said on what.
    """
    address, kind = _last(layers, "engine.ray.address"), _last(layers, "engine.kind")
    if address is None or address.value is None or (kind is not None and kind.value == "null"):
        return
    raise ConfigError(
        f"the replicas run on the cluster at {address.value}, and this machine, which has no GPU, "
        "does not tell what theirs have.",
        where=address.origin,
        remedy="Say it: --system a30-bf16, or --system cpu.",
    )


def _refuse_to_guess_without(layers: Layers, gpu_missing: str | None) -> None:
    """The engine of a machine with a GPU must not end up with the settings of one without.

    Raises:
        ConfigError: with what keeps the GPU from being used.
    """
    kind = _last(layers, "engine.kind")
    if gpu_missing is None or (kind is not None and kind.value == "null"):
        return
    raise ConfigError(
        f"vLLM is installed here for NVIDIA GPUs, and none can be used: {gpu_missing}.",
        where="system",
        remedy="Look at `nvidia-smi` and CUDA_VISIBLE_DEVICES; or name it: --system a30-bf16.",
    )


def _default(key: str) -> Setting:
    return Setting(key, leaves()[key].default, "default")


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
        found.append(setting)
    return found


def _profile(choice: Setting) -> _Profile:
    if choice.value not in selection.PROFILES:
        raise ConfigError(
            f"profile is {show(choice.value)}, must be {' or '.join(selection.PROFILES)}.",
            where=choice.origin,
        )
    lists: dict[str, tuple[str, ...]] = {"from_round": (), "fixed": ()}
    plain = []
    for leaf in read_leaves(CONF_ROOT / "profiles" / f"{choice.value}.yaml"):
        if leaf.path[0] in lists:
            lists[leaf.path[0]] = tuple(leaf.value)
        else:
            plain.append(leaf)
    for name, keys in lists.items():
        for key in keys:
            require_known(Setting(key, f"listed under {name}", f"{choice.value}.yaml"))
    return _Profile(str(choice.value), selection.known_settings(plain), **lists)


def _round(choice: Setting) -> Round:
    try:
        return load_round(str(choice.value))
    except ConfigError as error:
        raise ConfigError(error.message, where=choice.origin, remedy=error.remedy) from error


def _round_settings(
    rules: Round, benchmark: str, keys: tuple[str, ...], layers: Layers
) -> list[Setting]:
    """What the round gives to the keys that the profile takes from it, with file and line."""
    if benchmark not in rules.benchmarks:
        # Refused by `checks`, which knows where the choice is from.
        return []
    first = _last(layers, "scenarios")
    lines = {leaf.path: leaf for leaf in read_leaves(CONF_ROOT / "rounds" / f"{rules.name}.yaml")}
    found = []
    for key, (name, *path) in _round_places(rules, benchmark, first).items():
        leaf = lines.get(("benchmarks", name, *path))
        if key in keys and leaf is not None:
            scale = 1000 if path[-1] == "min_duration_ms" else 1
            value = leaf.value / scale if scale != 1 else leaf.value
            found.append(Setting(key, value, leaf.origin))
    return found


def _round_places(
    rules: Round, benchmark: str, scenarios: Setting | None
) -> dict[str, tuple[str, ...]]:
    """Key → benchmark and place in the round's file."""
    asked = _benchmark_asked(rules, benchmark, scenarios)
    places: dict[str, tuple[str, ...]] = {
        "generation.max_tokens": (asked, "max_tokens"),
        "generation.min_tokens": (asked, "min_tokens"),
        "dataset.synthetic_count": (asked, "dataset_count"),
        "loadgen.performance_sample_count": (asked, "dataset_count"),
        "model.loadgen_model": (benchmark, "scenarios", "Offline", "loadgen_model"),
        "compliance.tests": (asked, "compliance_tests"),
    }
    for section, scenario in _ROUND_SECTIONS.items():
        try:
            name, _, _ = rules.scenario_rules(benchmark, scenario)
        except ConfigError:
            continue
        here = (name, "scenarios", scenario.value)
        places |= {
            f"{section}.min_duration_s": (*here, "min_duration_ms"),
            f"{section}.min_query_count": (*here, "min_query_count"),
            f"{section}.latency_percentile": (*here, "latency_percentile"),
            f"{section}.ttft_limit_ms": (*here, "ttft_limit_ms"),
            f"{section}.tpot_limit_ms": (*here, "tpot_limit_ms"),
        }
    return places


def _benchmark_asked(rules: Round, benchmark: str, scenarios: Setting | None) -> str:
    """The benchmark of the first scenario asked for: it may be the edge twin, with its own set."""
    if scenarios is None:
        return benchmark
    try:
        return rules.scenario_rules(benchmark, checked(scenarios)[0])[0]
    except (ConfigError, IndexError):
        # The schema or `checks` refuses these with their place.
        return benchmark


def _merge(layers: Layers, profile: _Profile) -> Loaded:
    winners: dict[str, Setting] = {}
    held: dict[str, Setting] = {}
    for name in PRECEDENCE:
        for setting in layers.get(name, ()):
            value = checked(setting)
            if setting.key in held and value != checked(held[setting.key]):
                _refuse_fixed(setting, held[setting.key], profile.name)
            # Re-inserted, so that the order of the dict is that of precedence.
            winners.pop(setting.key, None)
            winners[setting.key] = setting
        if name == "profile":
            held = {key: winners[key] for key in profile.fixed if key in winners}
    origins = {key: winners[key].origin if key in winners else "default" for key in leaves()}
    try:
        config = RunConfig.model_validate(_tree(winners))
    except ValidationError as error:
        raise _as_config_error(error, winners) from error
    return Loaded(config, origins)


def _refuse_fixed(setting: Setting, held: Setting, profile: str) -> None:
    raise ConfigError(
        f"{setting.key} is {show(setting.value)}, but the {profile} profile holds it at "
        f"{show(checked(held))} ({held.origin}).",
        where=setting.origin,
        remedy="Remove it, or choose --profile quick.",
    )


def _tree(settings: dict[str, Setting]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, setting in settings.items():
        *path, last = key.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = setting.value
    return tree


def _as_config_error(error: ValidationError, winners: dict[str, Setting]) -> ConfigError:
    """A complaint of the whole tree, with the source of the key or of its section's last value."""
    path = ".".join(part for part in error.errors()[0]["loc"] if isinstance(part, str))
    order = [s.origin for key, s in winners.items() if key == path or key.startswith(f"{path}.")]
    return ConfigError(sentence(error), where=order[-1] if order else None)
