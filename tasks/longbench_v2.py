"""LongBench v2: 503 questions on texts of 8,000 to two million words, each with four options.

Paper: https://arxiv.org/abs/2412.15204 (Bai et al., 2024). Data: THUDM/LongBench-v2, Apache-2.0 licence. Columns of a
row:

    {"_id": "66…", "domain": "Single-Document QA", "sub_domain": "Financial", "difficulty": "easy", "length": "short",
     "question": "…", "choice_A": "…", "choice_B": "…", "choice_C": "…", "choice_D": "…", "answer": "B", "context": "…"}

Prompt, reading (`correct_answer_is`) and cut are the authors' (https://github.com/THUDM/LongBench, pred.py and
prompts/0shot.txt, commit 2e00731f8d0bff23dc4325161044d0ed8af94c1e, MIT licence): of a prompt that is longer than the
model takes, the first and the last half of as many tokens are kept. The headline `letter` is evalkit's own reader, and
the table counts the samples that the two score differently.
"""

from __future__ import annotations

import re

from evalkit.core import Row, Sample, Sampling, Subset, Task, UsageError
from evalkit.data import hub
from evalkit.prompting.chat import chat_task, of_four
from evalkit.prompting.lengths import TokenLengths
from evalkit.scoring.scorers import read_answer
from evalkit.scoring.scorers.compared import compared
from evalkit.scoring.scorers.extracted import extracted

META = {
    "name": "longbench_v2",
    "summary": "503 questions on very long texts; what is too long loses its middle",
    "tags": ["long-context", "multiple-choice", "chat", "english", "unverified"],
}

_PROMPT = (
    "Please read the following text and answer the question below.\n\n<text>\n$DOC$\n</text>\n\n"
    "What is the correct answer to this question: $Q$\nChoices:\n(A) $C_A$\n(B) $C_B$\n(C) $C_C$\n(D) $C_D$\n\n"
    'Format your response as follows: "The correct answer is (insert answer here)".'
)
_STATED = (re.compile(r"The correct answer is \(([A-D])\)"), re.compile(r"The correct answer is ([A-D])"))


def task(*, tokenizer: str = "", max_input: int = 120_000, max_tokens: int = 128) -> Task:
    """`tokenizer` (a folder or a model's name on the hub) counts the tokens of a prompt, of which `max_input` are kept.
    Without one nothing is cut, and the model refuses what is too long for it. `max_tokens` bounds the reply: 128 as the
    authors do, more for a model that thinks."""
    if max_input < 2:
        raise UsageError("a prompt has at least 2 tokens", found=f"max_input={max_input}")
    lengths = TokenLengths(tokenizer) if tokenizer else None
    published = extracted("correct_answer_is", _published)
    return chat_task(
        "longbench_v2",
        (Subset(hub("THUDM/LongBench-v2", split="train")),),
        lambda row: _sample(row, lengths, max_input),
        (compared(read_answer(first_of=("letter",), name="letter"), published), published),
        max_tokens=max_tokens,
        gold=lambda sample: f"The correct answer is ({sample.targets[0]})",
        primary="letter",
        recommended=Sampling(temperature=0.1, max_tokens=128),
    )


def _sample(row: Row, lengths: TokenLengths | None, max_input: int) -> Sample:
    values = row.values
    options = [str(values[f"choice_{letter}"]).strip() for letter in "ABCD"]
    prompt = _PROMPT.replace("$DOC$", str(values["context"]).strip()).replace("$Q$", str(values["question"]).strip())
    for letter, option in zip("ABCD", options, strict=True):
        prompt = prompt.replace(f"$C_{letter}$", option)
    if lengths is not None:
        prompt = lengths.middle_cut(prompt, max_input)
    groups = tuple(str(values[key]) for key in ("domain", "difficulty", "length"))
    return of_four(row, prompt, options, "ABCD".find(str(values["answer"]).strip() or "?"), groups=groups)


def _published(sample: Sample, text: str) -> str | None:
    """What the authors read, with asterisks taken out."""
    plain = text.replace("*", "")
    found = next(filter(None, (pattern.search(plain) for pattern in _STATED)), None)
    return None if found is None else found[1]
