"""Why a run is not submission-grade: each reason from one relaxed value, none from none."""

from __future__ import annotations

from typing import Any

import pytest

from sut.config.names import Scenario
from sut.config.rounds import Round
from sut.config.scenario_sections import OfflineConfig, ServerConfig
from sut.config.schema import (
    EngineConfig,
    GenerationConfig,
    ModelConfig,
    NullConfig,
    RunConfig,
    ValidityConfig,
)
from sut.config.vllm_options import VllmConfig
from sut.record.facts import RunFacts, SessionFacts
from sut.rules.catalogue import SCENARIO_WIDE, SESSION_WIDE
from sut.rules.grade import GRADE, NOT_IN_GRADE, submission_grade
from sut.rules.session_case import SessionCase
from tests.unit.result.sessions import (
    ARGUMENTS,
    DETAILS,
    RECORDED,
    answered_by,
    make_config,
    make_round,
    make_run,
    make_session_facts,
)

OFFLINE = OfflineConfig(min_query_count=13368, min_duration_s=600)
SERVER = ServerConfig(min_query_count=100, min_duration_s=600, latency_percentile=99)
MODEL = ModelConfig(
    name="llama3.1-8b",
    path="m",
    context_tokens=1,
    vocab_size=1,
    eos_token_ids=(0,),
    official=True,
    loadgen_model="llama3_1-8b",
    benchmark="llama3.1-8b",
    prompt_format="llama3.1-8b-cnn",
)


def official(**changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "profile": "mlperf",
        "scenarios": (Scenario.OFFLINE, Scenario.SERVER),
        "offline": OFFLINE,
        "server": SERVER,
        "interactive": SERVER,
        "generation": GenerationConfig(max_tokens=128, min_tokens=1),
        "model": MODEL,
    }
    return make_config(("server",), **(values | changes))


SAMPLING = {"temperature": 0.0, "max_tokens": 128, "min_tokens": 1, "stop_token_ids": [0]}
RECOGNISED = {"model_recognised": "llama3.1-8b", "model_config_sha256": "3" * 64}


def engine(**changes: Any) -> dict[str, Any]:
    made = make_session_facts()["engine"] | {"sampling": SAMPLING} | RECOGNISED
    return dict(made | changes)


def facts(dataset: dict[str, Any] | None = None, **changes: Any) -> SessionFacts:
    values = make_session_facts() | {"engine": engine()} | changes
    values["dataset"] |= {"count": 13368} | (dataset or {})
    return SessionFacts.model_validate(values)


def runs(*kinds: str, scenarios: tuple[str, ...] = tuple(Scenario)) -> list[RunFacts]:
    made = []
    for scenario in scenarios:
        for kind in kinds:
            test = kind if kind == "TEST06" else None
            run = make_run(RECORDED / "server", scenario, "compliance" if test else kind)
            made.append(RunFacts.model_validate(run | {"test": test}))
    return made


ALL = ("performance", "accuracy", "TEST06")


def grade(
    config: RunConfig, found: SessionFacts, round_: Round | None, made: list[RunFacts]
) -> list[str]:
    return submission_grade(SessionCase(config, found, round_, made))


def test_each_rule_on_a_session_is_asked_or_named_as_left_out() -> None:
    assert {*GRADE} | NOT_IN_GRADE == {*SESSION_WIDE, *SCENARIO_WIDE}
    assert not {*GRADE} & NOT_IN_GRADE


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_nothing_stands_against_an_official_run(share: float) -> None:
    assert grade(official(), facts(), make_round(), runs(*ALL)) == []
    own = official(validity=ValidityConfig(others_cpu_share=share))
    assert grade(own, facts(), make_round(), runs(*ALL)) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"validity": ValidityConfig(others_cpu_share=None)},
            "validity.others_cpu_share is null, and the mlperf profile has 0.5",
        ),
        ({"profile": "quick"}, "the profile is quick, which relaxes the round's rules"),
        (
            {"engine": EngineConfig(kind="null", null=NullConfig())},
            "the null engine answers without a model",
        ),
        (
            {"engine": EngineConfig(vllm=VllmConfig(load_format="dummy"))},
            "the weights are random",
        ),
        (
            {"model": MODEL.model_copy(update={"official": False})},
            "llama3.1-8b is not the benchmark's own model",
        ),
        (
            {"offline": OFFLINE.model_copy(update={"min_duration_s": 60.0})},
            "Offline ran for 60 s at least, not 600 s",
        ),
        (
            {"offline": OFFLINE.model_copy(update={"min_query_count": 100})},
            "Offline asked for 100 samples, not 13368",
        ),
        (
            {"server": SERVER.model_copy(update={"latency_percentile": 95.0})},
            "Server was held to P95, not P99",
        ),
        (
            {"server": SERVER.model_copy(update={"ttft_limit_ms": 3000.0})},
            "Server allowed TTFT 3000 ms, not 2000 ms",
        ),
        (
            {"server": SERVER.model_copy(update={"tpot_limit_ms": 101.0})},
            "Server allowed TPOT 101 ms, not 100 ms",
        ),
        ({"generation": GenerationConfig(max_tokens=64)}, "max_tokens is 64, not 128"),
        (
            {"generation": GenerationConfig(max_tokens=128, min_tokens=0)},
            "min_tokens is 0, not 1",
        ),
        ({"scenarios": (Scenario.SERVER,)}, "the required scenario Offline was not run"),
        ({"scenarios": (Scenario.OFFLINE,)}, "none of Server, Interactive was run"),
        (
            {"scenarios": (*Scenario,), "interactive": SERVER.model_copy(
                update={"ttft_limit_ms": 500.0, "tpot_limit_ms": 30.0})},
            "round v6.1 has no scenario SingleStream for llama3.1-8b",
        ),
    ],
)  # fmt: skip
def test_each_relaxed_value_is_a_reason(changes: dict[str, Any], reason: str) -> None:
    config = official(**changes)
    found = facts(engine=engine(**answered_by(config)))
    assert grade(config, found, make_round(), runs(*ALL)) == [reason]


def test_of_a_benchmark_without_a_known_model_nothing_is_recognised() -> None:
    config = official(model=MODEL.model_copy(update={"benchmark": "gptj"}))
    assert grade(config, facts(), make_round(), runs(*ALL)) == [
        "the config.json of the weights was recognised as llama3.1-8b, not as that of gptj",
        "round v6.1 has no benchmark gptj",
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (facts({"source": "sample"}), "the data set is the shipped sample"),
        (facts({"synthetic": True}), "the data set is synthetic"),
        (facts({"count": 48}), "the data set has 48 samples, not 13368"),
        (facts(engine=None), "the engine never became ready"),
        (
            facts(engine=engine(arguments=ARGUMENTS | {"load_format": None})),
            "the weights are not known to be read from files",
        ),
        (
            facts(engine=engine(arguments=ARGUMENTS | {"enable_prefix_caching": True})),
            "prefix caching is on, which the rules prohibit",
        ),
        (
            facts(engine=engine(sampling=SAMPLING | {"temperature": 0.7})),
            "decoding is not greedy, which the rules ask for",
        ),
        (
            facts(engine=engine(sampling=SAMPLING | {"top_p": 0.5})),
            "sampling has parameters that change answers: top_p",
        ),
        (
            facts(engine=engine(sampling=SAMPLING | {"stop_token_ids": [7]})),
            "answers end at the ids 7, not at the model's 0",
        ),
        (
            facts(engine=engine(sampling=SAMPLING | {"max_tokens": 64})),
            "the engine took max_tokens 64, not 128",
        ),
        (
            facts(engine=engine(details=DETAILS | {"speculative_decoding": True})),
            "speculative decoding is on, which the rules prohibit for this model",
        ),
        (
            facts(engine=engine(model_recognised=None)),
            "the config.json of the weights was recognised as no official model's, not as that of "
            "llama3.1-8b",
        ),
        (
            facts(engine=engine(model_recognised="another-model")),
            "the config.json of the weights was recognised as another-model, not as that of "
            "llama3.1-8b",
        ),
        (
            facts(engine=engine(model_recognised=None, model_config_sha256=None)),
            "no config.json of the weights is on record",
        ),
        (
            facts(engine=engine(model_sha256="f" * 64)),
            "the weights' files are not those of the published checkpoint: their checksum is "
            "ffffffffffff…, not 75a43fbc94ef…",
        ),
    ],
)
def test_each_fact_is_a_reason(changed: SessionFacts, reason: str) -> None:
    assert grade(official(), changed, make_round(), runs(*ALL)) == [reason]


def test_no_checksum_is_published_of_quantised_weights() -> None:
    changed = facts(engine=engine(model_sha256="f" * 64, quantised_to="int8"))
    assert grade(official(), changed, make_round(), runs(*ALL)) == []


HITS = "prefix_cache_hit_tokens"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (None, "there was no reuse probe"),
        ({"hit_tokens": {HITS: 128.0}}, "the engine reused 128 tokens of prompts that were asked "
         "twice"),
        ({"hit_tokens": {}}, "the engine does not count what it reuses"),
        ({"again_s": [0.02, 0.3]}, "prompts that were asked again were answered in 0.02 s, which "
         "took 0.3 s the first time"),
        ({"failures": ["no answer"]}, "a prompt of the reuse probe was not answered"),
        ({"again_s": [0.3]}, "a prompt of the reuse probe was not answered"),
        ({"prompts": 0, "first_s": [], "again_s": []}, "a prompt of the reuse probe was not "
         "answered"),
        ({"replicas": 1}, "the reuse probe reached 1 of 2 replicas"),
        # Half of the time is the margin, and what is short says nothing.
        ({"again_s": [0.15, 0.3]}, None),
        ({"first_s": [0.049, 9.0], "again_s": [0.001, 0.3]}, None),
        ({"first_s": [0.05, 9.0], "again_s": [0.001, 0.3]}, "prompts that were asked again were "
         "answered in 0.001 s, which took 0.05 s the first time"),
    ],
)  # fmt: skip
def test_an_engine_that_reuses_prompts_asked_twice_is_a_reason(
    changes: dict[str, Any] | None, reason: str | None
) -> None:
    own = make_session_facts()["reuse_probe"]
    changed = facts(reuse_probe=None if changes is None else own | changes)
    assert grade(official(), changed, make_round(), runs(*ALL)) == ([reason] if reason else [])


def test_a_relaxed_profile_need_not_probe_and_an_engine_without_a_model_cannot() -> None:
    silent = facts(reuse_probe=None)
    assert grade(official(profile="quick"), silent, make_round(), runs(*ALL)) == [
        "the profile is quick, which relaxes the round's rules"
    ]
    null = official(engine=EngineConfig(kind="null", null=NullConfig()))
    silent = facts(reuse_probe=None, engine=engine(**answered_by(null)))
    assert grade(null, silent, make_round(), runs(*ALL)) == [
        "the null engine answers without a model"
    ]


def variable(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "value": "1", "given_by": "user", "harmless": False} | changes


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "the variables that reached the engine are not on record"),
        (
            [variable("A"), variable("B"), variable("C")],
            "the environment can change the engine and is not declared: A, C",
        ),
        ([variable("B")], None),
        ([variable("A", harmless=True)], None),
        ([variable("A", given_by="harness"), variable("D", given_by="engine")], None),
    ],
)
def test_a_variable_that_changes_the_engine_is_declared_or_a_reason(
    found: list[dict[str, Any]] | None, reason: str | None
) -> None:
    config = official(engine=EngineConfig(environment=("B",)))
    changed = facts(engine=engine(environment=found))
    assert grade(config, changed, make_round(), runs(*ALL)) == ([reason] if reason else [])


def test_in_a_relaxed_profile_a_variable_is_no_reason_of_its_own() -> None:
    changed = facts(engine=engine(environment=[variable("A")]))
    assert grade(official(profile="quick"), changed, make_round(), runs(*ALL)) == [
        "the profile is quick, which relaxes the round's rules"
    ]


@pytest.mark.parametrize(
    ("settings", "arguments", "reason"),
    [
        ({"dtype": "bfloat16"}, {"dtype": "float32"}, "dtype is float32, not bfloat16"),
        ({"quantization": "fp8"}, {"quantization": None}, "quantization is none, not fp8"),
        (
            {"kv_cache_dtype": "fp8"},
            {"kv_cache_dtype": "uint8"},
            "kv_cache_dtype is uint8, not fp8",
        ),
        ({"max_num_seqs": 8}, {"max_num_seqs": 9}, "max_batch_sequences is 9, not 8"),
        ({"max_model_len": 300}, {"max_model_len": 200}, "context_tokens is 200, not 300"),
        (
            {"max_num_batched_tokens": 64},
            {"max_num_batched_tokens": 99},
            "max_batch_tokens is 99, not 64",
        ),
        ({"load_format": "dummy"}, {"load_format": "auto"}, "weights is real, not random"),
        # What leaves the choice to the engine, and other names of one type.
        ({"kv_cache_dtype": "auto"}, {"kv_cache_dtype": "bfloat16"}, None),
        ({"quantization": None}, {"quantization": "compressed-tensors"}, None),
        ({"kv_cache_dtype": "fp8"}, {"kv_cache_dtype": "fp8_e4m3"}, None),
        ({"dtype": "half"}, {"dtype": "float16"}, None),
    ],
)
def test_an_engine_that_is_not_as_it_was_asked_to_be_is_a_reason(
    settings: dict[str, Any], arguments: dict[str, Any], reason: str | None
) -> None:
    config = official(engine=EngineConfig(vllm=VllmConfig(**settings)))
    found = facts(engine=engine(arguments=ARGUMENTS | arguments))
    against = [f"the engine's {reason} as its settings ask"] if reason else []
    assert grade(config, found, make_round(), runs(*ALL)) == against


def test_what_an_engine_does_not_tell_is_held_against_it() -> None:
    found = facts(engine=engine(kind="other", traits={"weights": "real"}))
    assert grade(official(), found, make_round(), runs(*ALL)) == [
        "prefix caching is not known to be off, which the rules prohibit",
        "speculative decoding is not known to be off, which the rules prohibit for this model",
        "decoding is not known to be greedy, which the rules ask for",
        "other sampling parameters are not known",
        "the ids at which answers end are not known",
        "the engine did not say that max_tokens is 128",
        "the engine did not say that min_tokens is 1",
    ]
    told = {
        "prefix_caching": False, "speculative_decoding": False, "greedy": True, "max_tokens": 128,
        "min_tokens": 1, "end_token_ids": [0], "other_sampling": [],
    }  # fmt: skip
    found = facts(engine=engine(kind="other", traits={"weights": "real"} | told))
    assert grade(official(), found, make_round(), runs(*ALL)) == []
    silent = facts(engine=engine(kind="other", traits=told))
    assert grade(official(), silent, make_round(), runs(*ALL)) == [
        "the weights are not known to be read from files"
    ]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            [*runs(*ALL, scenarios=("Offline",)), *runs("performance", "TEST06")],
            "Server has no accuracy run in this session",
        ),
        (
            [*runs(*ALL, scenarios=("Offline",)), *runs("accuracy", "TEST06")],
            "Server has no performance run in this session",
        ),
        (
            [*runs(*ALL, scenarios=("Server",)), *runs("performance", "accuracy")],
            "Offline has no TEST06 run in this session",
        ),
    ],
)
def test_missing_runs_are_reasons(made: list[RunFacts], reason: str) -> None:
    assert grade(official(), facts(), make_round(), made) == [reason]


def test_unknown_round_is_a_reason() -> None:
    against = grade(official(round="v9"), facts(), None, runs(*ALL))
    assert against == ["the rules of round v9 are unknown"]
