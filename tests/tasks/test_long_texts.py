"""Long texts: what is cut by the model's tokenizer, and the ratio that MRCR scores by."""

import asyncio
from difflib import SequenceMatcher

import pytest

from evalkit.core import Reply, UsageError
from evalkit.prompting.lengths import TokenLengths
from tests.tasks.pack_rows import BOOKS, ECHOES

LONG = {"THUDM/LongBench-v2/default/train": BOOKS}
PROMPT = (
    "Please read the following text and answer the question below. <text> </text> What is the correct answer to this "
    'question: Choices: (A) (B) Format your response as follows: "The correct answer is (insert answer here)".'
)
CHATS = {"openai/mrcr/default/train": ECHOES}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The folder of a tokenizer with a token a word or mark."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    texts = [text for row in BOOKS for text in (row["context"], row["question"], *map(str, row.values()))]
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.train_from_iterator([*texts, PROMPT, "one two three four five six seven eight"])
    folder = tmp_path_factory.mktemp("tokenizer")
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="?").save_pretrained(folder)
    return str(folder)


def test_the_middle_of_what_is_too_long_is_left_out(words):
    lengths = TokenLengths(words)
    assert lengths.count("one two three four five six") == 6
    assert lengths.middle_cut("one two three four five six seven eight", 4) == "one two seven eight"
    assert lengths.middle_cut("one two three", 3) == "one two three"


def test_a_prompt_is_cut_to_what_the_model_takes(over, words):
    whole = over("longbench_v2", LONG).samples()
    cut = over(f"longbench_v2,tokenizer={words},max_input=40", LONG).samples()
    lengths = TokenLengths(words)
    assert all(lengths.count(sample.input) > 40 for sample in whole)
    # The tokenizer joins its tokens with blanks, so that the text of as many may have one more or less.
    assert all(lengths.count(sample.input) <= 41 for sample in cut)
    assert all(sample.input.startswith("Please read") and sample.input.endswith('here)".') for sample in whole)
    assert all("the following" in sample.input and "insert answer here" in sample.input for sample in cut)
    assert [sample.targets for sample in cut] == [sample.targets for sample in whole]


def test_a_tokenizer_that_is_none_is_told(over):
    with pytest.raises(UsageError, match=r"the tokenizer '\./nowhere' cannot be read"):
        over("longbench_v2,tokenizer=./nowhere", LONG).samples()


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("The correct answer is (B).", "B"),
        ("**The correct answer is C**", "C"),
        ("B", None),
        ("the correct answer is B", None),
    ],
)
def test_the_stated_letter_is_read_as_the_authors_do(over, said, read):
    loaded = over("longbench_v2", LONG)
    found = asyncio.run(loaded.task.scorers[1].score(loaded.samples()[1], (Reply((said,), ("stop",)),)))
    assert found[0].answer == read


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("k1Poem 1", 1.0),
        ("Poem 1", 0.0),
        ("", 0.0),
        ("k1Poem one", SequenceMatcher(None, "Poem one", "Poem 1").ratio()),
        ("k1", 0.0),
    ],
)
def test_mrcrs_ratio_is_that_of_its_card(over, said, value):
    loaded = over("mrcr", CHATS)
    found = asyncio.run(loaded.task.scorers[0].score(loaded.samples()[1], (Reply((said,), ("stop",)),)))
    assert found[0].value == pytest.approx(value)


def test_conversations_that_are_too_long_for_the_model_are_left_out(over, words):
    count = TokenLengths(words).count(ECHOES[0]["prompt"])
    assert len(over(f"mrcr,tokenizer={words},max_input={count}", CHATS).samples()) == 4
    assert over(f"mrcr,tokenizer={words},max_input={count - 1}", CHATS).samples() == []


def test_a_prompt_that_is_no_list_of_messages_is_told(over):
    loaded = over("mrcr", {"openai/mrcr/default/train": [{**ECHOES[0], "prompt": '{"role": "user"}'}]})
    with pytest.raises(ValueError, match="the prompt is not a list of messages"):
        loaded.samples()
