"""RULER's rows, as its own scripts make them of the same words, essays, questions and tokenizer."""

import asyncio
import hashlib
import json
from importlib.util import find_spec

import pytest

import evalkit
from evalkit.core import Reply, UsageError
from tests.tasks.loading import task_of

ADJECTIVES = ["red", "well", "well-off", "well-off-ish", "big", "old", "a", "a-b"]
NOUNS = ["house", "off-day", "b-c", "c", "tree", "river"]
VERBS = [f"verb{n:04}" for n in range(4300)]
ESSAY = " ".join(f"Startup number {n} is hard. I think people liked it, and {n} more did!" for n in range(400))
SQUAD = [
    {
        "id": str(n),
        "title": f"Title {n // 9}",
        "context": f"Paragraph {n // 3} tells of {n // 3 * 7} things " + "and more " * 12,
        "question": f"How many, {n}?",
        "answers": {"text": [] if n % 5 == 4 else [str(n // 3 * 7), f"{n // 3 * 7} things"], "answer_start": []},
    }
    for n in range(120)
]
# sha256 of the prompts that NVIDIA/RULER at c3f5e3b4f87f97e048793bb510a3a6b19a46bf3a writes of these (input and
# answer_prefix of three samples, one after the other), with the tokenizer below and 1,024 tokens.
PUBLISHED = {
    "niah_single_1": "2cfd45c2899a3a4312b34dee5e7a99a10a37709bb6349cdc086d0dc3ccc693ba",
    "niah_multikey_1": "56badf30f861d768bf63c87f23470b428775b479534922c9fa69c1c78edfc943",
    "niah_multikey_3": "fc9b1bb360c33f8024ff1483ef8362720da3872f06704ecf043abc9aeb677992",
    "niah_multivalue": "d1b88efacd2ae8aa164f78beb2fca6102a389e096e503ab0c8dd867e73d8cd9e",
    "niah_multiquery": "db4d05b5f28f4262fe843ded6fda2341c433ae654651f6eef99e57506d54a5bc",
    "vt": "a8c1eeac506113034be6037bd410a6a5acc972480abffff0d4a158fd8f11799a",
    "cwe": "b625ec070d42b44456a4a74d88c4b3ad167fd2264b6f72522673afc183a6f001",
    "fwe": "aa7f4d40e32d0483d18940a423d5222c4c603b56e84727e4467e9e76c9217455",
    "qa_1": "e9b761b0fce9ea2dd48a31b322211098441d9bc2c999d299ebd782f749a36fba",
}


def write_parts(folder):
    """The tokenizer (a token a word or mark), a package wonderwords with few words, essays and questions."""
    import tokenizers
    import transformers

    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab={"?": 0}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="?").save_pretrained(folder / "tokenizer")
    assets = folder / "package" / "wonderwords" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "__init__.py").write_text("")
    for name, words in (("adjective", ADJECTIVES), ("noun", NOUNS), ("verb", VERBS)):
        (assets / f"{name}list.txt").write_text("\n".join(words) + "\n")
    (folder / "essays.json").write_text(json.dumps({"text": ESSAY}))
    rows = folder / "hub" / "rajpurkar" / "squad_v2" / "default"
    rows.mkdir(parents=True)
    (rows / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SQUAD))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    pytest.importorskip("tokenizers")
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("ruler")
    write_parts(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "package"))
        if (found := find_spec("wonderwords")) is None or not str(found.origin).startswith(str(folder)):
            pytest.skip("another wonderwords was imported before")
        yield folder


def spec_of(parts, kind, **more):
    told = {"tokenizer": parts / "tokenizer", "kind": kind, "lengths": 1024, "samples": 3} | more
    told.setdefault("essays", parts / "essays.json")
    return "ruler," + ",".join(f"{name}={value}" for name, value in told.items())


def rows_of(parts, spec):
    from evalkit.core import DataOptions

    [part] = task_of(spec).data
    return [row.values for row in part.rows.open(DataOptions(mirror=parts / "hub", offline=True)).rows()]


@pytest.mark.parametrize(("kind", "wanted"), PUBLISHED.items())
def test_prompts_are_those_of_the_publishers_scripts_byte_for_byte(parts, kind, wanted):
    found = rows_of(parts, spec_of(parts, kind, sentences="rules"))
    assert len(found) == 3
    assert all(row["tokens"] <= 1024 for row in found)
    said = "".join(row["question"] + row["prefix"] for row in found)
    assert hashlib.sha256(said.encode()).hexdigest() == wanted
    assert all(str(answer) in row["question"] for row in found for answer in row["answers"][:1])


def test_a_task_is_measured_and_its_own_answers_score_one(parts, tmp_path):
    known = {row["question"]: row["answers"] for kind in ("vt", "qa_1") for row in rows_of(parts, spec_of(parts, kind))}

    def write(prompt):
        answers = next(answers for question, answers in known.items() if question in prompt)
        return "<think>Perhaps none.</think> " + ", ".join(answers)

    options = {"offline": True, "data_dir": parts / "hub"}
    done = evalkit.run([spec_of(parts, "vt+qa_1")], write, out=tmp_path / "right", **options)
    [entry] = done.manifest.tasks
    assert (entry.result.samples, entry.result.failed, entry.result.metric().estimate.value) == (6, 0, 1.0)
    tiny = evalkit.run([spec_of(parts, "fwe", samples=2, lengths=320)], "tiny", out=tmp_path / "tiny", **options)
    assert tiny.manifest.tasks[0].result.metric().estimate.n == 2


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("niah_multivalue", "It is 11 and 22.", 0.5),
        ("qa_1", "It is 11 and 22.", 1.0),
        ("qa_1", "None.", 0.0),
        ("vt", "", 0.0),
    ],
)
def test_answers_are_looked_for_whatever_their_case(parts, kind, said, value):
    from evalkit.core import Sample

    [scorer] = task_of(spec_of(parts, "vt")).scorers
    sample = Sample("1", "?", targets=("11", "22", "33", "None?"), data={"kind": kind})
    assert asyncio.run(scorer.score(sample, (Reply((said,), ("stop",)),)))[0].value == value


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"essays": ""}, "hides its needles in essays"),
        ({"lengths": "10"}, "lengths are numbers of tokens"),
        ({"kind": "niah"}, "task of RULER"),
    ],
)
def test_what_is_missing_is_told(parts, more, message):
    with pytest.raises(UsageError, match=message):
        rows_of(parts, spec_of(parts, **({"kind": "niah_single_2"} | more)))


def test_a_length_that_nothing_fits_is_told(parts):
    with pytest.raises(UsageError, match="no prompt of RULER fits into 224 tokens"):
        rows_of(parts, spec_of(parts, "qa_1", lengths=256))


def test_a_tokenizer_is_needed():
    with pytest.raises(UsageError, match="counts tokens by the model's tokenizer"):
        task_of("ruler")
