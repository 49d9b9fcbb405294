import asyncio
import gzip
import importlib.util
import json
import re
import sys

import pytest

from evalkit.core import BadRow, DataOptions, Reply, Row, UsageError
from evalkit.plugins import load

LINES = [
    " \n",
    " = One = \n",
    " \n",
    " Text of one . \n",
    " = = Part = = \n",
    " More . \n",
    " \n",
    " = Two = \n",
    " \n",
]


@pytest.fixture
def wikitext():
    """The modules of the task's folder, through the loaded task's own names."""
    task = load("task", "wikitext")
    return sys.modules[task.sample.__module__]


def rows_of(lines):
    return [Row(f"test/{number}", {"text": line}, f"test:{number + 1}") for number, line in enumerate(lines)]


def pages_of(wikitext, lines):
    return list(sys.modules[f"{wikitext.__name__}.pages"].pages(rows_of(lines)))


def test_a_page_runs_from_one_title_to_the_next(wikitext):
    one, two = pages_of(wikitext, LINES)
    assert one.values == {"page": " = One = \n \n Text of one . \n = = Part = = \n More . \n "}
    assert two.values == {"page": " = Two = \n \n"}
    assert (one.id, one.origin) == ("test/page-0", "test:2")
    assert (two.id, two.origin) == ("test/page-1", "test:8")


def test_blank_rows_of_raw_configs_make_the_same_pages(wikitext):
    raw = ["" if not line.strip() else line for line in LINES]
    assert [p.values for p in pages_of(wikitext, raw)] == [p.values for p in pages_of(wikitext, LINES)]


@pytest.mark.parametrize(
    ("line", "is_title"),
    [
        (" = Robert Boulter = ", True),
        (" = = Career = = ", False),
        (" = = = 2000 – 2005 = = = ", False),
        (" = = = = Deep = = = = ", False),
        (" = <unk> for the next round ", False),
        (" a = b = ", False),
        ("", False),
    ],
)
def test_what_is_a_title(wikitext, line, is_title):
    assert sys.modules[f"{wikitext.__name__}.pages"].is_title(line) is is_title


def test_a_line_that_cannot_be_read_takes_its_page_with_it_and_no_other(wikitext):
    rows = rows_of(LINES)
    rows[3] = BadRow("test/3", "test:4", "not JSON")
    broken, whole = sys.modules[f"{wikitext.__name__}.pages"].pages(rows)
    assert isinstance(broken, BadRow)
    assert broken.problem == "test:4: not JSON"
    assert whole.values == {"page": " = Two = \n \n"}


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a guest @-@ starring role", "a guest-starring role"),
        ("1 @,@ 000 @.@ 5", "1,000.5"),
        (' He said , " yes " . ', ' He said, "yes". '),
        ("( in 1970 )", "(in 1970)"),
        ("[ sic ] { x }", "[sic] {x}"),
        ("the actors ' union", "the actors' union"),
        ("the film 's end", "the film's end"),
        ("a : b ; c ! d ? e", "a: b; c! d? e"),
        ("20 ° C", "20°C"),
        (" = = Career = = \n", " == Career ==\n"),
        (" = = = = Deep = = = = \n", " ==== Deep ====\n"),
        (" one \n \n two \n", " one\n\ntwo\n"),
        ("about N people", "about 1 people"),
    ],
)
def test_detokenisation(wikitext, page, text):
    assert wikitext.detokenise(page) == text


@pytest.mark.shared_data
def test_the_pages_of_the_real_test_split(on_real_rows):
    wikitext = on_real_rows("wikitext,config=wikitext-2-v1")
    samples = wikitext.samples()
    # The document-level edition of the set has 62 pages in test.
    assert len(samples) == wikitext.task.data[0].rows.open(wikitext.options).count == 62
    original, text = samples[0].data["original"], samples[0].input
    assert original.startswith(
        " = Robert <unk> = \n \n Robert <unk> is an English film , television and theatre actor . "
        "He had a guest @-@ starring role on the television series The Bill in 2000 . "
    )
    assert text.startswith(
        " = Robert <unk> =\n\nRobert <unk> is an English film, television and theatre actor. "
        "He had a guest-starring role on the television series The Bill in 2000. "
    )
    assert [s.data["original"].endswith("\n") for s in samples] == [False] * 61 + [True]
    assert samples[-1].data["original"].endswith(". \n \n")


@pytest.mark.shared_data
def test_no_line_is_lost_or_added_in_joining(on_real_rows, hub_mirror):
    wikitext = on_real_rows("wikitext,config=wikitext-2-v1,split=validation")
    with gzip.open(hub_mirror / "Salesforce" / "wikitext" / "wikitext-2-v1" / "validation.jsonl.gz") as file:
        lines = "".join(json.loads(line)["text"] for line in file)
    joined = "\n".join(sample.data["original"] for sample in wikitext.samples())
    assert lines == " \n" + joined


@pytest.mark.shared_data
def test_every_page_is_detokenised_as_lm_eval_does(on_real_rows, lm_eval_tasks):
    spec = importlib.util.spec_from_file_location("reference", lm_eval_tasks / "wikitext" / "preprocess_wikitext.py")
    assert spec is not None and spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for sample in on_real_rows("wikitext").samples():
        assert sample.input == reference.wikitext_detokenizer({"page": sample.data["original"]})


def mirror_with(tmp_path, *configs):
    for config in configs:
        folder = tmp_path / "Salesforce" / "wikitext" / config
        folder.mkdir(parents=True)
        (folder / "test.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in LINES))
    return DataOptions(mirror=tmp_path, offline=True)


@pytest.mark.parametrize(
    ("mirrored", "taken"),
    [
        (["wikitext-2-v1", "wikitext-2-raw-v1"], "wikitext-2-raw-v1"),
        (["wikitext-2-v1"], "wikitext-2-v1"),
    ],
)
def test_auto_takes_the_raw_text_where_there_is_one_and_says_what_it_took(tmp_path, mirrored, taken):
    opened = load("task", "wikitext").data[0].rows.open(mirror_with(tmp_path, *mirrored))
    assert opened.facts["config"] == taken
    assert opened.facts["rows"] == "pages"
    assert ("note" in opened.facts) == (taken == "wikitext-2-v1")


def test_the_digest_is_that_of_the_lines(tmp_path):
    options = mirror_with(tmp_path, "wikitext-2-v1")
    pages = load("task", "wikitext").data[0].rows
    assert pages.open(options).digest == pages.otherwise.open(options).digest


def test_asking_for_the_raw_text_where_it_is_not_names_what_is_there(tmp_path):
    options = mirror_with(tmp_path, "wikitext-2-v1")
    with pytest.raises(UsageError, match="wikitext-2-v1"):
        load("task", "wikitext,config=wikitext-2-raw-v1").data[0].rows.open(options)


def test_where_neither_is_mirrored_the_error_is_about_the_raw_text(tmp_path):
    options = mirror_with(tmp_path, "wikitext-103-v1")
    with pytest.raises(UsageError, match="wikitext-2-raw-v1"):
        load("task", "wikitext").data[0].rows.open(options)


@pytest.mark.shared_data
def test_words_and_bytes_are_counted_on_the_page_as_it_was(on_real_rows):
    wikitext = on_real_rows("wikitext")
    sample = wikitext.samples()[0]
    reply = Reply(loglikelihoods=(-1.0,), greedy=(False,))
    scores = asyncio.run(wikitext.task.scorers[0].score(sample, (reply,)))
    page = sample.data["original"]
    assert {score.name: score.value for score in scores if score.name != "tokens"} == {
        "loglikelihood": -1.0,
        "words": len(re.split(r"\s+", page)),
        "bytes": len(page.encode()),
    }
    assert len(page.encode()) > len(sample.input.encode())


def test_the_strided_variant_is_named_and_has_a_perplexity_by_token(built_in):
    task = built_in("toy_wikitext,stride=64").task
    assert (task.method.name, task.primary_metric) == ("rolling-strided", "word_perplexity")
    assert [metric.name for metric in task.metrics][-1] == "token_perplexity"
    assert built_in("toy_wikitext").task.method.name == "rolling"
