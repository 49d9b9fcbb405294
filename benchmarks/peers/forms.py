"""The forms that are measured, and what both harnesses read: rows as JSONL, and lm-eval's task files over them.

evalkit's tasks over the same rows lie in `tasks/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

from peers import real_rows, writing

Kind = Literal["choices", "rolling", "texts"]


@dataclass(frozen=True)
class Form:
    """One thing to measure. `task` is the file of evalkit's task, `options` what it is given beside the rows."""

    name: str
    title: str
    kind: Kind
    task: str
    options: Mapping[str, str]
    peer_tasks: tuple[str, ...]


@dataclass(frozen=True)
class Amounts:
    """How many rows of each form."""

    questions: int = 60
    """Per subject of the MMLU form."""
    subjects: int = 8
    stories: int = 100
    documents: int = 16
    notes: int = 64


FULL = Amounts()
QUICK = Amounts(questions=6, subjects=3, stories=6, documents=3, notes=12)


def speed_amounts(n: int) -> Amounts:
    """The amounts that real models are measured with: `n` questions, and fewer of what takes longer."""
    return Amounts(max(1, n // 3), 3, stories=max(2, n // 5), documents=max(1, n // 10), notes=max(2, n // 2))


_SHOTS = {"mmlu": 5, "hellaswag": 10, "generation": 7}
MAX_TOKENS = 64


def forms(amounts: Amounts) -> tuple[Form, ...]:
    """Every form by its name, in the order in which they are measured."""
    subjects = tuple(f"mmlu_form_{subject}" for subject in writing.SUBJECTS[: amounts.subjects])
    drawn, fixed = {"order": "lm-eval"}, {"order": "first"}
    return (
        Form("mmlu", "MMLU form, 5-shot", "choices", "mmlu_form", {}, subjects),
        Form("hellaswag", "HellaSwag form, 10-shot", "choices", "hellaswag_form", drawn, ("hellaswag_form",)),
        Form(
            "hellaswag-first",
            "HellaSwag form, the same 10 shots for all",
            "choices",
            "hellaswag_form",
            fixed,
            ("hellaswag_form_first",),
        ),
        Form("rolling", "rolling perplexity", "rolling", "rolling_form", {}, ("rolling_form",)),
        Form("generation", "generation, 7 shots of its own each", "texts", "notes_form", drawn, ("notes_form",)),
        Form(
            "generation-shared",
            "generation, the same 7 shots for all",
            "texts",
            "notes_form",
            fixed,
            ("notes_form_first",),
        ),
    )


# ---------------------------------------------------------------- rows


def write_rows(folder: Path, amounts: Amounts, mirror: Path | None) -> None:
    """Write the rows of all forms; real ones where a mirror is given (see `real_rows`), of MMLU at least."""
    folder.mkdir(parents=True, exist_ok=True)
    for subject in writing.SUBJECTS[: amounts.subjects]:
        asked, shown = (
            real_rows.mmlu(mirror, subject, amounts.questions) if mirror else _made(subject, amounts.questions)
        )
        _write(folder / f"mmlu-{subject}.jsonl", asked, subject)
        _write(folder / f"mmlu-{subject}-examples.jsonl", shown, f"{subject}-examples")
    rng = Random(11)
    made = [writing.story(rng) for _ in range(amounts.stories)], [writing.story(rng) for _ in range(60)]
    stories, shown = (mirror and real_rows.stories(mirror, amounts.stories, 60)) or made
    _write(folder / "stories.jsonl", stories, "story")
    _write(folder / "stories-examples.jsonl", shown, "story-example")
    # From a few hundred tokens to more than twice what the model reads at once.
    lengths = [40, 700, 160, 500, 90, 250, 350, 120]
    texts = [{"text": writing.sentences(rng, lengths[n % 8])} for n in range(amounts.documents)]
    _write(folder / "documents.jsonl", (mirror and real_rows.documents(mirror, amounts.documents)) or texts, "document")
    wanted = [writing.LENGTHS[n % len(writing.LENGTHS)] for n in range(max(amounts.notes, 60))]
    rng.shuffle(wanted)
    asked_notes = [writing.note(rng, length) for length in wanted[: amounts.notes]]
    shown_notes = [writing.note(rng, length) for length in wanted[:60]]
    notes, examples = (mirror and real_rows.notes(mirror, amounts.notes, 60)) or (asked_notes, shown_notes)
    _write(folder / "notes.jsonl", notes, "note")
    _write(folder / "notes-examples.jsonl", examples, "note-example")


def _made(subject: str, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rng = Random(f"mmlu {subject}")
    made = [writing.choices(rng, subject) for _ in range(count + _SHOTS["mmlu"])]
    return made[:count], made[count:]


def _write(path: Path, rows: Iterable[Mapping[str, Any]], stem: str) -> None:
    lines = (json.dumps({"id": f"{stem}/{number}", **row}, ensure_ascii=False) for number, row in enumerate(rows))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# ---------------------------------------------------------------- lm-eval's tasks


def write_peer_tasks(folder: Path, rows: Path, amounts: Amounts, stops: tuple[str, ...]) -> None:
    """Write lm-eval's task files over the rows. JSON is YAML too, so no YAML writer is needed."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks: list[dict[str, Any]] = []
    for subject in writing.SUBJECTS[: amounts.subjects]:
        tasks.append(_peer_mmlu(rows, subject))
    for name, sampler in (("", "default"), ("_first", "first_n")):
        tasks.append(_peer_stories(rows, "hellaswag_form" + name, sampler))
        tasks.append(_peer_notes(rows, "notes_form" + name, sampler, stops))
    tasks.append(
        {
            **_peer_data(rows, "rolling_form", "documents"),
            "output_type": "loglikelihood_rolling",
            "doc_to_text": "",
            "doc_to_target": "{{text}}",
            "metric_list": [{"metric": "bits_per_byte"}],
        }
    )
    for task in tasks:
        (folder / f"{task['task']}.yaml").write_text(json.dumps(task, indent=1), encoding="utf-8")


def _peer_data(rows: Path, task: str, stem: str, *, shots: int = 0, sampler: str = "first_n") -> dict[str, Any]:
    files = {"test": str(rows / f"{stem}.jsonl")}
    found: dict[str, Any] = {"task": task, "dataset_path": "json", "test_split": "test"}
    if shots:
        files["examples"] = str(rows / f"{stem}-examples.jsonl")
        found |= {"fewshot_split": "examples", "fewshot_config": {"sampler": sampler}, "num_fewshot": shots}
    return {**found, "dataset_kwargs": {"data_files": files}, "metadata": {"version": 1.0}}


def _peer_mmlu(rows: Path, subject: str) -> dict[str, Any]:
    listed = "\n".join(f"{letter}. {{{{choices[{number}]}}}}" for number, letter in enumerate("ABCD"))
    named = subject.replace("_", " ")
    return {
        **_peer_data(rows, f"mmlu_form_{subject}", f"mmlu-{subject}", shots=_SHOTS["mmlu"]),
        "output_type": "multiple_choice",
        "description": f"The following are multiple choice questions (with answers) about {named}.\n\n",
        "doc_to_text": "{{question.strip()}}\n" + listed + "\nAnswer:",
        "doc_to_choice": ["A", "B", "C", "D"],
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc"}],
    }


def _peer_stories(rows: Path, task: str, sampler: str) -> dict[str, Any]:
    return {
        **_peer_data(rows, task, "stories", shots=_SHOTS["hellaswag"], sampler=sampler),
        "output_type": "multiple_choice",
        "doc_to_text": "{{query}}",
        "doc_to_choice": "endings",
        "doc_to_target": "{{label}}",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }


def _peer_notes(rows: Path, task: str, sampler: str, stops: tuple[str, ...]) -> dict[str, Any]:
    return {
        **_peer_data(rows, task, "notes", shots=_SHOTS["generation"], sampler=sampler),
        "output_type": "generate_until",
        "doc_to_text": "Note: {{note}}\nQuestion: {{question}}\nAnswer in {{length}} about the {{topic}}:",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": list(stops), "max_gen_toks": MAX_TOKENS, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    }
