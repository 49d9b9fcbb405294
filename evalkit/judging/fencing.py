"""Untrusted text between delimiters that its author cannot have known."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.core import digest_of


def nonce(*parts: str) -> str:
    """Sixteen hexadecimal digits that are in the delimiters of one request.

    They are a digest of all that is judged, not random: the same request is found again in the response cache, yet
    no text can hold the digest of a whole of which it is a part.
    """
    return digest_of("fence", *parts)


def fenced(text: str, name: str, mark: str) -> str:
    """`text` between `<<name mark>>` and `<<end name mark>>`; a mark inside it (a chance of 2^-64) is taken out."""
    return f"<<{name} {mark}>>\n{text.replace(mark, '')}\n<<end {name} {mark}>>"


def conversation(questions: Sequence[str], answers: Sequence[str], name: str, mark: str) -> str:
    """Turns of questions and answers in order, each between delimiters."""
    parts = []
    for number, answer in enumerate(answers):
        turn = f" turn {number + 1}" if len(answers) > 1 else ""
        if number < len(questions):
            parts.append(fenced(questions[number], f"question{turn}", mark))
        parts.append(fenced(answer, f"{name}{turn}", mark))
    return "\n".join(parts)
