import json

import pytest

from evalkit.core import DataOptions
from evalkit.plugins import load
from tests.tasks.loading import good

ROW = {"article": "A. B.", "document": "A. B.", "highlights": "One.\nTwo.", "summary": "Both.", "id": "x1"}


@pytest.fixture
def mirror(tmp_path):
    for name in ("abisee/cnn_dailymail/3.0.0", "EdinburghNLP/xsum/default"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "test.jsonl").write_text(json.dumps(ROW) + "\n")
    return DataOptions(mirror=tmp_path, offline=True)


@pytest.mark.parametrize(
    ("name", "prompt", "target", "shown", "max_tokens"),
    [
        (
            "cnn_dailymail",
            "Article: A. B.\n\nSummarize the article in a few sentences.\nSummary:",
            "One.\nTwo.",
            "One. Two.",
            "128",
        ),
        ("xsum", "Article: A. B.\n\nSummarize the article in one sentence.\nSummary:", "Both.", "Both.", "64"),
    ],
)
def test_the_prompt_and_the_reference(mirror, name, prompt, target, shown, max_tokens):
    task = load("task", name)
    [row] = task.data[0].rows.open(mirror).rows()
    sample = task.sample(good(row))
    assert task.prompt.question(sample) == prompt
    assert (sample.id, sample.targets) == ("x1", (target,))
    assert task.prompt.answer(sample) == shown
    assert task.method.settings == {"sampling": "greedy", "max_tokens": max_tokens, "stop": repr(("\n\n",))}


@pytest.mark.parametrize("name", ["cnn_dailymail", "xsum"])
def test_bertscore_joins_rouge_where_an_encoder_is_named(name):
    assert [scorer.name for scorer in load("task", name).scorers] == ["rouge"]
    with_encoder = load("task", name, {"bertscore": "encoders/small"})
    assert [scorer.name for scorer in with_encoder.scorers] == ["rouge", "bertscore"]
    assert "encoders/small" in str(with_encoder.scorers[1].settings)


def test_the_sample_has_a_long_and_a_short_reference_for_one_article(built_in):
    long, short = built_in("toy_cnn_dailymail").samples()[0], built_in("toy_xsum").samples()[0]
    assert long.targets[0].count("\n") == 2
    assert "\n" not in short.targets[0]
    assert long.input.partition("\n\n")[0] == short.input.partition("\n\n")[0]
