"""A reply that follows given instructions, so that the checks can be seen to be passable on every prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from evalkit.scoring.scorers.instructions import checks, followed
from evalkit.scoring.scorers.instructions.sentences import splitter

Wanted = Sequence[tuple[str, Mapping[str, Any]]]

# Texts to fill with: the first that breaks none of the instructions is taken.
_PLAIN = "this is a plain text in english that says what people asked for and nothing that they would not like to hear"
_FEW_LETTERS = "my hymn by my sky"
# Where no letters are no language can be told, which counts as the right one.
_DIGITS = "1 2 3"
_LANGUAGES = {
    "bn": "আমি বাংলায় একটি সহজ লেখা লিখছি",
    "de": "das ist ein einfacher deutscher text und nichts weiter",
    "fi": "tämä on yksinkertainen suomenkielinen teksti eikä mitään muuta",
    "hi": "यह हिन्दी में लिखा हुआ एक साधारण पाठ है",
    "it": "questo è un semplice testo scritto nella nostra bella lingua italiana",
    "ko": "이것은 한국어로 쓴 간단한 글입니다",
}


# The number that says how often, and the piece that is repeated ("" for the instruction's own keyword).
_REPEATED = {
    "keywords:frequency": ("frequency", ""),
    "change_case:capital_word_frequency": ("capital_frequency", "GOOD"),
}


def follow(wanted: Wanted) -> str | None:
    """A reply that follows all instructions, or None where none was found: some prompts contradict themselves."""
    table = checks(splitter("rules"))
    language = next((found["language"] for _, found in wanted if "language" in found), "en")
    fillers = (_LANGUAGES.get(language, _DIGITS if language != "en" else _PLAIN), _FEW_LETTERS, _DIGITS)
    for filler, lines in product(fillers, (1, 20)):
        reply = _written(wanted, filler, lines)
        if all(followed(table[name], [reply], arguments) for name, arguments in wanted):
            return reply
    return None


def _written(instructions: Wanted, filler: str, lines: int) -> str:
    wanted = dict(instructions)
    if "detectable_format:constrained_response" in wanted:
        return "My answer is yes."
    text = _laid_out(wanted, [*[filler] * lines, *_words(instructions, filler), *_form(wanted, filler)], filler)
    if "combination:two_responses" in wanted:
        text = f"{text}\n******\n{text} {filler}"
    if "combination:repeat_prompt" in wanted:
        text = f"{wanted['combination:repeat_prompt']['prompt_to_repeat']}\n{text}"
    if "detectable_content:postscript" in wanted:
        text += f"\n{wanted['detectable_content:postscript']['postscript_marker']} {filler}"
    if "startend:end_checker" in wanted:
        text += f"\n{wanted['startend:end_checker']['end_phrase']}"
    if "change_case:english_capital" in wanted:
        text = text.upper()
    if "change_case:english_lowercase" in wanted:
        text = text.lower()
    if "detectable_format:json_format" in wanted:
        text = json.dumps({"reply": text}, ensure_ascii=False)
    return f'"{text}"' if "startend:quotation" in wanted else text


def _words(instructions: Wanted, filler: str) -> list[str]:
    """Lines that hold the words, letters and sentences that are asked for, of which there may be several of a kind."""
    lines = []
    for name, found in instructions:
        if name == "keywords:existence":
            lines.append(" ".join(found["keywords"]))
        least = "at least" in (found.get("relation"), found.get("let_relation"), found.get("capital_relation"))
        if least and name in _REPEATED:
            key, repeated = _REPEATED[name]
            lines.append(" ".join([repeated or found["keyword"]] * found[key]))
        if least and name == "keywords:letter_frequency":
            lines.append(found["letter"] * found["let_frequency"])
        if least and name == "length_constraints:number_words":
            lines.append(" ".join((filler.split() * found["num_words"])[: found["num_words"]]))
        if least and name == "length_constraints:number_sentences":
            lines.append(f"{filler}. " * found["num_sentences"])
    return lines


def _form(wanted: Mapping[str, Mapping[str, Any]], filler: str) -> list[str]:
    """Lines that hold the marks that are asked for."""
    lines = []
    if "detectable_format:title" in wanted:
        lines.append(f"<<{filler}>>")
    if found := wanted.get("detectable_content:number_placeholders"):
        lines.append(f"[{filler}] " * found["num_placeholders"])
    if found := wanted.get("detectable_format:number_highlighted_sections"):
        lines.append(f"{filler} *part*" * found["num_highlights"])
    if found := wanted.get("detectable_format:multiple_sections"):
        splitter_word = found["section_spliter"]
        lines += [f"{splitter_word} {number + 1}\n{filler}" for number in range(found["num_sections"])]
    if found := wanted.get("detectable_format:number_bullet_lists"):
        lines += [f"* {filler}"] * found["num_bullets"]
    return lines


def _laid_out(wanted: Mapping[str, Mapping[str, Any]], lines: list[str], filler: str) -> str:
    """The lines as one text, or parted into the paragraphs that are asked for."""
    text = "\n".join(line.strip() for line in lines)
    if found := wanted.get("length_constraints:number_paragraphs"):
        return "\n***\n".join([text, *[filler] * (found["num_paragraphs"] - 1)])
    if found := wanted.get("length_constraints:nth_paragraph_first_word"):
        parts = [text, *[filler] * (found["num_paragraphs"] - 1)]
        nth = found["nth_paragraph"] - 1
        parts[nth] = f"{found['first_word']} {parts[nth]}"
        return "\n\n".join(parts)
    return text
