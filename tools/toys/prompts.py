"""The prompt forms that the embedded model is trained on, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

from tools.toys.facts import Quiz
from tools.toys.stories import UNANSWERABLE, Article, Question

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS: tuple[str, ...] = (PAD, BOS, EOS, SYSTEM, USER, ASSISTANT)

CHAT_TEMPLATE = """\
{{- bos_token }}
{%- for message in messages %}
    {%- if message['role'] not in ['system', 'user', 'assistant'] %}
        {{- raise_exception('roles are system, user and assistant') }}
    {%- endif %}
    {{- '<|' + message['role'] + '|> ' + message['content'] | trim }}
    {%- if message['role'] == 'assistant' %}
        {{- eos_token }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>' }}
{%- endif %}"""


def quiz_preamble(subject: str) -> str:
    """What stands above the first question."""
    return f"The following are multiple choice questions (with answers) about {subject}.\n\n"


def quiz_text(quiz: Quiz) -> str:
    """A question whose answer is the text of a choice."""
    return f"{quiz.question}\nAnswer:"


def quiz_letters(quiz: Quiz) -> str:
    """A question whose answer is the letter of a choice."""
    lines = "".join(f"{letter}. {choice}\n" for letter, choice in zip("ABCD", quiz.choices, strict=True))
    return f"{quiz.question}\n{lines}Answer:"


def quiz_answer(quiz: Quiz, letters: bool) -> str:
    """What follows the prompt, with the space before it."""
    return f" {'ABCD'[quiz.answer] if letters else quiz.choices[quiz.answer]}"


def question_prompt(question: Question) -> str:
    """A question about a story."""
    return f"Title: {question.title}\n\nBackground: {question.context}\n\nQuestion: {question.question}\n\nAnswer:"


def question_answer(question: Question) -> str:
    """The reference answer, with the space before it."""
    return f" {question.answers[0] if question.answers else UNANSWERABLE}"


def article_prompt(article: Article, sentences: bool) -> str:
    """Ask for a summary, of a few sentences or of one."""
    length = "a few sentences" if sentences else "one sentence"
    return f"Article: {article.document}\n\nSummarize the article in {length}.\nSummary:"


def article_answer(article: Article, sentences: bool) -> str:
    """The reference summary, with the space before it."""
    return f" {article.highlights.replace(chr(10), ' ') if sentences else article.summary}"


def chat(turns: Sequence[tuple[str, str]]) -> str:
    """What the chat template makes of (user, assistant) turns."""
    return BOS + "".join(f"{USER} {user.strip()}\n{ASSISTANT} {answer.strip()}{EOS}\n" for user, answer in turns)
