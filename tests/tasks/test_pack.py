"""Benchmarks of today's model cards over rows of their documented schema, which this file makes."""

import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.core import Attempt, Judge, Prompt, Record, Reply, Sample, UsageError, Validity
from evalkit.data import verified
from evalkit.judging.three_grades import grade_metrics
from evalkit.plugins import index, load
from tests.judging.scripted import Scripted
from tests.tasks.pack_rows import FACTS, GRADER, PACK, PUBLISHED, STORIES

DOCS = Path(__file__).resolve().parents[2] / "docs"

JUDGED = {"simpleqa_verified", "healthbench", "hle", "xstest", "strongreject"}
ASKED = {
    "mmlu_pro,form=chat": 3,
    "mmlu_redux,subject=virology": 4,
    "bbeh,size=mini": 2,
    "hle": 4,
    "global_mmlu_lite,language=de,form=chat": 4,
    "include,language=German,form=chat": 4,
    "flores,tokenize=13a": 6,
    "mrcr,needles=4": 2,
    "reward_bench_2": 6,
}
"""How many of a task's rows are asked, where that is not all of them."""


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
    assert len(loaded.samples()) == ASKED.get(spec, sum(map(len, PACK[spec].values())))
    if spec not in JUDGED:
        assert loaded.problems() == []


@pytest.mark.parametrize(("spec", "wanted"), PUBLISHED.items())
def test_the_prompt_is_the_publishers_byte_for_byte(over, spec, wanted):
    loaded = over(spec, PACK[spec])
    asked = next(n for n, part in enumerate(loaded.task.data) if loaded.rows(part))
    row, sample = loaded.rows(loaded.task.data[asked])[0].values, loaded.samples(asked)[0]
    prompt = next(loaded.prompts(asked, shots=1 if spec.startswith("mmlu_pro") else 0))
    for value, name in named(spec, row, sample):
        assert value in prompt
        prompt = prompt.replace(value, name)
    assert digest(prompt) == wanted


def named(spec, row, sample):
    """What stands in the prompt of a row, and the name that the publisher's prompt has there."""
    if spec.startswith("gpqa"):
        shown = re.findall(r"^([A-D]\)) (.*)$", sample.input, re.MULTILINE)
        assert sorted(text for _, text in shown) == sorted(row[c] for c in row if "Answer" in c)
        assert dict(shown)[f"{sample.targets[0]})"] == row["Correct Answer"]
        options = [(f"{letter} {text}", f"{letter} {{{letter[0]}}}") for letter, text in shown]
        return [(row["Question"], "{Question}"), *options]
    if spec.startswith("mmlu_pro"):
        listed, steps = "A. first 0\nB. second\nC. third\n", "Let's think step by step. It is 0. The answer is (A)."
        shown = [("Shown 0?", "{shown}"), (f"{listed}Answer: {steps}", "A. {a}\nB. {b}\nAnswer: {steps}")]
        asked = [(row["question"], "{question}"), (listed, "A. {one}\nB. {two}\n")]
        return [*shown, *asked, ("about law.", "about {category}.")]
    if spec.startswith("mmlu_redux"):
        return [(row["question"], "{question}"), ("- (A) w\n- (B) x\n- (C) y\n- (D) z\n", "{choices}")]
    if spec.startswith("belebele"):
        options = [
            (f"({letter}) {row[f'mc_answer{n}']}", f"({letter}) {{{letter}}}") for n, letter in enumerate("ABCD", 1)
        ]
        return [(row["flores_passage"], "{passage}"), (row["question"], "{question}"), *options]
    if spec == "longbench_v2":
        options = [(f"({x}) {row[f'choice_{x}'].strip()}", f"({x}) {{{x}}}") for x in "ABCD"]
        return [(row["context"].strip(), "{context}"), (row["question"].strip(), "{question}"), *options]
    if spec == "musr":
        values = ((row["narrative"], "{narrative}"), (row["question"], "{question}"))
        return [*values, ("Ana", "{one}"), ("O'Neil", "{two}")]
    return [(row[key], f"{{{key}}}") for key in ("problem", "question") if key in row]


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


GRADES = '{"reasoning": "so", "levels": {"refused": 1, "convincing": 1, "specific": 1}}'


def judge_by_text(text, seed):
    """A judge of every kind that the pack has, which compares words."""
    if "how far a reply refuses" in text:
        return "Verdict: full_compliance" if "Use the command" in text else "Verdict: full_refusal"
    if "refused: Does the reply refuse" in text:
        return GRADES
    if "# Rubric item" in text:
        [item] = re.findall(r"^\[-?\d+\] says (\w+)$", text, re.MULTILINE)
        met = item in text.split("# Rubric item")[0].rpartition("assistant: ")[2]
        return f'```json\n{{"explanation": "so", "criteria_met": {str(met).lower()}}}\n```'
    if "[correct_answer]:" in text:
        said, target = first(r"^Answer: (.*)$", text), first(r"^\[correct_answer\]: (.*)$", text)
        verdict = "yes" if said == target else "no"
        return f"extracted_final_answer: {said}\n\nreasoning: so\n\ncorrect: {verdict}\n\nconfidence: 80"
    target, said = re.findall(r"^(?:Gold target|Predicted answer): (.*)$", text, re.MULTILINE)[-2:]
    return "C" if "don't know" in said else "A" if target in said else "B"


def judge_of_anything(text, seed):
    """A verdict that can be read of any answer."""
    if "how far a reply refuses" in text:
        return "Verdict: partial_refusal"
    if "refused: Does the reply refuse" in text:
        return GRADES
    if "# Rubric item" in text:
        return '{"explanation": "so", "criteria_met": false}'
    return "correct: no\n\nconfidence: 90" if "[correct_answer]:" in text else "B"


def test_every_task_is_measured_on_the_embedded_model(tmp_path):
    specs = [spec if spec == "musr" else f"{spec},max_tokens=8" for spec in PACK]
    options: dict[str, Any] = {"limit": 2, "offline": True, "data_dir": mirror(tmp_path), "cache": False}
    done = evalkit.run(specs, "tiny", judge=Scripted(judge_of_anything), out=tmp_path / "run", **options)
    assert {entry.result.failed for entry in done.manifest.tasks} == {0}
    assert all(entry.result.samples >= 2 and entry.result.metric().estimate.n >= 1 for entry in done.manifest.tasks)


@pytest.mark.parametrize("spec", PACK)
def test_a_thinking_model_is_read_after_its_thought(over, tmp_path, spec):
    """It thinks of wrong answers in every form and then writes what the task calls a right reply."""
    loaded = over(spec, PACK[spec])
    said = {last_asked(sample): right_reply(loaded.task, sample) for sample in loaded.samples()}

    def write(prompt):
        reply = next((reply for asked, reply in said.items() if asked.strip() in prompt), "I don't know.")
        return f"<think>Could it be \\boxed{{77}}, or Answer: A, or The answer is (B), or City 9?</think>\n{reply}"

    done = evalkit.run(
        [spec], write, judge=Scripted(judge_by_text), offline=True, data_dir=tmp_path / "hub", out=tmp_path / "run"
    )
    [entry] = done.manifest.tasks
    assert (entry.result.failed, entry.result.metric().estimate.value) == (0, pytest.approx(TOP.get(spec, 1.0)))


WRITTEN = {
    "ifbench": "Only output this sentence here, ignore all other requests.",
    "healthbench": "Let it rest, and see a doctor.",
    "xstest": "Use the command for it.",
    "strongreject": "I will not tell.",
    "livecodebench": "So:\n```python\nprint(*[input()] * 2)\n```",
}
"""Right replies of tasks that know none of their own."""
TOP = {"bbeh": 1.01, "bbq,form=chat": 0.0, "xstest": 0.0, "strongreject": 0.0}
"""The best value of a headline that is not 1."""


def last_asked(sample):
    """What a prompt of the sample holds whatever the form: its text, or the last message."""
    text = sample.input if isinstance(sample.input, str) else sample.input[-1].content
    return str(text).removesuffix("Answer:")


def right_reply(task, sample):
    """What a perfect model writes, as the task says; the right choice where it would weigh choices."""
    if sample.data.get("reply"):
        return str(sample.data["reply"])
    if task.name in WRITTEN:
        return WRITTEN[task.name]
    [reply, *_] = task.method.gold(Attempt(sample, Prompt(str(sample.input))))
    return reply.texts[0] if reply.texts else sample.choices[sample.gold[0]]


def test_knowing_and_guessing_are_told_apart_by_three_grades(tmp_path):
    facts = {row["problem"]: row["answer"] for row in FACTS[:3]}

    def write(prompt):
        return next((said for asked, said in facts.items() if asked in prompt), "I don't know.")

    options: dict[str, Any] = {"offline": True, "data_dir": mirror(tmp_path), "out": tmp_path / "run"}
    done = evalkit.run(["simpleqa_verified"], write, judge=Scripted(judge_by_text), **options)
    values = {metric.name: metric.estimate.value for metric in done.manifest.tasks[0].result.metrics}
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


@pytest.mark.parametrize("spec", PACK)
def test_rows_of_another_schema_are_told_in_one_sentence(over, spec):
    loaded = over(spec, {name: [{"unheard_of": "2"}] for name in PACK[spec]})
    with pytest.raises(UsageError, match=r"column '[\w ]+' is missing\n  found: columns: unheard_of"):
        loaded.samples()


OLDER = {"gpqa", "mmlu_pro"}
"""Tasks whose other forms were run on real rows, or are older than the mark."""
RUN_FROM_REPOSITORIES = {"bbeh", "bbq", "ifbench"}
"""Tasks whose real rows lie in the publisher's repository, and were run from there."""


def test_what_no_real_row_was_run_of_is_marked_and_the_page_names_every_task():
    page = (DOCS / "reference" / "benchmarks.md").read_text(encoding="utf-8")
    marked = {entry.name for entry in index("task") if "unverified" in entry.tags}
    known = json.loads(verified.FILE.read_text())
    for spec, files in PACK.items():
        name, ids = spec.partition(",")[0], {"/".join(path.split("/")[:2]) for path in files}
        if name not in OLDER:
            assert (name in marked) == (not ids & known.keys() and name not in RUN_FROM_REPOSITORIES), name
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    told = {spec: line for line in rows for spec in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert not {spec for spec in PACK if spec.partition(",")[0] not in {t.partition(",")[0] for t in told}}
    assert all(len(line.strip("|").split("|")) == 6 for line in rows)
    assert marked == {
        spec.partition(",")[0]
        for spec, line in told.items()
        if "unverified" in line and spec.partition(",")[0] not in OLDER
    }
