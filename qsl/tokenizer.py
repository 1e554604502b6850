"""A model folder's tokenizer: encode, decode, and its chat template.

`tokenizer.json` is read with the tokenizers library, in a third of a second; importing
transformers takes several and is left to models that have no such file.
"""

from __future__ import annotations

import hashlib
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sut.errors import DatasetError
from sut.given_file import given_bytes, given_text

if TYPE_CHECKING:
    import tokenizers

_CLEAN_KEY = "clean_up_tokenization_spaces"
# What transformers opens where there is no tokenizer.json.
_OTHER_FILES = (
    *("added_tokens.json", "merges.txt", "special_tokens_map.json", "spiece.model"),
    *("tokenizer.model", "tokenizer_config.json", "vocab.json", "vocab.txt"),
)
_SPECIAL_NAMES = ("bos_token", "eos_token", "pad_token", "unk_token")
# What transformers 4.46, the reference's release, replaces in a decoded text where the model's
# configuration asks for it, in this order. Llama-3.1's does; transformers 5 no longer heeds it.
_CLEAN_UPS = (
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")),
    *((" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


# A vocabulary of 256,000 pieces with its merges has some 30 MB.
MOST_BYTES = 2**30
# What the expressions of somebody else's template may raise beside jinja's own.
_OF_A_TEMPLATE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError),
    *(TypeError, ValueError),
)


class Tokenizer(Protocol):
    """What prompts and answers need of a tokenizer."""

    def encode_batch(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[int]]:
        """Token ids of each text, whole: never padded, never truncated.

        Args:
            texts: what to encode.
            special_tokens: add what the tokenizer adds by default, e.g. a begin-of-text id.
        """
        ...

    def decode_batch(
        self, batch: Sequence[Sequence[int]], *, skip_special_tokens: bool
    ) -> list[str]:
        """Text of each list of token ids; an id outside the vocabulary gives no text.

        Args:
            batch: non-negative ids.
            skip_special_tokens: leave out what is not text, e.g. the end-of-sequence token.
        """
        ...

    def chat_text(self, message: str) -> str:
        """A user's message in the model's chat template, ready to be answered.

        Raises:
            DatasetError: the model has no chat template.
        """
        ...


class JsonTokenizer:
    """A folder with tokenizer.json; opened by `open_tokenizer`."""

    def __init__(self, folder: Path, tokenizer: tokenizers.Tokenizer):
        self._folder = folder
        self._tokenizer = tokenizer
        # Files may carry the settings of their last use; a prompt is never cut or filled up.
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def encode_batch(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[int]]:
        """Token ids of each text."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=special_tokens)
        return [encoding.ids for encoding in encodings]

    def decode_batch(
        self, batch: Sequence[Sequence[int]], *, skip_special_tokens: bool
    ) -> list[str]:
        """Text of each list of token ids, as transformers 4.46 gives it."""
        texts = self._tokenizer.decode_batch(
            [[int(token) for token in ids] for ids in batch],
            skip_special_tokens=skip_special_tokens,
        )
        clean = bool(_read_config(self._folder).get(_CLEAN_KEY, False))
        return [_cleaned(text) for text in texts] if clean else texts

    def chat_text(self, message: str) -> str:
        """The message in the folder's chat template."""
        from jinja2 import TemplateError

        try:
            return self._render_chat(
                messages=[{"role": "user", "content": message}], add_generation_prompt=True
            )
        except (TemplateError, *_OF_A_TEMPLATE) as error:
            raise DatasetError(
                f"the chat template fails: {error}",
                where=str(self._folder),
                remedy="Use another prompt format, or mend the template.",
            ) from error

    @cached_property
    def _render_chat(self) -> Callable[..., str]:
        """The folder's chat template, compiled once: that takes longer than a prompt of it."""
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        config = _read_config(self._folder)
        source = _chat_template(self._folder, config)
        # The settings that chat templates are written for. No clock is offered to them: a
        # prompt that holds today's date would be another benchmark tomorrow.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        return partial(environment.from_string(source).render, **_special_tokens(config))


class TransformersTokenizer:
    """Whatever transformers can open; opened by `open_tokenizer`."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def encode_batch(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[int]]:
        """Token ids of each text."""
        return [
            list(self._tokenizer.encode(text, add_special_tokens=special_tokens)) for text in texts
        ]

    def decode_batch(
        self, batch: Sequence[Sequence[int]], *, skip_special_tokens: bool
    ) -> list[str]:
        """Text of each list of token ids, as transformers 4.46 gives it."""
        tokenizer = self._tokenizer
        texts = [
            str(
                tokenizer.decode(
                    [int(token) for token in ids],
                    skip_special_tokens=skip_special_tokens,
                    clean_up_tokenization_spaces=False,
                )
            )
            for ids in batch
        ]
        clean = getattr(tokenizer, _CLEAN_KEY, False)
        return [_cleaned(text) for text in texts] if clean else texts

    def chat_text(self, message: str) -> str:
        """The message in the model's chat template."""
        try:
            text = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": message}], tokenize=False, add_generation_prompt=True
            )
        except ValueError as error:
            raise DatasetError(
                f"the chat template cannot be used: {error}",
                where=str(self._tokenizer.name_or_path),
                remedy="Use another prompt format.",
            ) from error
        return str(text)


def open_tokenizer(model_path: Path | str) -> Tokenizer:
    """The tokenizer of a model folder, or of a Hugging Face id that is at hand.

    Raises:
        DatasetError: there is none, or it cannot be read.
    """
    folder = Path(model_path)
    file = folder / "tokenizer.json"
    if not file.is_file():
        if os.path.lexists(file):
            raise DatasetError("it is no file", where=str(file), remedy="Fetch it again.")
        return _open_with_transformers(str(model_path))
    from tokenizers import Tokenizer as RustTokenizer

    try:
        return JsonTokenizer(folder, RustTokenizer.from_buffer(given_bytes(file, MOST_BYTES)))
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(
            f"the tokenizer cannot be read: {said}", where=str(file), remedy="Fetch it again."
        ) from error


def tokenizer_sha256(folder: Path) -> str | None:
    """SHA-256 over what turns token ids into text in a model's folder; None: nothing does.

    The prompts' template is left out: no answer is read with it.

    Raises:
        DatasetError: a file of it cannot be read.
    """
    file = folder / "tokenizer.json"
    try:
        if file.is_file():
            clean = bool(_read_config(folder).get(_CLEAN_KEY, False))
            return hashlib.sha256(given_bytes(file, MOST_BYTES) + str(clean).encode()).hexdigest()
        others = [path for name in _OTHER_FILES if (path := folder / name).is_file()]
        if not others:
            return None
        digest = hashlib.sha256()
        for path in others:
            of_file = hashlib.sha256(given_bytes(path, MOST_BYTES)).hexdigest()
            digest.update(f"{of_file}  {path.name}\n".encode())
        return digest.hexdigest()
    except OSError as error:
        raise DatasetError(
            f"the tokenizer cannot be read: {error.strerror}", where=str(folder)
        ) from error


def _open_with_transformers(model_path: str) -> Tokenizer:
    from transformers import AutoTokenizer

    try:
        return TransformersTokenizer(AutoTokenizer.from_pretrained(model_path))
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(
            f"no tokenizer was found: {' '.join(str(error).split())[:200]}",
            where=model_path,
            remedy="Give a model folder that holds tokenizer.json, or a data set with tok_input.",
        ) from error


def _cleaned(text: str) -> str:
    for found, instead in _CLEAN_UPS:
        text = text.replace(found, instead)
    return text


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer_config.json"
    if not file.is_file():
        return {}
    try:
        return msgspec.json.decode(given_bytes(file).removeprefix(BOM_UTF8), type=dict[str, Any])
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise DatasetError(
            f"not a JSON object: {error}", where=str(file), remedy="Fetch it again."
        ) from error


def _chat_template(folder: Path, config: dict[str, Any]) -> str:
    """The template: a file of its own in newer folders, a key of the configuration in older."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        try:
            return given_text(file)
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise DatasetError(f"cannot be read: {said}", where=str(file)) from error
    template = config.get("chat_template")
    if isinstance(template, list):
        named = [each for each in template if isinstance(each, dict)]
        template = next((e.get("template") for e in named if e.get("name") == "default"), None)
    if not isinstance(template, str):
        raise DatasetError(
            "the model has no chat template",
            where=str(folder),
            remedy="Use a prompt format without a chat template for this model.",
        )
    return template


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    """Names of special tokens that templates may use; each is a string or an object."""
    tokens = {}
    for name in _SPECIAL_NAMES:
        value = config.get(name)
        if isinstance(value, dict):
            value = value.get("content")
        if isinstance(value, str):
            tokens[name] = value
    return tokens
