"""Generated prompts with the lengths of a benchmark's prompts, for runs without its data set.

The ids are drawn uniformly and mean nothing: the work of the engine is like the benchmark's,
the answers are not, so a data set made here is labelled synthetic. Its references are drawn
ids turned into text: they give the evaluation its work at full count, and no score its meaning.

How long they are, the round's file says (`dataset_lengths`), with what of it is known and what
is assumed. With the real file at hand, its own lengths stand in the result and can be held
against these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qsl.dataset import Dataset, Prompts
from sut.errors import DatasetError


@dataclass(frozen=True)
class Lengths:
    """How long a data set's prompts and references are, tokens.

    Args:
        mean: of the prompts, whose shape is log-normal.
        deviation: their standard deviation, before they are cut to the next two.
        shortest: the shortest prompt.
        longest: the longest prompt.
        reference_shortest: the shortest reference; they are evenly drawn.
        reference_longest: the longest reference.
    """

    mean: float
    deviation: float
    shortest: int
    longest: int
    reference_shortest: int
    reference_longest: int


@dataclass(frozen=True)
class Drawn:
    """What a configuration asks to be generated.

    Args:
        count: samples.
        seed: of the generator.
        lengths: how long they are.
    """

    count: int
    seed: int
    lengths: Lengths


# Texts of lists of token ids, as a model's tokenizer gives them.
Decode = Callable[[list[list[int]]], list[str]]


def generate(
    count: int,
    vocab_size: int,
    expected: Lengths,
    avoid_ids: Collection[int] = (),
    seed: int = 20251,
    max_prompt_tokens: int | None = None,
    decode: Decode | None = None,
) -> Dataset:
    """Make a data set; the same arguments give the same ids, as long as NumPy keeps its streams.

    Args:
        count: samples.
        vocab_size: ids are below this.
        expected: how long prompts and references are.
        avoid_ids: ids that never occur, e.g. those that end an answer.
        seed: of PCG64.
        max_prompt_tokens: longer prompts are cut to this, for models with a short context.
        decode: makes texts of the references' ids; None: the data set has no references.

    Raises:
        DatasetError: no id or no length is left to draw.
    """
    allowed = _allowed_ids(vocab_size, avoid_ids)
    longest = _longest(expected, max_prompt_tokens)
    _require_one(synthetic_count=count, room_for_a_prompt=longest)
    random = np.random.Generator(np.random.PCG64(seed))
    lengths = draw_lengths(random, count, expected, longest)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    picks = random.integers(0, len(allowed), size=int(offsets[-1]), dtype=np.int32)
    prompts = Prompts(allowed[picks], offsets)
    return Dataset(
        name=f"synthetic-{count}-seed{seed}",
        source="synthetic",
        path=None,
        sha256=prompts.sha256(),
        synthetic=True,
        prompts=prompts,
        references=decode(draw_references(count, allowed, expected, seed)) if decode else None,
    )


def _longest(expected: Lengths, room: int | None) -> int:
    return expected.longest if room is None else min(expected.longest, room)


def _require_one(**sizes: int) -> None:
    for name, value in sizes.items():
        if value < 1:
            shown = name if name == "synthetic_count" else name.replace("_", " ")
            raise DatasetError(
                f"{shown} is {value}, must be at least 1",
                where="dataset",
                remedy="Raise it; the room is model.context_tokens less generation.max_tokens.",
            )


def _allowed_ids(vocab_size: int, avoid_ids: Collection[int]) -> npt.NDArray[np.int32]:
    allowed = np.setdiff1d(np.arange(vocab_size, dtype=np.int32), list(avoid_ids))
    if not len(allowed):
        raise DatasetError(
            f"no token id is left in a vocabulary of {vocab_size}",
            where="model.vocab_size",
            remedy="Give the model's own vocabulary size.",
        )
    return allowed.astype(np.int32, copy=False)


def draw_references(
    count: int, allowed: npt.NDArray[np.int32], expected: Lengths, seed: int
) -> list[list[int]]:
    """Token ids of one reference per sample, from a stream of their own.

    The prompts stay what they are without references: results name their checksum.
    """
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    shortest, longest = expected.reference_shortest, expected.reference_longest
    lengths = random.integers(shortest, longest + 1, size=count)
    picks = random.integers(0, len(allowed), size=int(lengths.sum()))
    ends = np.cumsum(lengths)[:-1]
    return [row.tolist() for row in np.split(allowed[picks], ends)]


def draw_lengths(
    random: np.random.Generator, count: int, expected: Lengths, longest: int
) -> npt.NDArray[np.int64]:
    """Prompt lengths, tokens, from the shortest to `longest` (at `longest` if that is less)."""
    sigma = math.sqrt(math.log1p((expected.deviation / expected.mean) ** 2))
    mu = math.log(expected.mean) - sigma**2 / 2
    drawn = np.rint(random.lognormal(mu, sigma, size=count)).astype(np.int64)
    return np.clip(drawn, min(expected.shortest, longest), longest)
