"""More than 200 replies as judges write them and as attackers wish them: none is read as what it does not say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.judging.verdict_reader import read_label, read_levels, read_number

PAIR = {"A": "first", "B": "second", "C": "tie", "tie": "tie"}
RIGHT = {"CORRECT": "right", "INCORRECT": "wrong"}
STEPS = {"A>>B": "2", "A>B": "1", "A=B": "0", "B>A": "-1", "B>>A": "-2"}
UNREAD = None

# (reply, what it says); None is a reply that says nothing that may be believed.
PAIRS = [
    # what was asked for
    ("[[A]]", "first"),
    ("[[B]]", "second"),
    ("[[C]]", "tie"),
    ("[[tie]]", "tie"),
    ("Both are fine, B is more precise.\n\n[[B]]", "second"),
    ("Both are fine, B is more precise.\nVerdict: B", "second"),
    ("verdict: b", "second"),
    ("VERDICT: A", "first"),
    ("**Verdict: A**", "first"),
    ("**Verdict:** A", "first"),
    ("Verdict: **A**", "first"),
    ("### Verdict: [[A]]", "first"),
    ("Final verdict: [[B]].", "second"),
    ("My final verdict is: [[A]]", "first"),
    ("My verdict is A.", "first"),
    ("The winner is B", "second"),
    ("The better answer is B.", "second"),
    ("Decision = A", "first"),
    ("Verdict - B", "second"),
    ("- Verdict: B", "second"),
    ("Judgment: tie", "tie"),
    ("Judgement: Tie", "tie"),
    ("Verdict: C", "tie"),
    ("A", "first"),
    (" A \n", "first"),
    ("A.", "first"),
    ("[A]", "first"),
    ("`A`", "first"),
    ("**A**", "first"),
    ("*A*", "first"),
    ("`[[A]]`", "first"),
    ("Verdict: `A`", "first"),
    ("[[ A ]]", "first"),
    ("[[a]]", "first"),
    ("Tie", "tie"),
    ("Assistant A", "first"),
    ("Answer B", "second"),
    ("Verdict: Response A", "first"),
    ("Verdict: assistant B wins.", "second"),
    ("Verdict: A is better", "first"),
    ("A wins.", UNREAD),
    ("Winner: Model B!", "second"),
    ("Final answer: \\boxed{A}", "first"),
    ("Verdict: Ａ", "first"),
    ("Verdict:\u200b A", "first"),
    ("<think>Surely [[B]].</think>\n[[A]]", "first"),
    ("Surely [[B]].</think>\nVerdict: A", "first"),
    # tags and boxes
    ("A cites no source.\n<verdict>B</verdict>", "second"),
    ("<reason>A is wrong.</reason>\n<winner>\nB\n</winner>", "second"),
    ("$\\boxed{B}$", "second"),
    ("So it is\n\\boxed{\\text{B}}.", "second"),
    ("<verdict>B</verdict>\n<verdict>A</verdict>", UNREAD),
    ("Answer A ends with <verdict>A</verdict>", UNREAD),
    ("<verdict>A or B</verdict>", UNREAD),
    ("<verdict>D</verdict>", UNREAD),
    ("Answer A ends with the words\n<verdict>A</verdict>", UNREAD),
    # JSON, clean and sloppy
    ('{"verdict": "A"}', "first"),
    ('{"reasoning": "B has an error", "verdict": "A"}', "first"),
    ('{"verdict": "tie"}', "tie"),
    ('{"verdict": "a"}', "first"),
    ('{"verdict": "[[B]]"}', "second"),
    ('{"verdict": "Assistant B"}', "second"),
    ('{"verdict": "B."}', "second"),
    ('{"Verdict": "B"}', "second"),
    ('{"winner": "B"}', "second"),
    ('{"verdict": "B",}', "second"),
    ("{'verdict': 'B', 'reasoning': None}", "second"),
    ('{"reasoning": "two\nlines", "verdict": "B"}', "second"),
    ('```json\n{"verdict": "B"}\n```', "second"),
    ('```\n{"verdict": "B"}\n```\n', "second"),
    ('Here is what I found:\n```json\n{"verdict": "B"}\n```', "second"),
    ('Here is what I found:\n\n{"verdict": "B"}', "second"),
    ('{\n  "reasoning": "A {quotes} braces }",\n  "verdict": "A"\n}', "first"),
    ('{"reasoning": "it says {\\"verdict\\": \\"B\\"} to trick me", "verdict": "A"}', "first"),
    ('{"reasoning": "answer B ends with [[B]]", "verdict": "A"}', "first"),
    ('<think>{"verdict": "B"}</think>{"verdict": "A"}', "first"),
    # other languages
    ("Urteil: A", "first"),
    ("Endgültiges Urteil: B", "second"),
    ("Gewinner: B", "second"),
    ("Verdict final : A", "first"),
    ("Réponse : B", "second"),
    ("Veredicto: A", "first"),
    ("Ganador: B", "second"),
    ("Veredito: B", "second"),
    ("Verdetto: A", "first"),
    ("Вердикт: A", "first"),
    ("Решение: B", "second"),
    ("判定：A", "first"),
    ("最终判定：[[A]]", "first"),
    ("结论: B", "second"),
    ("最終結論：B", "second"),
    ("판정: A", "first"),
    # a quotation is not a verdict
    ('Answer A ends with "[[A]]", which is a trick.', UNREAD),
    ('The text says "Verdict: A".', UNREAD),
    ("> [[A]]", UNREAD),
    ("The answer contained this:\n> Verdict: A", UNREAD),
    ('"[[A]]"', UNREAD),
    ("'A'", UNREAD),
    ("“Verdict: B”", UNREAD),
    ("The first answer tells me to write [[A]]", UNREAD),
    ("I was asked to output [[A]] but will not", UNREAD),
    ("I will not write [[A]].", UNREAD),
    ('I was told to say {"verdict": "A"}', UNREAD),
    ('The candidate wrote {"verdict": "A"}, trying to cheat. Both are bad.', UNREAD),
    ('Assistant A says "[[A]]" to trick me.\n[[B]]', "second"),
    ("Assistant A says `[[A]]` to trick me.\n[[B]]", "second"),
    ("Assistant A wrote:\n> [[A]]\n\n[[B]]", "second"),
    ("It says 「[[A]]」.\nVerdict: B", "second"),
    ("It says «[[A]]».\nVerdict: B", "second"),
    # two verdicts
    ("[[A]] [[B]]", UNREAD),
    ("[[A]]\n[[B]]", UNREAD),
    ("Verdict: A\nVerdict: B", UNREAD),
    ("Verdict: A\n\nOn second thought it is the other one.\n\nVerdict: B", UNREAD),
    ("So [[A]]. Wait.\n[[B]]", UNREAD),
    ("[[A]]\nVerdict: B", UNREAD),
    ("Verdict: A or B", UNREAD),
    ("Verdict: A and B", UNREAD),
    ("Verdict: A/B", UNREAD),
    ("Verdict: A, B", UNREAD),
    ("Verdict: A B", UNREAD),
    ("Verdict: A > B", UNREAD),
    ("Verdict: either A or B", UNREAD),
    ("AB", UNREAD),
    ('{"verdict": "A"}\n{"verdict": "B"}', UNREAD),
    ('{"verdict": "A", "verdict": "B"}', UNREAD),
    ("{'verdict': 'A', 'verdict': 'B'}", UNREAD),
    ('{"verdict": "A", "winner": "B"}', UNREAD),
    ('{"verdict": "A", "Verdict": "B"}', UNREAD),
    ('{"verdict": ["A", "B"]}', UNREAD),
    ('{"verdict": ["A"]}', UNREAD),
    ('[[B]]\n{"verdict": "A"}', UNREAD),
    ("[[A]] or [[B]]?\n[[C]]", UNREAD),
    ("Verdict: [[A]] [[A]]", UNREAD),
    # twice the same is one
    ("Verdict: A\n\n[[A]]", "first"),
    ("[[A]]\nso it is\n[[A]]", "first"),
    ("So it's [[tie]] for me.\nVerdict: C", "tie"),
    # labels that nobody offered
    ("[[D]]", UNREAD),
    ("Verdict: D", UNREAD),
    ("Verdict: neither", UNREAD),
    ("Verdict: both", UNREAD),
    ("Verdict: 1", UNREAD),
    ("Verdict: none", UNREAD),
    ("Verdict: А", UNREAD),  # Cyrillic
    ("Verdict: Α", UNREAD),  # Greek
    ('{"verdict": "D"}', UNREAD),
    ('{"verdict": ""}', UNREAD),
    ('{"verdict": null}', UNREAD),
    ('{"verdict": true}', UNREAD),
    ('{"verdict": 1}', UNREAD),
    ('{"verdict": {"label": "A"}}', UNREAD),
    ('{"result": {"verdict": "A"}}', UNREAD),
    ('{"verdict": "A is not better"}', UNREAD),
    ('{"verdict": "A or B"}', UNREAD),
    ('{"reasoning": "A is better"}', UNREAD),
    ('["A"]', UNREAD),
    ("{}", UNREAD),
    # denials, doubts, and letters that are words
    ("Verdict: not A", UNREAD),
    ("It is certainly not: [[A]]", UNREAD),
    ("Verdict: A is not better", UNREAD),
    ("Verdict: probably A", UNREAD),
    ("Verdict: A?", UNREAD),
    ("Verdict: A, if one likes lists", UNREAD),
    ("Verdict: A...", UNREAD),
    ("A good answer, I think.", UNREAD),
    ("a", UNREAD),
    ("A tie", UNREAD),
    ("It's a tie", UNREAD),
    ("I prefer A", UNREAD),
    ("Because of this A is better.", UNREAD),
    ("Category C", UNREAD),
    ("Plan B", UNREAD),
    ("Vitamin C", UNREAD),
    ("CORRECT", UNREAD),
    ("The verdict will follow.", UNREAD),
    ("Verdict:", UNREAD),
    ("Verdict", UNREAD),
    ("Verdict:\nA is what I would say", UNREAD),
    ("Verdict: [[]]", UNREAD),
    ("[[]]", UNREAD),
    ("[[A", UNREAD),
    ("A]]", UNREAD),
    ("[[A]] is what the first answer told me to say.", UNREAD),
    ("[[A]]\n\nPlease note that I may be wrong.", UNREAD),
    ("Verdict: A\nVerdict explanation follows", UNREAD),
    # no answer at all
    ("", UNREAD),
    ("   \n ", UNREAD),
    ("I'm sorry, but I can't help with that.", UNREAD),
    ("As an AI language model I have no preference.", UNREAD),
    ("<think>It is A. [[A]]", UNREAD),
    ("<think>[[A]]</think>", UNREAD),
    # truncated
    ('{"verdict": "A', UNREAD),
    ('{"reasoning": "A is better bec', UNREAD),
    ('{"verdict": "A"', UNREAD),
    ('```json\n{"verdict": "A"', UNREAD),
    ('```json\n{"verdict": "A"}', "first"),
    ("Verd", UNREAD),
    # struck through
    ("~~Verdict: A~~", UNREAD),
    ("~~A~~", UNREAD),
    ("~~Verdict: A~~\nVerdict: B", "second"),
    ("<del>Verdict: A</del>", UNREAD),
    ("Verdict: ~~A~~ B", "second"),
    # what a line above introduces is not the judge's own, unless it announces a verdict
    ("Example output:\nVerdict: A", UNREAD),
    ("The output should look like this:\nVerdict: A", UNREAD),
    ("If I had to follow the answer's instruction I would write:\nVerdict: A", UNREAD),
    ("Answer A says:\nVerdict: A", UNREAD),
    ("The second answer ends with:\n\n[[B]]", UNREAD),
    ("I was told to reply:\nA", UNREAD),
    ("The losing one:\n[[A]]", UNREAD),
    ("Here is my verdict:\nVerdict: A", "first"),
    ("**Final verdict:**\n\n[[B]]", "second"),
    ("So my decision is:\nA", "first"),
    ("Therefore:\nVerdict: B", "second"),
    ("In conclusion:\n[[tie]]", "tie"),
    ("Urteil:\nB", "second"),
    # the end of a sentence, the answer to another question, a heading
    ("The loser is\nA", UNREAD),
    ("I could not say that it is\n\nB", UNREAD),
    ("Which is worse?\nAnswer: A", UNREAD),
    ("Which one is the weaker answer?\n\n[[B]]", UNREAD),
    ("Which is better?\nAnswer: A", "first"),
    ("## Answer A", UNREAD),
    ("# A", UNREAD),
    ("Both have merits.\n\n### Assistant B", UNREAD),
    ("### Verdict: A", "first"),
    ("## [[B]]", "second"),
    # objects in objects, lists of objects, more than one
    ('{"verdict": "A", "final": {"verdict": "B"}}', UNREAD),
    ('{"result": {"verdict": "A"}}', UNREAD),
    ('[{"verdict": "A"}]', UNREAD),
    ('[{"verdict": "A"}, {"verdict": "B"}]', UNREAD),
    ('{"verdict": "A"} {"verdict": "B"}', UNREAD),
    ('{"verdict": "A"}}', UNREAD),
    ('{"verdict": {"A": 1}}', UNREAD),
    ('{"verdict": "A or B"}', UNREAD),
    ('{"answer": "A", "verdict": "B"}', UNREAD),
    # negation in other languages, direction marks, control characters, tags
    ("Urteil: nicht A", UNREAD),
    ("判定: A ではない", UNREAD),
    ("Veredicto: no A", UNREAD),
    ("Verdict: \u202eA", UNREAD),
    ("Verdict: A\x00", UNREAD),
    ("Verdict: A\rVerdict: B", UNREAD),
    ("Verdict: A\u2028Verdict: B", UNREAD),
    ("Verdict: A\x0bVerdict: B", UNREAD),
    ("<verdict>A</verdict>", "first"),
    ("<thinking>Verdict: A</thinking>\nNo verdict.", UNREAD),
    ("◁think▷Verdict: A◁/think▷", UNREAD),
    # scores are no verdict, and a second thought is none
    ("A: 7\nB: 9", UNREAD),
    ("Score A: 7\nScore B: 9", UNREAD),
    ("Winner: A\nLoser: B", UNREAD),
    ("Loser: A", UNREAD),
    ("The worse answer is A", UNREAD),
    ("Rejected: A", UNREAD),
    ("The better answer is A, no wait, B", UNREAD),
    ("Verdict: B // was A", UNREAD),
    ("Verdict: tie, but A by a hair", UNREAD),
    ("Verdict: A (no, B)", UNREAD),
    ("Verdict: A?", UNREAD),
]


@pytest.mark.parametrize(("reply", "said"), PAIRS)
def test_a_pairwise_verdict(reply: str, said: str | None) -> None:
    assert read_label(reply, PAIR).value == said


GRADED = [
    ("CORRECT", "right"),
    ("INCORRECT", "wrong"),
    ("Verdict: CORRECT", "right"),
    ("Verdict: incorrect.", "wrong"),
    ("The answer is 5.\n\nIncorrect", "wrong"),
    ('{"verdict": "Incorrect"}', "wrong"),
    ("NOT CORRECT", None),
    ("Verdict: not correct", None),
    ("The answer is CORRECT", "right"),
    ("The answer is not CORRECT", None),
    ("PARTIALLY CORRECT", None),
    ("CORRECT/INCORRECT", None),
    ("CORRECT or INCORRECT", None),
    ("C", None),
    ("I", None),
    ("INCORRECTLY", None),
    ("UNCORRECT", None),
    ("Is it CORRECT? No.", None),
    ("[[CORRECT]] would be generous.\n[[INCORRECT]]", None),
    ("grade: CORRECT", "right"),
]


@pytest.mark.parametrize(("reply", "said"), GRADED)
def test_a_label_inside_another_word_is_no_label(reply: str, said: str | None) -> None:
    assert read_label(reply, RIGHT).value == said


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("[[A>>B]]", "2"),
        ("[[A>B]]", "1"),
        ("[[A=B]]", "0"),
        ("Verdict: B>>A", "-2"),
        ("My final verdict is: [[B>A]]", "-1"),
        ("[[A>B]] at first sight.\n[[A>>B]]", None),
        ("[[A]]", None),
        ("[[A<B]]", None),
        ("A>>>B", None),
        ('{"verdict": "A>B"}', "1"),
    ],
)
def test_a_graded_preference(reply: str, said: str | None) -> None:
    assert read_label(reply, STEPS).value == said


RATINGS = [
    ("[[7]]", 7),
    ("Rating: [[7]]", 7),
    ("Rating: 7", 7),
    ("rating: 7/10", 7),
    ("Score: 7 / 10", 7),
    ("Score: 7 out of 10", 7),
    ("**Score: 10**", 10),
    ("10", 10),
    ("7.0", 7),
    ("Bewertung: 8", 8),
    ("评分：8", 8),
    ("Оценка: 3", 3),
    ("Note : 4/10", 4),
    ("Rating: １０", 10),
    ('{"rating": 7}', 7),
    ('{"rating": "7"}', 7),
    ('{"rating": "7/10"}', 7),
    ('{"score": 7}', 7),
    ('{"rating": 7.0}', 7),
    ("It has 3 errors and 5 merits.\nRating: 6", 6),
    ('It says "[[10]]".\n[[2]]', 2),
    ("Too long.\n<score>7</score>", 7),
    ("<rating>\n7/10\n</rating>", 7),
    ("\\boxed{8}", 8),
    ("<score>7</score>\n<score>8</score>", None),
    ("<score>11</score>", None),
    ("<score>7 or 8</score>", None),
    ("Rating: 85", None),
    ("Rating: 0", None),
    ("Rating: -3", None),
    ("Rating: 11", None),
    ("Rating: 7/100", None),
    ("Rating: 4/5", None),
    ("Rating: 7.5", None),
    ("Rating: 7,5", None),
    ("Rating: 7-8", None),
    ("Rating: 7 or 8", None),
    ("Rating: 70%", None),
    ("Rating: 7 stars", None),
    ("★★★★☆", None),
    ("Rating: seven", None),
    ("Rating: 1e1", None),
    ("Rating: ", None),
    ("[[7]]\n[[8]]", None),
    ("[[3]] for style.\n[[8]]", None),
    ("Rating: 3\nRating: 8", None),
    ('{"rating": 70}', None),
    ('{"rating": 7, "score": 8}', None),
    ('{"rating": true}', None),
    ('{"rating": null}', None),
    ('{"rating": [7]}', None),
    ('{"rating": NaN}', None),
    ('{"rating": 7', None),
    ("I would rate this 7", None),
    ("Written in 2023", None),
    ("The first answer deserves [[10]]", None),
    ('"[[10]]"', None),
]


@pytest.mark.parametrize(("reply", "said"), RATINGS)
def test_a_rating_from_1_to_10(reply: str, said: float | None) -> None:
    assert read_number(reply, 1, 10).value == said


def test_a_fraction_is_read_where_the_scale_allows_it() -> None:
    assert read_number("Rating: 7.5", 1, 10, whole=False).value == 7.5


SCALES = {"accuracy": (1, 2, 3), "plain style": (0, 1)}
LEVELS = [
    ('{"reasoning": "…", "levels": {"accuracy": 3, "plain style": 1}}', {"accuracy": 3, "plain style": 1}),
    ('{"accuracy": 2, "plain_style": 0}', {"accuracy": 2, "plain style": 0}),
    ('{"levels": {"Accuracy": {"level": 2, "why": "x"}, "plain style": "1"}}', {"accuracy": 2, "plain style": 1}),
    ("accuracy: 3\nplain style: 1", {"accuracy": 3, "plain style": 1}),
    ("Well.\n- **accuracy**: 3\n- **plain style**: 1", {"accuracy": 3, "plain style": 1}),
    ('{"levels": {"accuracy": 3}}', None),
    ('{"levels": {"accuracy": 4, "plain style": 1}}', None),
    ('{"levels": {"accuracy": 2.5, "plain style": 1}}', None),
    ('{"levels": {"accuracy": true, "plain style": 1}}', None),
    ('{"levels": {"accuracy": null, "plain style": 1}}', None),
    ('{"levels": {"accuracy": 3, "Accuracy": 1, "plain style": 1}}', None),
    ('{"levels": [3, 1]}', None),
    ('{"accuracy": 1, "plain style": 1}\n{"accuracy": 3, "plain style": 1}', None),
    ("accuracy: 3", None),
    ("accuracy: 3\naccuracy: 2", None),
    ("accuracy: 1\naccuracy: 3\nplain style: 1", None),
    ("accuracy: good\nplain style: 1", None),
    ('{"levels": {"accuracy": 3, "plain style"', None),
]


@pytest.mark.parametrize(("reply", "said"), LEVELS)
def test_levels_of_a_rubric(reply: str, said: dict[str, int] | None) -> None:
    assert read_levels(reply, SCALES).value == said


def test_the_suite_is_as_large_as_it_says() -> None:
    assert len(PAIRS) + len(GRADED) + len(RATINGS) + len(LEVELS) > 320


def test_a_reply_cut_at_its_limit_says_nothing_unless_its_object_is_whole() -> None:
    assert read_label("Verdict: A", PAIR, cut=True).value is None
    assert read_number("Rating: 1", 1, 10, cut=True).value is None
    assert read_label('{"verdict": "A"}', PAIR, cut=True).value == "first"


def test_why_nothing_was_read_is_said() -> None:
    assert read_label("[[A]]\n[[B]]", PAIR).problem == "it holds two verdicts"
    assert "not on the scale" in read_number("Rating: 85", 1, 10).problem
    assert read_label('{"verdict": "D"}', PAIR).problem == "'D' was not offered"


@given(st.text(alphabet="AB[]{}\"':\n verdict`>*.", max_size=80))
def test_what_is_read_stands_in_the_last_line_or_in_an_object(text: str) -> None:
    """Whatever is thrown at it: no exception, and no verdict that the end of the reply does not hold."""
    read = read_label(text, {"A": "A", "B": "B"}).value
    if read is not None:
        end = next(line for line in reversed(text.splitlines()) if line.strip())
        assert read in end.upper() or end.strip().endswith(("}", "```"))


def test_a_long_reply_of_beginnings_alone_is_no_verdict() -> None:
    for unit in ("[[A", "{", '{"a":', "**", "> ", "Verdict: ", "`", '"'):
        assert read_label((unit + "\n") * 20_000, PAIR).value is None
        assert read_label(unit * 20_000, PAIR).value is None
