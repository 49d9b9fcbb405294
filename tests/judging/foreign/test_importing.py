"""Verdicts of other tools: every layout by rows as the tools write them, nothing lost, ranks beside choix's."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from evalkit.cli.group import cli
from evalkit.cli.rendering.tournament import battles_of
from evalkit.core import UsageError, Validity
from evalkit.judging.foreign import Imported, import_verdicts
from evalkit.judging.session import Judged, read_verdicts
from evalkit.stats.tournaments import bradley_terry, win_rate


def imported(folder: Path, rows: Any, name: str = "v.jsonl", **options: Any) -> Imported:
    path = folder / name
    text = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
    path.write_text(text, encoding="utf-8")
    return import_verdicts(path, **options)


def one(found: Imported) -> Judged:
    (verdict,) = found.found
    return verdict


def command(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["judge", *words])
    if isinstance(done.exception, UsageError):
        return 2, done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


# ---------------------------------------------------------------- each layout

ALPACA = {"instruction": "Name a city.", "output_1": "Lima.", "generator_1": "baseline", "dataset": "helpful_base",
          "output_2": "Quito, **of course**.", "generator_2": "mine", "annotator": "weighted_gpt4", "preference": 1.93,
          "time_per_example": 0.4}  # fmt: skip
PAIR = {"question_id": 81, "model_1": "alpaca-13b", "model_2": "vicuna-13b", "g1_winner": "model_2",
        "g2_winner": "model_2", "judge": ["gpt-4", "pair-v2"], "g1_user_prompt": "…", "g1_judgment": "[[B]]",
        "g2_user_prompt": "…", "g2_judgment": "[[A]]", "turn": 1, "tstamp": 1687222889.5}  # fmt: skip
ARENA = {"question_id": "58210", "model_a": "chatglm-6b", "model_b": "koala-13b", "winner": "model_b",
         "judge": "arena_user_973",
         "conversation_a": [{"content": "Hi", "role": "user"}, {"content": "Yes.", "role": "assistant"}],
         "conversation_b": [{"content": "Hi", "role": "user"}, {"content": "# No\n- a", "role": "assistant"}],
         "turn": 1, "anony": True, "language": "English", "tstamp": 1682351591.1}  # fmt: skip
JUDGEBENCH = {"pair_id": "d6b6", "original_id": "o1", "source": "mmlu-pro-law", "question": "Which?",
              "response_model": "gpt-4o", "response_A": "It is A.", "response_B": "It is B, I think.", "label": "B>A",
              "judge_name": "arena_hard",
              "judgments": [{"judgment": {"judge_model": "m", "response": "[[B>A]]"}, "decision": "B>A"},
                            {"judgment": {"judge_model": "m", "response": "[[B>A]]"}, "decision": "B>A"}]}  # fmt: skip
LLMBAR = {"input": "Add 2 and 3.", "output_1": "5", "output_2": "six", "label": 1,
          "results": [{"swap = False": {"completion": ["…", "stop"], "winner": "1"},
                       "swap = True": {"completion": ["…", "stop"], "winner": "2"}}]}  # fmt: skip


def test_alpaca_evals_preference_is_how_far_the_second_output_is_preferred(tmp_path: Path) -> None:
    verdict = one(imported(tmp_path, [ALPACA], "annotations.json"))
    assert verdict.models == ("baseline", "mine")
    assert verdict.win == pytest.approx(0.07)
    assert verdict.groups == ("helpful_base",)
    assert verdict.chars == (5, len("Quito, **of course**."))
    assert [style[3] for style in verdict.style] == [0, 1]
    assert verdict.judge == "weighted_gpt4"
    draws = imported(tmp_path, [{**ALPACA, "preference": value} for value in (0, 1.5, 1, 2, None)], "annotations.json")
    assert [each.win for each in draws.found] == [0.5, 0.5, 1.0, 0.0, None]
    assert draws.unjudged == 1


def test_fastchats_two_games_are_two_orders(tmp_path: Path) -> None:
    games = [("model_2", "model_2"), ("model_1", "model_2"), ("tie", "tie"), ("model_1", "tie"), ("error", "model_1")]
    rows = [{**PAIR, "question_id": n, "g1_winner": g1, "g2_winner": g2} for n, (g1, g2) in enumerate(games)]
    found = imported(tmp_path, rows).found
    assert [each.scores.get("win") for each in found] == [0.0, 0.5, 0.5, 0.5, None]
    assert [each.scores.get("consistent") for each in found] == [1.0, 0.0, 1.0, 0.0, None]
    # In the second game the other one was shown first: model_1 in the first and model_2 in the second is position bias.
    assert [each.scores.get("first_position") for each in found] == [0.5, 1.0, None, 1.0, None]
    assert found[4].validity is Validity.UNJUDGED
    assert found[0].judge == "gpt-4 pair-v2"
    assert one(imported(tmp_path, [{**PAIR, "turn": 2}])).key == "81 turn 2"


def test_fastchats_grades_become_one_ranking_a_question(tmp_path: Path) -> None:
    def row(model: str, score: float, turn: int = 1) -> dict[str, Any]:
        return {"question_id": 81, "model": model, "judge": ["gpt-4", "single-v1"], "user_prompt": "…", "judgment": "…",
                "score": score, "turn": turn, "tstamp": 1.0}  # fmt: skip

    found = imported(tmp_path, [row("a", 8), row("b", 9.5), row("c", 8), row("d", -1), row("a", 3, 2), row("b", -1, 2)])
    first, second = found.found
    assert first.models == ("a", "b", "c")
    assert [first.scores[f"rank_{n}"] for n in (1, 2, 3)] == [2.0, 1.0, 2.0]
    assert first.scores["grade_2"] == 9.5
    battles = battles_of(found.found)
    assert sorted(battles.value.tolist()) == [0.0, 0.5, 1.0]
    assert second.models == ("a",)


def test_an_arena_vote_has_lengths_and_style_of_both_conversations(tmp_path: Path) -> None:
    rows = [{**ARENA, "winner": winner} for winner in ("model_a", "model_b", "tie", "tie (bothbad)")]
    found = imported(tmp_path, rows).found
    assert [each.win for each in found] == [1.0, 0.0, 0.5, 0.5]
    assert found[0].chars == (4, 8)
    assert found[0].style[1][1:3] == (1, 1)
    assert found[0].groups == ("English",)


def test_judgebench_has_both_orders_and_says_what_is_right(tmp_path: Path) -> None:
    """Its second judgment saw the responses the other way round: B>A twice is the second place twice."""
    found = imported(tmp_path, [JUDGEBENCH])
    verdict = one(found)
    assert verdict.orders == (0.0, 1.0)
    assert verdict.scores == {"win": 0.5, "consistent": 0.0, "first_position": 0.0}
    assert found.labels == (("d6b6", "response_A", "response_B", "b"),)
    judgments = [{"judgment": {}, "decision": "B>A"}, {"judgment": {}, "decision": "A>B"}]
    assert one(imported(tmp_path, [{**JUDGEBENCH, "judgments": judgments}])).win == 0.0
    assert one(imported(tmp_path, [{**JUDGEBENCH, "judgments": [None, judgments[0]]}])).validity is Validity.UNJUDGED


def test_llmbars_winners_are_of_the_outputs_as_they_stand(tmp_path: Path) -> None:
    found = imported(tmp_path, [LLMBAR], "result.json")
    assert one(found).orders == (1.0, 0.0)
    assert found.labels == (("Add 2 and 3.", "output_1", "output_2", "a"),)
    vanilla = {**LLMBAR, "results": [{"swap = False": {"completion": ["…", "stop"], "winner": "1"}}]}
    assert one(imported(tmp_path, [vanilla], "result.json")).win == 1.0
    debated = {
        **LLMBAR,
        "results": [
            {"swap = False": {"winner": "1"}},
            {"swap = False": {"winner": "2"}, "swap = True": {"winner": "2"}},
        ],
    }
    assert one(imported(tmp_path, [debated], "result.json")).orders == (0.0, 0.0)


def test_rewardbench_is_read_in_columns_and_in_rows(tmp_path: Path) -> None:
    columns = {"text_chosen": ["A.", "B."], "text_rejected": ["Aa.", "Bb."], "results": [1, 0],
               "subset": ["chat", "code"],
               "id": [30, 31], "model": "my-rm", "model_type": "Seq. Classifier"}  # fmt: skip
    found = imported(tmp_path, columns, "scores.json").found
    assert [(each.key, each.win, each.groups, each.judge) for each in found] == [
        ("30", 1.0, ("chat",), "my-rm"),
        ("31", 0.0, ("code",), "my-rm"),
    ]
    rows = [{"prompt": "Q", "results": 0.5, "subset": "chat", "id": 1}]
    assert one(imported(tmp_path, rows)).win == 0.5


@pytest.mark.parametrize(
    "row",
    [
        {"question_id": "q", "a": "x", "b": "y", "winner": "a"},
        {"question": "q", "a": "x", "b": "y", "winner": "x"},
        {"prompt": "q", "left": "x", "right": "y", "winner": "left"},
        {"id": "q", "model_1": "x", "model_2": "y", "winner": "model_1"},
        {"id": "q", "a": "x", "b": "y", "win": 1},
        {"id": "q", "a": "x", "b": "y", "winner": "A>B"},
    ],
)
def test_evalkits_own_schema_in_jsonl_and_csv(tmp_path: Path, row: dict[str, Any]) -> None:
    verdict = one(imported(tmp_path, [row], judge="people"))
    assert (verdict.key, verdict.models, verdict.win, verdict.judge) == ("q", ("x", "y"), 1.0, "people")
    with (tmp_path / "v.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    assert one(import_verdicts(tmp_path / "v.csv")).win == 1.0


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"question_id": "q", "a": "x", "b": "y", "winner": "z"}, "none of the two models"),
        ({"question_id": "q", "a": "x", "b": "x", "winner": "a"}, "compared with itself"),
        ({"question_id": "q", "a": "x", "winner": "a"}, "does not name two models"),
        ({"a": "x", "b": "y", "winner": "a"}, "which question"),
        ({"question_id": "q", "a": "x", "b": "y"}, "neither winner nor win"),
        ({"question_id": "q", "a": "x", "b": "y", "win": 1.4}, "from 0 to 1"),
        ({**ALPACA, "preference": 3}, "1 to 2"),
        ({**PAIR, "g1_winner": "Vicuna"}, "none of the two"),
        ({**JUDGEBENCH, "judgments": 3}, "none of JudgeBench outputs"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_its_line(tmp_path: Path, row: dict[str, Any], wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong) as error:
        imported(tmp_path, [row])
    assert f"{tmp_path}/v.jsonl:1" in str(error.value)


# ---------------------------------------------------------------- nothing collapses


def test_repeats_are_counted_and_named_and_kept_unless_they_are_to_go(tmp_path: Path) -> None:
    row = {"question_id": "q1", "a": "x", "b": "y", "winner": "a", "worker": "w1"}
    rows = [row, {**row, "worker": "w2"}, row, {**row, "winner": "b"}]
    found = imported(tmp_path, rows)
    assert len(found.found) == 4
    assert dict(found.repeats) == {"q1: x and y": 1}
    assert len({each.asked for each in found.found}) == 4
    assert len(imported(tmp_path, rows, drop_repeats=True).found) == 3
    code, said, _ = command("import", str(tmp_path / "v.jsonl"), "--out", str(tmp_path / "o.jsonl"))
    assert code == 0
    assert "1 rows repeat another (q1: x and y (2 times))" in said
    assert len(read_verdicts(tmp_path / "o.jsonl")) == 4


def test_lines_without_what_was_asked_are_verdicts_each(tmp_path: Path) -> None:
    """Thirteen of 8,931 were left where such lines shared a key."""
    line = {"key": "q", "models": ["x", "y"], "judge": "j", "validity": "ok", "scores": {"win": 1.0}}
    path = tmp_path / "v.jsonl"
    path.write_text(
        "".join(json.dumps({**line, "models": ["x", f"y{n % 3}"]}) + "\n" for n in range(30)), encoding="utf-8"
    )
    assert len(read_verdicts(path)) == 30
    code, out, _ = command("tournament", "--verdicts", str(path), "--json")
    assert code == 0
    assert sum(model["win_rate"]["n"] for model in json.loads(out)["models"]) == 60


def test_verdicts_that_were_asked_the_same_are_counted_and_the_last_one_counts(tmp_path: Path) -> None:
    line = {"key": "q7", "models": ["x", "y"], "judge": "j", "validity": "ok", "scores": {"win": 1.0}, "asked": "1"}
    path = tmp_path / "v.jsonl"
    other = {**line, "asked": "2", "scores": {"win": 0.0}}
    unjudged = {**line, "asked": "3", "validity": "unjudged", "scores": {}}
    again = {**line, "asked": "3"}
    path.write_text("".join(json.dumps(one) + "\n" for one in (line, other, line, unjudged, again)), encoding="utf-8")
    code, out, said = command("tournament", "--verdicts", str(path), "--json")
    assert code == 0
    assert "1 verdicts were asked the same as a later one, which counts; for instance q7: x and y" in said
    assert json.loads(out)["models"][0]["win_rate"]["n"] == 3
    code, _, said = command("tournament", "--verdicts", str(path), "--verdicts", str(path), "--json")
    # One in each of them, and three of the first by those of the second.
    assert "5 verdicts were asked the same" in said


# ---------------------------------------------------------------- what they are good for


def votes_file(hub_mirror: Path) -> Path:
    path = hub_mirror.parent / "reference" / "votes" / "llmfao.csv"
    if not path.is_file():
        pytest.skip("the votes are not here")
    return path


@pytest.mark.shared_data
def test_8931_votes_import_whole_and_rank_as_choix_and_evalica_do(hub_mirror: Path, tmp_path: Path) -> None:
    choix = pytest.importorskip("choix")
    evalica = pytest.importorskip("evalica")
    path = votes_file(hub_mirror)
    code, said, _ = command("import", str(path), "--out", str(tmp_path / "v.jsonl"))
    assert code == 0
    assert "8,931 rows, 8,931 verdicts (0 unjudged) on 13 questions about 59 models" in said
    battles = battles_of(read_verdicts(tmp_path / "v.jsonl"))
    assert len(battles.value) == 8931
    ours = bradley_terry(sum(battles.counts()[0:1]) + battles.counts()[1] / 2)
    names = {name: place for place, name in enumerate(battles.models)}
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # choix: a tie is a win for each, so every decided vote is given twice.
    pairs: list[tuple[int, int]] = []
    for row in rows:
        left, right = names[row["left"]], names[row["right"]]
        tied = [(left, right), (right, left)]
        pairs += {"left": [(left, right)] * 2, "right": [(right, left)] * 2, "tie": tied}[row["winner"]]
    theirs = choix.opt_pairwise(len(names), pairs, alpha=1e-10)
    assert ours - ours.mean() == pytest.approx(theirs - theirs.mean(), abs=1e-4)
    assert np.argsort(-ours).tolist() == np.argsort(-theirs).tolist()
    kinds = {"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    scores = evalica.bradley_terry([row["left"] for row in rows], [row["right"] for row in rows],
                                   [kinds[row["winner"]] for row in rows], tie_weight=0.5, tolerance=1e-12,
                                   limit=100_000).scores  # fmt: skip
    assert [battles.models[place] for place in np.argsort(-ours)] == list(scores.sort_values(ascending=False).index)
    wins = [1.0 if row["winner"] == "left" else 0.5 if row["winner"] == "tie" else 0.0 for row in rows
            if row["left"] == "GPT 4"] + [1.0 if row["winner"] == "right" else 0.5 if row["winner"] == "tie" else 0.0
                                          for row in rows if row["right"] == "GPT 4"]  # fmt: skip
    assert win_rate(battles, "GPT 4").value == pytest.approx(sum(wins) / len(wins))
    with pytest.raises(UsageError, match="no model 'GPT-4'"):
        win_rate(battles, "GPT-4")


def test_imported_verdicts_are_audited_with_the_labels_of_their_file(tmp_path: Path) -> None:
    rows = []
    for n in range(40):
        right = "A>B" if n % 2 else "B>A"
        other = "B>A" if n % 2 else "A>B"
        said = right if n % 5 else other
        swapped = {"A>B": "B>A", "B>A": "A>B"}[said]
        decisions = [{"judgment": {}, "decision": said}, {"judgment": {}, "decision": swapped}]
        rows.append({**JUDGEBENCH, "pair_id": f"p{n}", "label": right, "judgments": decisions})
    imported(tmp_path, rows)
    verdicts, labels = tmp_path / "o.jsonl", tmp_path / "labels.csv"
    code, said, _ = command("import", f"{tmp_path}/v.jsonl", "--out", str(verdicts), "--labels", str(labels))
    assert code == 0, said
    code, out, _ = command("audit", "--verdicts", str(verdicts), "--labels", str(labels), "--json")
    assert code == 0
    found = json.loads(out)
    # 32 of 40 right, half of each kind: p_e is a half, κ = 2 · 0.8 - 1.
    assert found["agreement"]["value"] == pytest.approx(0.6)
    assert "80" in found["agreement"]["words"]
    assert "Kendall's τ 0.60" in found["agreement"]["words"]
    assert found["order consistency"]["value"] == 1.0


def test_imported_annotations_have_a_length_controlled_rate_and_style(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows: list[dict[str, Any]] = []
    for n in range(80):
        short, long = "word " * int(rng.integers(5, 30)), "**word** " * int(rng.integers(5, 60))
        liked = 1.0 / (1.0 + np.exp(-(len(long) - len(short)) / 150))
        rows.append(
            {**ALPACA, "instruction": f"Q{n}", "output_1": short, "output_2": long, "preference": 1 + float(liked)}
        )
    imported(tmp_path, rows, "annotations.json")
    verdicts = str(tmp_path / "o.jsonl")
    assert command("import", f"{tmp_path}/annotations.json", "--out", verdicts)[0] == 0
    code, out, said = command("pairwise", "--verdicts", verdicts, "mine", "baseline", "--length-control", "--json")
    assert code == 0, said
    found = json.loads(out)
    assert found["model"] == "mine"
    assert found["win rate"]["value"] == pytest.approx(float(np.mean([row["preference"] - 1 for row in rows])))
    # All that the annotator liked was length.
    assert abs(found["at equal length"]["value"] - 0.5) < abs(found["win rate"]["value"] - 0.5)
    code, out, said = command("tournament", "--verdicts", verdicts, "--style-control", "--json")
    assert code == 0, said
    assert json.loads(out)["at_equal_style"]["coefficients"]["length"]["value"] > 0


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("import", "{v}", "--layout", "other"), "no layout named"),
        (("import", "{v}", "--labels", "l.csv"), "do not say what is right"),
        (("pairwise",), "two runs"),
        (("pairwise", "--verdicts", "{o}", "x", "z"), "no verdicts of these two"),
        (("pairwise", "--verdicts", "{o}", "--length-control"), "how long the answers were"),
        (("audit",), "two runs"),
    ],
)
def test_mistakes_say_what_would_work(tmp_path: Path, words: tuple[str, ...], wrong: str) -> None:
    imported(tmp_path, [{"question_id": "q", "a": "x", "b": "y", "winner": "a"}])
    assert command("import", f"{tmp_path}/v.jsonl", "--out", f"{tmp_path}/o.jsonl")[0] == 0
    code, _, said = command(*(word.format(v=f"{tmp_path}/v.jsonl", o=f"{tmp_path}/o.jsonl") for word in words))
    assert code == 2
    assert wrong in said
