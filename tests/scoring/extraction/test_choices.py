"""Which choice a written reply means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scoring.extraction.choices import LETTERS, read_choice

CITIES = ("Lima", "New York", "York", "La Paz")


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Lima", "Lima"),
        ("  lima. ", "Lima"),
        ("It is Lima!", "Lima"),
        ("New York", "New York"),
        ("new  york", "New York"),
        ("The city of York", "York"),
        ("New York or York", None),
        ("Lima and La Paz", None),
        ("Limass", None),
        ("", None),
        ("none of them", None),
    ],
)
def test_texts(text: str, choice: str | None) -> None:
    found = read_choice(text, CITIES)
    assert (None if found is None else CITIES[found]) == choice


def test_a_letter_counts_only_where_choices_were_lettered() -> None:
    assert read_choice("D", CITIES) is None
    assert read_choice("D", CITIES, lettered=True) == 3
    assert read_choice("York, of course", CITIES, lettered=True) == 2


def test_a_choice_whose_first_word_is_a_letter_is_that_choice() -> None:
    keys = ("B flat", "C major", "Vitamin A")
    assert read_choice("The answer is B flat.", keys, lettered=True) == 0
    assert read_choice("C major", keys, lettered=True) == 1
    assert read_choice("The answer is B.", keys, lettered=True) == 1
    assert read_choice("It is Vitamin A.", keys, lettered=True) == 2


TEXTS = st.text(alphabet="abcdé ", min_size=1).filter(str.strip)


@given(st.lists(TEXTS, min_size=2, max_size=5, unique_by=lambda text: " ".join(text.split())))
def test_every_choice_is_read_from_its_own_text_and_its_letter(choices: list[str]) -> None:
    for number, choice in enumerate(choices):
        assert read_choice(choice, choices) == number
        assert read_choice(LETTERS[number], choices, lettered=True) == number
        assert read_choice(f"The answer is ({LETTERS[number]}).", choices, lettered=True) == number


CAPITALS = ("Quito", "Lima", "Bogotá", "La Paz")
# What models write for the letter of Lima, or for none. The oracle is what a person reads.
WRITTEN = [
    ("答案：B。解析：A选项错误，C选项也不对。", "B"),
    ("B。因为利马是秘鲁的首都", "B"),
    ("B、利马", "B"),
    ("B：利马", "B"),
    ("选项B正确", "B"),
    ("选项A错误，选项B正确", "B"),
    ("正确答案是选项B", "B"),
    ("我选择B", "B"),
    ("因此，答案为\\boxed{B}", "B"),
    ("【答案】B", "B"),
    ("【B】", "B"),
    ("答案:(B)", "B"),
    ("正解：B", "B"),
    ("Bです", "B"),
    ("答え：B", "B"),
    ("選択肢Bが正解です", "B"),
    ("正しい答えはBです。Aは間違いです。", "B"),
    ("B입니다", "B"),
    ("정답은 (B)입니다. A는 오답입니다.", "B"),
    ("답은 B", "B"),
    ("B가 정답입니다", "B"),
    ("Die Antwort ist (B) Lima.", "B"),
    ("B ist die richtige Antwort.", "B"),
    ("Richtig ist B.", "B"),
    ("Antwort B ist richtig", "B"),
    ("Korrekt: B", "B"),
    ("Lösung: B)", "B"),
    ("La bonne réponse est la B.", "B"),
    ("La réponse correcte est donc B) Lima", "B"),
    ("Réponse B", "B"),
    ("C'est B.", "B"),
    ("Il s'agit de la réponse B.", "B"),
    ("La respuesta es la opción B.", "B"),
    ("La opción correcta es B", "B"),
    ("Es B", "B"),
    ("Opción B", "B"),
    ("La letra B", "B"),
    ("A alternativa correta é a B.", "B"),
    ("Letra B", "B"),
    ("A resposta é: B", "B"),
    ("Gabarito: B", "B"),
    ("A opção correta é a letra B", "B"),
    ("La risposta giusta è B", "B"),
    ("Risposta: B", "B"),
    ("È la B", "B"),
    ("Правильный вариант — B.", "B"),
    ("Ответ: B", "B"),
    ("Верный ответ B", "B"),
    ("B является правильным ответом", "B"),
    ("Doğru cevap B şıkkıdır.", "B"),
    ("Cevap: B", "B"),
    ("Doğru seçenek B", "B"),
    ("الجواب: B", "B"),
    ("الإجابة هي (B)", "B"),
    ("B هي الإجابة الصحيحة", "B"),
    ("सही उत्तर B है।", "B"),
    ("उत्तर B", "B"),
    ("सही विकल्प B है", "B"),
    ("Đáp án: B", "B"),
    ("Chọn B", "B"),
    ("Jawabannya adalah B", "B"),
    ("Jawaban: B.", "B"),
    ("Pilihan yang benar adalah B", "B"),
    ("Odpowiedź B", "B"),
    ("Prawidłowa odpowiedź: B", "B"),
    ("Antwoord: B", "B"),
    ("Rätt svar är B", "B"),
    ("Správná odpověď je B", "B"),
    ("Answer: B. Lima is the capital of Peru.", "B"),
    ("B - Lima", "B"),
    ("B – Lima", "B"),
    ("B) Lima\n\nC) Bogotá", "B"),
    ("**B) Lima**", "B"),
    ("**Answer**: B", "B"),
    ("Answer is: B.", "B"),
    ('The answer is "B".', "B"),
    ("The answer is 'B'", "B"),
    ("The answer is `B`", "B"),
    ("The answer is <B>", "B"),
    ("The answer is [[B]]", "B"),
    ("The answer is: $\\text{B}$", "B"),
    ("\\[\\boxed{B}\\]", "B"),
    ("\\boxed{(B)}", "B"),
    ("\\boxed{B. \\text{Lima}}", "B"),
    ("\\boxed{B}.", "B"),
    ("$\\boxed{\\text{B}}$", "B"),
    ("\\fbox{B}", "B"),
    ("\\textbf{B}", "B"),
    ("\\text{(B)}", "B"),
    ("\\mathbf{B}", "B"),
    ("<p>B</p>", "B"),
    ("<strong>Answer: B</strong>", "B"),
    ("<answer>\nB\n</answer>", "B"),
    ('{"answer": "B"}', "B"),
    ('```json\n{"answer": "B"}\n```', "B"),
    ("answer=B", "B"),
    ("ANSWER B", "B"),
    ("ANS: B", "B"),
    ("Ans. B", "B"),
    ("Based on the map, B.", "B"),
    ("Clearly B", "B"),
    ("Probably B.", "B"),
    ("I believe the answer is B", "B"),
    ("I'm going with B.", "B"),
    ("My final answer: (B)", "B"),
    ("Final answer: B", "B"),
    ("So, B.", "B"),
    ("B, Lima", "B"),
    ("B (Lima)", "B"),
    ("B; Lima", "B"),
    ("B/Lima", "B"),
    ("b.", "B"),
    ("b)", "B"),
    ("(b)", "B"),
    ("the correct option is b", "B"),
    ("answer: b", "B"),
    ("Option B: Lima", "B"),
    ("Option B.", "B"),
    ("option (b)", "B"),
    ("choice B", "B"),
    ("It is option B", "B"),
    ("It's (B)", "B"),
    ("That would be B.", "B"),
    ("The correct choice: B", "B"),
    ("The answer cannot be A. The answer is B.", "B"),
    ("A is not correct; B is.", "B"),
    ("A is wrong. C is wrong. D is wrong. B is right.", "B"),
    ("Not A, not C, not D. B.", "B"),
    ("I rule out A, C and D, leaving B.", "B"),
    ("A ✗, B ✓, C ✗, D ✗", "B"),
    ("A: incorrect\nB: correct\nC: incorrect\nD: incorrect", "B"),
    ("A. False\nB. True\nC. False\nD. False", None),
    ("We can eliminate options A and D. Of B and C, B fits better. Answer: B", "B"),
    ("At first I thought A, but B is correct.", "B"),
    ("The answer is A... wait, it's B.", "B"),
    ("Answer: A\n\nCorrection: B", "B"),
    ("Answer: A\nActually, the answer is B.", "B"),
    ("Both A and B", None),
    ("A, B", None),
    ("All of the above", None),
    ("None of the above", None),
    ("A or B, not sure", None),
    ("I don't know", None),
    ("Answer: unknown", None),
    ("Answer: A/B", None),
    ("Either B or C.", None),
    ("The answer is A and the answer is B.", None),
    ("neither", None),
    ("Lima", "B"),
    ("The capital of Peru is Lima.", "B"),
    ("lima", "B"),
    ("The answer is Lima, not Quito.", "B"),
    ("Lima or Quito", None),
    ("It's Lima (Peru).", "B"),
    ("B\n\n\nA. Nairobi\nB. Kampala\nC. Addis Ababa\nAnswer: C", "B"),
    ("B\n\nWhat is the capital of Kenya?\nA. Nairobi\nB. Accra\nAnswer: A", "B"),
    ("B\nQ: next\nA: A", "B"),
    ("B\n\n---\n\nQuestion 2: x\nAnswer: D", "B"),
    ("B\n\n### Instruction:\nAnswer: C", "B"),
    ("B<|eot_id|><|start_header_id|>user", "B"),
    ("B\n\nUser: thanks\nAssistant: A", "B"),
    ("B\n\nThe answer is B because A is a country and C is a river.", "B"),
    ("B\nExplanation: option A is wrong, option C is wrong.", "B"),
    ("B. Option A is wrong because...", "B"),
    (" B", "B"),
    ("\n\nB\n", "B"),
    (": B", "B"),
    ("- B", "B"),
    ("* B", "B"),
    ("> B", "B"),
    ("#### B", "B"),
    ("1. B", "B"),
    ("B B B B", "B"),
    ("(B", "B"),
    ("B)", "B"),
    ("B]", "B"),
    ("The answer is B\u200b", "B"),
    ("Ｂ．", "B"),
    ("（B）", "B"),
    ("「B」", "B"),
    ("𝐁", "B"),
]


@pytest.mark.parametrize(("text", "letter"), WRITTEN)
def test_a_lettered_choice(text: str, letter: str | None) -> None:
    found = read_choice(text, CAPITALS, lettered=True)
    assert (None if found is None else LETTERS[found]) == letter
