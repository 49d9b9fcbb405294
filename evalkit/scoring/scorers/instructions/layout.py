"""Instructions about form: lists, sections, paragraphs, titles, quotes, JSON, what is first and last."""

from __future__ import annotations

import json
import re

from evalkit.scoring.scorers.instructions.arguments import Arguments, Check, compared, number, text
from evalkit.scoring.scorers.instructions.sentences import Splitter

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCES = ("```json", "```Json", "```JSON", "```")
# What ends the first word of a paragraph.
_WORD_ENDS = re.compile(r"[.,?!'\"]")


def words(reply: str, arguments: Arguments) -> bool:
    return compared(len(re.findall(r"\w+", reply)), arguments, "num_words")


def sentences(split: Splitter) -> Check:
    return lambda reply, arguments: compared(len(split(reply)), arguments, "num_sentences")


def paragraphs(reply: str, arguments: Arguments) -> bool:
    """Exactly so many parts between `***`; an empty one is forgiven at either end only."""
    parts = [part.strip() for part in re.split(r"\s?\*\*\*\s?", reply)]
    if not all(parts[1:-1]):
        return False
    return sum(map(bool, parts)) == number(arguments, "num_paragraphs")


def paragraph_first_word(reply: str, arguments: Arguments) -> bool:
    """Exactly so many paragraphs between blank lines, of which the nth begins with a word, in any case.

    The nth is counted with empty ones between, as the official checker counts.
    """
    parts = [part.strip() for part in reply.split("\n\n")]
    count, nth = sum(map(bool, parts)), number(arguments, "nth_paragraph")
    if nth > count or not parts[nth - 1]:
        return False
    word = parts[nth - 1].split()[0].lstrip("'").lstrip('"')
    first = "".join(letter.lower() for letter in _WORD_ENDS.split(word, maxsplit=1)[0])
    return count == number(arguments, "num_paragraphs") and first == text(arguments, "first_word").lower()


def placeholders(reply: str, arguments: Arguments) -> bool:
    return len(re.findall(r"\[.*?\]", reply)) >= number(arguments, "num_placeholders")


def postscript(reply: str, arguments: Arguments) -> bool:
    marker = text(arguments, "postscript_marker").strip()
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return re.search(known.get(marker, marker.lower()), reply.lower()) is not None


def bullets(reply: str, arguments: Arguments) -> bool:
    """Exactly so many lines that begin with `-`, or with `*` and something other than another `*`."""
    found = re.findall(r"^\s*\*[^\*].*$", reply, re.MULTILINE) + re.findall(r"^\s*-.*$", reply, re.MULTILINE)
    return len(found) == number(arguments, "num_bullets")


def constrained_response(reply: str, arguments: Arguments) -> bool:
    return any(option in reply for option in _OPTIONS)


def highlights(reply: str, arguments: Arguments) -> bool:
    """At least so many *parts* or **parts** within a line; each of the two patterns counts what it finds."""
    single = [found.strip("*") for found in re.findall(r"\*[^\n\*]*\*", reply)]
    double = [found[2:-2] for found in re.findall(r"\*\*[^\n\*]*\*\*", reply)]
    return sum(bool(part.strip()) for part in single + double) >= number(arguments, "num_highlights")


def sections(reply: str, arguments: Arguments) -> bool:
    splitter = text(arguments, "section_spliter").strip()
    return len(re.split(rf"\s?{splitter}\s?\d+\s?", reply)) - 1 >= number(arguments, "num_sections")


def json_format(reply: str, arguments: Arguments) -> bool:
    reply = reply.strip()
    for fence in _FENCES:
        reply = reply.removeprefix(fence)
    try:
        json.loads(reply.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(reply: str, arguments: Arguments) -> bool:
    return any(found.lstrip("<").rstrip(">").strip() for found in re.findall(r"<<[^\n]+>>", reply))


def two_responses(reply: str, arguments: Arguments) -> bool:
    """Two different texts around `******`; an empty part is forgiven at either end only."""
    parts = [part.strip() for part in reply.split("******")]
    if not all(parts[1:-1]):
        return False
    filled = [part for part in parts if part]
    return len(filled) == 2 and filled[0] != filled[1]


def repeat_prompt(reply: str, arguments: Arguments) -> bool:
    return reply.strip().lower().startswith(text(arguments, "prompt_to_repeat").strip().lower())


def end_phrase(reply: str, arguments: Arguments) -> bool:
    return reply.strip().strip('"').lower().endswith(text(arguments, "end_phrase").strip().lower())


def quotation(reply: str, arguments: Arguments) -> bool:
    reply = reply.strip()
    return len(reply) > 1 and reply[0] == reply[-1] == '"'
