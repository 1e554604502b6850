"""The one entry for a run: configuration's plain values → a checked data set."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from qsl.dataset import Dataset, Prompts, Source, TokenIds, check
from qsl.files import read_file
from qsl.library import synthetic_warmup_prompts, warmup_prompts
from qsl.padding import find_padding
from qsl.prompts import render_batch
from qsl.synthetic import Decode, Drawn, generate
from qsl.tokenizer import open_tokenizer
from sut.errors import DatasetError

SAMPLE_FILE = Path(__file__).parent / "data" / "cnn_style_sample.json"


def load_dataset(
    source: Source,
    path: Path | None,
    model_path: Path | str,
    prompt_format: str,
    vocab_size: int,
    eos_token_ids: Collection[int],
    context_tokens: int,
    max_tokens: int,
    synthetic: Drawn | None,
    max_samples: int | None,
    allow_pickle: bool,
) -> Dataset:
    """Load, tokenise where the file has no ids, cut to `max_samples`, and check.

    Args:
        source: "sample", "synthetic" or "file".
        path: the file, for source "file".
        model_path: folder (or Hugging Face id) whose tokenizer is used where one is needed.
        prompt_format: name in qsl.prompts, for texts without ids.
        vocab_size: token ids are below this.
        eos_token_ids: ids that a synthetic prompt never holds, nor any prompt twice at an end.
        context_tokens: longest prompt plus output, tokens.
        max_tokens: output tokens per query at most.
        synthetic: what is generated; None: not known, so that nothing can be.
        max_samples: use only the first so many; None: all.
        allow_pickle: read .pkl files.

    Raises:
        DatasetError: whatever is wrong with it, naming the sample.
    """
    if source == "synthetic":
        drawn, room = _known(synthetic), context_tokens - max_tokens
        count, decode = min(drawn.count, max_samples or drawn.count), _decoder(model_path)
        dataset = generate(
            count, vocab_size, drawn.lengths, eos_token_ids, drawn.seed, room, decode
        )
    else:
        dataset = _from_file(source, path, allow_pickle, model_path, prompt_format, max_samples)
    return _unpadded(check(dataset, vocab_size, context_tokens, max_tokens), eos_token_ids)


def _unpadded(dataset: Dataset, eos_token_ids: Collection[int]) -> Dataset:
    padded = None if dataset.synthetic else find_padding(dataset.prompts, eos_token_ids)
    if padded is not None:
        raise DatasetError(
            f"sample {padded.index} {padded.side} with token {padded.token} {padded.count} times: "
            "the prompts are padded, and the engine would answer the padding",
            where=dataset.place,
            remedy="Tokenise without padding (padding=False), each prompt at its own length.",
        )
    return dataset


def _known(synthetic: Drawn | None) -> Drawn:
    if synthetic is None:
        raise DatasetError(
            "nothing says how long the benchmark's prompts are, so none can be generated",
            where="dataset.source",
            remedy="Give dataset_lengths to the benchmark in the round's file, or a data set.",
        )
    return synthetic


def _file(source: Source, path: Path | None) -> Path:
    file = SAMPLE_FILE if source == "sample" else path
    if file is None:
        raise DatasetError(
            "source is file, but no path is given",
            where="dataset.path",
            remedy="Give the file, or use source: sample.",
        )
    return file


def _decoder(model_path: Path | str) -> Decode | None:
    """Ids → texts with the folder's tokenizer; None where the folder has none."""
    if not (Path(model_path) / "tokenizer.json").is_file():
        return None
    return partial(open_tokenizer(model_path).decode_batch, skip_special_tokens=True)


def _from_file(
    source: Source,
    path: Path | None,
    allow_pickle: bool,
    model_path: Path | str,
    prompt_format: str,
    max_samples: int | None,
) -> Dataset:
    """A data set from a file's columns; the checksum stays that of the whole file."""
    file = _file(source, path)
    columns = read_file(file, allow_pickle)
    texts = columns.texts[:max_samples] if columns.texts is not None else None
    references = columns.references[:max_samples] if columns.references is not None else None
    prompts = columns.prompts
    if prompts is not None and max_samples is not None:
        prompts = prompts.head(max_samples)
    if prompts is None:
        tokenizer = open_tokenizer(model_path)
        prompts = Prompts.from_sequences(render_batch(prompt_format, texts or [], tokenizer))
    return Dataset(
        name=file.stem,
        source=source,
        path=file,
        sha256=columns.sha256,
        synthetic=False,
        prompts=prompts,
        references=references,
        articles=texts,
    )


def load_warmup(
    dataset: Dataset,
    count: int,
    model_path: Path | str,
    prompt_format: str,
    vocab_size: int,
    eos_token_ids: Collection[int],
) -> list[TokenIds]:
    """Warm-up prompts that are not in the data set, and no longer than its longest.

    Text where the data set is text and the model folder has a tokenizer, else drawn ids.
    """
    has_tokenizer = (Path(model_path) / "tokenizer.json").is_file()
    if count and dataset.articles is not None and has_tokenizer:
        prompts = warmup_prompts(dataset, open_tokenizer(model_path), prompt_format, count)
        if max(len(ids) for ids in prompts) <= dataset.lengths.max:
            return prompts
    return synthetic_warmup_prompts(dataset, count, vocab_size, eos_token_ids)
