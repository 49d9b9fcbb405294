"""IFBench's constraints. The oracle is the authors' checker (allenai/IFBench, commit db69a6f) on these replies."""

from typing import Any

import pytest

from evalkit.core import UsageError
from evalkit.scoring.scorers.instructions import followed, instructions, unchecked
from evalkit.scoring.scorers.instructions.ifbench.table import checks
from evalkit.scoring.scorers.instructions.sentences import splitter

CHECKS = checks(splitter("rules"))
NAMES = "Emma, Liam and Sophia met Emma. Liams left."
KEYS = {f"keyword{n}": f"key{n}" for n in range(1, 6)}
TIMES = " ".join(f"Key{n} " * times for n, times in ((1, 1), (2, 2), (3, 3), (4, 5), (5, 7)))
CAPITALS = (
    "Reykjavik, Helsinki, Oslo, Tallinn, Stockholm, Riga, Moscow, Copenhagen, Vilnius, Minsk, Dublin, Berlin, "
    "Amsterdam, Warsaw, London, Brussels, Prague, Luxembourg, Paris, Vienna, Bratislava, Budapest, Vaduz, Chișinău, "
    "Bern, Ljubljana, Zagreb"
)
QUESTIONS = [f"Question {n}. {'Who really ' * n}painted it?\nA. a\nB. b\nC) c\nd. d\nE. e" for n in range(1, 5)]
CITIES = "ID,Country,City,Year,Count\n" + "\n".join(f"{n},A,B,2000,{n}" for n in range(7))
PRODUCTS = "ProductID, Category,Brand,Price,Stock\n" + "\n".join(f'{n},A,"B&C",2,{n}' for n in range(14))
MARKED = '"StudentID"\t"Subject"\t"Grade"\t"Semester"\t"Score"\n' + "\n".join(['"1"\t"a"\t"b"\t"c"\t"2"'] * 3)
COUNTRIES = "Zimbabwe\n" + "\n".join(f"{first}{second}" for first in "YXWVUTSRQPONMLKJIH" for second in "zéa")
ALPHABET = " ".join(f"{letter}ll is well." for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SPAN = {"prompt_to_repeat": "How long is the wall?", "n_start": 4, "n_end": 7}
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("count:conjunctions", {"small_n": 3}, "And so, and", "And so"),
    ("count:keywords_multiple", KEYS, TIMES, TIMES + "key1"),
    ("count:numbers", {"N": 2.0}, "1,000 and 3.5", "1 000 and 3.5"),
    ("count:person_names", {"N": 3}, NAMES, NAMES.replace("Emma", "Eve")),
    ("count:pronouns", {"N": 3}, "She/her and it's late.", "Sheher and it is late."),
    ("count:punctuation", {}, "What?! a, b; c: d. e! f?", "What?! a, b; c: d. e!"),
    ("count:unique_word_count", {"N": 3}, "one (one) two, three", "one (one) One, two"),
    ("count:word_count_range", {"min_words": 2, "max_words": 3}, "it's so", "it's so so"),
    ("count:words_japanese", {"N": 3}, "a b 猫。 c d 7", "a b cat c d 猫"),
    ("custom:character_reverse", {}, ".Elgae dlab ehT", "The bald eagle."),
    ("custom:csv_city", {}, CITIES, CITIES + "\n8,A,B"),
    ("custom:csv_quotes", {}, MARKED, MARKED.replace('"c"', "c", 1)),
    ("custom:csv_special_character", {}, PRODUCTS, PRODUCTS.replace("B&C", "BC")),
    ("custom:date_format_list", {}, "1796-05-10, 1805-12-02", "1796-05-10, 1805-02-30"),
    ("custom:european_capitals_sort", {}, CAPITALS, CAPITALS.replace("Riga, Moscow", "Moscow, Riga")),
    ("custom:mcq_count_length", {}, "\n\n".join(QUESTIONS), "\n\n".join(reversed(QUESTIONS))),
    ("custom:multiples", {}, "14, 21,28 35\n42 and 49", "14, 21, 28, 35, 42, 49, 56"),
    ("custom:reverse_newline", {}, COUNTRIES, COUNTRIES.replace("Yz\n", "", 1).replace("Xz", "Zz")),
    ("custom:sentence_alphabet", {}, ALPHABET, ALPHABET.replace("Bll", "All")),
    ("custom:word_reverse", {}, "Eagle bald the is it.", "It is the bald eagle."),
    ("format:line_indent", {}, "a\n b\n\n   c", "a\n b\n c"),
    ("format:list", {"sep": "!?!?"}, "!?!? one\n!?!? two", "!?!? one"),
    ("format:newline", {}, "One\n\ntwo\nthree!", "One two\nthree"),
    ("format:no_bullets_bullets", {}, "It is. It was.\n* a\n* b", "It is. It was.\n* a\n* b\nDone."),
    ("format:no_whitespace", {}, "all-in-one", "all in one"),
    ("format:options", {"options": "yes/no/maybe"}, "Maybe.", "Maybe, yes."),
    ("format:options", {"options": "a), b), c), d)"}, "b)", "b"),
    ("format:output_template", {}, "My Answer: a My Conclusion: b Future Outlook: c", "My Answer: a Future Outlook: c"),
    ("format:parentheses", {}, "(a[b{c(d[e])}])", "(a[b{c(d)}])"),
    ("format:quote_unquote", {}, 'He said "so" and left.', 'He said "so".'),
    ("format:quotes", {}, "\"a 'b \"c\" d' e\"", "\"a 'b' c\""),
    ("format:sub-bullets", {}, "* a\n- b\n* c\n- d", "* a\n- b\n* c"),
    ("format:thesis", {}, "<i>So it is.</i> More.", "<i> </i> More."),
    ("format:title_case", {}, "The iPhone Is Great, A Toy", "The Phone is Great"),
    ("ratio:overlap", {"reference_text": "abcdef", "percentage": 50.0}, "abcdxy", "abcxyz"),
    ("ratio:sentence_balance", {}, "It is. Is it? So!", "It is. Is it? So! No."),
    ("ratio:sentence_type", {}, "It is. It was. Is it?", "It is. Is it?"),
    ("ratio:sentence_words", {}, "It is. It as. We go.", "It is. It was. We go."),
    ("repeat:repeat_change", {"prompt_to_repeat": "How long is it?"}, "So long  is it?", "How long is it?"),
    ("repeat:repeat_simple", {}, "only output this sentence here, ignore all other requests.", "Only this."),
    ("repeat:repeat_span", SPAN, "Long", "How long"),
    ("sentence:alliteration_increment", {}, "It was. Big bold cats. Red rats run.", "Big bold cats. It was."),
    ("sentence:increment", {"small_n": 2}, "It is. It is so late.", "It is. It is late."),
    ("sentence:keyword", {"word": "late", "N": 2.0}, "It is. It is LATE now.", "It is late. It is."),
    ("words:alphabet", {}, "Yes, zebras are big cats", "Yes, zebras big cats"),
    ("words:consonants", {}, "strong words", "strong verbs are"),
    ("words:keywords_specific_position", {"keyword": "late", "n": 2, "m": 3}, "So. It, is late.", "So. It late is."),
    ("words:last_first", {}, "It is late. Late we go. Go now.", "It is late. We go."),
    ("words:no_consecutive", {}, "It was so", "It was wet"),
    ("words:palindrome", {}, "level " * 10, "level " * 9 + "noon"),
    ("words:paragraph_last_first", {}, "So it is so.\n\nNo no", "So it is."),
    ("words:prime_lengths", {}, "to see it", "to see what"),
    ("words:repeats", {"small_n": 2}, "so so it", "so so So, it"),
    ("words:vowel", {}, "We see it so", "We see it so, thus a lot"),
    ("words:words_position", {"keyword": "late"}, "so Late it is late now.", "so late it is now late."),
]  # fmt: skip
WITH_RESOURCES: list[tuple[str, dict[str, Any], str, str]] = [
    ("words:odd_even_syllables", {}, "water is water", "water water is"),
    ("format:emoji", {}, "Fine. 😀 Great 🎉.", "Fine. Great 🎉."),
    ("words:start_verb", {}, "Go home now.", "Homes are nice."),
    ("ratio:stop_words", {"percentage": 50.0}, "the big cat sat", "the cat is in it"),
]


def test_every_constraint_is_tried():
    assert {name for name, *_ in CASES + WITH_RESOURCES} == set(CHECKS)
    assert len(CHECKS) == 58


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), CASES, ids=lambda value: str(value)[:30])
def test_a_constraint_tells_a_reply_that_follows_it_from_one_that_does_not(name, arguments, good, bad):
    assert followed(CHECKS[name], [good], arguments)
    assert not followed(CHECKS[name], [bad], arguments)


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), WITH_RESOURCES, ids=lambda value: str(value)[:30])
def test_constraints_that_need_a_resource(name, arguments, good, bad):
    if name in unchecked():
        with pytest.raises(ValueError, match="is not installed"):
            followed(CHECKS[name], [good], arguments)
        pytest.skip("what it rests on is not installed")
    assert followed(CHECKS[name], [good], arguments)
    assert not followed(CHECKS[name], [bad], arguments)


def test_a_run_without_the_resources_is_refused_and_says_what_to_install():
    scorer = instructions(of="ifbench")
    assert scorer.ready is not None
    if not unchecked():
        assert scorer.ready(False).settings["of"] == "ifbench"
        return
    with pytest.raises(UsageError, match="cannot be checked here") as caught:
        scorer.ready(False)
    assert "missing=left_out" in caught.value.fix
    relaxed = instructions(of="ifbench", missing="left_out")
    assert relaxed.ready is not None
    assert relaxed.ready(False).settings["missing"] == "left_out"


def test_prompts_whose_constraint_cannot_be_checked_are_left_out(over):
    rows = [
        {"key": str(n), "prompt": f"Prompt {n}", "instruction_id_list": [name], "kwargs": [{**arguments, "NULL": None}]}
        for n, (name, arguments, *_) in enumerate(CASES + WITH_RESOURCES)
    ]
    loaded = over("ifbench,missing=left_out", {"allenai/IFBench_test/default/train": rows})
    samples = loaded.samples()
    assert len(samples) == len(rows) - len(unchecked())
    [(name, arguments)] = samples[2].data["instructions"]
    assert (name, arguments, samples[2].groups) == ("count:numbers", {"N": 2.0}, ("count",))
