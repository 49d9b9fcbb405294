"""MRCR: a long conversation with the same request several times; the model repeats the answer to one of them.

Data: openai/mrcr, MIT licence (https://huggingface.co/datasets/openai/mrcr; after Vodrahalli et al., 2024,
https://arxiv.org/abs/2409.12640). A row has these columns; `prompt` is a list of messages, written as JSON:

    {"prompt": "[{\\"role\\": \\"user\\", \\"content\\": \\"Write a poem …\\"}, …]", "answer": "aYooSG8CQgIn the …",
     "random_string_to_prepend": "aYooSG8CQg", "n_needles": 2, "desired_msg_index": 10, "total_messages": 12,
     "n_chars": 21000}

The score is the data card's: 0 for a reply that does not begin with the random string, else the ratio of difflib's
SequenceMatcher between reply and answer without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from evalkit.core import Message, Reply, Row, Sample, Sampling, Score, Scorer, ScoreSample, Subset, Task
from evalkit.data import hub, selected
from evalkit.prompting.chat import chat_task
from evalkit.prompting.lengths import TokenLengths
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean

META = {
    "name": "mrcr",
    "summary": "repeat one of 2, 4 or 8 answers to the same request out of a long conversation",
    "tags": ["long-context", "retrieval", "chat", "english", "unverified"],
    "variants": ["needles=2", "needles=4", "needles=8"],
}


def task(
    *,
    needles: Literal["all", "2", "4", "8"] = "all",
    tokenizer: str = "",
    max_input: int = 120_000,
    max_tokens: int = 4096,
) -> Task:
    """Conversations with 2, 4 or 8 needles. With a `tokenizer` (a folder or a model's name on the hub) those of more
    than `max_input` tokens are left out, as the card does for a model's context."""
    lengths = TokenLengths(tokenizer) if tokenizer else None
    words = [f"{needles} needles" if needles != "all" else "", f"up to {max_input} tokens" if lengths else ""]
    source = hub("openai/mrcr", split="train")
    if any(words):
        source = selected(
            source, lambda row: _is_asked(row, needles, lengths, max_input), ", ".join(filter(None, words))
        )
    return chat_task(
        "mrcr",
        (Subset(source),),
        _sample,
        (Scorer("sequence_ratio", _SequenceRatio(), ("sequence_ratio",), (mean("sequence_ratio"),)),),
        max_tokens=max_tokens,
        primary="sequence_ratio",
        recommended=Sampling(temperature=0.0),
    )


def _is_asked(row: Mapping[str, Any], needles: str, lengths: TokenLengths | None, max_input: int) -> bool:
    if needles != "all" and int(row["n_needles"]) != int(needles):
        return False
    return lengths is None or lengths.count(str(row["prompt"])) <= max_input


def _sample(row: Row) -> Sample:
    values = row.values
    written = values["prompt"]
    turns = json.loads(written) if isinstance(written, str) else written
    if not isinstance(turns, list) or not all(isinstance(turn, dict) and "role" in turn for turn in turns):
        raise ValueError("the prompt is not a list of messages")
    return Sample(
        row.id,
        tuple(Message(turn["role"], turn["content"]) for turn in turns),
        targets=(str(values["answer"]),),
        groups=(f"{values['n_needles']} needles",),
        data={"prefix": str(values["random_string_to_prepend"])},
    )


@dataclass(frozen=True, slots=True)
class _SequenceRatio(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answer = final_answer(replies, strip="none")
        prefix, target = sample.data["prefix"], sample.targets[0]
        if not answer.text.startswith(prefix):
            reason = answer.reason or "does not begin with the random string"
            return (Score("sequence_ratio", 0.0, answer.text or None, reason, answer.validity),)
        ratio = SequenceMatcher(None, answer.text.removeprefix(prefix), target.removeprefix(prefix)).ratio()
        return (Score("sequence_ratio", ratio, answer.text, answer.reason, answer.validity),)
