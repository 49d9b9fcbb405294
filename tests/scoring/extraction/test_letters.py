"""The letter of a written choice. The oracle is what a person reads; None where two are named, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Validity
from evalkit.scoring.extraction.letters import LETTERS, letter

REPLIES = [
    ("Therefore, the correct answer is (A) False, False.", "A"),
    ("(a) It is far.\n(b) It is near.\nThe answer is (D).", "D"),
    ("Check each:\nA. 2 : 96\nB. 12 : 96\nThe answer is (B).", "B"),
    ("A and C are true where B is false. The answer is (D).", "D"),
    ("We have E[X] = 2 and P(A) = 1, so the answer is (C).", "C"),
    ("(i) is true, (ii) is not. Thus, (i) holds. The answer is (B).", "B"),
    ("The answer is (A).\nb) At the other rate, no more is paid. The answer is (B).", None),
    ("The answer is (A), (B), and (D).", None),
    ("B\n\nExplanation: (A) is in Ecuador, (C) is in Colombia.", "B"),
    ("B\n\nQuestion: What is the capital of Kenya?\nA. Nairobi\nB. Kampala\nAnswer: A", "B"),
    ("Answer: B\n\nQuestion: next?\nAnswer: C", "B"),
    ("b", "B"),
    ("The answer is b.", "B"),
    ("B</s>", "B"),
    ("Ｂ", "B"),
    ("\\boxed{\\text{B: Lima}}", "B"),
    ("\\boxed{\\textbf{B}}", "B"),
    ("<b>B</b>", "B"),
    ("B is correct", "B"),
    ("It's B.", "B"),
    ("Correct: B", "B"),
    ("答案是B", "B"),
    ("정답: B", "B"),
    ("La réponse est B.", "B"),
    ("B because Quito is in Ecuador", "B"),
    ("Conclusion: (B). Eliminated: (A), (C), (D).", "B"),
    ("Option A is incorrect, so it must be C", "C"),
    ("The answer choice A is incorrect, so it must be C.", "C"),
    ("Both choices A and B are wrong.", None),
    ("Answer: (B) and (C)", None),
    ("The answer is B because a car moves.", "B"),
    ("The answer is B. Note that A is a common distractor.", "B"),
    (" (b) ", "B"),
    ("B", "B"),
    ("(B)", "B"),
    ("**B**", "B"),
    ("B.", "B"),
    ("B. Lima", "B"),
    ("B) Lima, since", "B"),
    ("(C) because A is wrong", "C"),
    ("The answer is C.", "C"),
    ("the correct answer is (C)", "C"),
    ("Answer: D", "D"),
    ("**Answer:** D", "D"),
    ("Answer: A. No wait, the answer is B", "B"),
    ("I think option C fits", "C"),
    ("A is wrong, so it must be \\boxed{D}", "D"),
    ("It is **C.** for sure", "C"),
    ("A dog barks", None),
    ("I don't know", None),
    ("E", None),
    ("The answer is E", None),
    ("Answer's unknown", None),
    ("", None),
    ("Lima", None),
    ("Die richtige Antwort ist C.", "C"),
    ("Antwort: (C)", "C"),
    ("Die Antwort lautet: B", "B"),
    ("La respuesta correcta es la B.", "B"),
    ("Respuesta: C", "C"),
    ("A resposta correta é a letra D.", "D"),
    ("Resposta: B)", "B"),
    ("La risposta corretta è la B.", "B"),
    ("Het juiste antwoord is C.", "C"),
    ("Правильный ответ: B", "B"),
    ("Ответ — C.", "C"),
    ("Doğru cevap: D", "D"),
    ("Cevap B'dir.", "B"),
    ("正解はCです。", "C"),
    ("答えはBです", "B"),
    ("正确答案为（C）", "C"),
    ("选B", "B"),
    ("故选：D。", "D"),
    ("정답은 C입니다.", "C"),
    ("الإجابة الصحيحة هي B", "B"),
    ("सही उत्तर है: C", "C"),
    ("सही उत्तर C है", "C"),
    ("Đáp án đúng là B.", "B"),
    ("Jawaban yang benar adalah D", "D"),
    ("คำตอบคือ B", "B"),
    ("Poprawna odpowiedź to B.", "B"),
    ("উত্তর: C", "C"),
    ("**Final Answer:** (C)", "C"),
    ("### Answer\n\n**C**", "C"),
    ("Answer:\n\nC", "C"),
    ("The correct choice would therefore be (D).", "D"),
    ("A and B", None),
    ("A or B", None),
    ("A/B", None),
    ("B, C", None),
    ("It could be A or B, but I choose B.", "B"),
    ("Neither A nor B is right. The answer is D.", "D"),
    ("It's not A, it's C.", "C"),
    ("Not A but D", "D"),
    ("(A) is false. (B) is false. (C) is true. (D) is false.", "C"),
    ("A) Quito is in Ecuador.\nB) Lima is in Peru.\nSo the answer is B.", "B"),
    ("A. Quito\nB. Lima\nC. Bogotá\nD. La Paz", None),
    ("If the answer were A, we'd have a contradiction. The answer is C.", "C"),
    ("The answer is A. The answer is B.", None),
    ("B\n\nTherefore, the answer is C.", None),
    ("Let's think. Option A says x. Option C says y. Thus, C.", "C"),
    ("A: Let's think step by step. It is a city in Peru. The answer is (B).", "B"),
    ("<answer>C</answer>", "C"),
    ("Answer: $B$", "B"),
    ("$\\boxed{C}$", "C"),
    ("\\(\\boxed{\\mathrm{(D)}}\\)", "D"),
    ("The final answer is: $\\boxed{B}$. I hope it is correct.", "B"),
    ("B: Lima", "B"),
    ("[B]", "B"),
    ("{B}", "B"),
    ('"B"', "B"),
    ("'B'", "B"),
    ("`B`", "B"),
    ("B<|im_end|>\n<|im_start|>user\nA?", "B"),
    ("Ⓑ", "B"),
    ("⒝", "B"),
    ("B!", "B"),
    ("B,", "B"),
    ("b) Lima", "B"),
    ("(b) Lima", "B"),
    ("option b", "B"),
    ("Option (B)", "B"),
    ("Choice: b", "B"),
    ("Answer:B", "B"),
    ("ANSWER: B", "B"),
    ("My answer: B", "B"),
    ("Answer is B", "B"),
    ("I would go with B", "B"),
    ("I'd pick D.", "D"),
    ("Therefore, the correct answer is B) Lima.", "B"),
    ("So the answer is (B) Lima, not (A) Quito.", "B"),
    ("The answer is A car", None),
    ("The best answer is A, B, or C", None),
    ("A resposta correta é B", "B"),
    ("I think it is C.", "C"),
    ("A is correct.", "A"),
    ("The answer isn't A. It's B.", "B"),
    ("Answer: not A", None),
    ("C is wrong, A is wrong, D is wrong", None),
    ("C is incorrect because ... B is correct because ...", "B"),
    ("The answer is (B), since (A) contradicts (C).", "B"),
    ("Eliminate A and C. Between B and D, B is better.", None),
    ("**B. Lima**", "B"),
    ("The answer is **B. Lima**.", "B"),
    ("**The answer is B**", "B"),
    ("The correct answer is option **C**: Bogotá", "C"),
    ("Answer: C\nAnswer: C\nAnswer: C", "C"),
    ("A, because it is in Ecuador", "A"),
    ("A\n", "A"),
    ("A - Quito", "A"),
    ("A (Quito)", "A"),
    ("D is the correct answer", "D"),
    ("B est la bonne réponse.", "B"),
    ("B ist richtig.", "B"),
    ("Bが正解です。", "B"),
    ("B. is the answer", "B"),
    ("The answer is\n\nB", "B"),
    ("The answer is:\n(B) Lima", "B"),
    ("I am unsure between A and B.", None),
    ("The answer: \\text{(C)}", "C"),
    ("→ B", "B"),
    ("Hence (C)", "C"),
    ("=> D", "D"),
    ("Answer: (B)\n\nExplanation: Option A is wrong since ... Option C ...", "B"),
    ("B\nB\nB", "B"),
    ("B.\n\nThe capital of Peru is Lima.", "B"),
    ("B\n\nHuman: And now?\nA", "B"),
    ("The answer is B, not C.", "B"),
    ("The answer is B; C is a distractor", "B"),
    ("Answer: B or C", None),
    ("Options A and C can be ruled out. D doesn't fit. That leaves B.", "B"),
    ("Ruling out A, B and C, we get D.", "D"),
    ("Not (A).", None),
    ("Correct answer: B ✅", "B"),
    ("A ❌\nB ✅\nC ❌", "B"),
    ("The letter is C", "C"),
    ("Correct option: D", "D"),
    ("correct answer - B", "B"),
    ("Answer = C", "C"),
    ("Answer → C", "C"),
    ("Lösung: C", "C"),
    ("Réponse correcte : D", "D"),
    ("答案：Ｃ", "C"),
    ("答案选C", "C"),
    ("正确的选项是 D", "D"),
    ("应该选择B选项", "B"),
    ("排除A和C，答案是D", "D"),
    ("A不对，选B", "B"),
    ("A ist falsch, also C.", "C"),
    ("A est incorrecte. La réponse est D", "D"),
    ("No es A, es B.", "B"),
    ("Não é A. A resposta é C.", "C"),
]


@pytest.mark.parametrize(("text", "said"), REPLIES)
def test_the_letter_of_a_written_choice(text: str, said: str | None) -> None:
    found = letter(text, 4).value
    assert (None if found is None else LETTERS[found]) == said


@pytest.mark.parametrize("text", ["E", "The answer is F.", "\\boxed{H}", "Antwort: (G)"])
def test_a_letter_that_was_not_offered_is_unreadable(text: str) -> None:
    assert letter(text, 4).validity is Validity.UNREADABLE


@pytest.mark.parametrize("text", ["", "I cannot say.", "A or B", "The answer is A. The answer is B."])
def test_no_letter_and_two_are_no_answer(text: str) -> None:
    assert letter(text, 4).validity is Validity.NO_ANSWER


def test_among_ten_the_pronoun_is_no_letter() -> None:
    assert letter("I think it is J.", 10).value == 9
    assert letter("I am not sure", 10).value is None
    assert letter("The answer is I.", 10).value == 8
    assert letter("The answer is (I).", 10).value == 8


@given(st.text(alphabet="ABab()[]*.,:\n isnot the answer", max_size=60))
def test_a_letter_that_does_not_stand_in_the_reply_is_never_read(text: str) -> None:
    found = letter(text, 2).value
    assert found is None or LETTERS[found] in text.upper()


@pytest.mark.parametrize("unit", ["A ", "(A)", "B\n", "the answer is ", "not ", "**", "\\boxed{", "answer ", "if A "])
def test_a_long_reply_of_beginnings_takes_time_in_proportion_to_its_length(unit: str) -> None:
    letter(unit * 20_000, 4)
