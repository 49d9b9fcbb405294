"""Whether the functions that a reply calls are the right ones, with the right arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, Validity
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.calls import FunctionCall, call_of_json
from evalkit.scoring.extraction.calls import calls as find
from evalkit.scoring.extraction.reading import Reading, unreadable
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.call_rules import mistake_in_all

_NAMES = ("call_match", "call_names")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class _FunctionCalls(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        functions, wanted = sample.data["functions"], sample.data["ground_truth"]
        note = ""
        native = replies[-1].calls if replies else ()
        if native and native[0]:
            read, validity = _native(native[0], functions), Validity.OK
        else:
            answer = final_answer(replies)
            read = find(answer.text, cut=answer.validity is Validity.LENGTH)
            note, validity = answer.reason, answer.validity
        made = read.value
        if made is None and read.unreadable:
            # Neither a right call nor rightly none.
            unread = Validity.UNREADABLE if validity is Validity.OK else validity
            return tuple(Score(name, 0.0, None, note or read.problem, unread) for name in _NAMES)
        if not wanted:
            right = not made
            reason = "" if right else "calls a function where none fits"
            validity = Validity.OK if validity is Validity.NO_ANSWER else validity
            return tuple(Score(name, float(right), _shown(made), reason or note, validity) for name in _NAMES)
        if not made:
            unread = Validity.NO_ANSWER if validity is Validity.OK else validity
            return tuple(Score(name, 0.0, None, note or "no call in the reply", unread) for name in _NAMES)
        mistake = mistake_in_all(made, functions, wanted)
        names = sorted(call.name for call in made) == sorted(next(iter(entry)) for entry in wanted)
        reason = "; ".join(filter(None, [mistake, note]))
        return (
            Score(_NAMES[0], float(not mistake), _shown(made), reason, validity),
            Score(_NAMES[1], float(names), _shown(made), "", validity),
        )


def function_calls() -> Scorer:
    """Whether a reply calls the right functions with the right arguments, `call_match`, or the functions, `call_names`.

    `sample.data["functions"]` describes the functions and `sample.data["ground_truth"]` lists the calls that are
    right, as on the Berkeley function-calling leaderboard: [{function: {parameter: [acceptable values]}}]. Calls may
    come in any order. Where the list is empty no function fits, and a reply is right that calls none.

    Calls are read from the text (`scoring.extraction.calls`), or from the reply's own `calls` where a backend returned
    them; a name's dots may then be underscores, since such interfaces take none. A reply without a call is NO_ANSWER
    where calls were wanted. One whose call cannot be read is UNREADABLE and scores 0, where none was wanted, too.
    Scoring raises ValueError for a row that contradicts itself.
    """
    return Scorer("function_calls", _FunctionCalls(), _NAMES, tuple(map(mean, _NAMES)), version=2)


def _native(made: Any, functions: Any) -> Reading[tuple[FunctionCall, ...]]:
    """Calls of a backend's own interface, under the names that the row gives its functions."""
    by_sent_name = {_NOT_IN_A_NAME.sub("_", function["name"])[:64]: function["name"] for function in functions}
    found = []
    for call in made:
        read = call_of_json({"name": by_sent_name.get(call.name, call.name), "arguments": call.arguments})
        if read is None:
            return unreadable(f"the arguments of {call.name} are no JSON object")
        found.append(read)
    return Reading(tuple(found))


def _shown(calls: tuple[FunctionCall, ...] | None) -> str | None:
    if calls is None:
        return None
    shown = (f"{call.name}({', '.join(f'{key}={value!r}' for key, value in call.arguments.items())})" for call in calls)
    return "; ".join(shown)
