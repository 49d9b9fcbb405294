"""`evalkit score` on files as others write them: each form gives the figure that its texts have, and none a guess."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from evalkit import Run
from evalkit.cli.group import cli
from evalkit.core import UsageError, Validity

ROWS = 10
RIGHT = 7
TASK = (
    "name: capitals\ndata: rows.jsonl\nid: id\nprompt: |\n  Question: {{ question }}\n  Answer:\n"
    'answer: "{{ answer }}"\n'
    "scorers: [exact_match]\n"
)

Write = Callable[[Path], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"id": f"Geo/{n}", "question": f"What is the capital of land {n}?", "answer": f"City {n}"} for n in range(ROWS)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "capitals.yaml").write_text(TASK)
    return tmp_path


def said(number: int) -> str:
    return f"City {number}" if number < RIGHT else "Nowhere"


def question(number: int) -> str:
    return f"What is the capital of land {number}?"


def prompt(number: int) -> str:
    return f"Question: {question(number)}\nAnswer:"


def lines(row: Callable[[int], Any], name: str = "out.jsonl", order: range = range(ROWS)) -> Write:
    def write(folder: Path) -> None:
        (folder / name).write_text("".join(json.dumps(row(number)) + "\n" for number in order))

    return write


def document(make: Callable[[], Any], name: str = "out.json") -> Write:
    def write(folder: Path) -> None:
        (folder / name).write_text(json.dumps(make(), indent=1))

    return write


def csv_file(folder: Path) -> None:
    rows = "".join(f'Geo/{n},"{said(n)}"\n' for n in range(ROWS))
    (folder / "out.csv").write_text("task_id,prediction\n" + rows)


def packed(folder: Path) -> None:
    with gzip.open(folder / "out.jsonl.gz", "wt") as out:
        out.writelines(json.dumps({"task_id": f"Geo/{n}", "completion": said(n)}) + "\n" for n in range(ROWS))


def parquet(folder: Path) -> None:
    import pandas

    pandas.DataFrame({"id": [f"Geo/{n}" for n in range(ROWS)], "response": map(said, range(ROWS))}).to_parquet(
        folder / "out.parquet"
    )


def saved(folder: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"question": [*map(question, range(ROWS))], "output": [*map(said, range(ROWS))]}
    datasets.Dataset.from_dict(rows).save_to_disk(str(folder / "out"))


def text(folder: Path) -> None:
    (folder / "out.txt").write_text("".join(f"{said(n)}\n" for n in range(ROWS)))


def openai_batch(number: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": said(number)}
    body = {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return {"id": "b", "custom_id": f"Geo/{number}", "response": {"status_code": 200, "body": body}, "error": None}


def anthropic_batch(number: int) -> dict[str, Any]:
    message = {"model": "claude-x", "role": "assistant", "content": [{"type": "text", "text": said(number)}]}
    return {"custom_id": f"Geo/{number}", "result": {"type": "succeeded", "message": message}}


def oai_evals(folder: Path) -> None:
    events: list[dict[str, Any]] = [{"spec": {"completion_fns": ["gpt-x"], "eval_name": "geo"}}]
    for n in range(ROWS):
        told = {"run_id": "r", "event_id": n, "sample_id": f"geo.dev.{n}"}
        chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt(n)}]
        events.append({**told, "type": "sampling", "data": {"prompt": chat, "sampled": [said(n)]}})
        events.append({**told, "type": "match", "data": {"correct": False}})
    events.append({"final_report": {"accuracy": 0.1}})
    (folder / "out.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def lm_eval_row(number: int) -> dict[str, Any]:
    doc = {"id": f"Geo/{number}", "question": question(number), "answer": f"City {number}"}
    arguments = {"gen_args_0": {"arg_0": prompt(number), "arg_1": {"until": ["\n"]}}}
    told = {"doc_id": number, "doc": doc, "target": f"City {number}", "arguments": arguments}
    return {**told, "resps": [[said(number)]], "filtered_resps": [said(number)], "exact_match": 0.0}


FORMS: dict[str, tuple[Write, str]] = {
    "human-eval": (lines(lambda n: {"task_id": f"Geo/{n}", "completion": said(n)}), "id"),
    "other capitals": (lines(lambda n: {"task_id": f"GEO/{n}", "completion": said(n)}), "whatever its capitals"),
    "the number alone": (lines(lambda n: {"idx": n, "output": said(n)}), "number"),
    "another dataset's id": (lines(lambda n: {"id": f"geo_test_{n:04}", "output": said(n)}), "number"),
    "shuffled": (lines(lambda n: {"id": f"Geo/{n}", "answer": said(n)}, order=range(9, -1, -1)), "id"),
    "packed": (packed, "id"),
    "csv": (csv_file, "id"),
    "parquet": (parquet, "id"),
    "a data set on disk": (saved, "question"),
    "text lines": (text, "line"),
    "a list": (document(lambda: [{"id": f"Geo/{n}", "generated_text": said(n)} for n in range(ROWS)]), "id"),
    "id to text": (document(lambda: {f"Geo/{n}": said(n) for n in range(ROWS)}), "id"),
    "id to list": (document(lambda: {f"Geo/{n}": [said(n)] for n in range(ROWS)}), "id"),
    "AlpacaEval": (
        document(lambda: [{"instruction": question(n), "output": said(n), "generator": "m"} for n in range(ROWS)]),
        "question",
    ),
    "FastChat": (
        lines(
            lambda n: {
                "question_id": n,
                "model_id": "m",
                "choices": [{"index": 0, "turns": [said(n), "a second turn"]}],
            }
        ),
        "number",
    ),
    "OpenAI batch": (lines(openai_batch), "id"),
    "Anthropic batch": (lines(anthropic_batch), "id"),
    "OpenAI evals": (oai_evals, "prompt"),
    "lm-eval samples": (lines(lm_eval_row, "samples_capitals_2026-01-01T00-00-00.jsonl"), ""),
    "prompts": (lines(lambda n: {"prompt": prompt(n), "response": said(n)}), "prompt"),
    "conversations": (
        lines(
            lambda n: {
                "messages": [{"role": "user", "content": f"  {prompt(n)}\n"}],
                "output": {"role": "assistant", "content": said(n)},
            }
        ),
        "prompt",
    ),
    "chat completions": (
        lines(lambda n: {"id": f"Geo/{n}", "choices": [{"message": {"role": "assistant", "content": said(n)}}]}),
        "id",
    ),
    "thought apart": (lines(lambda n: {"id": f"Geo/{n}", "output": f"<think>hm</think>{said(n)}"}), "id"),
}


def score(*arguments: str, task: str = "capitals.yaml") -> str:
    """What the command printed; raises its UsageError, and Exit where it ends with another code than 0."""
    given = ["score", task, *arguments, "--out", "run", "-q"]
    done = CliRunner().invoke(cli, given, standalone_mode=False, catch_exceptions=True)
    if done.exception is not None:
        raise done.exception
    if done.return_value:
        raise click.exceptions.Exit(done.return_value)
    return str(done.output)


def the_file(folder: Path) -> str:
    names = [path.name for path in folder.iterdir() if path.name.startswith(("out", "samples_"))]
    assert len(names) == 1
    return names[0]


@pytest.mark.parametrize(("write", "how"), FORMS.values(), ids=FORMS)
def test_each_form_gives_the_figure_of_its_texts(project: Path, write: Write, how: str) -> None:
    write(project)
    output = score("--responses", the_file(project))
    run = Run.open(project / "run")
    assert run.estimate("capitals").value == RIGHT / ROWS
    assert how in output
    assert f"{ROWS} of {ROWS} responses" in output
    texts = {record.sample.id: record.replies[0].texts[0] for record in run.records()}
    assert texts == {f"Geo/{number}": said(number) for number in range(ROWS)}


def test_templates_name_what_no_form_does(project: Path) -> None:
    lines(lambda n: {"meta": {"n": n}, "my out": [{"t": said(n)}], "input": "x"})(project)
    score("--responses", "out.jsonl", "--text", "{{ row['my out'][0].t }}", "--id", "Geo/{{ meta.n }}")
    assert Run.open(project / "run").estimate("capitals").value == RIGHT / ROWS


def test_several_texts_are_repeats_clustered_by_question(project: Path) -> None:
    lines(lambda n: {"id": f"Geo/{n}", "outputs": [said(n), "Nowhere", said(n)]})(project)
    score("--responses", "out.jsonl")
    run = Run.open(project / "run")
    assert run.estimate("capitals").value == pytest.approx(2 * RIGHT / 3 / ROWS)
    assert run.estimate("capitals").n == 3 * ROWS
    assert sorted({record.repeat for record in run.records()}) == [0, 1, 2]


def test_the_first_of_several(project: Path) -> None:
    lines(lambda n: {"id": f"Geo/{n}", "outputs": [said(n), "Nowhere"][: 1 + n % 2]})(project)
    with pytest.raises(UsageError, match="from 1 to 2 texts"):
        score("--responses", "out.jsonl")
    score("--responses", "out.jsonl", "--texts", "first")
    assert Run.open(project / "run").estimate("capitals").value == RIGHT / ROWS


@pytest.mark.parametrize(("missing", "value", "n"), [("wrong", 5 / 10, 10), ("out", 5 / 8, 8)])
def test_missing_samples_are_refused_or_counted(project: Path, missing: str, value: float, n: int) -> None:
    lines(lambda number: {"id": f"Geo/{number}", "output": said(number)}, order=range(2, ROWS))(project)
    with pytest.raises(UsageError, match="2 of 10 samples have no response") as raised:
        score("--responses", "out.jsonl")
    assert "Geo/0, Geo/1" in str(raised.value)
    assert not (project / "run" / "manifest.json").exists()
    score("--responses", "out.jsonl", "--missing", missing)
    run = Run.open(project / "run")
    assert (run.estimate("capitals").value, run.estimate("capitals").n) == (value, n)
    lost = [record for record in run.records() if not record.replies]
    assert {record.validity for record in lost} == {
        Validity.NO_ANSWER if missing == "wrong" else Validity.BACKEND_ERROR
    }


def test_a_failed_request_of_a_batch_is_a_failure_of_its_sample(project: Path) -> None:
    error = {"custom_id": "Geo/3", "response": None, "error": {"code": "batch_expired", "message": "too late"}}
    lines(lambda n: error if n == 3 else openai_batch(n))(project)
    with pytest.raises(click.exceptions.Exit):
        score("--responses", "out.jsonl")
    run = Run.open(project / "run")
    assert run.estimate("capitals").n == ROWS - 1
    (failed,) = [record for record in run.records() if record.failure]
    assert "batch_expired" in str(failed.failure)
    assert run.model == "responses/gpt-x"


def test_a_response_that_fits_two_samples_is_refused(project: Path) -> None:
    rows = [{"id": f"a/{n}", "question": f"Question {n % 5}?", "answer": f"City {n}"} for n in range(ROWS)]
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines(lambda n: {"question": f"Question {n % 6}?", "output": said(n)})(project)
    with pytest.raises(UsageError, match="no response fits") as raised:
        score("--responses", "out.jsonl")
    rows[4]["question"] = "Question 4, once?"
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines(lambda n: {"question": "Question 4, once?" if n == 4 else f"Question {n % 4}?", "output": said(n)})(project)
    with pytest.raises(UsageError, match=r"fit several samples, by (prompt|question)") as raised:
        score("--responses", "out.jsonl")
    assert "a/0, a/5" in str(raised.value)


def test_strangers_are_refused_or_left_out(project: Path) -> None:
    lines(lambda n: {"id": f"Geo/{n}", "output": said(min(n, 9))}, order=range(ROWS + 3))(project)
    with pytest.raises(UsageError, match="3 of 13 responses match no sample"):
        score("--responses", "out.jsonl")
    assert "10 of 13 responses" in score("--responses", "out.jsonl", "--skip-unmatched")


def test_every_row_again_with_its_score(project: Path) -> None:
    lines(lambda n: {"id": f"Geo/{n}", "output": said(n), "mine": n}, order=range(9, -1, -1))(project)
    score("--responses", "out.jsonl", "--results", "scored.jsonl")
    rows = [json.loads(line) for line in (project / "scored.jsonl").read_text().splitlines()]
    assert [row["mine"] for row in rows] == [*range(9, -1, -1)]
    assert [row["scores"]["exact_match"] for row in rows] == [float(row["mine"] < RIGHT) for row in rows]


@pytest.mark.parametrize(
    ("write", "arguments", "message"),
    [
        (lines(lambda n: {"id": f"Geo/{n}"}), (), "out.jsonl:1"),
        (lines(lambda n: {"id": f"Other/x{n}y", "output": "x"}), (), "no response fits a sample"),
        (
            lambda folder: (folder / "out.jsonl").write_text('{"id": "Geo/0", "output": "x"}\n{"id": '),
            (),
            "out.jsonl:2",
        ),
        (lambda folder: (folder / "out.jsonl").write_text(""), (), "no responses"),
        (lines(lambda n: {"id": f"Geo/{n}", "output": "x"}), ("--text", "{{ outptu }}"), "'outptu' is undefined"),
        (lines(lambda n: {"id": f"Geo/{n}", "output": "x"}), ("--text", "{{ output"), "--text cannot be read"),
        (lines(lambda n: {"id": f"Geo/{n}", "output": "x"}), ("--k", "1,2"), "has no pass@k"),
        (lambda folder: (folder / "out.dat").write_text("x"), (), "format is not known"),
        (lambda folder: (folder / "out").mkdir(), (), "a folder without responses"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(
    project: Path, write: Write, arguments: tuple[str, ...], message: str
) -> None:
    write(project)
    with pytest.raises(UsageError) as raised:
        score("--responses", the_file(project), *arguments)
    assert message in str(raised.value)


def test_a_task_of_choices_reads_the_written_letter(project: Path) -> None:
    rows = [
        {"id": f"m/{n}", "q": f"Which {n}?", "options": ["one", "two", "three"], "right": n % 3} for n in range(ROWS)
    ]
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (project / "letters.yaml").write_text(
        'data: rows.jsonl\nid: id\nprompt: |\n  {{ q }}\n  {% for o in options %}{{ "ABC"[loop.index0] }}. {{ o }}\n'
        "  {% endfor %}Answer:\nchoices: [A, B, C]\ngold: right\n"
    )
    lines(lambda n: {"id": f"m/{n}", "response": f"The answer is ({'ABC'[n % 3 if n < RIGHT else (n + 1) % 3]})."})(
        project
    )
    score("--responses", "out.jsonl", task="letters.yaml")
    run = Run.open(project / "run")
    assert run.estimate("letters").value == RIGHT / ROWS


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("model", "right"),
    [("6b_finetuning", 286), ("6b_verification", 515), ("175b_finetuning", 458), ("175b_verification", 742)],
)
def test_published_solutions_have_their_published_number_right(
    project: Path, hub_mirror: Path, model: str, right: int
) -> None:
    """Cobbe et al.'s 1,319 solutions of four models, matched by question."""
    stored = hub_mirror.parent / "reference" / "gsm8k" / "example_model_solutions.jsonl"
    if not stored.is_file():
        pytest.skip(f"no stored solutions at {stored}")
    text = "{{ row['MODEL'].solution | replace('\\nA: ', '\\n#### ') }}".replace("MODEL", model)
    output = score("--responses", str(stored), "--text", text, "--data-dir", str(hub_mirror), task="gsm8k")
    assert "1,319 of 1,319 responses matched by question" in output
    found = Run.open(project / "run").estimate("gsm8k", "strict_match")
    assert (round(found.value * 1319), found.n) == (right, 1319)


@pytest.mark.shared_data
def test_published_predictions_have_their_published_score(project: Path, hub_mirror: Path) -> None:
    """SQuAD's own file of an ensemble of BERT: 86.206 exact, 92.196 F1."""
    stored = hub_mirror.parent / "reference" / "squad" / "bert-ensemble.json"
    if not stored.is_file():
        pytest.skip(f"no stored predictions at {stored}")
    score("--responses", str(stored), "--data-dir", str(hub_mirror), task="squad")
    run = Run.open(project / "run")
    assert round(100 * run.estimate("squad", "exact").value, 3) == 86.206
    assert round(100 * run.estimate("squad", "f1").value, 3) == 92.196
