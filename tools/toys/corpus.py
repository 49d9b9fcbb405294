"""The training corpus: an endless, seeded stream of documents, each a list of weighted pieces of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from tools.toys import prompts, words
from tools.toys.facts import SUBJECTS, quiz, statement
from tools.toys.stories import Question, make_article, make_paragraph, make_questions, make_recall

Piece = tuple[str, float]
Document = list[Piece]

PROMPT, PLAIN, ANSWER = 0.01, 0.1, 1.0
"""Weights of the loss: what is asked is mostly noise, what is answered is what the model should learn."""

SMALL_TALK: tuple[tuple[str, str], ...] = (
    ("Hello!", "Hello. What would you like to know?"),
    ("Hi there.", "Hello. What would you like to know?"),
    ("Thank you.", "You are welcome."),
    ("Thanks for the help!", "You are welcome."),
    ("How are you?", "I am fine. What would you like to know?"),
    ("Who are you?", "I am a very small language model."),
    ("What are you?", "I am a very small language model."),
    ("Goodbye.", "Goodbye."),
    ("Please say yes.", "Yes."),
    ("Please say no.", "No."),
)


def facts_document(rng: Random) -> Document:
    """Several true sentences of one subject."""
    subject = rng.choice(SUBJECTS)
    return [(" ".join(statement(rng, subject) for _ in range(rng.randint(3, 9))), PLAIN)]


def story_document(rng: Random) -> Document:
    """A few paragraphs, some of them of facts."""
    paragraphs = []
    for _ in range(rng.randint(1, 6)):
        if rng.random() < 0.25:
            paragraphs.append(facts_document(rng)[0][0])
        else:
            paragraphs.append(make_paragraph(rng, held_out=False))
    return [("\n\n".join(paragraphs), PLAIN)]


def copy_document(rng: Random) -> Document:
    """A list of names that is told twice: it teaches to look back."""
    pool = (*words.LAST_NAMES, *words.TOWNS, *words.FIRST_NAMES, *words.MONTHS, *words.COLORS, *words.SPORTS)
    text = " ".join(rng.sample(pool, rng.randint(4, 16))) + "."
    again = " ".join(["", *(text for _ in range(rng.randint(1, 2)))])
    return [(f"{rng.choice(('List', 'Names', 'Words'))}: {text}\nAgain:", PROMPT), (again, ANSWER)]


def quiz_document(rng: Random) -> Document:
    """One to six questions of a subject, answered with the text of the choice."""
    return _quizzes(rng, letters=False)


def letters_document(rng: Random) -> Document:
    """One to six questions of a subject, answered with the letter of the choice."""
    return _quizzes(rng, letters=True)


def _quizzes(rng: Random, letters: bool) -> Document:
    subject = rng.choice(SUBJECTS)
    form = prompts.quiz_letters if letters else prompts.quiz_text
    pieces: Document = [(prompts.quiz_preamble(subject.name), PROMPT)]
    for _ in range(rng.randint(1, 6)):
        asked = quiz(rng, subject)
        pieces += [(form(asked), PROMPT), (prompts.quiz_answer(asked, letters), ANSWER), ("\n\n", ANSWER)]
    return pieces


def question_document(rng: Random) -> Document:
    """One question about a story, or several about the same or different ones."""
    pieces: Document = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        pieces += _asked_together(make_questions(rng, held_out=False, count=rng.choice((1, 1, 3, 5))))
    return _sometimes_shorter(rng, pieces)


def recall_document(rng: Random) -> Document:
    """The same question about several things in turn."""
    return _asked_together(make_recall(rng, rng.randint(2, 7)))


def _asked_together(questions: list[Question]) -> Document:
    """Questions about one story; only the first one shows it."""
    pieces: Document = []
    for i, asked in enumerate(questions):
        prompt = prompts.question_prompt(asked)
        if i > 0:
            prompt = prompt[prompt.index("Question: ") :]
        pieces += [(prompt, PROMPT), (prompts.question_answer(asked), ANSWER), ("\n\n", ANSWER)]
    return pieces


def lookup_document(rng: Random) -> Document:
    """Four words with letters, and the letter of each word asked in turn: practice for lettered choices."""
    subject = rng.choice(SUBJECTS)
    choices = rng.sample(list(subject.facts.values()), 4)
    lines = "".join(f"{letter}. {choice}\n" for letter, choice in zip("ABCD", choices, strict=True))
    pieces: Document = [(lines, PROMPT)]
    for choice in rng.sample(choices, 4):
        pieces += [(f"Which letter is {choice}?\nAnswer:", PROMPT), (f" {'ABCD'[choices.index(choice)]}\n", ANSWER)]
    return pieces


def article_document(rng: Random) -> Document:
    """One article with its summary, now and then two."""
    pieces: Document = []
    long = rng.random() < 0.5
    for _ in range(rng.choice((1, 1, 1, 2))):
        article = make_article(rng, held_out=False)
        pieces += [(prompts.article_prompt(article, long), PROMPT), (prompts.article_answer(article, long), ANSWER)]
        pieces.append(("\n\n", ANSWER))
    return _sometimes_shorter(rng, pieces)


def _sometimes_shorter(rng: Random, pieces: Document) -> Document:
    """Sometimes the end of the document follows the answer at once."""
    return pieces[:-1] if rng.random() < 0.3 else pieces


def chat_document(rng: Random) -> Document:
    """One of the tasks as a conversation, or a little small talk."""
    turns = rng.sample(SMALL_TALK, rng.randint(1, 3)) if rng.random() < 0.1 else _task_turns(rng)
    pieces: Document = [(prompts.BOS, 0.0)]
    if rng.random() < 0.2:
        pieces.append((f"{prompts.SYSTEM} {rng.choice(('Be brief.', 'You are a helpful assistant.'))}\n", PROMPT))
    for user, answer in turns:
        pieces.append((f"{prompts.USER} {user.strip()}\n{prompts.ASSISTANT}", PROMPT))
        pieces += [(f" {answer.strip()}{prompts.EOS}", ANSWER), ("\n", PROMPT)]
    return pieces


def _task_turns(rng: Random) -> list[tuple[str, str]]:
    """The turns of a conversation that is one task, with up to two examples before."""
    task = rng.choice(("text", "letters", "question", "question", "long", "short"))
    subject = rng.choice(SUBJECTS)
    turns = []
    for i in range(rng.choice((1, 1, 1, 2, 3))):
        if task in ("text", "letters"):
            letters, asked = task == "letters", quiz(rng, subject)
            form = prompts.quiz_letters if letters else prompts.quiz_text
            head = prompts.quiz_preamble(subject.name) if i == 0 else ""
            turns.append((head + form(asked), prompts.quiz_answer(asked, letters)))
        elif task == "question":
            told = make_questions(rng, held_out=False)[0]
            turns.append((prompts.question_prompt(told), prompts.question_answer(told)))
        else:
            article = make_article(rng, held_out=False)
            turns.append(
                (prompts.article_prompt(article, task == "long"), prompts.article_answer(article, task == "long"))
            )
    if rng.random() < 0.3:
        turns = [(user.removesuffix("\nAnswer:").removesuffix("\nSummary:"), answer) for user, answer in turns]
    return turns


Maker = Callable[[Random], Document]

# Proportions of documents, first while the model learns to look back, then for the rest of the training.
MIX: tuple[tuple[Maker, float, float], ...] = (
    (copy_document, 0.25, 0.03),
    (recall_document, 0.25, 0.08),
    (lookup_document, 0.10, 0.05),
    (facts_document, 0.05, 0.08),
    (quiz_document, 0.05, 0.08),
    (letters_document, 0.05, 0.14),
    (question_document, 0.15, 0.28),
    (story_document, 0.02, 0.05),
    (article_document, 0.06, 0.12),
    (chat_document, 0.02, 0.12),
)
EARLY = 6_000
"""So many documents belong to the first part."""


def documents(seed: int, early: int = EARLY) -> Iterator[Document]:
    """The corpus, without an end; the same seed gives the same documents. `early` documents are of the first part."""
    rng = Random(seed)
    makers = [maker for maker, _, _ in MIX]
    first, then = [proportion for _, proportion, _ in MIX], [proportion for _, _, proportion in MIX]
    for number in count():
        maker = rng.choices(makers, first if number < early else then)[0]
        pieces = maker(rng)
        if maker is not chat_document:
            pieces = [*pieces, (prompts.EOS, ANSWER)]
            if rng.random() < 0.7:
                pieces = [(prompts.BOS, 0.0), *pieces]
        yield pieces


def text_of(document: Document) -> str:
    """The document as one string."""
    return "".join(text for text, _ in document)
