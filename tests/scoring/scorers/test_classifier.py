"""The classifier as scorer, held against transformers called directly, on a tiny model with random weights."""

import asyncio

import pytest

from evalkit.core import Message, Reply, Sample, UsageError, Validity
from evalkit.scoring.scorers import classifier
from tests.judging.rag.metrics.tiny_nli import write_nli

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
TEXTS = ("the old tower of the city", "war", "a river and a dam , built high ; never said", "lamp " * 9)
TEMPLATE = "{% for m in messages %}[CLS] {{ m['role'] }} : {{ m['content'] }} [SEP] {% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes, and a reward model of one output."""
    made = tmp_path_factory.mktemp("classifiers")
    write_nli(made / "three", ("fine", "toxic", "threat"))
    write_nli(made / "reward", ("LABEL_0",), positions=24, seed=5)
    return made


def scored(scorer, texts, question="who built the bridge ?"):
    async def every():
        samples = [Sample(str(n), question) for n in range(len(texts))]
        asked = [scorer.score(s, (Reply((text,), ("stop",)),)) for s, text in zip(samples, texts, strict=True)]
        return [found for (found,) in await asyncio.gather(*asked)]

    return asyncio.run(every())


def logits(path, *parts, **options):
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(path).eval()
    with torch.inference_mode():
        return model(**tokenizer(*parts, return_tensors="pt", **options)).logits[0]


def test_the_probability_of_a_class_is_transformers_own(folder):
    found = scored(classifier(str(folder / "three"), label="Toxic", lower_is_better=True, name="toxicity"), TEXTS)
    direct = [torch.softmax(logits(folder / "three", text.strip()), -1)[1].item() for text in TEXTS]
    assert [score.value for score in found] == pytest.approx(direct, abs=1e-5)
    assert {score.name for score in found} == {"toxicity"}
    assert len({round(value, 4) for value in direct}) == len(TEXTS), "the model tells the texts apart"


def test_classes_that_do_not_exclude_each_other_have_their_own_probability(folder, tmp_path):
    made = write_nli(tmp_path / "several", ("fine", "toxic", "threat"))
    config = transformers.AutoConfig.from_pretrained(made)
    config.problem_type = "multi_label_classification"
    config.save_pretrained(made)
    found = scored(classifier(str(made), label="threat"), TEXTS)
    direct = [torch.sigmoid(logits(made, text.strip()))[2].item() for text in TEXTS]
    assert [score.value for score in found] == pytest.approx(direct, abs=1e-5)


def test_a_reward_is_the_number_for_question_and_reply(folder):
    scorer = classifier(str(folder / "reward"), of="exchange", name="reward")
    found = scored(scorer, TEXTS[:2])
    direct = [logits(folder / "reward", "who built the bridge ?", text)[0].item() for text in TEXTS[:2]]
    assert [score.value for score in found] == pytest.approx(direct, abs=1e-5)
    assert (scorer.metrics[0].scale, scorer.metrics[0].higher_is_better) == ("number", True)


def test_an_exchange_is_written_in_the_chat_template_without_a_token_twice(folder, tmp_path):
    made = write_nli(tmp_path / "chat", ("LABEL_0",))
    tokenizer = transformers.AutoTokenizer.from_pretrained(made)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(made)
    scorer = classifier(str(made), of="exchange")
    sample = Sample("1", (Message("system", "a city"), Message("user", "who came late ?")))
    [found] = asyncio.run(scorer.score(sample, (Reply(("the mayor",), ("stop",)),)))
    written = "[CLS] system : a city [SEP] [CLS] user : who came late ? [SEP] [CLS] assistant : the mayor [SEP] "
    assert found.value == pytest.approx(logits(made, written, add_special_tokens=False)[0].item(), abs=1e-5)


def test_what_is_too_long_is_cut_at_the_end_and_an_exchange_at_its_beginning(folder):
    long = " ".join(["tower city dam"] * 20)
    [reply] = scored(classifier(str(folder / "reward")), [long])
    ids = transformers.AutoTokenizer.from_pretrained(folder / "reward")(long)["input_ids"]
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder / "reward").eval()
    with torch.inference_mode():
        assert reply.value == pytest.approx(model(torch.tensor([ids[:24]])).logits[0, 0].item(), abs=1e-5)
    assert reply.reason == "cut to 24 tokens"
    [exchange] = scored(classifier(str(folder / "reward"), of="exchange"), ["lamp"], question=long)
    assert exchange.reason == "cut to 24 tokens"
    [other] = scored(classifier(str(folder / "reward"), of="exchange"), ["war"], question=long)
    assert exchange.value != other.value, "the reply is what is kept"


def test_thought_is_not_classified_and_an_empty_reply_is_what_it_is(folder):
    scorer = classifier(str(folder / "three"), label="toxic")
    thought, plain, empty = scored(scorer, ["<think>war war war</think>the mayor", "the mayor", ""])
    assert thought.value == plain.value
    assert empty.validity is Validity.NO_ANSWER
    assert empty.value == pytest.approx(torch.softmax(logits(folder / "three", ""), -1)[1].item(), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("three", "", "has 3 classes and no `label` says which one counts\n  found: fine, toxic, threat"),
        ("three", "rude", "has no class 'rude'\n  found: fine, toxic, threat"),
        ("nothing", "toxic", "cannot be read"),
    ],
)
def test_a_mistake_is_told_before_the_run(folder, name, label, message):
    ready = classifier(str(folder / name), label=label).ready
    assert ready is not None
    with pytest.raises(UsageError, match=message):
        ready(False)


def test_the_folder_is_in_the_signature(folder, tmp_path):
    one = classifier(str(folder / "three"), label="toxic").settings
    other = write_nli(tmp_path / "three", ("fine", "toxic", "threat"), seed=2)
    assert one != classifier(str(other), label="toxic").settings
    assert one == classifier("three", label="toxic", base=folder).settings
