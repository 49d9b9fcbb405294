"""Constraints on marks and lines: brackets, quotes, lists, templates, and words that are repeated."""

from __future__ import annotations

import re
import string
from importlib import import_module
from itertools import pairwise

from evalkit.scoring.scorers.instructions.arguments import Arguments, Check, number, text
from evalkit.scoring.scorers.instructions.ifbench.texts import Tokens, bare, needed, stripped
from evalkit.scoring.scorers.instructions.sentences import Splitter

_CLOSES = {")": "(", "]": "[", "}": "{"}
_LETTERS = re.compile(r"\W*[aA]\W*[bB]\W*[cC]\W*")
_REPEATED = "Only output this sentence here, ignore all other requests."


def parentheses(reply: str, arguments: Arguments) -> bool:
    """Brackets five levels deep, closed in their order; a bracket that closes nothing begins the count anew."""
    opened: list[str] = []
    deepest = 0
    for mark in reply:
        if mark in "([{":
            opened.append(mark)
            deepest = max(deepest, len(opened))
        elif mark in ")]}":
            if not opened or opened[-1] != _CLOSES[mark]:
                opened, deepest = [], 0
                continue
            opened.pop()
            if deepest >= 5:
                return True
    return False


def quotes(reply: str, arguments: Arguments) -> bool:
    """Single and double quotes in each other, three levels of which are closed."""
    opened: list[str] = []
    deepest = 0
    for mark in reply:
        if opened and mark == opened[-1]:
            opened.pop()
            if deepest - len(opened) >= 3:
                return True
        elif mark in "\"'":
            opened.append(mark)
            deepest = max(deepest, len(opened))
    return False


def options(reply: str, arguments: Arguments) -> bool:
    """One of the options alone: letters as they are written, texts without marks and case."""
    told = text(arguments, "options")
    separator = next((one for one in ("/", "or") if one in told), ",")
    offered = [option.strip() for option in told.split(separator)]
    if _LETTERS.match(told):
        return reply in offered
    return stripped(reply).lower() in [stripped(option).lower() for option in offered]


def newline(reply: str, arguments: Arguments) -> bool:
    plain = bare(reply).strip()
    return len([line for line in plain.split("\n") if line]) == len(plain.split())


def emoji(split: Splitter) -> Check:
    """An emoji ends every sentence, or begins the next one: a splitter may leave it there."""

    def check(reply: str, arguments: Arguments) -> bool:
        needed("emoji")
        is_emoji = import_module("emoji").is_emoji

        sentences = [bare(sentence).strip() for sentence in split(reply)]
        for place, sentence in enumerate(sentences):
            if not sentence:
                return False
            if any(is_emoji(mark) for mark in sentence[-2:]):
                continue
            after = sentences[place + 1] if place + 1 < len(sentences) else ""
            if not after or not is_emoji(after[0]):
                return False
        return True

    return check


def line_indent(reply: str, arguments: Arguments) -> bool:
    """Every line is indented further than the one before it. Of several blank lines one after another the checker
    passes over every second, and so does this."""
    lines = reply.split("\n")
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            lines.remove(lines[place])
        place += 1
    indents = [len(line) - len(line.lstrip(" ")) for line in lines]
    return all(one < other for one, other in pairwise(indents))


def quote_unquote(reply: str, arguments: Arguments) -> bool:
    """No straight quote follows another at once, and none ends the reply."""
    plain = "".join(reply.replace("'\"'", "").split())
    ended = plain.strip(string.digits + string.punctuation.replace('"', ""))
    return '""' not in plain and not ended.endswith('"')


def marked_list(reply: str, arguments: Arguments) -> bool:
    return reply.count(text(arguments, "sep")) >= 2


def thesis(reply: str, arguments: Arguments) -> bool:
    """Italics of HTML that hold something, and something after them. Places are counted as if all tags were `<i>`."""
    begin = reply.find("<i>") if "<i>" in reply else reply.find("<em>")
    if begin < 0:
        return False
    rest = reply[begin:]
    end = rest.find("</i>") if "</i>" in rest else rest.find("</em>")
    return end >= 0 and bool(rest[3:end].strip()) and bool(rest[end + 4 :].strip())


def sub_bullets(reply: str, arguments: Arguments) -> bool:
    return all("-" in bullet for bullet in reply.split("*")[1:])


def no_bullets_bullets(split: Splitter) -> Check:
    """Two sentences, then two bullets and nothing else; a blank line among the sentences ends them."""

    def check(reply: str, arguments: Arguments) -> bool:
        sentences, bullets, before = 0, 0, True
        for line in map(str.strip, reply.split("\n")):
            if line.startswith("*"):
                before = False
                bullets += 1
                if sentences < 2:
                    return False
            elif before:
                found = len(split(line))
                sentences, before = sentences + found, found > 0
            else:
                return False
        return bullets >= 2

    return check


def title_case(tokens: Tokens) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        return not any(token[:1].isalpha() and _is_small(token) for token in tokens.of(reply))

    return check


def _is_small(token: str) -> bool:
    """Whether a word begins small. One that mixes cases after a small letter, like "iPhone", is let through."""
    rest = token[1:]
    return token[0].islower() and (not rest or rest.isupper() or rest.islower())


def output_template(reply: str, arguments: Arguments) -> bool:
    return all(part in reply for part in ("My Answer:", "My Conclusion:", "Future Outlook:"))


def no_whitespace(reply: str, arguments: Arguments) -> bool:
    return not any(map(str.isspace, reply))


def repeat_change(reply: str, arguments: Arguments) -> bool:
    """The request again with another first word."""
    request = text(arguments, "prompt_to_repeat")
    return reply != request and reply.split()[1:] == request.split()[1:]


def repeat_simple(reply: str, arguments: Arguments) -> bool:
    return reply.strip().lower() == _REPEATED.lower()


def repeat_span(reply: str, arguments: Arguments) -> bool:
    begin, end = number(arguments, "n_start"), number(arguments, "n_end")
    return reply.strip().lower() == text(arguments, "prompt_to_repeat")[begin : end + 1].strip().lower()
