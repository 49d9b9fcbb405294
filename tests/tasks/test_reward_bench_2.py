"""RewardBench 2: the judge's prompt, a reward model's scores, and the authors' score of several right answers."""

import asyncio
import hashlib
import importlib.util
import random
import sys
from pathlib import Path

import pytest

from evalkit.core import Attempt, Prompt, Reply, Score, Scorer, UsageError
from tests.judging.rag.metrics.tiny_nli import write_nli
from tests.tasks.pack_rows import CANDIDATES, TIES

FILES = {"allenai/reward-bench-2/default/test": [*CANDIDATES, *TIES]}
# sha256 of prompt_v2, a blank line and MTBENCH_V2["prompt_template"] of allenai/reward-bench at
# 05a9005efb607249822c193590c8ecab87c77052 (rewardbench/generative_v2.py).
PROMPT = "fda4a8076dc1ac76f27ac18bdb8c4fe1ad7ac4b21f8615882f7fc961bf6b9a5b"


@pytest.fixture(scope="module")
def module():
    path = Path(__file__).resolve().parents[2] / "tasks" / "reward_bench_2.py"
    spec = importlib.util.spec_from_file_location("reward_bench_2_of_test", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    # Data classes look for their module by its name.
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def test_the_judges_prompt_is_the_publishers_byte_for_byte(over):
    sample = over("reward_bench_2", FILES).samples()[0]
    system, user = (message.content for message in sample.input)
    said = f"{system}\n\n{user}".replace(CANDIDATES[0]["prompt"], "{question}")
    for letter in "ABCD":
        head, tail = f"[The Start of Assistant {letter}'s Answer]\n", f"\n[The End of Assistant {letter}'s Answer]"
        answer = said.partition(head)[2].partition(tail)[0]
        assert answer.endswith("0") or " 0 " in answer
        assert answer.startswith("right") == (letter == sample.targets[0])
        said = said.replace(f"{head}{answer}{tail}", f"{head}{{answer_{letter.lower()}}}{tail}")
    assert hashlib.sha256(said.encode()).hexdigest() == PROMPT


@pytest.mark.parametrize(("said", "read"), [("So: [[B]]", "B"), ("[[D]] or [[C]]", "C"), ("B is best", None)])
def test_a_verdict_is_read_as_by_the_authors(over, said, read):
    loaded = over("reward_bench_2", FILES)
    found = asyncio.run(loaded.task.scorers[0].score(loaded.samples()[0], (Reply((said,), ("stop",)),)))
    assert found[0].answer == read


def rewarded(values):
    """A scorer that gives texts these values in turn."""
    left = iter(values)

    async def score(sample, replies):
        return (Score("reward", next(left)),)

    return Scorer("rewards", score, ("reward",))


@pytest.mark.parametrize(
    ("values", "share"), [((2.0, 1.0, 0.0, 1.0), 1.0), ((1.0, 2.0, 0.0, 0.0), 0.0), ((2.0, 2.0, 1.0, 2.0), 1 / 3)]
)
def test_a_tie_between_the_best_counts_as_its_share(over, module, values, share):
    sample = module._given(over("reward_bench_2", FILES).rows(over("reward_bench_2", FILES).task.data[0])[0])
    replies = tuple(Reply((text,), ("stop",)) for text in sample.data["texts"])
    found = asyncio.run(module._best_of(rewarded(values)).score(sample, replies))
    assert found[0].value == pytest.approx(share)


def rows(seed):
    rng = random.Random(seed)
    return [
        {
            "ties": (kind, str(n)),
            "right": right,
            "rewards": [rng.gauss(2.0 if k < right else 0.0, 1.0) for k in range(right + 2)],
        }
        for n in range(12)
        for kind, right in (("ref", 1), ("tied", 3))
    ]


# What process_single_model of the authors' utils.py makes of the same rewards.
@pytest.mark.parametrize(("seed", "value"), [(1, 0.6043091298516983), (2, 0.5957251947939285)])
def test_the_score_of_questions_with_several_answers_is_the_authors(module, seed, value):
    assert module.ties_score(rows(seed)) == pytest.approx(value, abs=1e-12)


def test_a_reward_model_ranks_answers_without_asking_a_model(over, tmp_path):
    folder = write_nli(tmp_path / "reward", ("LABEL_0",), seed=5)
    loaded = over(f"reward_bench_2,form=classifier,classifier={folder}", FILES)
    [sample, *_] = loaded.samples()
    replies = loaded.task.method.gold(Attempt(sample, Prompt("")))
    found = asyncio.run(loaded.task.scorers[0].score(sample, replies))
    assert len(found[0].details["rewards"]) == 4
    assert found[0].value == float(found[0].details["rewards"].index(max(found[0].details["rewards"])) == 0)


@pytest.mark.parametrize("spec", ["reward_bench_2,form=classifier", "reward_bench_2,classifier=x"])
def test_a_reward_model_is_named_with_its_form_alone(over, spec):
    with pytest.raises(UsageError, match="a reward model is named with form=classifier"):
        over(spec, FILES)
