"""Benchmarks of today's model cards over rows of their documented schema, which this file makes."""

import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Judge, Record, Reply, Sample, UsageError, Validity
from evalkit.data import verified
from evalkit.judging.three_grades import grade_metrics
from evalkit.plugins import index, load
from tests.judging.scripted import Scripted

DOCS = Path(__file__).resolve().parents[2] / "docs"

PROBLEMS: list[dict[str, Any]] = [
    {"problem_idx": n, "problem": f"Compute ${n} + {n}$.", "answer": answer}
    for n, answer in ((16, 32), (100, 200), (4, "008"))
]
FORMULAS: list[dict[str, Any]] = [
    {"problem_idx": 1, "problem": "Solve $2x=1$.", "answer": "\\frac{1}{2}", "problem_type": ["Algebra"]},
    {
        "problem_idx": 2,
        "problem": "The diagonal of a unit square?",
        "answer": "\\sqrt{2}",
        "problem_type": ["Geometry"],
    },
    {"problem_idx": 3, "problem": "Compute $100+3$.", "answer": 103},
]
SCIENCE = [
    {
        "Record ID": f"rec{n}",
        "Question": f"What is {n} + {n}?",
        "Correct Answer": str(2 * n),
        "Incorrect Answer 1": str(2 * n + 1),
        "Incorrect Answer 2": f" {2 * n + 2}",
        "Incorrect Answer 3": str(2 * n + 3),
        "High-level domain": "Physics",
    }
    for n in range(10, 18)
]
FACTS: list[dict[str, Any]] = [
    {"original_index": n, "problem": f"Which is the capital of land {n}?", "answer": f"City {n}", "topic": "Geography"}
    for n in range(4)
]
STORIES = [
    {
        "narrative": f"{name} came late.",
        "question": f"Who did {name} meet?",
        "choices": "['Ana', \"O'Neil\"]",
        "answer_index": place % 2,
        "answer_choice": ("Ana", "O'Neil")[place % 2],
    }
    for place, name in enumerate(("Bo", "Cy", "Di"))
]
PACK: dict[str, dict[str, list[dict[str, Any]]]] = {
    "aime,year=2024": {
        "MathArena/aime_2024_I/default/train": PROBLEMS,
        "MathArena/aime_2024_II/default/train": PROBLEMS,
    },
    "aime": {"MathArena/aime_2025/default/train": PROBLEMS},
    "aime,year=2026": {"MathArena/aime_2026/default/train": PROBLEMS},
    "hmmt,sitting=feb_2024": {"MathArena/hmmt_feb_2024/default/train": FORMULAS},
    "hmmt": {"MathArena/hmmt_feb_2025/default/train": FORMULAS},
    "hmmt,sitting=nov_2025": {"MathArena/hmmt_nov_2025/default/train": FORMULAS},
    "hmmt,sitting=feb_2026": {"MathArena/hmmt_feb_2026/default/train": FORMULAS},
    "gpqa,form=chat": {"Idavidrein/gpqa/gpqa_diamond/train": SCIENCE},
    "musr": {
        f"TAUR-Lab/MuSR/default/{domain}": STORIES
        for domain in ("murder_mysteries", "object_placements", "team_allocation")
    },
    "simpleqa_verified": {"google/simpleqa-verified/default/eval": FACTS},
}
"""A task to its files, each with rows of the schema that its publisher documents."""

# sha256 of the publisher's prompt with the names of its fields in braces, made of their repositories:
# eth-sri/matharena at e92766038a80eee227589f5ea688004240bca8e0 (configs/competitions/*/*.yaml, a blank line, the
# problem), EleutherAI/lm-evaluation-harness at 4e7e0d47f33bc71070c1d38394bafbb52b117163
# (lm_eval/tasks/leaderboard/musr/utils.py, choices "{one}" and "{two}") and openai/simple-evals at
# ee3b0318d8d1d9d72755a4120879be65f7c07e9e (QUERY_TEMPLATE_MULTICHOICE, stripped).
PUBLISHED = {
    "aime,year=2024": "4be5e623dc56cf1d14ad7d65f14de0b1e2f05a323a25458dd5c320889cc66383",
    "aime": "951172578a71e5e3f5b1d44ed8632295fdb71bac6a955c1a2bc04db1bcd1121c",
    "aime,year=2026": "951172578a71e5e3f5b1d44ed8632295fdb71bac6a955c1a2bc04db1bcd1121c",
    "hmmt,sitting=feb_2024": "82be165ab3d68ac6f98809dd158537f40d6b01920e16aa4f0526a8dbfc4552ff",
    "hmmt": "09f5c8858883e49da892d3db173c361ba194732e42d183ae9d5775a51d337342",
    "hmmt,sitting=nov_2025": "09f5c8858883e49da892d3db173c361ba194732e42d183ae9d5775a51d337342",
    "hmmt,sitting=feb_2026": "09f5c8858883e49da892d3db173c361ba194732e42d183ae9d5775a51d337342",
    "musr": "d863782e4f1295a2792f71ad72aefd5fb4279d07f76ceef00bc1c37d5d01a3b9",
    "gpqa,form=chat": "d4d85337bbd54659d12c8da7edc8b854d151b7327cf7574dc1062d753b03c8a6",
}
GRADER = "063c04ea798f91c4706c050b66a721afc77a458b12d8f0d72286d4b0eee8a3ee"


def grader(model):
    judge = load("judge", "simpleqa")
    assert isinstance(judge, Judge)
    assert judge.bound is not None
    return judge.bound(model)


def first(pattern, text):
    """The first group of a pattern that is in the text."""
    return re.findall(pattern, text, re.MULTILINE)[0]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("spec", PACK)
def test_gold_answers_score_one(over, spec):
    loaded = over(spec, PACK[spec])
    assert len(loaded.samples()) == sum(map(len, PACK[spec].values()))
    if "judge" not in spec and spec != "simpleqa_verified":
        assert loaded.problems() == []


@pytest.mark.parametrize(("spec", "wanted"), PUBLISHED.items())
def test_the_prompt_is_the_publishers_byte_for_byte(over, spec, wanted):
    loaded = over(spec, PACK[spec])
    [row, sample] = loaded.rows(loaded.task.data[0])[0].values, loaded.samples()[0]
    prompt = next(loaded.prompts())
    if spec.startswith("gpqa"):
        head, _, listed = prompt.rpartition("\n\n")
        shown = re.findall(r"^([A-D])\) (.*)$", listed, re.MULTILINE)
        assert sorted(text for _, text in shown) == sorted(row[c] for c in row if "Answer" in c)
        assert dict(shown)[sample.targets[0]] == row["Correct Answer"]
        prompt = f"{head.replace(row['Question'], '{Question}')}\n\n" + "\n".join(f"{k}) {{{k}}}" for k, _ in shown)
    elif spec == "musr":
        told = (row["narrative"], "{narrative}"), (row["question"], "{question}"), ("Ana", "{one}"), ("O'Neil", "{two}")
        for value, name in told:
            prompt = prompt.replace(value, name)
    else:
        prompt = prompt.replace(row["problem"], "{problem}")
    assert digest(prompt) == wanted


def test_the_graders_prompt_is_the_publishers_byte_for_byte(over):
    judge = Scripted(lambda text, seed: "A")
    sample = over("simpleqa_verified", PACK["simpleqa_verified"]).samples()[0]
    asyncio.run(grader(judge).verdict(sample, (Reply(("It is <x> {y}.",), ("stop",)),)))
    [request] = judge.asked
    said = request.prompt.messages[0].content
    for name, value in (("predicted_answer", "It is <x> {y}."), ("target", "City 0"), ("question", sample.input)):
        assert said.count(value) == 1
        said = said.replace(value, f"{{{name}}}")
    assert digest(said) == GRADER


STYLES = (
    "Answer: {0}",
    "**Answer: {0}**",
    "The final answer is $\\boxed{{{0}}}$.",
    "So it is option {0}.\n\n**Final answer:** ({0})",
    "({0})",
    "{0}) {1}",
    "First {2} looks right, but it is not. The correct answer is {0}.",
    "I considered {2}.\n\nAnswer: $\\text{{{0}}}$",
)


def test_eight_styles_of_a_right_reply_are_all_right(over):
    loaded = over("gpqa,form=chat", PACK["gpqa,form=chat"])
    scorer, found = loaded.task.scorers[0], []
    for style, sample in zip(STYLES, loaded.samples(), strict=True):
        right = sample.targets[0]
        wrong = next(letter for letter in "ABCD" if letter != right)
        option = first(rf"^{right}\) (.*)$", sample.input)
        for letter, value in ((right, 1.0), (wrong, 0.0)):
            text = style.format(letter, option if letter == right else "", wrong if letter == right else right)
            [score] = asyncio.run(scorer.score(sample, (Reply((text,), ("stop",)),)))
            found.append((style, letter == right, score.value == value))
    assert [one for one in found if not one[2]] == []


def mirror(tmp_path):
    for files in PACK.values():
        for name, rows in files.items():
            path = tmp_path / "hub" / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "hub"


def judge_by_text(text, seed):
    target, said = re.findall(r"^(?:Gold target|Predicted answer): (.*)$", text, re.MULTILINE)[-2:]
    return "C" if "don't know" in said else "A" if target in said else "B"


def test_every_task_is_measured_on_the_embedded_model(tmp_path):
    specs = [spec if spec == "musr" else f"{spec},max_tokens=8" for spec in PACK]
    options: dict[str, Any] = {"limit": 2, "offline": True, "data_dir": mirror(tmp_path), "cache": False}
    done = evalkit.run(specs, "tiny", judge=Scripted(lambda text, seed: "B"), out=tmp_path / "run", **options)
    assert {entry.result.failed for entry in done.manifest.tasks} == {0}
    assert all(entry.result.samples >= 2 and entry.result.metric().estimate.n >= 2 for entry in done.manifest.tasks)


def test_a_thinking_model_is_read_after_its_thought(tmp_path):
    """It thinks of a wrong answer and writes the right one; of the last fact it says that it does not know."""
    science = {row["Question"]: row["Correct Answer"] for row in SCIENCE}
    rows = {row["problem"]: str(row["answer"]) for row in (*PROBLEMS, *FORMULAS)}
    facts = {row["problem"]: row["answer"] for row in FACTS[:3]}
    facts |= {row["question"]: row["answer_choice"] for row in STORIES}

    def write(prompt):
        asked = next((known for known in (*science, *rows, *facts) if known in prompt), "")
        if asked in science:
            said = "Answer: " + first(rf"^([A-D])\) {science[asked]}$", prompt)
        else:
            said = f"It is \\boxed{{{rows[asked]}}}." if asked in rows else facts.get(asked, "I don't know.")
        return f"<think>Could it be \\boxed{{77}}, or Answer: A, or Answer: B, or City 9?</think>\n{said}"

    options: dict[str, Any] = {"offline": True, "data_dir": mirror(tmp_path), "out": tmp_path / "run"}
    done = evalkit.run([*PACK], write, judge=Scripted(judge_by_text), **options)
    found = {entry.name: entry.result for entry in done.manifest.tasks}
    facts_found = found.pop("simpleqa_verified")
    assert {name: result.metric().estimate.value for name, result in found.items()} == dict.fromkeys(found, 1.0)
    values = {metric.name: metric.estimate.value for metric in facts_found.metrics}
    assert values["correct_given_attempted"] == 1.0
    assert (values["correct"], values["not_attempted"]) == (0.75, 0.25)
    assert values["f_score"] == pytest.approx(2 * 0.75 / 1.75)


def test_the_f_score_is_that_of_the_publishers_script():
    """The oracle is simple-evals' arithmetic over the proportions of the three grades."""
    judge = grader(Scripted(judge_by_text))
    records, grades = [], "AAABBCCCCA"
    for n, grade in enumerate(grades):
        said = {"A": "It is Rome.", "B": "Oslo", "C": "I don't know."}[grade]
        sample = Sample(str(n), "Which?", targets=("Rome",))
        verdict = asyncio.run(judge.verdict(sample, (Reply((said,), ("stop",)),)))
        records.append(Record("t", n, sample, scores=verdict.scores))
    assert [next(s.answer for s in record.scores) for record in records][:6] == [
        "correct", "correct", "correct", "incorrect", "incorrect", "not_attempted"
    ]  # fmt: skip
    correct, attempted = grades.count("A") / 10, grades.count("A") / (10 - grades.count("C"))
    f1 = 2 * attempted * correct / (attempted + correct)
    import numpy as np

    found = {}
    for metric in grade_metrics():
        rows = np.array([metric.observe(record) for record in records])
        found[metric.name] = metric.estimate(rows, np.arange(10)).value
    assert found == {"f_score": pytest.approx(f1), "correct_given_attempted": pytest.approx(attempted)}


@pytest.mark.parametrize(("said", "validity"), [("perhaps", Validity.UNJUDGED), ("A or B", Validity.UNJUDGED)])
def test_a_grade_that_cannot_be_read_is_unjudged(said, validity):
    judge = grader(Scripted(lambda text, seed: said))
    verdict = asyncio.run(judge.verdict(Sample("1", "Which?", targets=("Rome",)), (Reply(("Rome",), ("stop",)),)))
    assert (verdict.validity, verdict.scores) == (validity, ())


def test_an_empty_answer_is_not_attempted_and_no_judge_is_asked():
    model = Scripted(lambda text, seed: "A")
    judge = grader(model)
    verdict = asyncio.run(judge.verdict(Sample("1", "Which?", targets=("Rome",)), (Reply((" ",), ("stop",)),)))
    assert [score.value for score in verdict.scores] == [0.0, 0.0, 1.0]
    assert (verdict.validity, model.asked) == (Validity.NO_ANSWER, [])


def test_musr_normalised_is_the_leaderboards_arithmetic(tmp_path):
    """The oracle: each domain's acc_norm above 1/2, 1/5 and 1/3, 0 below, then the plain mean."""
    done = evalkit.run("musr_normalised", "tiny", offline=True, data_dir=mirror(tmp_path), out=tmp_path / "run")
    raw = [entry.result.metric("acc_norm").estimate.value for entry in done.manifest.tasks]
    wanted = [max(0.0, (value - 1 / n) / (1 - 1 / n)) for value, n in zip(raw, (2, 5, 3), strict=True)]
    [suite] = done.manifest.suites
    assert suite.result.estimate.value == pytest.approx(sum(wanted) / 3, abs=1e-12)
    assert suite.result.name == "normalised_mean"


@pytest.mark.parametrize("written", ["[1, 2", "__import__('os')", "{}", ""])
def test_choices_that_are_no_list_are_told_and_never_run(over, written):
    loaded = over("musr", {key: [{**STORIES[0], "choices": written}] for key in PACK["musr"]})
    with pytest.raises(UsageError, match="the choices of a row of MuSR are no list"):
        loaded.samples()


@pytest.mark.parametrize("spec", ["aime", "hmmt", "simpleqa_verified"])
def test_rows_of_another_schema_are_told_in_one_sentence(over, spec):
    [name] = PACK[spec]
    loaded = over(spec, {name: [{"question": "1 + 1?", "answer": "2"}]})
    with pytest.raises(UsageError, match="column 'problem' is missing\n  found: columns: question, answer"):
        loaded.samples()


def test_what_no_real_row_was_run_of_is_marked_and_the_page_names_every_task():
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    marked = {entry.name for entry in index("task") if "unverified" in entry.tags}
    known = json.loads(verified.FILE.read_text())
    for spec, files in PACK.items():
        name, ids = spec.partition(",")[0], {"/".join(path.split("/")[:2]) for path in files}
        if name != "gpqa":
            assert (name in marked) == (not ids & known.keys()), name
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    told = {spec: line for line in rows for spec in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert not {spec for spec in PACK if spec.partition(",")[0] not in {t.partition(",")[0] for t in told}}
    assert all(len(line.strip("|").split("|")) == 6 for line in rows)
    assert marked == {
        spec.partition(",")[0] for spec, line in told.items() if "unverified" in line and "gpqa" not in spec
    }
