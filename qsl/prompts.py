"""Named prompt formats: an article becomes a prompt.

Each is a file of user_confs/prompts, which says where its text is from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import yaml

from qsl.tokenizer import Tokenizer
from sut.errors import DatasetError

PROMPTS = Path(__file__).resolve().parents[1] / "user_confs" / "prompts"


@dataclass(frozen=True)
class PromptFormat:
    """How one model is asked.

    Args:
        name: the name that configuration uses.
        template: the text, with {input} where the article goes.
        key: the name of the template in a prepared file's `instruction` object.
        chat: whether the text is a user's message in the model's chat template.
    """

    name: str
    template: str
    key: str
    chat: bool

    def text(self, article: str) -> str:
        """The template with the article in it; braces in the article are left alone."""
        before, _, after = self.template.partition("{input}")
        return before + article + after


def format_names() -> list[str]:
    """Every prompt format there is a file for."""
    return sorted(path.stem for path in PROMPTS.glob("*.yaml"))


@cache
def find_format(name: str) -> PromptFormat:
    """The format of that name.

    Raises:
        DatasetError: there is none, or its file does not describe one.
    """
    if name not in format_names():
        raise DatasetError(
            f"there is no prompt format {name!r}",
            where="model.prompt_format",
            remedy=f"Known: {', '.join(format_names())}.",
        )
    path = PROMPTS / f"{name}.yaml"
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert({"name": name, **said}, PromptFormat)
    except (yaml.YAMLError, msgspec.ValidationError, TypeError) as error:
        raise DatasetError(
            f"the prompt format is malformed: {error}",
            where=str(path),
            remedy="Give template, key and chat.",
        ) from error


def render(format_name: str, article: str, tokenizer: Tokenizer) -> list[int]:
    """Token ids of the prompt that asks for a summary of `article`."""
    return render_batch(format_name, [article], tokenizer)[0]


def render_batch(
    format_name: str, articles: Sequence[str], tokenizer: Tokenizer
) -> list[list[int]]:
    """Token ids of one prompt per article."""
    prompt_format = find_format(format_name)
    texts = [prompt_format.text(article) for article in articles]
    if not prompt_format.chat:
        return tokenizer.encode_batch(texts, special_tokens=True)
    # The template writes the special tokens itself; adding them again would double the first.
    chats = [tokenizer.chat_text(text) for text in texts]
    return tokenizer.encode_batch(chats, special_tokens=False)
