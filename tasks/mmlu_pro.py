"""MMLU-Pro: 14 categories of questions with up to ten options, answered after reasoning step by step.

Paper: https://arxiv.org/abs/2406.01574 (Wang et al., 2024). Data: TIGER-Lab/MMLU-Pro, MIT licence. One row:

    {"question_id": 70, "question": "Typical advertising regulatory bodies suggest, for example that adverts …",
     "options": ["Safe practices, Fear, Jealousy, Trivial", "Unsafe practices, Distress, Joy, Trivial", …],
     "answer": "I", "answer_index": 8, "cot_content": "", "category": "business", "src": "ori_mmlu-business_ethics"}

Prompt and stop are lm-evaluation-harness's: five few-shot examples of the same category, the first of the validation
split. The letter is read in three ways:

- `three_steps`, the headline, as the benchmark's authors do: the first "answer is (X)", else "Answer: X", else the last
  letter that stands alone. Where none reads anything they draw a letter; here that is no answer, and wrong.
- `exact_match` is lm-evaluation-harness's, the first step alone.
- `letter` is evalkit's own reader; the table counts the samples that it scores otherwise than `three_steps`.
"""

from __future__ import annotations

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Scorer, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub, where
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import read_answer, regex_match
from evalkit.scoring.scorers.compared import compared

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


def task(*, category: str = "", max_tokens: int = 2048) -> Task:
    """MMLU-Pro over all categories, or the one that `category` names. `max_tokens` bounds the reasoning."""
    categories = META["variants"]
    if category and category not in categories:
        raise unknown("category of MMLU-Pro", category, categories)
    test, shown = hub("TIGER-Lab/MMLU-Pro", split="test"), hub("TIGER-Lab/MMLU-Pro", split="validation")
    return Task(
        name="mmlu_pro",
        data=tuple(
            Subset(where(test, "category", name), examples=where(shown, "category", name), groups=(name,))
            for name in categories
            if category in ("", name)
        ),
        sample=_sample,
        prompt=PromptFormat(answer=_reasoning, description=_description),
        method=generate(max_tokens=max_tokens, stop=("Question:",), gold=lambda s: f"The answer is ({s.targets[0]})."),
        scorers=(regex_match(pattern=r"answer is \(?([ABCDEFGHIJ])\)?", name="exact_match"), *_written()),
        fewshot=Fewshot(5, "first"),
        primary_metric="three_steps",
    )


def _written() -> tuple[Scorer, ...]:
    published = read_answer(first_of=("answer is (X)", "Answer: X", "last letter"), name="three_steps")
    return published, compared(read_answer(first_of=("letter",), name="letter"), published)


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
