"""A few of the answers that are scored, as text beside their references."""

from __future__ import annotations

from sut.accuracy.evaluate import Material
from sut.record.facts import AccuracyFacts
from sut.record.samples import SampleAnswer, SampleAnswers, cut, spread


def sample_answers(scored: Material, facts: AccuracyFacts) -> SampleAnswers:
    """Some, evenly spread over the samples that were asked.

    Args:
        scored: what the evaluation worked on.
        facts: what it found.
    """
    asked = scored.asked
    by_sample = sorted(range(len(scored.answers)), key=lambda n: scored.answers[n].sample_index)
    places = [by_sample[each] for each in spread(len(by_sample))]
    tokens = [scored.answers[each].tokens.tolist() for each in places]
    texts: list[str | None] = [None] * len(tokens)
    if asked.tokenizer is not None:
        texts = list(asked.tokenizer.decode_batch(tokens, skip_special_tokens=True))
    return SampleAnswers(
        log_sha256=facts.log_sha256,
        tokenizer_sha256=facts.scored_with.tokenizer_sha256 if facts.scored_with else None,
        answers=[
            SampleAnswer(
                sample_index=scored.answers[place].sample_index,
                tokens=len(ids),
                answer=None if text is None else cut(text),
                reference=None if asked.references is None else cut(asked.references[place]),
            )
            for place, ids, text in zip(places, tokens, texts, strict=True)
        ],
    )
