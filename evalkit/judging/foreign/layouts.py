"""The layouts of other tools' files: one reader each, told by the columns of the first row.

Columns were read off the tools' own code: AlpacaEval (annotations.json), FastChat's llm_judge (common.py), the Arena's
releases, LLMBar (evaluators' result.json), JudgeBench (run_judge.py), RewardBench (run_generative.py, run_rm.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import UsageError
from evalkit.judging.foreign.vote import Graded, Vote, winner_of

Row = Mapping[str, Any]
Name = Literal["auto", "alpaca_eval", "fastchat", "fastchat_single", "judgebench", "llmbar", "rewardbench", "votes"]

_KEYS = ("question_id", "pair_id", "prompt_id", "question", "instruction", "prompt", "id", "tstamp")
_PAIRS = (("model_a", "model_b"), ("model_1", "model_2"), ("generator_1", "generator_2"), ("left", "right"), ("a", "b"))
_TEXTS = (("answer_a", "answer_b"), ("response_a", "response_b"), ("conversation_a", "conversation_b"),
          ("output_1", "output_2"))  # fmt: skip
_GROUPS = ("category", "dataset", "subset", "source", "group", "language")
_VOTERS = ("worker", "annotator", "user", "rater", "voter", "judge_hash")


@dataclass(frozen=True, slots=True)
class Layout:
    """`tells` are columns that only this layout has; `read` makes a verdict of a row and its place."""

    name: Name
    tells: frozenset[str]
    read: Callable[[Row, str], Vote | Graded]
    about: str


def _alpaca_eval(row: Row, at: str) -> Vote:
    models = (_name(row, "generator_1", at), _name(row, "generator_2", at))
    preference = _number(row.get("preference"), "preference", at)
    win: float | None = None
    if preference is not None:
        if not (1.0 <= preference <= 2.0 or preference == 0.0):
            raise UsageError("a preference is 1 to 2, or 0 for a tie", found=f"{preference:g}", at=at)
        # 1 is the first output, 2 the second; older annotators wrote 0 for a draw.
        win = 0.5 if preference == 0.0 else 2.0 - preference
    return Vote(_text(row, ("instruction",), at), models, (win,), str(row.get("annotator") or ""),
                str(row.get("dataset") or ""), _texts(row), ordered=False)  # fmt: skip


def _fastchat(row: Row, at: str) -> Vote:
    models = (_name(row, "model_1", at), _name(row, "model_2", at))
    wins = tuple(winner_of(row.get(game), models, at) for game in ("g1_winner", "g2_winner"))
    return Vote(
        _turn(row, at), models, wins, _judge(row), _group(row), _texts(row), reason=str(row.get("g1_judgment") or "")
    )


def _fastchat_single(row: Row, at: str) -> Graded:
    score = _number(row.get("score"), "score", at)
    return Graded(_turn(row, at), _name(row, "model", at), None if score == -1 else score, _judge(row), _group(row))


def _judgebench(row: Row, at: str) -> Vote:
    models = ("response_A", "response_B")
    gold = winner_of(row["label"], ("A>B", "B>A"), at)
    wins: list[float | None] = []
    for place, given in enumerate(row["judgments"] or [None]):
        decision = given.get("decision") if isinstance(given, Mapping) else None
        win = winner_of(decision, ("A>B", "B>A"), at)
        # The second judgment saw the responses the other way round.
        wins.append(win if win is None or place == 0 else 1.0 - win)
    texts = (str(row["response_A"]), str(row["response_B"])) if "response_A" in row else None
    return Vote(str(row["pair_id"]), models, tuple(wins[:2]), str(row.get("judge_name") or ""),
                str(row.get("source") or ""), texts, gold)  # fmt: skip


def _llmbar(row: Row, at: str) -> Vote:
    models = ("output_1", "output_2")
    last = row["results"][-1] if row["results"] else {}
    orders = [last[name] for name in ("swap = False", "swap = True") if name in last] or [last]
    wins = tuple(winner_of(order.get("winner"), models, at) for order in orders)
    return Vote(_text(row, ("input",), at), models, wins, "", "", _texts(row), winner_of(row["label"], models, at))


def _rewardbench(row: Row, at: str) -> Vote:
    value = _number(row.get("results"), "results", at)
    if value is not None and value not in (0.0, 0.5, 1.0):
        raise UsageError("results is 1, 0 or 0.5", found=f"{value:g}", at=at)
    texts = tuple(_said(row.get(name)) for name in ("text_chosen", "text_rejected"))
    both = (texts[0], texts[1]) if texts[0] is not None and texts[1] is not None else None
    key = str(row.get("id") if row.get("id") is not None else row.get("prompt", ""))
    return Vote(key, ("chosen", "rejected"), (value,), _judge(row) or str(row.get("model") or ""),
                str(row.get("subset") or ""), both, 1.0, ordered=False)  # fmt: skip


def _votes(row: Row, at: str) -> Vote:
    """evalkit's own schema, of which the Arena's files are a case (docs/how-to/judging.md)."""
    pair = next((names for names in _PAIRS if all(row.get(name) not in (None, "") for name in names)), None)
    if pair is None:
        listed = "; ".join(" and ".join(names) for names in _PAIRS)
        raise UsageError("the row does not name two models", found=", ".join(row), fix=listed, at=at)
    models = (str(row[pair[0]]), str(row[pair[1]]))
    if models[0] == models[1]:
        raise UsageError(f"{models[0]!r} is compared with itself", at=at)
    if "winner" in row:
        win = winner_of(row["winner"], models, at)
    elif "win" in row:
        win = _number(row["win"], "win", at)
        if win is not None and not 0.0 <= win <= 1.0:
            raise UsageError("win is a proportion from 0 to 1", found=f"{win:g}", at=at)
    else:
        raise UsageError("the row has neither winner nor win", found=", ".join(row), at=at)
    voter = next((str(row[name]) for name in _VOTERS if row.get(name) not in (None, "")), "")
    return Vote(_turn(row, at), models, (win,), _judge(row), _group(row), _texts(row), voter=voter,
                ordered=pair != ("a", "b"), chars=_chars(row, at))  # fmt: skip


LAYOUTS: Sequence[Layout] = (
    Layout(
        "alpaca_eval", frozenset({"generator_1", "generator_2", "preference"}), _alpaca_eval, "AlpacaEval annotations"
    ),
    Layout("fastchat", frozenset({"g1_winner", "g2_winner"}), _fastchat, "MT-Bench pairs of FastChat"),
    Layout("judgebench", frozenset({"pair_id", "judgments", "label"}), _judgebench, "JudgeBench outputs"),
    Layout("llmbar", frozenset({"output_1", "output_2", "label", "results"}), _llmbar, "LLMBar results"),
    Layout("rewardbench", frozenset({"results", "subset"}), _rewardbench, "RewardBench scores"),
    Layout("fastchat_single", frozenset({"model", "score", "judge"}), _fastchat_single, "MT-Bench grades of FastChat"),
    Layout("votes", frozenset(), _votes, "Arena votes, and CSV or JSONL with a, b and winner"),
)


def layout_of(row: Row, name: Name) -> Layout:
    """The layout that was named, or whose columns a row has."""
    if name != "auto":
        return next(layout for layout in LAYOUTS if layout.name == name)
    return next(layout for layout in LAYOUTS if layout.tells <= row.keys())


# ---------------------------------------------------------------- parts


def _name(row: Row, column: str, at: str) -> str:
    if row.get(column) in (None, ""):
        raise UsageError(f"the row has no {column}", found=", ".join(row), at=at)
    return str(row[column])


def _text(row: Row, columns: Sequence[str], at: str) -> str:
    found = next((row[name] for name in columns if row.get(name) not in (None, "")), None)
    if found is None:
        raise UsageError(
            "nothing in the row says which question it is", found=", ".join(row), fix=" or ".join(columns), at=at
        )
    return str(found)


def _turn(row: Row, at: str) -> str:
    """The question, with its turn behind the first: each turn is judged by itself."""
    key, turn = _text(row, _KEYS, at), row.get("turn")
    return key if turn in (None, "", 1, "1") else f"{key} turn {turn}"


def _judge(row: Row) -> str:
    judge = row.get("judge")
    return " ".join(map(str, judge)) if isinstance(judge, list | tuple) else str(judge or "")


def _group(row: Row) -> str:
    return next((str(row[name]) for name in _GROUPS if row.get(name) not in (None, "")), "")


def _texts(row: Row) -> tuple[str, str] | None:
    for one, two in _TEXTS:
        texts = _said(row.get(one)), _said(row.get(two))
        if texts[0] is not None and texts[1] is not None:
            return texts[0], texts[1]
    return None


def _said(value: Any) -> str | None:
    """An answer, or what the assistant said in a conversation."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        said = [turn.get("content") for turn in value if isinstance(turn, Mapping) and turn.get("role") == "assistant"]
        return "\n\n".join(map(str, said)) if said else None
    return None


def _chars(row: Row, at: str) -> tuple[int, int] | None:
    found = [_number(row.get(name), name, at) for name in ("chars_a", "chars_b")]
    return None if found[0] is None or found[1] is None else (int(found[0]), int(found[1]))


def _number(value: Any, column: str, at: str) -> float | None:
    if value is None or value == "" or (isinstance(value, float) and value != value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(f"{column} is not a number", found=repr(value)[:60], at=at) from None
