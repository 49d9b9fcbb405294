"""Each of IFEval's 25 instruction types, followed and missed, by its published description; no oracle is needed."""

from __future__ import annotations

import pytest

from evalkit.core import Sample, Score, UsageError, Validity
from evalkit.scoring.metrics.ratios import ratio
from evalkit.scoring.scorers.instructions import checks, instructions, relaxed
from evalkit.scoring.scorers.instructions.sentences import installed, splitter
from tests.scoring.scorers.readiness import ready

pytest.importorskip("langdetect", reason="the extra `language` is not installed")

TABLE = checks(splitter("rules"))
ENGLISH = "this is a plain english text about the weather in the mountains"
CASES = [
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
        "NATO met the UN",
        "Nato met the UN",
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "less than", "capital_frequency": 2},
        "the UN met",
        "NATO met the UN",
    ),
    ("change_case:english_capital", {}, ENGLISH.upper(), ENGLISH),
    ("change_case:english_lowercase", {}, ENGLISH, ENGLISH.capitalize()),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it."}, " say it. Done", "I say it."),
    ("combination:two_responses", {}, "one\n******\ntwo", "one******one"),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name] and [address]", "[name]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\np. s. More", "Bye. PS More"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S. more", "P.S. more"),
    ("detectable_format:constrained_response", {}, "Well: My answer is no.", "my answer is no."),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', '{"a": 1} done'),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\na\nSection 2\nb",
        "Section 1",
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n- b", "* a\n- b\n* c"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", "*a* and ** **"),
    ("detectable_format:title", {}, "<<A title>>\ntext", "<< >>\ntext"),
    ("keywords:existence", {"keywords": ["Sky", "sea"]}, "the sky and the SEA", "the sky"),
    ("keywords:forbidden_words", {"forbidden_words": ["sea"]}, "a seal swims", "The Sea!"),
    ("keywords:frequency", {"relation": "at least", "keyword": "sea", "frequency": 2}, "Sea seal", "sea"),
    ("keywords:frequency", {"relation": "less than", "keyword": "sea", "frequency": 2}, "sea", "sea sea"),
    ("keywords:letter_frequency", {"let_relation": "at least", "letter": "Q", "let_frequency": 2}, "qQ", "q"),
    ("keywords:letter_frequency", {"let_relation": "at least", "letter": "#", "let_frequency": 2}, "#a #b", "#a"),
    (
        "language:response_language",
        {"language": "de"},
        "Das ist ein ganz einfacher deutscher Satz über das Wetter.",
        ENGLISH,
    ),
    ("language:response_language", {"language": "de"}, "12345", ENGLISH),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
        "a b\n\n'Then, c",
        "a b\n\nThenceforth c",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb\n***", "a\n***\n***\nb"),
    (
        "length_constraints:number_sentences",
        {"relation": "at least", "num_sentences": 2},
        "One. Two.",
        "Dr. Smith left",
    ),
    (
        "length_constraints:number_sentences",
        {"relation": "less than", "num_sentences": 2},
        "Mr. Smith left",
        "One. Two.",
    ),
    ("length_constraints:number_words", {"relation": "less than", "num_words": 3}, "two words", "don't go"),
    ("punctuation:no_comma", {}, "a; b", "a, b"),
    ("startend:end_checker", {"end_phrase": "The end."}, 'So. THE END." ', "The end. Bye"),
    ("startend:quotation", {}, ' "quoted" ', '"'),
]


def test_every_type_is_here():
    assert {name for name, *_ in CASES} == set(TABLE)
    assert len(TABLE) == 25


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), CASES)
def test_followed_and_missed(name, arguments, good, bad):
    assert TABLE[name](good, arguments) is True
    assert TABLE[name](bad, arguments) is False


def asked(*wanted):
    return Sample("1", "q", data={"instructions": wanted})


def test_scores_count_prompts_and_instructions(scored):
    sample = asked(
        ("punctuation:no_comma", {}), ("startend:quotation", {}), ("keywords:existence", {"keywords": ["x"]})
    )
    found = scored(instructions(sentences="rules"), sample, '"x, y"')
    assert {name: score.value for name, score in found.items()} == {
        "prompt_level_strict_acc": 0.0,
        "prompt_level_loose_acc": 0.0,
        "strict_followed": 2.0,
        "loose_followed": 2.0,
        "instructions": 3.0,
    }
    assert found["instructions"].reason == "missed: punctuation:no_comma"


def test_loose_forgives_a_first_line_a_last_line_and_asterisks(scored):
    sample = asked(("startend:quotation", {}))
    for reply in ('Sure:\n"x"', '"x"\nDone.', 'Sure:\n"x"\nDone.', '**"x"**'):
        found = scored(instructions(sentences="rules"), sample, reply)
        assert (found["prompt_level_strict_acc"].value, found["prompt_level_loose_acc"].value) == (0.0, 1.0)
    assert relaxed("a*\nb\nc")[:4] == ["a*\nb\nc", "a\nb\nc", "b\nc", "b\nc"]


def test_an_empty_reply_follows_nothing(scored):
    found = scored(instructions(sentences="rules"), asked(("punctuation:no_comma", {})), " ")
    assert found["strict_followed"].value == 0.0
    assert found["strict_followed"].validity is Validity.NO_ANSWER


def test_a_reply_has_the_same_language_every_time(scored):
    sample = asked(("language:response_language", {"language": "pt"}))
    scorer = instructions(sentences="rules")
    found = {scored(scorer, sample, "a vida e o sol no mar")["strict_followed"].value for _ in range(20)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (("punctuation:no_semicolon", {}), "no instruction named"),
        (("keywords:frequency", {"keyword": "x", "relation": "at most", "frequency": 1}), "'less than' or 'at least'"),
        (("keywords:frequency", {"keyword": "x", "relation": "at least"}), "needs a number 'frequency'"),
        (("keywords:existence", {"keywords": []}), "needs a list 'keywords'"),
    ],
)
def test_bad_instructions_are_faults_of_the_measurement(scored, wanted, says):
    with pytest.raises(ValueError, match=says):
        scored(instructions(sentences="rules"), asked(wanted), "text")


def test_the_signature_says_where_sentences_end():
    assert instructions(sentences="rules").settings == {"sentences": "rules"}
    assert instructions().settings == {"sentences": "punkt" if installed() else "rules"}
    if not installed():
        with pytest.raises(UsageError, match="punkt_tab"):
            instructions(sentences="punkt")


def test_instruction_level_accuracy_is_over_all_instructions(scored):
    """(2 + 0) of (3 + 1), not the mean of 2/3 and 0."""
    import numpy as np

    from evalkit.core import Record

    metric = next(
        metric for metric in instructions(sentences="rules").metrics if metric.name == "inst_level_strict_acc"
    )
    rows = []
    for followed, count in ((2.0, 3.0), (0.0, 1.0)):
        scores = (Score("strict_followed", followed), Score("instructions", count))
        rows.append(metric.observe(Record("t", 0, Sample("1", "q"), scores=scores)))
    found = metric.estimate(np.array(rows), np.arange(2))
    assert found.value == 0.5
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


def test_nothing_followed_by_a_few_is_no_certainty():
    """0 of 12 instructions in 4 prompts: at least Clopper and Pearson's 60.2 % for 0 of 4, by Wilson's with t's
    quantile."""
    import numpy as np
    import scipy.stats

    from evalkit.stats import wilson

    found = ratio("a", "b", name="r").estimate(np.array([[0.0, 3.0]] * 4), np.arange(4))
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high > 1 - 0.025 ** (1 / 4)
    # With half a prompt unseen at either end, p = 0.1, they are worth 0.09·4²/(0.5·(0.9² + 0.1²)) right or wrong ones.
    assert found.high == pytest.approx(wilson(0.0, 0.09 * 16 / 0.41, scipy.stats.t.ppf(0.975, 3))[1], rel=1e-9)


def test_a_ratio_over_nothing_is_not_a_number():
    import numpy as np

    found = ratio("a", "b", name="r").estimate(np.zeros((0, 2)), np.zeros(0, dtype=int))
    assert np.isnan(found.value)


def test_without_the_extra_a_run_says_what_to_install(monkeypatch):
    from evalkit.scoring.scorers.instructions import scoring

    scorer = instructions(sentences="rules")
    assert ready(scorer, False).scores == scorer.scores
    monkeypatch.setattr(scoring, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="langdetect is not installed"):
        ready(scorer, False)
