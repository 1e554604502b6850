"""What a person types who knows another tool: the flag, key or verb of ours that says the same.

Standard library alone, so that `--help` stays quick; the keys are read where somebody erred.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from sut.config.names import Scenario

# Near enough to be a slip of the fingers. What is farther off is another word.
NEAR = 0.7
# The names of files and rounds are few and short: two of three letters are near.
NEAR_NAME = 0.6
# Of the keys that have a word in them so many are named at most; more is no answer.
MOST_KEYS = 4

# Flags of other harnesses → what to give here. A name that is a key's last part needs no entry.
_RATE = "--set server.target_qps=N in Server, or --set offline.target_qps=N in Offline"
_COUNT = (
    "--set server.min_query_count=N or --set offline.min_query_count=N; fewer different samples: "
    "--set dataset.max_samples=N"
)
_OUTPUT = "--results-dir DIR"
_LENGTH = "--set generation.max_tokens=N"
_SEED = "--set engine.vllm.seed=N for the engine; the seeds of LoadGen are the round's"
_LOUD = "--dry-run to see the configuration; all that was said is kept in the session's folder"
_AT_ONCE = (
    "--set engine.vllm.max_num_seqs=N for what the engine works on at once; LoadGen decides how "
    "many queries are open"
)
_LIMIT = (
    "--set server.ttft_limit_ms=MS, --set server.tpot_limit_ms=MS or "
    "--set server.e2e_p99_limit_ms=MS"
)
_FLAGS = {
    **dict.fromkeys(
        ("--target-qps", "--qps", "--rate", "--request-rate", "--rps", "--expected-qps"), _RATE
    ),
    **dict.fromkeys(
        (
            *("--num-prompts", "--num-samples", "--num-queries", "--count", "--limit", "-n", "--n"),
            *("--requests", "--num-requests", "--request-count", "--max-requests", "--queries"),
            *("--samples", "--max-examples", "--max_examples", "--total-sample-count"),
        ),
        _COUNT,
    ),
    **dict.fromkeys(
        ("--output-dir", "--output", "--out", "--result-dir", "--output-log-dir", "-o"), _OUTPUT
    ),
    **dict.fromkeys(
        ("--max-tokens", "--max-new-tokens", "--output-len", "--output-tokens", "--osl"), _LENGTH
    ),
    **dict.fromkeys(("--seed", "--rng-seed"), _SEED),
    **dict.fromkeys(("--verbose", "-v", "--debug", "--log-level"), _LOUD),
    **dict.fromkeys(("--duration", "--time"), "--set server.min_duration_s=SECONDS"),
    **dict.fromkeys(("--tp", "--tp-size", "-tp"), "--tensor-parallel-size N"),
    **dict.fromkeys(("--pp", "--pp-size", "-pp"), "--pipeline-parallel-size N"),
    **dict.fromkeys(
        ("--num-workers", "--dp", "--data-parallel-size", "--gpus", "--num-gpus", "--workers"),
        "--replicas N",
    ),
    **dict.fromkeys(
        ("--model-path", "--checkpoint-path", "--model-name", "--tokenizer", "-m"), "--model NAME"
    ),
    **dict.fromkeys(("--dataset-path", "--dataset-name", "--input-file"), "--dataset PATH"),
    **dict.fromkeys(("--accuracy",), "--mode accuracy"),
    **dict.fromkeys(("--backend",), "--engine NAME"),
    **dict.fromkeys(("--node", "--hostname"), "--set node_name=NAME"),
    **dict.fromkeys(
        (
            *("--concurrency", "--max-concurrency", "--num-concurrent", "--batch-size", "-b"),
            *("--max-batch-size", "--batch", "--bs", "-c"),
        ),
        _AT_ONCE,
    ),
    **dict.fromkeys(
        ("--ttft", "--tpot", "--goodput", "--slo", "--latency-limit", "--target-latency"),
        _LIMIT,
    ),
    **dict.fromkeys(("--device", "--hardware", "--gpu-type"), "--system NAME"),
    **dict.fromkeys(("--cpu",), "--system cpu"),
    **dict.fromkeys(("--null", "--mock", "--fake", "--dummy"), "--engine null"),
    **dict.fromkeys(("--quick", "--fast", "--short"), "--profile quick"),
    **dict.fromkeys(("--mlperf", "--official", "--full"), "--profile mlperf"),
    **dict.fromkeys(("--scenarios",), "--scenario NAME"),
    **dict.fromkeys(("--offline",), "--scenario Offline"),
    **dict.fromkeys(("--server",), "--scenario Server"),
    **dict.fromkeys(("--interactive",), "--scenario Interactive"),
    **dict.fromkeys(("--single-stream", "--singlestream"), "--scenario SingleStream"),
    **dict.fromkeys(("--silent", "--no-progress", "-q"), "--quiet"),
    **dict.fromkeys(("--mlperf-conf", "--mlperf_conf"), "--user-conf FILE for what is the user's"),
}
# What there is no flag for, and what to do or to know in its place.
_GREEDY = "Leave it out: the rules ask for greedy answers, which every run takes."
_NO_SERVER = (
    "Leave it out: the engine starts in this call, and no server is asked. "
    "A Ray cluster is named by --address HOST:PORT."
)
_TOKEN = "Set the environment variable HF_TOKEN; a token never stands on a command line."
_PAGE = "Leave it out: every session has its report.html; sut report makes it again."
_PLAIN = "Set the environment variable NO_COLOR=1; no meaning is in a colour alone."
_LENGTHS = "Leave it out: the prompts are the data set's, which --dataset PATH names."
_RESUMED = (
    "A run is never resumed: sut recover makes a result of what a killed one left, and "
    "sut campaign goes on with a plan."
)
_TOLD = {
    **dict.fromkeys(("--temperature", "--top-p", "--top-k", "--do-sample", "--greedy"), _GREEDY),
    **dict.fromkeys(
        ("--url", "--base-url", "--host", "--port", "--endpoint", "--api-key", "--server-url"),
        _NO_SERVER,
    ),
    **dict.fromkeys(("--token", "--hf-token"), _TOKEN),
    **dict.fromkeys(("--html", "--plot", "--report", "--save-result", "--open"), _PAGE),
    **dict.fromkeys(("--no-color", "--color", "--no-colour", "--colour"), _PLAIN),
    **dict.fromkeys(
        ("--input-len", "--isl", "--random-input-len", "--input-tokens", "--prompt-len"), _LENGTHS
    ),
    **dict.fromkeys(("--resume", "--continue", "--restart"), _RESUMED),
    **dict.fromkeys(
        ("--format", "--csv", "--parquet"), "sut export writes a run's queries as CSV or Parquet."
    ),
    **dict.fromkeys(
        ("--gpu", "--gpu-id", "--device-id"),
        "Set the environment variable CUDA_VISIBLE_DEVICES; --replicas N takes N cards.",
    ),
    **dict.fromkeys(
        ("--force", "--yes", "-y", "-f", "--overwrite"),
        "Leave it out: nothing is asked, and nothing that exists is overwritten.",
    ),
    **dict.fromkeys(
        ("--streaming", "--stream", "--burstiness", "--arrival", "--ignore-eos"),
        "Leave it out: the scenario decides how queries arrive and what is reported of them.",
    ),
    **dict.fromkeys(
        ("--power", "--energy"),
        "Leave it out: power and clocks are read by themselves where a card tells them.",
    ),
    **dict.fromkeys(
        ("--audit", "--audit-conf", "--audit-config"),
        "The verb is audit: sut audit --test TEST06; with the runs, --mode compliance.",
    ),
}
# Verbs of other harnesses.
_NO_VERB = "Leave it out: without a verb the benchmark runs."
_VERBS = {
    **dict.fromkeys(("benchmark", "start", "exec", "launch", "perf", "performance"), _NO_VERB),
    **dict.fromkeys(
        ("serve", "server-start", "up"),
        "Leave it out: without a verb the benchmark runs, and starts its engine itself.",
    ),
    "test": "The verb for compliance tests is audit.",
    "compliance": "The verb for compliance tests is audit.",
    "version": "Give --version.",
    **dict.fromkeys(
        ("results", "result", "ls", "list", "logs", "runs"), "The verb is history, then report."
    ),
    **dict.fromkeys(
        ("show", "view", "open", "plot", "summary", "summarize", "html", "cat"),
        "The verb is report.",
    ),
    **dict.fromkeys(("diff", "cmp"), "The verb is compare."),
    **dict.fromkeys(
        ("clean", "rm", "remove", "delete", "purge"),
        "All of a session is in its folder and the two files of its name: remove them by hand.",
    ),
    **dict.fromkeys(
        ("init", "setup", "install"), "make setup does it; the verb doctor says what is missing."
    ),
    **dict.fromkeys(("status", "info", "env", "preflight"), "The verb is doctor."),
    **dict.fromkeys(("config", "plan", "show-config"), "Give --dry-run without a verb."),
    **dict.fromkeys(("validate", "audit-result"), "The verb is verify, or check for a tree."),
    **dict.fromkeys(
        ("download", "dataset", "get-dataset"),
        "The verb for a data set is prepare-dataset; weights are fetched when a run needs them.",
    ),
    **dict.fromkeys(
        ("stop", "kill", "down"), "Ctrl-C ends a run; cluster stop ends a cluster of ours."
    ),
    **dict.fromkeys(("eval", "evaluate", "score"), "The verb is accuracy."),
    **dict.fromkeys(("sweep", "search", "find-rate"), "The verb is peak for a rate, or tune."),
    **dict.fromkeys(("resume", "continue"), "The verb is recover, or campaign for a plan."),
    **dict.fromkeys(("submission", "package"), "The verb is submit."),
    **dict.fromkeys(("timeline", "perfetto"), "The verb is trace."),
    **dict.fromkeys(("predict", "what-if", "estimate"), "The verb is simulate, or give --dry-run."),
}
# Endings of keys that say a unit.
_UNITS = ("_s", "_ms", "_gib", "_qps")


def instead_of(word: str, flags: Collection[str], keys: Callable[[], Collection[str]]) -> str:
    """What to do about a flag that there is not.

    Args:
        word: as it was typed.
        flags: those of this verb that a person may know of.
        keys: tells the keys of the configuration.
    """
    if "--set" in flags and (told := natural(word, keys())) is not None:
        return told
    name = word.lstrip("-")
    # The hyphens are alike in all of them, and would make neighbours of strangers.
    by_name = {each.lstrip("-"): each for each in flags if each.startswith("--")}
    near = difflib.get_close_matches(name, by_name, n=1, cutoff=NEAR)
    if near:
        return f"The nearest is {by_name[near[0]]}."
    if "--set" in flags and (found := _with_words(name.replace("-", "_"), keys())):
        return f"Give {_assignments(found)}."
    return "See --help."


def natural(word: str, keys: Collection[str]) -> str | None:
    """What to give for another tool's flag, or for a key's own name as a flag."""
    if word in _TOLD:
        return _TOLD[word]
    meant = _FLAGS.get(word)
    if meant is None and (found := _called(word.lstrip("-").replace("-", "_"), keys)):
        meant = _assignments(found)
    return None if meant is None else f"Give {meant}."


def _called(name: str, keys: Collection[str]) -> list[str]:
    """The keys whose last part is the name, with or without its unit."""
    names = {name, *(f"{name}{unit}" for unit in _UNITS)}
    return [key for key in keys if key.rpartition(".")[2] in names]


def _with_words(name: str, keys: Collection[str]) -> list[str]:
    """The keys that have every word of the name in them; none if they are too many to be told."""
    words = set(name.split("_"))
    found = [key for key in keys if words <= set(key.replace(".", "_").split("_"))]
    return found if len({_in_any_scenario(key) for key in found}) <= MOST_KEYS else []


def _assignments(keys: Collection[str]) -> str:
    """The keys as they are set; those of several scenarios as one."""
    shown: dict[str, list[str]] = {}
    for key in keys:
        shown.setdefault(_in_any_scenario(key), []).append(key)
    return " or ".join(
        f"--set {alike[0]}=…"
        + (f" (or {', '.join(key.partition('.')[0] for key in alike[1:])})" if alike[1:] else "")
        for alike in shown.values()
    )


def _in_any_scenario(key: str) -> str:
    """The key, alike for the sections of all scenarios."""
    section, _, rest = key.partition(".")
    return rest if section in {each.section for each in Scenario} else key


def near_one(word: str, names: Collection[str]) -> str:
    """The sentence that names what looks most like a word; empty where nothing does."""
    by_folded = {each.casefold(): each for each in names}
    folded = word.casefold()
    begun = [each for each in by_folded if each.startswith(folded) or each == f"v{folded}"]
    near = begun or difflib.get_close_matches(folded, by_folded, n=1, cutoff=NEAR_NAME)
    return f"The nearest is {by_folded[near[0]]}." if near and folded else ""


def instead_of_verb(word: str, verbs: Collection[str], scenarios: Collection[str]) -> str:
    """What to do about a first word that is no verb."""
    if word.casefold() in _VERBS:
        return _VERBS[word.casefold()]
    for scenario in scenarios:
        if word.casefold() == scenario.casefold():
            return f"Give --scenario {scenario}."
    near = difflib.get_close_matches(word, verbs, n=1, cutoff=NEAR)
    return f"The nearest is {near[0]}." if near else f"The verbs are {', '.join(verbs)}."
