"""What the collector makes of records does not depend on the order they came in."""

import asyncio
import random

from evalkit.core import Estimate, Generate, Metric, Prompt, Record, Reply, Request, Sample, Score, Usage, Validity
from evalkit.judging.usage import UsageMeter
from evalkit.runs.runner.attempt import prompt_digest, sample_digest
from evalkit.runs.runner.collect import Collector
from evalkit.scoring.metrics import mean
from tests.runs.runner.scripted import Parrot, say_task


def record(number: int) -> Record:
    sample = Sample(f"s{number}", f"q{number}", groups=("even" if number % 2 == 0 else "odd",))
    prompt = Prompt(f"q{number}")
    return Record(
        "t",
        number,
        sample,
        prompt=prompt,
        replies=(Reply(texts=("x",), finish=("stop",), usage=Usage(2, 1), rendered_digest=f"{number:016x}"),),
        scores=(Score("f1", 1.0 / (number + 3)),),
        prompt_digest=prompt_digest(prompt),
        sample_digest=sample_digest(sample),
    )


# A metric that only tells which row came first: rows must be in the data's order.
FIRST = Metric("first", lambda r: (r.value("f1") or 0.0,), lambda rows, clusters: Estimate(rows[0, 0], 0, 1, 1, "–"))
TASK = say_task(metrics=(mean("f1"), FIRST))


def collected(numbers: list[int]) -> Collector:
    collector = Collector.of(TASK)
    for number in numbers:
        collector.add(record(number))
    return collector


def test_results_are_equal_to_the_bit_in_any_order() -> None:
    numbers = list(range(200))
    shuffled = random.Random(5).sample(numbers, 200)
    assert collected(numbers).result(1.0) == collected(shuffled).result(1.0)


def test_rows_reach_the_metric_in_the_order_of_the_data() -> None:
    result = collected([4, 0, 3, 1]).result(0.0)
    assert result.metrics[1].estimate.value == 1 / 3
    assert result.groups["odd"][1].estimate.value == 1 / 4


def test_a_group_holds_its_own_samples_only() -> None:
    result = collected([0, 1, 2, 3]).result(0.0)
    assert result.groups["even"][0].estimate.value == (1 / 3 + 1 / 5) / 2
    assert result.groups["odd"][0].estimate.value == (1 / 4 + 1 / 6) / 2
    assert result.groups["odd"][0].estimate.n == 2


def test_digests_follow_the_samples_and_prompts() -> None:
    same, other = collected([0, 1, 2]).result(0.0), collected([0, 1, 3]).result(0.0)
    assert same.samples_digest != other.samples_digest
    assert same.prompts_digest != other.prompts_digest
    assert collected([2, 1, 0]).result(0.0).samples_digest == same.samples_digest


def test_tokens_are_added_up_and_failures_counted_apart() -> None:
    collector = collected([0, 1])
    collector.add(Record("t", 9, Sample("s9", "q"), validity=Validity.BACKEND_ERROR))
    result = collector.result(0.0)
    assert (result.samples, result.failed, result.prompt_tokens, result.completion_tokens) == (3, 1, 4, 2)
    assert result.metrics[0].estimate.n == 2
    assert result.counts == {"ok": 2, "backend_error": 1}


def test_an_unjudged_sample_keeps_its_other_scores() -> None:
    collector = Collector.of(say_task(metrics=(mean("f1"), mean("judge"))))
    scores = (Score("f1", 1.0), Score("judge", float("nan"), validity=Validity.UNJUDGED))
    collector.add(Record("t", 0, Sample("s", "q"), scores=scores, validity=Validity.UNJUDGED))
    result = collector.result(0.0)
    assert [m.estimate.n for m in result.metrics] == [1, 0]
    assert result.failed == 1


class Thinker(Parrot):
    async def answer(self, request: Request) -> Reply:
        return Reply(texts=("x",), usage=Usage(3, 10, reasoning_tokens=int(request.prompt.text)))


def test_tokens_of_thought_are_counted_apart() -> None:
    """Of a run's replies, and of a judge's."""
    meter = UsageMeter(Thinker())
    collector = Collector.of(TASK)
    for number, thought in enumerate((0, 7, 5)):
        reply = asyncio.run(meter.answer(Generate(Prompt(str(thought)))))
        collector.add(Record("t", number, Sample(str(number), "q"), replies=(reply,)))
    result = collector.result(1.0)
    assert (result.completion_tokens, result.reasoning_tokens) == (30, 12)
    assert meter.spent.words() == "3 requests, 9 prompt and 30 completion tokens (12 of thought)"
    assert meter.spent.facts()["reasoning_tokens"] == 12
