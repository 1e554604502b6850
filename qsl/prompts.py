"""Named prompt formats: an article becomes a prompt.

`llama3.1-8b-cnn` is the benchmark's own and a fact of it: the string below, encoded with
the tokenizer's default special tokens and no chat template (MLCommons'
download_cnndm.py, `instruction_template["llama"]`). A change of one character changes every
prompt; a test pins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qsl.tokenizer import Tokenizer
from sut.errors import DatasetError


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


FORMATS = {
    prompt_format.name: prompt_format
    for prompt_format in (
        PromptFormat(
            name="llama3.1-8b-cnn",
            template=(
                "Summarize the following news article in 128 tokens. Please output the summary "
                "only, without any other text.\n\nArticle:\n{input}\n\nSummary:"
            ),
            key="llama",
            chat=False,
        ),
        PromptFormat(
            name="chat",
            template="Summarize the following news article in two sentences.\n\n{input}",
            key="chat",
            chat=True,
        ),
    )
}


def find_format(name: str) -> PromptFormat:
    """The format of that name.

    Raises:
        DatasetError: there is none.
    """
    if name not in FORMATS:
        raise DatasetError(
            f"there is no prompt format {name!r}",
            where="model.prompt_format",
            remedy=f"Known: {', '.join(sorted(FORMATS))}.",
        )
    return FORMATS[name]


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
