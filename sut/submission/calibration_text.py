"""The write-up of a quantisation, from its record: inference_rules.adoc 8.1 asks for one.

Markdown, because the official checker asks for documentation/calibration.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.rounds import CalibrationList
from sut.record.quantize_record import (
    CalibrationFacts,
    QuantizeFacts,
    RecipeFacts,
    is_official,
)

BITS = {
    "w8a8": "INT8 weights and INT8 activations (W8A8)",
    "w4a16": "INT4 weights, activations as they were (W4A16)",
}
# What a checkpoint holds → the type of its weights, in the short form of results tables.
NUMBER_TYPES = {"w8a8": "int8", "w4a16": "int4", "fp8": "fp8"}


def method(facts: QuantizeFacts) -> str:
    """One line: what became what, by which steps."""
    steps = "GPTQ" if facts.recipe.smoothing_strength is None else "SmoothQuant, then GPTQ"
    made_with = facts.versions.get("llmcompressor", "of a version not told")
    words = BITS.get(facts.scheme, facts.scheme)
    return f"quantised after training to {words}: {steps} (llm-compressor {made_with})"


def write_up(facts: QuantizeFacts, known: CalibrationList | None) -> str:
    """The whole text.

    Args:
        facts: the record.
        known: the round's list; None where the round names none.
    """
    lines = [
        "# Calibration",
        "",
        f"The weights of {facts.source.model} were {method(facts)}.",
        "",
        "There was no training. Each step works from the published weights and from what the model "
        "does with the samples below.",
        "",
        "## Weights",
        "",
        *_weights(facts),
        "",
        "## Method",
        "",
        *_steps(facts.recipe),
        "",
        "## Samples",
        "",
        *_samples(facts.calibration, known),
        "",
        "## Made with",
        "",
        *(f"- {name} {version}" for name, version in sorted(facts.versions.items())),
        f"- device: {facts.device}",
        f"- this harness {facts.harness}, commit {facts.harness_commit or 'not known'}: "
        "`python -m sut.main quantize`",
        f"- {facts.made_utc}, {facts.seconds:g} s",
    ]
    return "\n".join(lines) + "\n"


def _weights(facts: QuantizeFacts) -> Iterable[str]:
    source = facts.source
    revision = f", revision {source.revision}" if source.revision else ""
    yield (
        f"- before: {source.origin}{revision}; SHA-256 over the files {source.weights_sha256}; "
        f"of config.json {source.config_sha256}"
    )
    yield f"- after: SHA-256 over the files {facts.weights_sha256}"
    yield (
        f"- {facts.quantised_modules} linear layers were quantised; not quantised: "
        f"{', '.join(facts.recipe.ignore)}, the embedding and the norms"
    )


def _steps(recipe: RecipeFacts) -> Iterable[str]:
    if recipe.smoothing_strength is not None:
        yield (
            f"1. SmoothQuant (arXiv 2211.10438), strength a = {recipe.smoothing_strength:g}: each "
            "input channel of a layer is divided by a factor, and the layer's weights are "
            "multiplied by it. The factor is r^a / (2 max|w|)^(1-a), where r is the range of the "
            "channel over the samples, greatest less least value, and w are the channel's weights. "
            "The norm before the layer takes the division in, so the model's function is the same. "
            "It is done to what follows a norm: q, k and v, gate and up."
        )
    number = 1 if recipe.smoothing_strength is None else 2
    yield (
        f"{number}. GPTQ (arXiv 2210.17323), blocks of {recipe.block_size} columns, dampening "
        f"{recipe.dampening_fraction:g} of the mean diagonal: the weights of a layer are rounded "
        "column by column, and each error is made up for in the columns that are still to come, "
        "by the second moments of the layer's inputs over the samples. Columns with the greatest "
        "second moment come first; the weights are stored in their own order."
    )
    group = next(iter(recipe.config_groups.values()))
    yield f"{number + 1}. Weights: {_numbers(group['weights'])}."
    activations = group.get("input_activations")
    if activations is None:
        yield f"{number + 2}. Activations are not quantised."
    else:
        yield f"{number + 2}. Activations: {_numbers(activations)}."


def _numbers(of: dict[str, object]) -> str:
    per = {"channel": "output channel", "token": "token"}.get(str(of["strategy"]))
    per = per or f"{of.get('group_size')} inputs of an output channel"
    when = "worked out for each token as it comes" if of.get("dynamic") else "fixed"
    return (
        f"signed integers of {of['num_bits']} bits, symmetric around 0, one scale for each {per}, "
        f"{when}"
    )


def _samples(found: CalibrationFacts, known: CalibrationList | None) -> Iterable[str]:
    if is_official(found, known) and known is not None:
        yield (
            f"The first {found.count} of the {found.listed} samples of MLCommons' calibration list "
            f"({known.file}), looked up in {found.dataset}. No other data was used."
        )
    elif found.source == "list":
        yield (
            f"NOT THE OFFICIAL LIST: the first {found.count} of {found.listed} samples of another "
            f"list, looked up in {found.dataset}. The closed division does not take these weights."
        )
    else:
        yield (
            f"NOT THE OFFICIAL LIST: {found.count} of {found.dataset}. The closed division does "
            "not take these weights."
        )
    yield ""
    if found.list_sha256 is not None:
        yield f"- SHA-256 of the list: {found.list_sha256}"
    yield f"- SHA-256 of the ids used, one a line: {found.ids_sha256}"
    yield f"- SHA-256 of the file of these samples, in MLCommons' form: {found.texts_sha256}"
    yield (
        f"- prompts in the form {found.prompt_format}: {found.prompt_tokens} tokens, the longest "
        f"{found.prompt_tokens_max}, none cut; SHA-256 over the ids {found.prompts_sha256}"
    )
