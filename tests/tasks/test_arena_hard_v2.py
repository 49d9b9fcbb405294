"""Arena-Hard v2: battles against a baseline's answers, weighed as the authors' show_result.py does."""

import json

import pytest

import evalkit
from evalkit.core import DataOptions, UsageError
from tests.judging.scripted import Scripted, shown
from tests.tasks.loading import good, task_of

LABELS = [("A>>B", "B>A"), ("A=B", "A=B"), ("B>A", "B>>A"), ("A>B", "A>B")]
"""What the judge says of each question: with the model's answer first, and with the baseline's first."""
WEIGHTS: dict[str, list[float]] = {"A>B": [1], "A>>B": [1] * 3, "A=B": [0.5], "B>A": [0], "B>>A": [0] * 3}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "arena"
    (made / "model_answer").mkdir(parents=True)
    questions = [
        {"uid": f"u{n}", "category": "hard_prompt", "subcategory": "math", "prompt": f"Request {n}?"} for n in range(4)
    ]
    questions.append({**questions[0], "uid": "w", "category": "creative_writing"})
    answers = [
        {"uid": row["uid"], "messages": [{"role": "assistant", "content": {"answer": f"Baseline of {row['uid']}"}}]}
        for row in questions
    ]
    (made / "question.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    for name in ("o3-mini-2025-01-31", "gemini-2.0-flash-001"):
        (made / "model_answer" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    return made


def run(folder, tmp_path, says, **more):
    options = {"offline": True, "out": tmp_path / "run", **more}
    spec = f"arena_hard_v2,folder={folder},max_tokens=8"
    model = options.pop("model", lambda prompt: f"<think>Baseline?</think>\nMine to {prompt}")
    done = evalkit.run([spec], model, judge=Scripted(says), **options)
    [entry] = done.manifest.tasks
    return entry.result


def judge(text, seed):
    number = next(n for n in range(4) if f"Request {n}?" in text)
    return f"Verdict: {LABELS[number][shown(text)['A'].startswith('Baseline')]}"


def test_the_score_is_the_proportion_of_battles_as_the_authors_weigh_them(folder, tmp_path):
    """The oracle is show_result.py's label_to_score: the model's order, and one minus the baseline's."""
    battles = [b for own, theirs in LABELS for b in (*WEIGHTS[own], *(1 - value for value in WEIGHTS[theirs]))]
    result = run(folder, tmp_path, judge)
    assert result.failed == 0
    assert result.metric("score").estimate.value == pytest.approx(sum(battles) / len(battles))
    assert result.metric("consistent").estimate.value == 0.5


def test_it_runs_on_the_embedded_model_and_an_unread_verdict_leaves_n(folder, tmp_path):
    result = run(folder, tmp_path, lambda text, seed: "?" if "Request 0?" in text else "Verdict: A=B", model="tiny")
    assert (result.metric("score").estimate.n, result.metric("score").estimate.value) == (3, 0.5)


def test_a_question_without_the_baselines_answer_is_told(folder):
    path = folder / "model_answer" / "o3-mini-2025-01-31.jsonl"
    path.write_text(path.read_text().splitlines()[1] + "\n")
    loaded = task_of(f"arena_hard_v2,folder={folder}")
    row = next(iter(loaded.data[0].rows.open(DataOptions(offline=True)).rows()))
    with pytest.raises(ValueError, match="the baseline o3-mini-2025-01-31 has no answer to u0"):
        loaded.sample(good(row))


@pytest.mark.parametrize(
    ("spec", "message"),
    [("arena_hard_v2", "a folder of questions"), ("arena_hard_v2,folder=.,judge=simpleqa", "does not compare two")],
)
def test_what_is_missing_is_told(spec, message):
    with pytest.raises(UsageError, match=message):
        task_of(spec)
