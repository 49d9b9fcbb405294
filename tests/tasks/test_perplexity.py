import json

import pytest

from evalkit.core import UsageError


def test_text_files_are_texts_as_they_are(built_in, tmp_path):
    (tmp_path / "a.txt").write_text("one\n two \n")
    (tmp_path / "b.txt").write_text("three")
    perplexity = built_in(f"perplexity,files={tmp_path}/*.txt")
    assert [sample.input for sample in perplexity.samples()] == ["one\n two \n", "three"]
    assert list(perplexity.prompts()) == ["one\n two \n", "three"]


@pytest.mark.parametrize(("options", "text"), [("", "T"), (",column=body", "B")])
def test_tables_have_a_column_of_texts(built_in, tmp_path, options, text):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "T", "body": "B"}) + "\n")
    assert built_in(f"perplexity,files={tmp_path}/rows.jsonl{options}").samples()[0].input == text


def test_a_missing_column_is_named(built_in, tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"body": "B"}) + "\n")
    with pytest.raises(UsageError, match="column 'text' is missing"):
        built_in(f"perplexity,files={tmp_path}/rows.jsonl").samples()


def test_something_to_read_must_be_named_once(built_in):
    with pytest.raises(UsageError, match="needs texts"):
        built_in("perplexity")
    with pytest.raises(UsageError, match="a toy set has its own rows"):
        built_in("toy_perplexity,files=x.txt")


def test_what_is_reported(built_in):
    names = [metric.name for metric in built_in("toy_perplexity").task.metrics]
    assert names == ["word_perplexity", "byte_perplexity", "bits_per_byte"]


def test_the_strided_variant_is_named_and_reports_by_token(built_in):
    task = built_in("toy_perplexity,stride=64").task
    assert (task.method.name, task.method.settings, task.primary_metric) == (
        "rolling-strided",
        {"stride": "64"},
        "token_perplexity",
    )
    assert task.metrics[0].name == "token_perplexity"


def test_without_the_begin_token_every_tokens_log_likelihood_is_asked_for(built_in):
    task = built_in("toy_perplexity,begin_token=left_out").task
    assert task.method.settings == {"tokens": "yes"}
    assert task.scorers[0].settings == {"begin_token": "left_out"}
