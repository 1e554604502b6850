"""Are the nodes alike, and is there room: facts of nodes → rows of one table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sut.cluster.describe import NodeFacts
from sut.config.engine_kinds import builds_for
from sut.config.schema import RunConfig
from sut.inputs.inputs import needs_driver
from sut.machine.devices import DRIVER_SERIES_MIN

GIB = 2**30
MIB = 2**20
SHOWN = 12
# Coordinated runs are started together and their results added up. The shortest takes a
# minute; half a second is under 1 % of it, and any time service keeps to milliseconds.
CLOCK_BOUND_S = 0.5
# An engine's own code, its activations and Ray's worker beside weights and cache: a process
# that has imported vLLM and torch takes about 1.5 GiB on the CPU.
BESIDE_THE_WEIGHTS_BYTES = 2 * GIB

INSTALL = {
    "Python": "Install Python {wanted} there and run `make setup` again.",
    "mlcommons-loadgen": "Run there: pip install mlcommons-loadgen=={wanted}.",
    "ray": "Run there: pip install ray=={wanted}.",
    "this project": "Bring both nodes to the same version and run `make setup` there.",
    "this project's commit": "Run there: git checkout of the same commit, without local changes.",
}
# Without it there is no run; a commit, say, may be unknown on every node alike.
MUST_BE = ("ray",)
ENGINE = "engine"


@dataclass(frozen=True)
class Row:
    """One check of one node.

    Attributes:
        passed: None if there was nothing to check.
        remedy: for a failure, what to do in one sentence.
    """

    check: str
    node: str
    found: str
    wanted: str
    passed: bool | None
    remedy: str = ""


def compare(config: RunConfig, driver: NodeFacts, nodes: Sequence[NodeFacts]) -> list[Row]:
    """Every node held against the driver, check by check."""
    answered = [node for node in nodes if node.problem is None]
    return [
        *_reachable(nodes),
        *_versions(config, driver, answered),
        *_drivers(config, answered),
        *_files(config, driver, answered),
        *_memory(config, answered),
        *_ports(answered),
        *_clocks(answered),
    ]


def _reachable(nodes: Iterable[NodeFacts]) -> Iterator[Row]:
    remedy = "Look at its cable, its firewall and `ray status`; start Ray there again."
    for node in nodes:
        found = "answers" if node.problem is None else node.problem
        role = "answers" if node.runs_engine else "answers (no engine there)"
        good = node.problem is None
        yield Row("reachable", node.name, role if good else found, "answers", good, remedy)


def _versions(config: RunConfig, driver: NodeFacts, nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    for name, wanted in driver.versions.items():
        if name == ENGINE:
            continue
        remedy = INSTALL[name].format(wanted=wanted)
        for node in nodes:
            found = node.versions.get(name)
            good = found == wanted and (found is not None or name not in MUST_BE)
            yield Row(name, node.name, _said(found), _said(wanted), good, remedy)
    if config.engine.planned().has_model:
        yield from _engines(config, driver, [node for node in nodes if node.runs_engine])


def _engines(config: RunConfig, driver: NodeFacts, nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    """One version everywhere, in the build for what the nodes have: a control node's is its own.

    A control node needs none at all: then the first node that has one sets the version.
    """
    told = [driver.versions.get(ENGINE), *(node.versions.get(ENGINE) for node in nodes)]
    _, _, version = next(filter(None, told), "").partition(" ")
    platform = config.system.platform
    builds = builds_for(config.engine.kind, platform)
    if not builds:
        return  # it comes with this project
    for node in nodes:
        found = node.versions.get(ENGINE)
        build, _, installed = (found or "").partition(" ")
        good = bool(version) and installed == version and build in builds
        # Where a build is that fits, it stays; one cannot replace the other in place.
        wanted = build if build in builds else builds[0]
        remedy = f"Run there: pip install '{wanted}{'==' if version else ''}{version}'."
        if found is not None and build not in builds:
            remedy = f"Run there: make setup PLATFORM={platform}."
        yield Row(ENGINE, node.name, _said(found), f"{wanted} {version}".strip(), good, remedy)


def _drivers(config: RunConfig, nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    if not needs_driver(config):
        return
    for node in nodes:
        if node.runs_engine:
            problem = node.driver_problem
            found = "runs the engine" if problem is None else "too old"
            wanted = f"{DRIVER_SERIES_MIN} or newer"
            yield Row("driver", node.name, found, wanted, problem is None, problem or "")


def _files(config: RunConfig, driver: NodeFacts, nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    # A control node may have a model's configuration alone: then the first engine's weights count.
    engines = (node.weights_sha256 for node in nodes if node.runs_engine)
    weights = driver.weights_sha256 or next(filter(None, engines), None)
    for node in nodes:
        if not node.runs_engine:
            continue
        if config.engine.planned().has_model:
            yield _same_file(
                "weights",
                node.name,
                (node.weights_sha256, node.weights_problem),
                (weights, driver.weights_problem),
                f"Copy the same files of {config.model.path} there.",
            )
        yield _same_file(
            "data set",
            node.name,
            (node.dataset_sha256, node.dataset_problem),
            (driver.dataset_sha256, driver.dataset_problem),
            f"Copy {config.dataset.path or 'the data set'} there, under the same path.",
        )


def _same_file(
    check: str,
    node: str,
    found: tuple[str | None, str | None],
    wanted: tuple[str | None, str | None],
    remedy: str,
) -> Row:
    (digest, problem), (ours, our_problem) = found, wanted
    if problem or our_problem:
        place = problem or f"not on this machine: {our_problem}"
        return Row(check, node, place, _short(ours), False, remedy)
    if digest is None and ours is None:
        return Row(check, node, "no files to hash", "no files to hash", None)
    return Row(check, node, _short(digest), _short(ours), digest == ours, remedy)


def _memory(config: RunConfig, nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    """On a CPU node all its replicas together, which share its memory; else each of its cards."""
    planned = config.engine.planned()
    if not planned.has_model:
        return
    key = config.engine.key_of("cache_gib")
    less = f"lower {key}, " if key is not None else ""
    for node in nodes:
        if not node.runs_engine:
            continue
        if config.system.platform == "cuda":
            yield _card(config, node)
            continue
        weights = node.weights_bytes
        has = node.memory_available_bytes
        if weights is None or has is None:
            yield Row("memory", node.name, "unknown", "unknown", None)
            continue
        each = weights + (planned.cache_gib or 0) * GIB + BESIDE_THE_WEIGHTS_BYTES
        count = max(1, node.replicas)
        needs = count * each
        yield Row(
            "memory",
            node.name,
            f"{has / GIB:.1f} GiB free",
            f"{each / GIB:.1f} GiB a replica" + (f", {count} of them" if count > 1 else ""),
            has >= needs,
            f"Free memory there, {less}or ask for fewer replicas.",
        )


def _card(config: RunConfig, node: NodeFacts) -> Row:
    """The smallest card against its part of the weights and of one longest request's cache."""
    planned = config.engine.planned()
    if not node.gpu_memory_mib or node.weights_bytes is None:
        found = "no NVIDIA driver answers" if not node.gpu_memory_mib else "weights unknown"
        remedy = "Look at nvidia-smi there."
        return Row("memory", node.name, found, "a card", False, remedy)
    told = [each for each in node.gpu_memory_mib if each is not None]
    if not told:
        return Row("memory", node.name, "the card does not tell", "unknown", None)
    has = min(told) * MIB * (planned.card_memory_share or 1) - BESIDE_THE_WEIGHTS_BYTES
    # As a run would have it; without the data set, which is a failure of its own, unknown.
    longest = (node.longest_prompt or 0) + config.generation.max_tokens
    tokens = planned.context_tokens or longest
    request = (node.kv_bytes_per_token or 0) * tokens
    needs = (node.weights_bytes + request) / (planned.cards_per_replica or 1)
    return Row(
        "memory",
        node.name,
        f"{has / GIB:.1f} GiB a card",
        f"{needs / GIB:.1f} GiB for weights and one request of {tokens} tokens",
        has >= needs,
        "Take a smaller or a quantised model, or more cards with --tensor-parallel-size.",
    )


def _clocks(nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    for node in nodes:
        if node.clock_offset_s is None or node.clock_error_s is None:
            continue
        certain_s = max(0.0, abs(node.clock_offset_s) - node.clock_error_s)
        yield Row(
            "clock",
            node.name,
            f"{node.clock_offset_s * 1e3:+.1f} ± {node.clock_error_s * 1e3:.1f} ms",
            f"within {CLOCK_BOUND_S * 1e3:g} ms",
            certain_s <= CLOCK_BOUND_S,
            "Run a time service (chrony, systemd-timesyncd) on both.",
        )


def _ports(nodes: Sequence[NodeFacts]) -> Iterator[Row]:
    """Ray and vLLM listen on ports that they choose themselves; any of them must get through."""
    for node in nodes:
        good = node.port_problem is None
        yield Row(
            "ports",
            node.name,
            "a port of its choice answers" if good else str(node.port_problem),
            "any port answers",
            good,
            "Let the nodes reach each other on every port, or give Ray ports that they can "
            "(ray start --min-worker-port and its kin), and the driver one (engine.ray.port).",
        )


def _said(version: str | None) -> str:
    return "not installed" if version is None else version


def _short(digest: str | None) -> str:
    return "none" if digest is None else f"{digest[:SHOWN]}…"
