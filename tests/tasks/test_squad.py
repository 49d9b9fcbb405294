import asyncio
import math

import numpy as np
import pytest

from evalkit.core import DataOptions, Record, Reply, Sample, UsageError
from evalkit.plugins import load
from tests.tasks.loading import good

FIRST = (
    "Title: Super_Bowl_50\n\n"
    "Background: Super Bowl 50 was an American football game to determine the champion of the National Football "
    "League (NFL) for the 2015 season. The American Football Conference (AFC) champion Denver Broncos defeated the "
    "National Football Conference (NFC) champion Carolina Panthers 24–10 to earn their third Super Bowl title. The "
    "game was played on February 7, 2016, at Levi's Stadium in the San Francisco Bay Area at Santa Clara, California. "
    'As this was the 50th Super Bowl, the league emphasized the "golden anniversary" with various gold-themed '
    "initiatives, as well as temporarily suspending the tradition of naming each Super Bowl game with Roman numerals "
    '(under which the game would have been known as "Super Bowl L"), so that the logo could prominently feature the '
    "Arabic numerals 50.\n\n"
    "Question: Which NFL team represented the AFC at Super Bowl 50?\n\n"
    "Answer:"
)


@pytest.mark.shared_data
def test_the_prompt_byte_for_byte(on_real_rows):
    assert next(on_real_rows("squad").prompts()) == FIRST


@pytest.mark.shared_data
def test_references_are_kept_once_and_paragraphs_are_clusters(on_real_rows):
    samples = on_real_rows("squad").samples()
    assert len(samples) == 10_570
    assert samples[0].id == "56be4db0acb8001400a502ec"
    assert samples[0].targets == ("Denver Broncos",)
    assert samples[3].targets == ("Denver Broncos",)
    # 2,067 paragraphs are in the development set of version 1.1 (Rajpurkar et al., 2016, table 1).
    assert len({sample.cluster for sample in samples}) == 2_067
    assert samples[0].cluster == samples[1].cluster
    assert {sample.groups for sample in samples} == {()}


def test_an_answer_is_a_line_of_64_tokens_at_most(built_in):
    assert built_in("squad").task.method.settings == {"sampling": "greedy", "max_tokens": "64", "stop": "('\\n',)"}


def test_version_1_leaves_out_what_has_no_answer(built_in):
    samples = built_in("toy_squad").samples()
    assert len(samples) == 86
    assert all(sample.targets for sample in samples)


def test_version_2_groups_what_has_an_answer_and_what_has_none(built_in):
    squad = built_in("toy_squad,version=2")
    samples = squad.samples()
    groups = [sample.groups for sample in samples]
    assert (groups.count(("has-answer",)), groups.count(("no-answer",))) == (86, 14)
    missing = next(sample for sample in samples if not sample.targets)
    assert squad.task.prompt.answer(missing) == "unanswerable"


def test_a_worked_example_shows_the_first_reference_after_one_space(built_in):
    squad = built_in("toy_squad")
    prompt = next(squad.prompts(shots=1))
    shown, _, asked = prompt.partition("\n\nTitle: ")
    assert next(squad.prompts()) == "Title: " + asked
    by_prompt = {sample.input: sample for sample in squad.samples()}
    question, _, answer = shown.rpartition(" ")
    while question not in by_prompt:
        question, _, word = question.rpartition(" ")
        answer = f"{word} {answer}"
    assert answer == by_prompt[question].targets[0]


def test_version_2_reads_its_own_set(tmp_path):
    folder = tmp_path / "rajpurkar" / "squad_v2" / "squad_v2"
    folder.mkdir(parents=True)
    (folder / "validation.jsonl").write_text(
        '{"id": "x1", "title": "T", "context": "C", "question": "Q", "answers": {"text": [], "answer_start": []}}\n'
    )
    task = load("task", "squad,version=2")
    [row] = task.data[0].rows.open(DataOptions(mirror=tmp_path, offline=True)).rows()
    assert task.sample(good(row)).input == "Title: T\n\nBackground: C\n\nQuestion: Q\n\nAnswer:"
    assert task.sample(good(row)).groups == ("no-answer",)


def test_the_best_threshold_is_for_version_2(built_in):
    squad = built_in("toy_squad,version=2,best=true")
    metrics = [metric.name for scorer in squad.task.scorers for metric in scorer.metrics]
    assert metrics == ["exact", "f1", "best_exact", "best_f1"]
    assert squad.problems() == []
    with pytest.raises(UsageError, match="version=2"):
        load("task", "squad,best=true")


def test_the_best_threshold_keeps_silent_where_silence_is_likely(built_in):
    """Four questions: right, right in silence, wrong, and wrong where there is no answer but silence was likely."""
    squad = built_in("toy_squad,version=2,best=true").task
    scorer, silence = squad.scorers
    cases = [("Lima", ("Lima",), 0.1), ("", (), 0.9), ("Quito", ("Lima",), 0.2), ("Quito", (), 0.8)]
    rows = []
    for said, targets, likely in cases:
        sample = Sample("1", "q", targets=targets)
        replies = (Reply(loglikelihoods=(math.log(likely),), greedy=(False,)), Reply(texts=(said,), finish=("stop",)))
        scores = [score for part in (scorer, silence) for score in asyncio.run(part.score(sample, replies))]
        rows.append(silence.metrics[0].observe(Record("squad", 0, sample, scores=tuple(scores))))
    found = silence.metrics[0].estimate(np.array(rows), np.arange(4))
    # As it stands 2 of 4 are right; silence above 0.2 makes it 3.
    assert [row[0] for row in rows] == [1.0, 1.0, 0.0, 0.0]
    assert found.value == 0.75
