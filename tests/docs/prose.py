"""What a program can check of docs/style.md: words that read as translated, long sentences, chains of semicolons."""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_WORDS = 40
MOST_SEMICOLONS = 1

BANNED = {
    r"\bstands?\b(?!-)": "text is *in* a file, *before* a prompt, *next to* a number",
    r"\bstood\b": "was",
    r"\bbeside\b": "next to, with, or compare",
    r"\bof its own\b": "separate, or its",
    r"\bthat there (?:is|are)\b": "that exists, or leave it out",
    r"\bwhat there (?:is|are)\b": "name it: the options, the runs",
    r"\b(?:is|are) not to be had\b": "is not available",
    r"\botherwise than\b": "differently from",
    r"\bgo(?:es)? on (?:where|with|as|in)\b": "continue",
    r"\bput to (?:a|the) (?:model|gate)\b": "asked, gated",
    r"\bwho(?:ever)? (?:names|asks|wants|reads) \w+ (?:wants|gets|sees)\b": "if you …, you …",
    r"\bas it stands\b": "as it is",
}
"""Pattern → what to write instead."""

_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)")
_CODE = re.compile(r"``[^`]+``|`[^`\n]*`")
_END = re.compile(r"(?<!\bal\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<=[.!?:])[*\"”)]*\s+")
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')


def problems(text: str, *, markdown: bool = True) -> Iterator[str]:
    """What is wrong with a text, with the words that are meant."""
    units = _markdown(text) if markdown else [(" ".join(part.split()), True) for part in text.split("\n\n")]
    for unit, is_prose in units:
        plain = _CODE.sub("x", unit)
        for pattern, instead in BANNED.items():
            for found in re.finditer(pattern, _QUOTED.sub("x", plain), re.IGNORECASE):
                around = found.string[max(0, found.start() - 30) : found.end() + 30]
                yield f"{found[0]!r} in {around!r}: {instead}"
        for sentence in _END.split(plain) if is_prose else ():
            count = len(re.findall(r"\b[\w'’.,%–-]*\w\b", sentence))
            if count > MOST_WORDS:
                yield f"{count} words: {sentence[:70]!r}"
            if sentence.count(";") > MOST_SEMICOLONS:
                yield f"{sentence.count(';')} semicolons: {sentence[:70]!r}"


def _markdown(text: str) -> Iterator[tuple[str, bool]]:
    """(words, whether they are sentences) of every paragraph, item, heading and cell of a page."""
    paragraph: list[str] = []
    for line in [*_FENCE.sub("", text).splitlines(), ""]:
        stripped = _LINK.sub(r"\1", line).strip()
        begins = re.match(r"[-*] |\d+\. |#|\||<|$", stripped)
        if begins and paragraph:
            yield " ".join(paragraph), True
            paragraph = []
        if stripped.startswith("|"):
            yield from ((cell.strip(), False) for cell in stripped.split("|"))
        elif stripped.startswith("#"):
            yield stripped.lstrip("# "), False
        elif stripped and not stripped.startswith("<"):
            paragraph.append(re.sub(r"^(?:[-*]|\d+\.) ", "", stripped))
