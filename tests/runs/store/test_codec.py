"""A record survives the way to disk and back, whatever a model or a data set put into it."""

import math

from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Failure, Message, Prompt, Record, Reply, Sample, Score, Usage, Validity
from evalkit.runs.store import codec
from tests.examples import examples

texts = st.text(max_size=20)
floats = st.floats(allow_nan=False)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)
prompts = st.builds(Prompt, texts, texts) | st.builds(Prompt, messages=st.lists(messages, min_size=1).map(tuple))
replies = st.builds(
    Reply,
    texts=st.lists(texts, max_size=2).map(tuple),
    finish=st.lists(st.sampled_from(["stop", "eos", "length"]), max_size=2).map(tuple),
    loglikelihoods=st.lists(floats, max_size=4).map(tuple),
    greedy=st.just(()),
    usage=st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    truncated_tokens=st.integers(0, 5),
    notes=st.lists(texts, max_size=2).map(tuple),
    reasoning=st.lists(texts, max_size=2).map(tuple),
    cut=st.lists(texts, max_size=2).map(tuple),
    thought_apart=st.booleans(),
    source=st.sampled_from(["model", "cache"]),
    top_logprobs=st.lists(st.lists(st.tuples(texts, floats), max_size=2).map(tuple), max_size=2).map(tuple),
)
samples = st.builds(
    Sample,
    id=texts,
    input=texts | st.lists(messages, min_size=1).map(tuple),
    targets=st.lists(texts).map(tuple),
    choices=st.lists(texts).map(tuple),
    gold=st.lists(st.integers(0, 5)).map(tuple),
    cluster=texts,
    groups=st.lists(texts).map(tuple),
    data=st.dictionaries(texts, texts | st.integers(-9, 9) | st.none()),
)
counts = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple)
details = st.dictionaries(
    texts, texts | st.lists(st.fixed_dictionaries({"text": texts, "sentence": st.integers(0, 9)}))
)
scores = st.builds(
    Score, texts, floats, st.none() | texts, texts, st.sampled_from(list(Validity)), counts, details=details
)
records = st.builds(
    Record,
    task=texts,
    index=st.integers(0, 2**60),
    sample=samples,
    repeat=st.integers(0, 3),
    prompt=st.none() | prompts,
    replies=st.lists(replies, max_size=2).map(tuple),
    scores=st.lists(scores, max_size=3).map(tuple),
    validity=st.sampled_from(list(Validity)),
    failure=st.none() | st.builds(Failure, st.sampled_from(["data", "model"]), texts, texts),
    flags=st.lists(texts, max_size=2).map(tuple),
)


@examples(400)
@given(records)
def test_a_record_read_back_is_the_record_written(record: Record) -> None:
    shelf: dict[str, str] = {}

    def store(text: str) -> str:
        shelf[str(len(text))] = text
        return str(len(text))

    line = codec.encode(record, store)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    back = codec.decode(line, shelf.__getitem__)
    # greedy is left out together with log-likelihoods, finish together with texts: they mean nothing alone
    plain = [r for r in record.replies if not r.texts and r.finish]
    if not plain:
        assert back == record


def test_infinite_loglikelihoods_survive() -> None:
    reply = Reply(loglikelihoods=(-math.inf, -1.5), greedy=(False, True))
    record = Record("t", 0, Sample("a", "q"), prompt=Prompt("q"), replies=(reply,))
    assert codec.decode(codec.encode(record, str), str).replies[0].loglikelihoods == (-math.inf, -1.5)


def test_a_float_keeps_every_bit() -> None:
    value = -0.1 - 2e-17
    record = Record("t", 0, Sample("a", "q"), scores=(Score("s", value),))
    assert codec.decode(codec.encode(record, str), str).scores[0].value == value


def test_a_text_asked_as_it_stands_is_written_once() -> None:
    text = "once upon a time"
    record = Record("t", 0, Sample("a", text), prompt=Prompt(text))
    assert codec.encode(record, str).count(b"once upon") == 1


def test_turns_that_samples_share_are_stored_once() -> None:
    """Few-shot turns weigh as much as a preamble: they go where preambles go, and come back as they were."""
    kept: dict[str, str] = {}

    def store(text: str) -> str:
        kept[f"d{len(text)}"] = text
        return f"d{len(text)}"

    shown = (Message("system", "Add."), Message("user", "1+1?"), Message("assistant", "2"))
    for begun in ((), (Message("assistant", "It is"),)):
        for number in range(3):
            prompt = Prompt(messages=(*shown, Message("user", f"{number}+3?"), *begun))
            record = Record("t", number, Sample(str(number), f"{number}+3?"), prompt=prompt)
            line = codec.encode(record, store)
            assert b"1+1?" not in line
            assert codec.decode(line, kept.__getitem__).prompt == prompt
    assert len(kept) == 1
    # A conversation of the sample's own is nobody else's.
    own = Prompt(messages=(*shown, Message("user", "3+3?")))
    line = codec.encode(Record("t", 0, Sample("1", own.messages), prompt=own), store)
    assert b"1+1?" in line and codec.decode(line, kept.__getitem__).sample.input == own.messages
