"""The rules on what the engine told of itself: numerics, decoding, caches, lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sut.config.engine_traits import UNQUANTISED
from sut.config.rounds import PREFIX_CACHE_HITS
from sut.machine.variables import undeclared
from sut.record.facts import ProbeFacts
from sut.record.quantize_record import is_official
from sut.rules.check import Check
from sut.rules.rule import Book, Ground
from sut.rules.session_case import SessionCase, told

RULES = "inference_rules.adoc"
# Settings that leave the choice to the engine: what it chose is then as asked.
OPEN = (None, "auto", UNQUANTISED)
# Of a prompt of thousands of tokens that is reused a tenth of the time is left. Half is far from
# that, and from what the quickest of four times and of four others differ in (docs/rules.md).
LEAST_SHARE = 0.5
# Below it the prompt's work is not most of the time.
JUDGED_FROM_S = 0.05

ENGINE_RULES: Book[SessionCase] = Book(Ground.RECORD)


@ENGINE_RULES.rule("engine-ready", "The engine became ready", f"{RULES} §6.1")
def engine_ready(case: SessionCase) -> Iterable[Check]:
    """What it told of itself is on record only then."""
    yield told("", case.engine is not None, "==", True, "the engine never became ready")


@ENGINE_RULES.rule(
    "weights-loaded", "The weights are read from files, not drawn", f"{RULES} §6.1"
)  # fmt: skip
def weights_loaded(case: SessionCase) -> Iterable[Check]:
    """What the engine does not tell is held against it."""
    if case.traits.has_model:
        weights = case.traits.weights
        against = {
            "random": "the weights are random",
            None: "the weights are not known to be read from files",
        }.get(weights, "")
        yield told("", weights if case.engine else None, "==", "real", against)


@ENGINE_RULES.rule(
    "numerics", "The number formats and the quantisation are stated", f"{RULES} §8.1"
)
def numerics(case: SessionCase) -> Iterable[Check]:
    """Any may be used; a quantisation asks for the published calibration write-up."""
    for name in ("dtype", "quantization", "kv_cache_dtype") if case.traits.has_model else ():
        value = getattr(case.traits, name) if case.engine else None
        yield told(name, value, "==", "stated", holds=True)


@ENGINE_RULES.rule(
    "calibration",
    "Quantised weights were calibrated with samples of the official list alone",
    f"{RULES} §8.1",
    "calibration_list",
)
def calibration(case: SessionCase) -> Iterable[Check]:
    """By the record of `quantize`; weights without one are their submitter's to describe."""
    if case.facts.quantised is None:
        return
    samples = case.facts.quantised.calibration
    known = case.benchmark.calibration_list if case.benchmark else None
    used = "another list" if samples.source == "list" else "the shipped articles"
    asked = known.file if known else "an official list"
    against = f"the weights were calibrated with {used}, not with samples of {asked}"
    wanted = f"SHA-256 {known.sha256}" if known else asked
    found = used if samples.list_sha256 is None else f"SHA-256 {samples.list_sha256}"
    yield told("list", found, "==", wanted, against, holds=is_official(samples, known))


@ENGINE_RULES.rule(
    "engine-as-asked",
    "The engine that answers is as its settings ask, by its own word",
    "our own condition: the engine's own word (docs/rules.md)",
)
def engine_as_asked(case: SessionCase) -> Iterable[Check]:
    """Where the settings ask for one thing and the engine tells another; both are on record."""
    if not case.traits.has_model:
        return
    if case.engine is None:
        yield told("", None, "==", "as asked")
        return
    planned = case.config.engine.planned()
    for name in ("weights", "dtype", "quantization", "kv_cache_dtype", "context_tokens",
                 "max_batch_sequences", "max_batch_tokens"):  # fmt: skip
        asked, taken = getattr(planned, name), getattr(case.traits, name)
        if asked in OPEN or taken is None:
            continue
        holds = taken == asked or str(taken).startswith(f"{asked}_")  # fp8, which is fp8_e4m3
        said = taken == "random"  # by weights-loaded
        against = "" if said else f"the engine's {name} is {taken}, not {asked} as its settings ask"
        yield told(name, taken, "==", asked, against, holds=holds)


@ENGINE_RULES.rule(
    "engine-environment",
    "No variable of the environment changes the engine that is not declared",
    "our own condition: the engine's environment (docs/rules.md)",
)
def engine_environment(case: SessionCase) -> Iterable[Check]:
    """Those that the engine found around it, but for ours and for those known to be harmless."""
    if not case.traits.has_model:
        return
    found = case.engine.environment if case.engine else None
    against, names = "the variables that reached the engine are not on record", None
    if found is not None:
        names = ", ".join(undeclared(found, case.config.engine.environment)) or "none"
        against = f"the environment can change the engine and is not declared: {names}"
    # What a relaxed profile may do is no reason of its own.
    against = against if case.engine and case.strict else ""
    yield told("undeclared", names, "==", "none", against)


def _switch(case: SessionCase, trait: str, against: str) -> Iterable[Check]:
    """A trait that must be off."""
    if not case.traits.has_model:
        return
    on = getattr(case.traits, trait) if case.engine else None
    state = "on" if on else "not known to be off"
    yield told("engine's own word", on, "==", False, against.format(state) if case.engine else "")


@ENGINE_RULES.rule(
    "prefix-caching-off",
    "Prefix caching is off: no query uses another's KV cache",
    f"{RULES} §5.1, §8.2, §9.4",
)
def prefix_caching_off(case: SessionCase) -> Iterable[Check]:
    """The counter of its hits is another rule's."""
    yield from _switch(case, "prefix_caching", "prefix caching is {}, which the rules prohibit")


@ENGINE_RULES.rule(
    "reuse-probe",
    "Prompts that were asked twice before the clock were worked out twice",
    f"{RULES} §5.1, §8.2, §9.4; our own condition: the reuse probe (docs/rules.md)",
)
def reuse_probe(case: SessionCase) -> Iterable[Check]:
    """By the engine's counters, and by the times where they are long enough to tell."""
    if not case.traits.has_model:
        return
    probe = case.facts.reuse_probe
    if probe is None or case.engine is None:
        lacking = case.strict and case.engine is not None
        yield told("", None, "==", "made", "there was no reuse probe" if lacking else "")
        return
    asked = probe.prompts if not probe.failures else None
    against = "a prompt of the reuse probe was not answered"
    both = min(len(probe.first_s), len(probe.again_s)) or None
    yield told("prompts answered twice", both, "==", asked, against)
    replicas = case.engine.replicas
    against = f"the reuse probe reached {probe.replicas} of {replicas} replicas"
    yield told("replicas", probe.replicas, "==", replicas, against)
    yield from _reused(probe.hit_tokens)
    yield from _faster(probe)


def _reused(hit_tokens: Mapping[str, float]) -> Iterable[Check]:
    for name, value in hit_tokens.items():
        against = f"the engine reused {value:g} tokens of prompts that were asked twice"
        yield told(name, value, "==", 0, against)
    if not hit_tokens:
        yield told(PREFIX_CACHE_HITS, None, "==", 0, "the engine does not count what it reuses")


def _faster(probe: ProbeFacts) -> Iterable[Check]:
    """The quickest of each: what else the machine does makes an answer slower, never quicker."""
    first, again = min(probe.first_s, default=0.0), min(probe.again_s, default=0.0)
    if first < JUDGED_FROM_S:
        return
    against = (
        f"prompts that were asked again were answered in {again:.3g} s, which took {first:.3g} s "
        "the first time"
    )
    name = "share of the first time that the second took"
    yield told(name, again / first, ">=", LEAST_SHARE, against)


@ENGINE_RULES.rule("no-speculation", "No speculative decoding", f"{RULES} §8.2")
def no_speculation(case: SessionCase) -> Iterable[Check]:
    """Prohibited for this model."""
    against = "speculative decoding is {}, which the rules prohibit for this model"
    yield from _switch(case, "speculative_decoding", against)


@ENGINE_RULES.rule("greedy", "Decoding is greedy", f"{RULES} §9.4")
def greedy(case: SessionCase) -> Iterable[Check]:
    """The most probable token is taken."""
    if not case.traits.has_model:
        return
    taken = case.traits.greedy if case.engine else None
    said = "not known to be" if taken is None else "not"
    against = f"decoding is {said} greedy, which the rules ask for" if case.engine else ""
    yield told("greedy", taken, "==", True, against)


@ENGINE_RULES.rule(
    "output-length", "Answers have the round's length bounds", f"{RULES} §4.1.3", "max_tokens"
)
def output_length(case: SessionCase) -> Iterable[Check]:
    """As the configuration asks for them, and as the engine took them."""
    for benchmark in case.benchmarks().values():
        for name in ("max_tokens", "min_tokens"):
            asked, wanted = getattr(case.config.generation, name), getattr(benchmark, name)
            yield told(name, asked, "==", wanted, f"{name} is {asked}, not {wanted}")
            if case.traits.has_model:
                taken = getattr(case.traits, name) if case.engine else None
                known = case.engine is not None and taken != asked
                said = (
                    f"did not say that {name} is" if taken is None else f"took {name} {taken}, not"
                )
                against = f"the engine {said} {asked}" if known else ""
                yield told(f"{name} of the engine", taken, "==", wanted, against)


@ENGINE_RULES.rule(
    "plain-sampling", "No other sampling parameter changes the answers", f"{RULES} §9.4"
)
def plain_sampling(case: SessionCase) -> Iterable[Check]:
    """Beside those that make decoding greedy and bound its length."""
    if not case.traits.has_model:
        return
    odd = case.traits.other_sampling if case.engine else None
    measured = None if odd is None else ", ".join(odd) or "none"
    against = "other sampling parameters are not known" if odd is None else (
        f"sampling has parameters that change answers: {measured}"
    )  # fmt: skip
    yield told("", measured, "==", "none", against if case.engine else "")


@ENGINE_RULES.rule(
    "stop-tokens", "Answers end at the model's end-of-sequence tokens only", f"{RULES} §9.4"
)
def stop_tokens(case: SessionCase) -> Iterable[Check]:
    """By their ids."""
    if not case.traits.has_model:
        return
    stops, ours = case.traits.end_token_ids if case.engine else None, case.config.model
    measured = None if stops is None else _ids(stops)
    against = f"answers end at the ids {measured}, not at the model's {_ids(ours.eos_token_ids)}"
    if stops is None:
        against = "the ids at which answers end are not known"
    yield told("", measured, "==", _ids(ours.eos_token_ids), against if case.engine else "")


def _ids(values: Sequence[int]) -> str:
    return ", ".join(str(value) for value in sorted(set(values)))
