"""Self-consistency: the majority by counting, against lm-evaluation-harness 0.4.13's filters, and as a method."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from evalkit.core import Attempt, Capabilities, Generate, Identity, Prompt, Reply, Request, Sample, UsageError
from evalkit.plugins.named import methods
from evalkit.prompting.methods.voting import majority, self_consistency


class Says:
    """A model that answers with texts given beforehand."""

    identity, capabilities = Identity("says"), Capabilities()

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = texts, 0

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        assert request.n == len(self.texts)
        self.asked += 1
        return Reply(texts=self.texts, finish=("stop",) * len(self.texts))

    async def close(self) -> None: ...


def elected(*texts: str, **settings: Any) -> str:
    attempt = Attempt(Sample("1", "q", targets=("x",)), Prompt("q"))
    replies = asyncio.run(self_consistency(n=len(texts), **settings).ask(attempt, Says(*texts)))
    assert replies[0].texts == texts
    assert len(replies[1].texts) == len(replies[1].finish) == 1
    return replies[1].texts[0]


@pytest.mark.parametrize(
    ("texts", "winner"),
    [
        (("it is 3", "so 4", "surely 4"), "so 4"),
        (("1", "2"), "1"),
        (("dunno", "no idea", "perhaps 7"), "perhaps 7"),
        (("dunno", "no idea"), "dunno"),
        (("<think>4</think>5", "<think>4</think>6", "a 6"), "<think>4</think>6"),
    ],
)
def test_the_first_text_with_the_commonest_answer_stands_for_all(texts: tuple[str, ...], winner: str) -> None:
    assert elected(*texts) == winner


def test_what_counts_as_the_answer_can_be_told() -> None:
    assert elected("A then B", "B", "A or B", pattern="[AB]", pick="first") == "A then B"
    assert elected("B or A", "A", "b", read=lambda text: text[-1].lower()) == "B or A"


def test_equals_lm_eval_where_every_text_has_an_answer(ask_lm_eval: Callable[[str, object], Any]) -> None:
    rng = random.Random(3)
    groups = [[f"It is {rng.choice('12345')}." for _ in range(rng.randrange(2, 12))] for _ in range(300)]
    expected = ask_lm_eval(
        "from lm_eval.filters.extraction import RegexFilter\n"
        "from lm_eval.filters.selection import MajorityVoteFilter\n"
        "read = list(RegexFilter(r'([0-9])', group_select=-1).apply(asked, None))\n"
        "found = [vote[0] for vote in MajorityVoteFilter().apply(read, None)]",
        groups,
    )
    assert [elected(*group)[-2] for group in groups] == expected


def test_majority_of_nothing() -> None:
    assert majority([None, None]) == 0
    assert majority([None, "a", "b", "b"]) == 2


def test_a_perfect_model_says_it_n_times() -> None:
    attempt = Attempt(Sample("1", "q", targets=("18",)), Prompt("q"))
    many, one = self_consistency(n=3).gold(attempt)
    assert (many.texts, one.texts) == (("18",) * 3, ("18",))


def test_by_name_and_in_the_signature() -> None:
    method = methods.by_name("self_consistency", n=5, temperature=0.5, pattern="[AB]")
    assert method.settings["sampling"] == "t=0.5,top_p=1,n=5"
    assert (method.settings["vote"], method.settings["pattern"]) == ("majority", "last '[AB]'")


@pytest.mark.parametrize("settings", [{"n": 1}, {"temperature": 0.0}, {"pattern": "("}, {"read": "x"}])
def test_mistakes_are_usage_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        self_consistency(**settings)
