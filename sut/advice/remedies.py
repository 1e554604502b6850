"""A run that failed → what to set so that the next one is VALID: cause, flag and value.

Said only where every failed check is one that the size or the rate of the run decides. After
a crash, an interruption or with figures that contradict each other no rate is any remedy, and
what was measured is nothing to compute one from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sut.advice.server_remedies import server_advice
from sut.advice.spelling import figure, roughly, rounded_down, rounded_up
from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.metrics import judged_duration_s
from sut.plan.forecast import forecast
from sut.record.facts import AccuracyFacts
from sut.rules.check import Check
from sut.rules.evidence import Evidence
from sut.rules.surroundings import disturbances

SIZE_OR_RATE = frozenset(
    {
        "loadgen-verdict",
        "min-duration",
        "min-queries-met",
        "early-stopping",
        "latency-constraints",
        "ttft",
        "tpot",
        "latency-p99",
    }
)
# What makes nonsense of good weights where it is set wrong.
NUMERICS = ("dtype", "quantization", "kv_cache_dtype")
# The one ERROR line that a wrong size makes (LoadGen issue_query_controller.cc).
RAN_OUT = "Ran out of generated queries"
UNDISTURBED = "undisturbed"
# What other programs can make fail: nobody makes a run too short.
LATE = {"early-stopping", "latency-constraints", "ttft", "tpot", "latency-p99", UNDISTURBED}
ALONE = "Let the machine do nothing else, and run again before you change anything."
ERRORS = frozenset({"no-errors", "no-other-errors"})

# What a next Offline run is planned for: this times the least duration at the rate measured.
MARGIN = 1.25
# A run much too short was mostly start and end, so that a long one may be faster.
SHORT_MARGIN, SHORT_SHARE = 1.5, 0.25
TELLS_LITTLE_SHARE = 0.1
# LoadGen takes its hint in whole milliseconds (sut.plan.settings writes it so).
LEAST_HINT_MS = 1


def advice(evidence: Evidence, checks: Sequence[Check]) -> list[str]:
    """What to do about a run that is not VALID; empty where no setting would mend it."""
    failed = [each for each in checks if not each.passed]
    accuracy = evidence.accuracy
    if accuracy is not None and any(each.rule == "answers-sound" for each in failed):
        return [_broken_engine(evidence, accuracy)]
    if evidence.run.mode != "performance" or not failed:
        return []
    others = [each for each in failed if each.rule != UNDISTURBED]
    if not all(_size_or_rate(each, evidence) for each in others):
        return []
    late = any(each.rule in LATE for each in failed)
    disturbed = disturbances(evidence)[:1] if late else []
    return [f"Disturbed: {each}. {ALONE}" for each in disturbed] + _sizes(evidence, others)


def _sizes(evidence: Evidence, failed: Sequence[Check]) -> list[str]:
    """What size or rate would have passed."""
    if not failed:
        return []
    if evidence.scenario.loadgen_scenario == "Server":
        return server_advice(evidence, failed)
    if evidence.scenario is Scenario.OFFLINE:
        return _offline(evidence)
    return _single_stream(evidence, failed)


def _size_or_rate(check: Check, evidence: Evidence) -> bool:
    """Whether a failed check was measured, and is one that size or rate decide."""
    if check.measured is None:
        return False
    if check.rule in ERRORS:
        errors = evidence.logs.errors if evidence.logs else ()
        return all(RAN_OUT in group.text for group in errors)
    return check.rule in SIZE_OR_RATE


def _broken_engine(evidence: Evidence, accuracy: AccuracyFacts) -> str:
    """What the answers look like, and where to look first."""
    engine, traits = evidence.config.engine, evidence.traits
    if not traits.has_model:
        remedy = (
            f"The {engine.kind} engine answers without a model: leave out --engine {engine.kind}."
        )
    elif traits.weights == "random":
        remedy = "The weights are random: choose a --system and a --model with weights."
    else:
        named = [engine.key_of(trait) for trait in NUMERICS]
        keys = ["the weights in model.path", *(key for key in named if key is not None)]
        remedy = f"Look at {', '.join(keys)}, before anything is measured."
    return f"{'; '.join(accuracy.problems)}. No working model answers so. {remedy}"


def _offline(evidence: Evidence) -> list[str]:
    """The samples/s to size the next run for.

    LoadGen issues max(min_query_count, floor(1.1 * min_duration * target_qps)) samples, rounded
    up to whole copies of the data set, at once (LoadGen test_settings_internal.cc); they last
    samples / rate. The value is the least of two digits, from the measured rate up, whose
    samples last 1.25 times the least duration at the rate measured; 1.5 times after a run of
    less than a quarter of it.
    """
    config, figures = evidence.config, evidence.figures
    lasted_s = judged_duration_s("Offline", figures, None)
    rate, least_s, asked = (
        figures.samples_per_second,
        config.offline.min_duration_s,
        config.offline.target_qps,
    )
    if lasted_s is None or not rate or lasted_s >= least_s:
        return []
    cause = f"The run lasted {figure(lasted_s)} s of the {figure(least_s)} s it must: "
    if _takes_any_number(evidence.traits):
        return [_endless_offline(config, cause)]
    short = lasted_s < SHORT_SHARE * least_s
    needed = (SHORT_MARGIN if short else MARGIN) * rate * least_s
    wanted = rounded_up(rate)
    try:
        while (samples := _offline_samples(evidence, wanted)) < needed:
            wanted = rounded_up(wanted * (1 + 1e-6))
    except ConfigError:  # the round does not have the scenario
        return []
    return [
        f"{cause}this system answers {figure(rate)} samples/s and the run was sized for "
        f"{figure(asked)}. Try --set offline.target_qps={figure(wanted)} ({samples} samples, "
        f"about {roughly(samples / rate)} s)."
        + (
            " A run this short tells little of the rate: it may take a second try."
            if lasted_s < TELLS_LITTLE_SHARE * least_s
            else ""
        )
    ]


def _takes_any_number(traits: EngineTraits) -> bool:
    """Whether it works on any number of samples at once: none makes its run longer."""
    return not traits.has_model and traits.max_batch_sequences is None


def _endless_offline(config: RunConfig, cause: str) -> str:
    kind = config.engine.kind
    said = f"{cause}the {kind} engine answers any number of samples in the same time."
    if config.profile == "mlperf":
        return f"{said} Leave out --engine {kind}."
    return f"{said} Try --set offline.min_duration_s=0."


def _offline_samples(evidence: Evidence, target_qps: float) -> int:
    """The samples LoadGen would issue at another rate."""
    config, rules = evidence.config, evidence.round
    if rules is None:
        raise ConfigError("the round's rules are unknown.")
    offline = config.offline.model_copy(update={"target_qps": target_qps})
    changed = config.model_copy(update={"offline": offline})
    count = evidence.session.dataset.count
    return forecast(changed, Scenario.OFFLINE, count, rules).queries_expected


def _single_stream(evidence: Evidence, failed: Sequence[Check]) -> list[str]:
    """The latency to expect, or the queries that the percentile needs.

    LoadGen makes queries for twice the least duration at the latency it is told to expect, and
    ends when they are used up: a hint of more than twice the truth ends the run early. The value
    is the mean time of a query here, rounded down, which makes the run last twice the least.
    """
    config, figures = evidence.config, evidence.figures
    count = evidence.logs.sample_count if evidence.logs else None
    lasted_s = judged_duration_s("SingleStream", figures, count)
    if count is None or lasted_s is None or count < 2:
        return []
    least_s = config.single_stream.min_duration_s
    if lasted_s >= least_s:
        return _single_stream_queries(evidence, failed, count)
    each_ms = lasted_s / (count - 1) * 1000
    cause = (
        f"The run lasted {figure(lasted_s)} s of the {figure(least_s)} s it must: this system "
        f"takes {figure(each_ms)} ms a query and was expected to take "
        f"{figure(config.single_stream.target_latency_ms)}."
    )
    if each_ms >= LEAST_HINT_MS:
        hint = max(math.floor(rounded_down(each_ms)), LEAST_HINT_MS)
        return [f"{cause} Try --set single_stream.target_latency_ms={hint}."]
    if config.profile == "mlperf":
        return [cause]
    queries = figure(rounded_up(MARGIN * least_s * 1000 / each_ms))
    return [f"{cause} Try --set single_stream.min_query_count={queries}."]


def _single_stream_queries(evidence: Evidence, failed: Sequence[Check], count: int) -> list[str]:
    """A percentile is estimated only if at least one query may be over it: 64 for the 90th."""
    from sut.rules.early_stopping import queries_needed

    if not any(each.rule == "early-stopping" for each in failed):
        return []
    percentile = evidence.config.single_stream.latency_percentile
    needed = queries_needed(1, percentile)
    if evidence.config.profile == "mlperf" or count >= needed:
        return []
    return [
        f"Too few queries for the {percentile:g}th percentile: LoadGen wants {needed} and the run "
        f"had {count}. Try --set single_stream.min_query_count={needed}."
    ]
