"""A data set as the benchmark uses it: int32 prompt ids, references, checksum; and its check.

Prompts lie end to end in one int32 array with offsets: 13,368 prompts of 900 tokens take
48 MB and every check is one array operation. As Python lists they would take ten times that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from sut.errors import DatasetError

TokenIds = npt.NDArray[np.int32]
Source = Literal["sample", "synthetic", "file"]


@dataclass(frozen=True)
class LengthStats:
    """Prompt lengths over a data set, tokens."""

    min: int
    mean: float
    max: int


@dataclass(frozen=True, eq=False)
class Prompts:
    """Token ids of all prompts; prompt i is tokens[offsets[i]:offsets[i + 1]].

    Args:
        tokens: int32, all prompts end to end; made read-only.
        offsets: int64, one more than there are prompts, from 0 to len(tokens).
    """

    tokens: TokenIds
    offsets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.tokens.dtype != np.int32 or self.offsets.dtype != np.int64:
            raise TypeError(
                f"int32 and int64 wanted, got {self.tokens.dtype}, {self.offsets.dtype}"
            )
        # Views are handed to engines; one that writes would change the benchmark.
        self.tokens.setflags(write=False)
        self.offsets.setflags(write=False)

    @classmethod
    def from_sequences(cls, prompts: Iterable[Sequence[int] | TokenIds]) -> Prompts:
        """Copy prompts into the store; ids must fit int32."""
        rows = [np.asarray(prompt, dtype=np.int32) for prompt in prompts]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(np.concatenate(rows) if rows else np.empty(0, np.int32), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> TokenIds:
        if not 0 <= index < len(self):
            raise IndexError(f"prompt {index} of {len(self)}")
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[TokenIds]:
        return (self[index] for index in range(len(self)))

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each prompt."""
        return np.diff(self.offsets)

    def head(self, count: int) -> Prompts:
        """The first `count` prompts, sharing memory."""
        offsets = self.offsets[: count + 1]
        return Prompts(self.tokens[: offsets[-1]], offsets)

    def sha256(self) -> str:
        """Hex SHA-256 of offsets and ids, little-endian: a moved boundary changes it too."""
        digest = hashlib.sha256(self.offsets.astype("<i8", copy=False).tobytes())
        digest.update(self.tokens.astype("<i4", copy=False).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Dataset:
    """What is asked in a run, and what the answers are held against.

    Args:
        name: name shown in results.
        source: "sample" is shipped, "synthetic" is generated, "file" is the user's.
        path: the file the prompts came from; None for synthetic.
        sha256: of the file's bytes, or of the token ids for synthetic.
        synthetic: True if the prompts are no text; such a run has no accuracy.
        prompts: token ids.
        references: reference answers in the order of the prompts, if there are any.
        articles: texts that the prompts were made from, if known.
    """

    name: str
    source: Source
    path: Path | None
    sha256: str
    synthetic: bool
    prompts: Prompts
    references: list[str] | None = None
    articles: list[str] | None = None

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.prompts)

    @cached_property
    def lengths(self) -> LengthStats:
        """Prompt lengths, tokens."""
        lengths = self.prompts.lengths
        if not len(lengths):
            raise DatasetError("the data set holds no sample", where=self.place)
        return LengthStats(int(lengths.min()), float(lengths.mean()), int(lengths.max()))

    @property
    def place(self) -> str:
        """The file, or the source where there is none; for error messages."""
        return str(self.path) if self.source == "file" else f"data set {self.name}"

    def prompt(self, index: int) -> TokenIds:
        """Token ids of sample `index`, a read-only view."""
        return self.prompts[index]


def check(
    dataset: Dataset,
    vocab_size: int,
    context_tokens: int,
    max_tokens: int,
    performance_sample_count: int | None = None,
) -> Dataset:
    """Hold a data set against the model and the run before anything loads; give it back.

    Args:
        dataset: the data set.
        vocab_size: token ids are below this.
        context_tokens: longest prompt plus output that the model takes, tokens.
        max_tokens: output tokens per query at most.
        performance_sample_count: samples LoadGen will cycle through; None: all of them.

    Raises:
        DatasetError: naming the first sample that does not fit.
    """
    where, lengths = dataset.place, dataset.prompts.lengths
    if not dataset.count:
        raise DatasetError(
            "the data set holds no sample", where=where, remedy="Give a file with samples."
        )
    if (index := _first(lengths == 0)) is not None:
        raise DatasetError(
            f"sample {index} has an empty prompt", where=where, remedy="Prepare the file again."
        )
    _check_ids(dataset, vocab_size)
    if (index := _first(lengths + max_tokens > context_tokens)) is not None:
        raise DatasetError(
            f"sample {index} has {lengths[index]} prompt tokens, which with max_tokens "
            f"{max_tokens} exceed the context of {context_tokens}",
            where=where,
            remedy=f"Raise model.context_tokens to {dataset.lengths.max + max_tokens} if the model "
            "allows it, or lower generation.max_tokens.",
        )
    _check_counts(dataset, performance_sample_count)
    return dataset


def _check_ids(dataset: Dataset, vocab_size: int) -> None:
    """Refuse a token id that the model does not have."""
    prompts = dataset.prompts
    outside = (prompts.tokens < 0) | (prompts.tokens >= vocab_size)
    if (position := _first(outside)) is not None:
        index = int(np.searchsorted(prompts.offsets, position, side="right")) - 1
        raise DatasetError(
            f"sample {index} holds token id {prompts.tokens[position]}, outside the model's "
            f"vocabulary of {vocab_size}",
            where=dataset.place,
            remedy="Use a data set tokenised with this model's tokenizer.",
        )


def _check_counts(dataset: Dataset, performance_sample_count: int | None) -> None:
    """Refuse fewer samples than LoadGen is told of, and texts that do not match the prompts."""
    if performance_sample_count is not None and dataset.count < performance_sample_count:
        raise DatasetError(
            f"the data set has {dataset.count} samples, fewer than performance_sample_count "
            f"{performance_sample_count}",
            where=dataset.place,
            remedy="Use the full data set, or lower loadgen.performance_sample_count.",
        )
    for column, texts in (("references", dataset.references), ("articles", dataset.articles)):
        if texts is not None and len(texts) != dataset.count:
            raise DatasetError(
                f"{len(texts)} {column} for {dataset.count} prompts",
                where=dataset.place,
                remedy="Prepare the file again.",
            )


def _first(mask: npt.NDArray[np.bool_]) -> int | None:
    """Index of the first True, or None."""
    if not mask.any():
        return None
    return int(mask.argmax())
