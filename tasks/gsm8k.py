"""GSM8K: grade-school word problems of two to eight steps, whose answer is a whole number.

Paper: https://arxiv.org/abs/2110.14168 (Cobbe et al., 2021). Data: openai/gsm8k, MIT licence. One row:

    {"question": "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. …",
     "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\\nNatalia sold … in April and May.\\n#### 72"}

Prompts, stops, patterns and what they ignore are lm-evaluation-harness's (gsm8k, gsm8k_cot, gsm8k_cot_zeroshot).
`strict_match`, the headline, wants the number where the few-shot examples have it ("#### 72", or "The answer is 72."),
and `flexible_extract` takes the last thing that looks like a number. `number` is what evalkit's own reader finds: the
number that is stated, else the last one; the table counts the samples that it scores differently from `strict_match`.
"""

from __future__ import annotations

import re
from typing import Literal

from evalkit.core import Fewshot, Method, PromptFormat, Row, Sample, Scorer, Source, Subset, Task, UsageError
from evalkit.data import files, hub
from evalkit.prompting.methods import generate, self_consistency
from evalkit.scoring.extraction import FLEXIBLE_NUMBER, IGNORED_IN_NUMBERS, matched, number
from evalkit.scoring.scorers import read_answer, regex_match
from evalkit.scoring.scorers.compared import compared

META = {
    "name": "gsm8k",
    "summary": "grade-school math word problems, by the final number; chain of thought, votes over n samples",
    "tags": ["math", "reasoning", "english"],
    "variants": ["form=plain", "form=cot", "form=zeroshot_cot"],
}

_STRICT = {
    "plain": r"#### (\-?[0-9\.\,]+)",
    "cot": r"The answer is (\-?[0-9\.\,]+).",
    "zeroshot_cot": r"The answer is (\-?[0-9\.\,]+).",
}
_STEPS = re.compile(r"<<[^<>]*>>")


def task(
    *,
    form: Literal["plain", "cot", "zeroshot_cot"] = "plain",
    n: int = 1,
    temperature: float | None = None,
    max_tokens: int = 256,
    examples: str = "",
) -> Task:
    """GSM8K's test problems, after five worked ones of its training set.

    `form` is plain ("Question: … Answer:", solutions as annotated), cot ("Q: … A:", solutions that end with "The
    answer is N.", after eight few-shot examples) or zeroshot_cot ("Let's think step by step.", none). `n` above 1
    samples that many texts (at `temperature`, 0.7 unless given) and scores the majority's answer.

    `examples` is a file of few-shot examples, in order, with columns `question` and `target`: so can the eight of Wei
    et al. (2022) be shown that gsm8k_cot is published with. Without it, cot rewrites training solutions.
    """
    if form == "zeroshot_cot" and examples:
        raise UsageError("form=zeroshot_cot shows no few-shot examples", fix="form=cot")
    shown: Source = files(examples) if examples else hub("openai/gsm8k", config="main", split="train")
    return Task(
        name="gsm8k",
        data=(Subset(hub("openai/gsm8k", config="main", split="test"), examples=shown),),
        sample=_sample,
        prompt=PromptFormat(
            question={"plain": _plain, "cot": _cot, "zeroshot_cot": _step_by_step}[form],
            answer=_solution if form == "plain" else _told,
        ),
        method=_method(form, n, temperature, max_tokens),
        scorers=_scorers(_STRICT[form]),
        fewshot=Fewshot({"plain": 5, "cot": 8, "zeroshot_cot": 0}[form], "first" if examples else "seeded"),
        primary_metric="strict_match",
    )


def _scorers(pattern: str) -> tuple[Scorer, ...]:
    strict = regex_match(pattern=pattern, name="strict_match", ignore=IGNORED_IN_NUMBERS, ignore_case=True)
    flexible = regex_match(
        pattern=FLEXIBLE_NUMBER, pick="last", name="flexible_extract", ignore=IGNORED_IN_NUMBERS, ignore_case=True
    )
    return strict, flexible, compared(read_answer(first_of=("number",), name="number"), strict)


def _method(form: str, n: int, temperature: float | None, max_tokens: int) -> Method:
    stop = ("Question:" if form == "plain" else "Q:", "</s>", "<|im_end|>")
    gold = _solution if form == "plain" else _told
    if n == 1:
        return generate(max_tokens=max_tokens, stop=stop, temperature=temperature or 0.0, gold=gold)
    if temperature is None:
        temperature = 0.7
    strict = re.compile(_STRICT[form])

    def read(text: str) -> str | None:
        found = number(matched(strict, text) or text).value
        # "1,080", "$1080" and "1080." are one vote.
        return f"{found.value:.15g}" if found else None

    return self_consistency(n=n, temperature=temperature, max_tokens=max_tokens, stop=stop, read=read, gold=gold)


def _sample(row: Row) -> Sample:
    question = row.values["question"]
    if "answer" not in row.values:
        # A few-shot example of the user's own.
        return Sample(row.id, question, targets=(row.values["target"],), data={"told": row.values["target"]})
    solution = row.values["answer"]
    steps, _, number = solution.rpartition("####")
    number = number.strip()
    told = f"{_STEPS.sub('', steps).strip()} The answer is {number}."
    return Sample(row.id, question, targets=(number,), data={"solution": solution, "told": " ".join(told.split())})


def _plain(sample: Sample) -> str:
    return f"Question: {sample.input}\nAnswer:"


def _cot(sample: Sample) -> str:
    return f"Q: {sample.input}\nA:"


def _step_by_step(sample: Sample) -> str:
    return f"Q: {sample.input}\nA: Let's think step by step."


def _solution(sample: Sample) -> str:
    return str(sample.data.get("solution", sample.data["told"]))


def _told(sample: Sample) -> str:
    return str(sample.data["told"])
