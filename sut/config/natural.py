"""What a person types who knows another tool: the flag, key or verb of ours that says the same.

Standard library alone, so that `--help` stays quick; the keys are read where somebody erred.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection

# Near enough to be a slip of the fingers. What is farther off is another word.
NEAR = 0.7

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
_FLAGS = {
    **dict.fromkeys(("--target-qps", "--qps", "--rate", "--request-rate", "--rps"), _RATE),
    **dict.fromkeys(
        ("--num-prompts", "--num-samples", "--num-queries", "--count", "--limit"), _COUNT
    ),
    **dict.fromkeys(("--output-dir", "--output", "--out", "--result-dir", "-o"), _OUTPUT),
    **dict.fromkeys(("--max-tokens", "--max-new-tokens", "--output-len"), _LENGTH),
    **dict.fromkeys(("--seed", "--rng-seed"), _SEED),
    **dict.fromkeys(("--verbose", "-v", "--debug"), _LOUD),
    **dict.fromkeys(("--duration", "--time"), "--set server.min_duration_s=SECONDS"),
    **dict.fromkeys(("--tp", "--tp-size", "-tp"), "--tensor-parallel-size N"),
    **dict.fromkeys(("--num-workers", "--dp", "--data-parallel-size", "--gpus"), "--replicas N"),
    **dict.fromkeys(("--model-path", "--checkpoint-path", "--model-name"), "--model NAME"),
    **dict.fromkeys(("--dataset-path", "--dataset-name"), "--dataset PATH"),
    **dict.fromkeys(("--accuracy",), "--mode accuracy"),
    **dict.fromkeys(("--backend",), "--engine NAME"),
    **dict.fromkeys(("--node", "--hostname"), "--set node_name=NAME"),
}
# Verbs of other harnesses.
_VERBS = {
    "benchmark": "Leave it out: without a verb the benchmark runs.",
    "start": "Leave it out: without a verb the benchmark runs.",
    "test": "The verb for compliance tests is audit.",
    "help": "Give --help.",
    "version": "Give --version.",
}


def instead_of(word: str, flags: Collection[str]) -> str:
    """What to do about a flag that there is not.

    Args:
        word: as it was typed.
        flags: those of this verb that a person may know of.
    """
    if "--set" in flags:
        meant = _FLAGS.get(word) or _keys(word)
        if meant is not None:
            return f"Give {meant}."
    near = difflib.get_close_matches(word, flags, n=1, cutoff=NEAR)
    # A word without its hyphens still looks like its flag.
    near = near or difflib.get_close_matches(f"--{word.lstrip('-')}", flags, n=1, cutoff=NEAR)
    return f"The nearest is {near[0]}." if near else "See --help."


def _keys(word: str) -> str | None:
    """The keys whose last part the flag is called by."""
    from sut.config.keys import leaves

    name = word.lstrip("-").replace("-", "_")
    found = [key for key in leaves() if key.rpartition(".")[2] == name]
    return " or ".join(f"--set {key}=…" for key in found) if found else None


def instead_of_verb(word: str, verbs: Collection[str], scenarios: Collection[str]) -> str:
    """What to do about a first word that is no verb."""
    if word in _VERBS:
        return _VERBS[word]
    for scenario in scenarios:
        if word.casefold() == scenario.casefold():
            return f"Give --scenario {scenario}."
    near = difflib.get_close_matches(word, verbs, n=1, cutoff=NEAR)
    return f"The nearest is {near[0]}." if near else f"The verbs are {', '.join(verbs)}."
