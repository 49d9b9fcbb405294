"""The toy sets: what their readers rely on."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from evalkit.data.toy import FOLDER, ToySetNotFoundError, toy_names, toy_path
from tools.toys import corpus, sampleset, words
from tools.toys.facts import SUBJECTS

NAMES = [
    "clustering",
    "contamination",
    "contamination_corpus",
    "function_calls",
    "json_output",
    "multiple_choice",
    "multiple_choice_dev",
    "perplexity",
    "programs",
    "prompt_injection",
    "qa",
    "rag_faithfulness",
    "refusals",
    "retrieval_corpus",
    "retrieval_qrels",
    "retrieval_queries",
    "sts",
    "summarization",
    "tokenizers",
]


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in toy_path(name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def corpus_text() -> str:
    return "\n".join(corpus.text_of(document) for document in islice(corpus.documents(99, early=0), 4000))


def test_the_sets_are_found_by_name_with_or_without_the_ending():
    assert toy_names() == NAMES
    assert toy_path("qa") == toy_path("qa.jsonl") == FOLDER / "qa.jsonl"


def test_an_unknown_set_is_a_file_not_found_error_that_names_the_available_ones():
    with pytest.raises(ToySetNotFoundError, match=r"no toy set named 'sumarization'; did you mean") as caught:
        toy_path("sumarization")
    assert isinstance(caught.value, FileNotFoundError)
    assert all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("name", ["../tiny/config", "/etc/passwd", ""])
def test_a_path_is_not_a_name(name):
    with pytest.raises(ToySetNotFoundError):
        toy_path(name)


def test_the_sets_are_small_and_end_with_a_newline():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.jsonl")) < 500_000
    assert all(path.read_bytes().endswith(b"}\n") for path in FOLDER.glob("*.jsonl"))


def test_the_script_makes_the_same_bytes_again(tmp_path: Path):
    sampleset.write_sets(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.jsonl" for name in NAMES]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("name", "keys", "at_least"),
    [
        ("multiple_choice", ["id", "question", "choices", "answer", "subject"], 50),
        ("multiple_choice_dev", ["id", "question", "choices", "answer", "subject"], 25),
        ("qa", ["id", "title", "context", "question", "answers"], 50),
        ("summarization", ["id", "document", "highlights", "summary"], 50),
        ("perplexity", ["id", "text"], 50),
        ("sts", ["id", "sentence1", "sentence2", "score"], 50),
        ("clustering", ["id", "sentences", "labels"], 5),
        ("tokenizers", ["id", "text", "language", "domain"], 50),
        ("json_output", ["id", "kind", "text", "schema", "expected"], 50),
        ("function_calls", ["id", "category", "question", "function", "ground_truth"], 50),
        ("prompt_injection", ["id", "kind", "system", "user", "document", "canary", "answer"], 50),
        ("refusals", ["id", "prompt", "expected", "category"], 50),
        ("contamination", ["id", "text", "label"], 50),
        ("contamination_corpus", ["id", "text"], 50),
        ("rag_faithfulness", ["id", "kind", "question", "contexts", "answerable", "faithful", "planted"], 60),
    ],
)
def test_every_row_has_the_fields_of_its_schema_and_an_id_of_its_own(name, keys, at_least):
    found = rows(name)
    assert len(found) >= at_least
    assert all(list(row) == keys for row in found)
    assert len({row["id"] for row in found}) == len(found)
    assert len({json.dumps({**row, "id": ""}) for row in found}) == len(found)


def test_multiple_choice_has_one_right_answer_among_four_different_choices():
    facts = {subject.name: subject.facts for subject in SUBJECTS}
    for row in rows("multiple_choice") + rows("multiple_choice_dev"):
        assert len(set(row["choices"])) == 4
        right = row["choices"][row["answer"]]
        keys = [key for key, value in facts[row["subject"]].items() if value == right]
        assert len(keys) == 1
        assert keys[0] in row["question"]


def test_gold_positions_are_balanced():
    found = rows("multiple_choice")
    counts = Counter(row["answer"] for row in found)
    assert set(counts) == {0, 1, 2, 3}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_each_subject_has_five_examples_whose_facts_are_not_asked():
    asked, shown = rows("multiple_choice"), rows("multiple_choice_dev")
    subjects = {row["subject"] for row in asked}
    assert 4 <= len(subjects) <= 6
    for subject in subjects:
        right = {row["choices"][row["answer"]] for row in asked if row["subject"] == subject}
        examples = [row["choices"][row["answer"]] for row in shown if row["subject"] == subject]
        assert len(examples) >= 5
        assert not right & set(examples)


def test_answers_stand_where_their_offsets_say():
    for row in rows("qa"):
        texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
        assert len(texts) == len(starts)
        for text, start in zip(texts, starts, strict=True):
            assert row["context"][start : start + len(text)] == text
            assert not row["context"][start - 1].isalnum() or start == 0
            assert not row["context"][start + len(text)].isalnum()


def test_some_questions_have_several_answers_and_about_one_in_seven_has_none():
    counts = Counter(len(row["answers"]["text"]) for row in rows("qa"))
    assert counts[2] >= 5
    assert 0.10 <= counts[0] / sum(counts.values()) <= 0.20


def sentences(text: str) -> int:
    return text.count(". ") + text.endswith(".")


def test_contexts_and_documents_have_the_promised_lengths():
    assert all(3 <= sentences(row["context"]) <= 6 for row in rows("qa"))
    for row in rows("summarization"):
        assert 4 <= sentences(row["document"]) <= 10
        assert 2 <= len(row["highlights"].split("\n")) <= 3
        assert sentences(row["summary"]) == 1
    for row in rows("perplexity"):
        assert 200 <= len(row["text"].split()) <= 400
        assert row["text"].count("\n\n") >= 2


def test_questions_stories_and_texts_are_not_in_the_corpus(corpus_text):
    assert "Question: " in corpus_text and "Article: " in corpus_text
    lists = re.compile(r"(?m)^(<\|bos\|>)?(List|Names|Words|Again):.*$")  # random words: two may make a name
    told = lists.sub("", corpus_text)
    for row in rows("multiple_choice"):
        assert row["question"] not in corpus_text
    for row in rows("qa"):
        assert row["context"] not in corpus_text
        assert not re.search(rf"{re.escape(row['title'])}\b", told)
    for row in rows("summarization"):
        assert row["document"] not in corpus_text
        assert row["summary"] not in corpus_text
    for row in rows("perplexity"):
        assert all(paragraph not in corpus_text for paragraph in row["text"].split("\n\n") if len(paragraph) > 300)


def test_every_asked_fact_is_in_the_phrasings_of_the_corpus_only(corpus_text):
    for subject in SUBJECTS:
        assert not set(subject.held_out) & set(subject.questions)
        assert len(set(subject.facts.values())) == len(subject.facts)
        common = next(iter(subject.facts))
        assert any(phrase.format(k=common, v=subject.facts[common]) in corpus_text for phrase in subject.statements)


def test_the_split_holds_out_an_eighth_of_the_names():
    held = sum(words.is_held_out(i, j) for i in range(32) for j in range(32))
    assert held == 32 * 32 // 8


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another_one():
    first, again, other = (list(islice(corpus.documents(seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
