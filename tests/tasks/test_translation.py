"""Translation and paraphrase: where rows come from, what is asked, and scores that are sacrebleu's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import evalkit
from evalkit.core import Capabilities as Can
from evalkit.core import DataOptions, Generate, Identity, Reply, Request, UsageError
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check

PAIRS = [
    ("Guten Morgen.", ["Good morning.", "Morning."]),
    ("Die Katze saß auf der Matte.", ["The cat sat on the mat.", "The cat was sitting on the mat."]),
    ("Es regnet seit drei Tagen.", ["It has been raining for three days.", "It has rained for three days."]),
]
SAID = {"Guten": "Good morning.", "Die": "The cat sat on a mat, it seems.", "Es": "It rains since three days."}


class Translator:
    """Answers by the first word of what is to be translated."""

    identity = Identity("translator")
    capabilities = Can()

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        first = request.prompt.question.partition(": ")[2].split()[0]
        return Reply(texts=(" " + SAID[first],), finish=("stop",))

    async def close(self) -> None: ...


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = (json.dumps({"translation": {"de": de, "en": en}}) + "\n" for de, en in PAIRS)
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    return tmp_path / "rows.jsonl"


def test_a_run_has_sacrebleus_scores_and_signatures(table, tmp_path, built_in):
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is the oracle")
    run = evalkit.run(f"translation,pair=de-en,files={table}", Translator(), out=tmp_path / "r", cache=False)
    result = run.manifest.tasks[0].result
    assert result is not None
    said = [SAID[de.split()[0]] for de, _ in PAIRS]
    references = [[en[n] for _, en in PAIRS] for n in range(2)]
    for name, made in (("bleu", sacrebleu.BLEU()), ("chrf", sacrebleu.CHRF()), ("ter", sacrebleu.TER())):
        found = result.metric(name)
        assert found is not None
        assert 100 * found.estimate.value == pytest.approx(made.corpus_score(said, references).score, abs=1e-9)
        signature = str(made.get_signature()).replace("nrefs:2|", "")
        assert signature.replace("|", "/") in result.signature.replace("|", "/")
    assert result.primary_metric == "bleu"


def test_the_prompt_is_that_of_lm_eval(table, built_in, lm_eval_tasks):
    import yaml

    form = yaml.safe_load((lm_eval_tasks / "translation" / "wmt16_de-en.yaml").read_text().replace("include:", "from:"))
    row = {"translation": {"de": "Guten Morgen.", "en": "x"}}
    jinja2 = pytest.importorskip("jinja2")
    expected = jinja2.Template(form["doc_to_text"]).render(**row)
    assert next(built_in(f"translation,pair=de-en,files={table}").prompts()) == expected


def test_the_prompt(table, built_in):
    task = built_in(f"translation,pair=de-en,files={table}")
    assert next(task.prompts()) == "German phrase: Guten Morgen.\nEnglish phrase:"
    assert task.samples()[0].targets == ("Good morning.", "Morning.")
    assert task.task.method.settings["stop"] == "('\\n',)"


def test_texts_whose_lines_belong_together(tmp_path, built_in):
    # A line separator of Unicode stands within a sentence.
    (tmp_path / "a.de").write_text("Guten Morgen.\nEins\u2028zwei\n")
    (tmp_path / "a.en").write_text("Good morning.\nOne\u2028two\n")
    task = built_in(f"translation,pair=de-en,files={tmp_path}/a.de,references={tmp_path}/a.en")
    assert [sample.targets for sample in task.samples()] == [("Good morning.",), ("One\u2028two",)]
    (tmp_path / "a.en").write_text("Good morning.\n")
    with pytest.raises(UsageError, match="same number of lines"):
        built_in(f"translation,pair=de-en,files={tmp_path}/a.de,references={tmp_path}/a.en").samples()


def test_a_test_set_that_sacrebleu_keeps_is_read_and_another_is_not_fetched_offline(tmp_path, built_in, monkeypatch):
    sets = pytest.importorskip("sacrebleu.dataset", reason="sacrebleu has the test sets").DATASETS
    monkeypatch.setattr(sets["wmt14"], "_outdir", str(tmp_path / "wmt14"))
    folder = tmp_path / "wmt14"
    folder.mkdir()
    texts = {"src": "Guten Morgen.\n", "ref": "Good morning.\n", "docid": "d\n", "genre": "g\n", "origlang": "de\n"}
    for kind, text in texts.items():
        (folder / f"wmt14.de-en.{kind}").write_text(text)
    task = built_in("translation,pair=de-en,test_set=wmt14")
    assert [(sample.input, sample.targets) for sample in task.samples()] == [
        ("German phrase: Guten Morgen.\nEnglish phrase:", ("Good morning.",))
    ]
    with pytest.raises(UsageError, match="was not fetched yet"):
        built_in("translation,pair=fr-en,test_set=wmt14").samples()
    with pytest.raises(UsageError, match="has no pair xx-en"):
        built_in("translation,pair=xx-en,test_set=wmt14").samples()
    with pytest.raises(UsageError, match="no test set 'wmt99'"):
        built_in("translation,pair=de-en,test_set=wmt99").samples()


def test_the_hubs_form(tmp_path, built_in):
    folder = tmp_path / "wmt" / "wmt16" / "de-en"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(json.dumps({"translation": {"de": "Ja.", "en": "Yes."}}) + "\n")
    task = built_in("translation,pair=en-de,dataset=wmt/wmt16,config=de-en").task
    [row] = task.data[0].rows.open(DataOptions(mirror=tmp_path, offline=True)).rows()
    assert task.sample(row).input == "English phrase: Yes.\nGerman phrase:"
    assert task.sample(row).targets == ("Ja.",)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "the languages are missing"),
        (",pair=de", "the languages are missing"),
        (",pair=de-en", "needs one of files"),
        (",pair=de-en,files=a,test_set=wmt14", "needs one of files"),
        (",pair=de-en,test_set=wmt14,references=b", "other half"),
        (",pair=de-en,files=a,tokenize=moses", "no such tokenizer"),
    ],
)
def test_mistakes(built_in, options, says):
    with pytest.raises(UsageError, match=says):
        built_in("translation" + options)


def test_a_row_without_the_languages_is_said(table, built_in):
    with pytest.raises(UsageError, match="no 'fr' and 'en'"):
        built_in(f"translation,pair=fr-en,files={table}").samples()


def test_chinese_is_tokenised_as_sacrebleu_does(table, built_in):
    scorer = built_in(f"translation,pair=en-zh,files={table}").task.scorers[0]
    assert "tok:zh" in scorer.settings["signature"]


# ---------------------------------------------------------------- paraphrase


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    rows = [
        {"text": "Where can I learn to swim?", "paraphrases": ["Where are swimming lessons given?"]},
        {"text": "It has rained for three days.", "paraphrases": "For three days there has been rain."},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "p.jsonl"


class Copier:
    """Says the sentence again, word for word."""

    identity = Identity("copier")
    capabilities = Can()

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Generate)
        return Reply(texts=(request.prompt.question.split("\n")[1].removeprefix("Sentence: "),), finish=("stop",))

    async def close(self) -> None: ...


def test_a_copy_has_all_of_self_bleu_and_loses_by_ibleu(sentences, tmp_path):
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is the oracle")
    run = evalkit.run(f"paraphrase,files={sentences}", Copier(), out=tmp_path / "r", cache=False)
    result = run.manifest.tasks[0].result
    values = {metric.name: metric.estimate.value for metric in result.metrics}
    texts = ["Where can I learn to swim?", "It has rained for three days."]
    wanted = ["Where are swimming lessons given?", "For three days there has been rain."]
    near = sacrebleu.corpus_bleu(texts, [wanted]).score / 100
    assert values["self_bleu"] == pytest.approx(1.0)
    assert values["bleu"] == pytest.approx(near, abs=1e-12)
    assert values["ibleu"] == pytest.approx(0.8 * near - 0.2, abs=1e-12)
    assert {metric.name: metric.higher_is_better for metric in result.metrics}["self_bleu"] is False


def test_paws_gives_the_pairs_that_mean_the_same(tmp_path, built_in):
    folder = tmp_path / "google-research-datasets" / "paws" / "labeled_final"
    folder.mkdir(parents=True)
    rows = [{"id": n, "sentence1": f"a{n}", "sentence2": f"b{n}", "label": n % 2} for n in range(4)]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = built_in("paraphrase").task
    found = [task.sample(row) for row in task.data[0].rows.open(DataOptions(mirror=tmp_path, offline=True)).rows()]
    assert [(sample.data["text"], sample.targets) for sample in found] == [("a1", ("b1",)), ("a3", ("b3",))]


@pytest.mark.parametrize("spec", ["translation,pair=de-en,files={table}", "paraphrase,files={sentences}"])
def test_gold_answers_score_1(table, sentences, built_in, spec):
    import asyncio

    spec = spec.format(table=table, sentences=sentences)
    found = asyncio.run(check(prepare(built_in(spec).task, spec, "", GoldModel(), Settings())))
    assert found.problems == []
    assert found.samples >= 2


def test_an_alpha_is_a_share(built_in):
    with pytest.raises(UsageError, match="proportion between 0 and 1"):
        built_in("paraphrase,files=x,alpha=2")
