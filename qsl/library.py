"""What LoadGen loads and unloads, and the prompts that are answered before its clock starts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from qsl.dataset import Dataset, TokenIds
from qsl.prompts import render_batch
from qsl.tokenizer import Tokenizer
from sut.errors import DatasetError, RunError

_PARAGRAPHS = (
    "This is practice text number {number}, written to warm an engine up before it is measured. "
    "It reports on a clock tower in a town that does not exist, where the hands were painted "
    "green on a Tuesday and nobody at the town hall could say who had ordered it.",
    "Practice text number {number} goes on to describe a footbridge made of borrowed ladders. "
    "The owners of the ladders asked for them back in spring, and the bridge was moved to a "
    "neighbouring stream, rung by rung, by a choir that sang throughout.",
    "A third part of practice text number {number} tells of a library that lends out weather. "
    "Fog may be kept for a fortnight, sunshine for an afternoon, and hail is for use in the "
    "reading room alone, under the eye of the caretaker.",
    "In the last part of practice text number {number} a ferry captain counts lighthouses and "
    "finds one too many. The extra one is a painter on stilts with a lantern, who promises to "
    "stand elsewhere once the picture of the harbour is dry.",
)


class Library:
    """The samples of a data set, and which of them LoadGen holds loaded.

    Prompts are tokenised beforehand and stay in memory; loading is what LoadGen asks for,
    so a prompt that was not loaded is refused as a bug rather than served.
    """

    def __init__(self, dataset: Dataset, performance_sample_count: int | None = None):
        self._dataset = dataset
        self._performance_count = performance_sample_count or dataset.count
        self._loaded = np.zeros(dataset.count, dtype=np.bool_)
        if self._performance_count > dataset.count:
            raise DatasetError(
                f"performance_sample_count {self._performance_count} exceeds the data set's "
                f"{dataset.count} samples",
                where=dataset.place,
                remedy="Lower loadgen.performance_sample_count.",
            )

    @property
    def total_count(self) -> int:
        """Samples of the data set: what an accuracy run asks, each once."""
        return self._dataset.count

    @property
    def performance_count(self) -> int:
        """Samples that a performance run cycles through."""
        return self._performance_count

    @property
    def loaded_count(self) -> int:
        """Samples loaded now."""
        return int(self._loaded.sum())

    def load(self, indices: Sequence[int]) -> dict[int, TokenIds]:
        """Mark samples as loaded; return their prompts by index, as an engine takes them.

        Raises:
            RunError: an index is not in the data set.
        """
        for index in indices:
            self._check_range(index)
        self._loaded[np.asarray(indices, dtype=np.int64)] = True
        return {index: self._dataset.prompt(index) for index in indices}

    def unload(self, indices: Sequence[int]) -> None:
        """Mark samples as not loaded.

        Raises:
            RunError: an index is not in the data set.
        """
        for index in indices:
            self._check_range(index)
        self._loaded[np.asarray(indices, dtype=np.int64)] = False

    def prompt(self, index: int) -> TokenIds:
        """Token ids of a loaded sample, a read-only view.

        Raises:
            RunError: the sample is not loaded, or not in the data set.
        """
        self._check_range(index)
        if not self._loaded[index]:
            raise RunError(
                f"sample {index} was asked for but is not loaded",
                where=self._dataset.place,
                remedy="This is a fault of the harness; report it with the run's directory.",
            )
        return self._dataset.prompt(index)

    def _check_range(self, index: int) -> None:
        if not 0 <= index < self._dataset.count:
            raise RunError(
                f"sample {index} was asked for, the data set ends at {self._dataset.count - 1}",
                where=self._dataset.place,
                remedy="This is a fault of the harness; report it with the run's directory.",
            )


def warmup_prompts(
    dataset: Dataset, tokenizer: Tokenizer, format_name: str, count: int
) -> list[TokenIds]:
    """Warm-up prompts made of text that is in no data set, one to four paragraphs each.

    Where the data set's longest prompt is shorter than several paragraphs, one is used; the
    caller checks whether even that fits.

    Args:
        dataset: the run's data set; none of its prompts is used.
        tokenizer: the model's.
        format_name: the prompt format of the run.
        count: prompts; each has its own number in it, so no two are alike.
    """
    prompts = render_batch(format_name, [_practice_article(n) for n in range(count)], tokenizer)
    too_long = [n for n, ids in enumerate(prompts) if len(ids) > dataset.lengths.max]
    shorter = [_PARAGRAPHS[0].format(number=n) for n in too_long]
    for number, ids in zip(too_long, render_batch(format_name, shorter, tokenizer), strict=True):
        prompts[number] = ids
    return _not_in(dataset, [np.array(ids, dtype=np.int32) for ids in prompts])


def _practice_article(number: int) -> str:
    size = number % len(_PARAGRAPHS) + 1
    return "\n\n".join(text.format(number=number) for text in _PARAGRAPHS[:size])


def synthetic_warmup_prompts(
    dataset: Dataset, count: int, vocab_size: int, avoid_ids: Collection[int] = (), seed: int = 1
) -> list[TokenIds]:
    """Warm-up prompts of drawn ids, for a data set without text; none is in the data set.

    Lengths run evenly from the data set's shortest to its longest: the longest prompt is met
    before the clock starts, and no warm-up prompt is longer than what was checked.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    allowed = np.setdiff1d(np.arange(vocab_size, dtype=np.int32), list(avoid_ids))
    lengths = np.linspace(dataset.lengths.max, dataset.lengths.min, num=count).astype(np.int64)
    return _not_in(dataset, [random.choice(allowed, size=int(n)).astype(np.int32) for n in lengths])


def probe_prompts(
    dataset: Dataset, count: int, vocab_size: int, avoid_ids: Collection[int] = (), seed: int = 2
) -> list[TokenIds]:
    """Prompts of drawn ids, each as long as the data set's longest; none is in the data set."""
    random = np.random.Generator(np.random.PCG64(seed))
    allowed = np.setdiff1d(np.arange(vocab_size, dtype=np.int32), list(avoid_ids))
    length = dataset.lengths.max
    return _not_in(
        dataset, [random.choice(allowed, size=length).astype(np.int32) for _ in range(count)]
    )


def rate_prompts(
    dataset: Dataset, count: int, vocab_size: int, avoid_ids: Collection[int] = (), seed: int = 3
) -> list[TokenIds]:
    """Prompts of drawn ids with the data set's lengths, in drawn order; none is in the data set.

    The lengths are its quantiles, so their mean is the data set's, and so is about that of any
    first part of them.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    allowed = np.setdiff1d(np.arange(vocab_size, dtype=np.int32), list(avoid_ids))
    at = (np.arange(count) + 0.5) / count
    lengths = random.permutation(np.quantile(dataset.prompts.lengths, at).astype(np.int64))
    return _not_in(dataset, [random.choice(allowed, size=int(n)).astype(np.int32) for n in lengths])


def _not_in(dataset: Dataset, candidates: list[TokenIds]) -> list[TokenIds]:
    """Pass the candidates on, unless one is a prompt of the data set."""
    lengths = dataset.prompts.lengths
    for ids in candidates:
        for index in np.flatnonzero(lengths == len(ids)):
            if np.array_equal(ids, dataset.prompt(int(index))):
                raise DatasetError(
                    f"a warm-up prompt equals sample {index}",
                    where=dataset.place,
                    remedy="Set warmup.queries to 0, or remove the sample.",
                )
    return candidates
