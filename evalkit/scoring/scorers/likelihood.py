"""The counts that perplexities are made of."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, is_number
from evalkit.scoring.metrics import bits_per_byte, byte_perplexity, word_perplexity

_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Rolling(ScoreSample):
    begin_token: Literal["counted", "left_out"]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not replies or len(replies[0].loglikelihoods) != 1:
            raise ValueError("one log-likelihood is needed; use rolling() as the method")
        value, tokens = replies[0].loglikelihoods[0], replies[0].usage.prompt_tokens
        if self.begin_token == "left_out":
            each = replies[0].token_loglikelihoods
            if not each and value:
                raise ValueError("the reply has no log-likelihoods of its tokens; ask with perplexity(tokens=True)")
            value, tokens = math.fsum(each), len(each)
        if not is_number(value):
            raise ValueError(f"the log-likelihood is {value}")
        text = sample.data.get("original", sample.input)
        if not isinstance(text, str):
            raise ValueError(f"words and bytes are counted on a text, found {type(text).__name__}")
        return (
            Score("loglikelihood", value),
            Score("words", float(len(_WHITE_SPACE.split(text)))),
            Score("bytes", float(len(text.encode("utf-8", "surrogatepass")))),
            Score("tokens", float(tokens)),
        )


def rolling(*, begin_token: Literal["counted", "left_out"] = "counted") -> Scorer:
    """The log-likelihood of a whole text with the words and bytes to divide it by.

    Scores: `loglikelihood` (nats), `words` (pieces between white space, as `re.split(r"\\s+", text)` counts them, so
    white space at an end adds an empty piece), `bytes` (UTF-8) and `tokens` (those that the model scored, 0 where it
    does not say). Words and bytes are those of `sample.data["original"]` where there is one, because a benchmark may
    score a cleaned text and count on the original (WikiText does); else those of the sample's input.

    A tokenizer that puts a begin token before a text has it scored after another one, p(BOS | BOS), as in
    lm-evaluation-harness. `begin_token="left_out"` leaves that term out, as transformers' guide to perplexity and most
    papers do; it needs the log-likelihood of every token (`perplexity(tokens=True)`).

    Scoring raises ValueError for a log-likelihood that is not finite and for an input that is a conversation.
    """
    metrics = (word_perplexity(), byte_perplexity(), bits_per_byte())
    names = ("loglikelihood", "words", "bytes", "tokens")
    settings = {} if begin_token == "counted" else {"begin_token": begin_token}
    return Scorer("rolling", _Rolling(begin_token), names, metrics, settings)
