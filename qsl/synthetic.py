"""Generated prompts with the lengths of CNN/DailyMail prompts, for runs without the data set.

The ids are drawn uniformly and mean nothing: the work of the engine is like the benchmark's,
the answers are not, so a data set made here is labelled synthetic. Its references are drawn
ids turned into text: they give the evaluation its work at full count, and no score its meaning.

Known: the longest official prompt under the Llama-3.1 tokenizer has 2,540 tokens (published
configurations of v5.1 use a context of 2,668 = 2,540 + 128; docs/rules.md). Assumed: a log-normal
shape with a mean of 870 and a standard deviation of 400 tokens before clipping, and a
shortest prompt of 60; the official distribution is not published. With the
real file at hand, its own lengths stand in the result and can be held against these. A
reference has 40 to 110 tokens, evenly drawn: assumed too, around a news summary's 75.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt

from qsl.dataset import Dataset, Prompts
from sut.errors import DatasetError

MEAN_TOKENS = 870.0
STD_TOKENS = 400.0
MIN_TOKENS = 60
MAX_TOKENS = 2540
REFERENCE_TOKENS = (40, 110)

# Texts of lists of token ids, as a model's tokenizer gives them.
Decode = Callable[[list[list[int]]], list[str]]


def generate(
    count: int,
    vocab_size: int,
    avoid_ids: Collection[int] = (),
    seed: int = 20251,
    max_prompt_tokens: int | None = None,
    decode: Decode | None = None,
) -> Dataset:
    """Make a data set; the same arguments give the same ids, as long as NumPy keeps its streams.

    Args:
        count: samples.
        vocab_size: ids are below this.
        avoid_ids: ids that never occur, e.g. those that end an answer.
        seed: of PCG64.
        max_prompt_tokens: longer prompts are cut to this, for models with a short context.
        decode: makes texts of the references' ids; None: the data set has no references.

    Raises:
        DatasetError: no id or no length is left to draw.
    """
    allowed = _allowed_ids(vocab_size, avoid_ids)
    longest = MAX_TOKENS if max_prompt_tokens is None else min(MAX_TOKENS, max_prompt_tokens)
    _require_one(synthetic_count=count, room_for_a_prompt=longest)
    random = np.random.Generator(np.random.PCG64(seed))
    lengths = draw_lengths(random, count, longest)
    offsets = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    picks = random.integers(0, len(allowed), size=int(offsets[-1]), dtype=np.int32)
    prompts = Prompts(allowed[picks], offsets)
    return Dataset(
        name=f"synthetic-{count}-seed{seed}",
        source="synthetic",
        path=None,
        sha256=prompts.sha256(),
        synthetic=True,
        prompts=prompts,
        references=decode(draw_references(count, allowed, seed)) if decode else None,
    )


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


def draw_references(count: int, allowed: npt.NDArray[np.int32], seed: int) -> list[list[int]]:
    """Token ids of one reference per sample, from a stream of their own.

    The prompts stay what they are without references: results name their checksum.
    """
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    shortest, longest = REFERENCE_TOKENS
    lengths = random.integers(shortest, longest + 1, size=count)
    picks = random.integers(0, len(allowed), size=int(lengths.sum()))
    ends = np.cumsum(lengths)[:-1]
    return [row.tolist() for row in np.split(allowed[picks], ends)]


def draw_lengths(
    random: np.random.Generator, count: int, longest: int = MAX_TOKENS
) -> npt.NDArray[np.int64]:
    """Prompt lengths, tokens, within [MIN_TOKENS, longest] (at `longest` if that is less)."""
    sigma = math.sqrt(math.log1p((STD_TOKENS / MEAN_TOKENS) ** 2))
    mu = math.log(MEAN_TOKENS) - sigma**2 / 2
    drawn = np.rint(random.lognormal(mu, sigma, size=count)).astype(np.int64)
    return np.clip(drawn, min(MIN_TOKENS, longest), longest)
