"""MMLU-Pro: 14 categories of questions with up to ten options, answered after reasoning step by step.

Paper: https://arxiv.org/abs/2406.01574 (Wang et al., 2024). Data: TIGER-Lab/MMLU-Pro, MIT licence. One row:

    {"question_id": 70, "question": "Typical advertising regulatory bodies suggest, for example that adverts …",
     "options": ["Safe practices, Fear, Jealousy, Trivial", "Unsafe practices, Distress, Joy, Trivial", …],
     "answer": "I", "answer_index": 8, "cot_content": "", "category": "business", "src": "ori_mmlu-business_ethics"}

Prompt and stop are lm-evaluation-harness's: five few-shot examples of the same category, the first of the validation
split. The letter is read in three ways:

- `three_steps`, the headline, as the benchmark's authors do: the first "answer is (X)", else "Answer: X", else the last
  single letter. If none reads anything, they draw a letter; here that is no answer, and wrong.
- `exact_match` is lm-evaluation-harness's, the first step alone.
- `letter` is evalkit's own reader; the table counts the samples that it scores differently from `three_steps`.

The form `chat` is the authors' own script (https://github.com/TIGER-AI-Lab/MMLU-Pro, evaluate_from_api.py, commit
f418b116db00b065c2aea046518d8fcf74d39872, Apache-2.0): its words, options without "N/A", no stop string, and asterisks
taken out of the reply before the three steps. With examples in one message (`--fewshot-turns off`) the prompt is the
script's byte for byte.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Sampling, Scorer, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub, where
from evalkit.prompting.methods import generate
from evalkit.scoring.extraction.readers import first_of, read_by
from evalkit.scoring.scorers import read_answer, regex_match
from evalkit.scoring.scorers.compared import compared
from evalkit.scoring.scorers.extracted import extracted

META = {
    "name": "mmlu_pro",
    "summary": "14 categories of questions with up to ten options, by chain of thought",
    "tags": ["knowledge", "reasoning", "chain-of-thought", "english"],
    "variants": [
        "biology",
        "business",
        "chemistry",
        "computer science",
        "economics",
        "engineering",
        "health",
        "history",
        "law",
        "math",
        "other",
        "philosophy",
        "physics",
        "psychology",
    ],
}

LETTERS = "ABCDEFGHIJ"
_CUE = "Let's think step by step."
_STEPS = ("answer is (X)", "Answer: X", "last letter")


def task(*, category: str = "", form: Literal["cot", "chat"] = "cot", max_tokens: int | None = None) -> Task:
    """MMLU-Pro over all categories, or the one that `category` names.

    `form` is lm-evaluation-harness's prompt or, as `chat`, the authors'. `max_tokens` bounds the reasoning: 2,048, or
    32,768 in chat.
    """
    categories = META["variants"]
    if category and category not in categories:
        raise unknown("category of MMLU-Pro", category, categories)
    test, shown = hub("TIGER-Lab/MMLU-Pro", split="test"), hub("TIGER-Lab/MMLU-Pro", split="validation")
    chat = form == "chat"
    return Task(
        name="mmlu_pro",
        data=tuple(
            Subset(where(test, "category", name), examples=where(shown, "category", name), groups=(name,))
            for name in categories
            if category in ("", name)
        ),
        sample=_chat_sample if chat else _sample,
        prompt=PromptFormat(answer=_steps, description=_instruction, example=_shown)
        if chat
        else PromptFormat(answer=_reasoning, description=_description),
        method=generate(max_tokens=max_tokens or 32768, stop=(), gold=_stated)
        if chat
        else generate(max_tokens=max_tokens or 2048, stop=("Question:",), gold=_stated),
        scorers=_written(bold=True)
        if chat
        else (regex_match(pattern=r"answer is \(?([ABCDEFGHIJ])\)?", name="exact_match"), *_written()),
        fewshot=Fewshot(5, "first"),
        primary_metric="three_steps",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768) if chat else Sampling(),
    )


def _stated(sample: Sample) -> str:
    return f"The answer is ({sample.targets[0]})."


def _written(*, bold: bool = False) -> tuple[Scorer, ...]:
    """The three steps and evalkit's reader; with `bold`, asterisks are taken out of the reply before the three."""
    published = (
        extracted("three_steps", _three_steps, settings={"first_of": " | ".join(_STEPS), "without": "**"})
        if bold
        else read_answer(first_of=_STEPS, name="three_steps")
    )
    return published, compared(read_answer(first_of=("letter",), name="letter"), published)


def _three_steps(sample: Sample, text: str) -> str | None:
    return read_by(first_of(*_STEPS), sample, text.replace("**", ""))[0].value


def _sample(row: Row) -> Sample:
    values = row.values
    listed = "".join(
        f"{letter}. {option.strip()}\n" for letter, option in zip(LETTERS, values["options"], strict=False)
    )
    return Sample(
        id=row.id,
        input=f"Question:\n{values['question']}\nOptions:\n{listed}Answer: Let's think step by step.",
        targets=(values["answer"],),
        data={"category": values["category"], "reasoning": values["cot_content"]},
    )


def _reasoning(sample: Sample) -> str:
    return str(sample.data["reasoning"]).replace("A: Let's think step by step. ", "")


def _description(sample: Sample) -> str:
    return (
        f"The following are multiple choice questions (with answers) about {sample.data['category']}."
        ' Think step by step and then finish your answer with "the answer is (X)" where X is the correct'
        " letter choice.\n"
    )


def _chat_sample(row: Row) -> Sample:
    values = row.values
    options = [option for option in values["options"] if option != "N/A"]
    listed = "".join(f"{letter}. {option}\n" for letter, option in zip(LETTERS, options, strict=False))
    head = f"Question: {values['question']}\nOptions: {listed}Answer: "
    return Sample(
        id=row.id,
        input=f"{head}{_CUE}\n\n",
        targets=(values["answer"],),
        choices=tuple(LETTERS[: len(options)]),
        data={"category": values["category"], "reasoning": values["cot_content"], "head": head},
    )


def _instruction(sample: Sample) -> str:
    return (
        f"The following are multiple choice questions (with answers) about {sample.data['category']}. Think step by"
        ' step and then output the answer in the format of "The answer is (X)" at the end.\n\n'
    )


def _steps(sample: Sample) -> str:
    return str(sample.data["reasoning"] or _CUE).removeprefix("A: ")


def _shown(sample: Sample) -> str:
    """A worked example in one message."""
    return f"{sample.data['head']}{_steps(sample)}\n\n"
