"""Constraints that are a request in themselves, such as the capitals of Europe by latitude."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from evalkit.scoring.scorers.instructions.arguments import Arguments, Check
from evalkit.scoring.scorers.instructions.ifbench.texts import bare, stripped
from evalkit.scoring.scorers.instructions.sentences import Splitter

_CAPITALS = """
    Reykjavik Helsinki Oslo Tallinn Stockholm Riga Moscow Copenhagen Vilnius Minsk Dublin Berlin Amsterdam Warsaw London
    Brussels Prague Luxembourg Paris Vienna Bratislava Budapest Vaduz Chisinau Bern Ljubljana Zagreb
"""
_QUESTION = re.compile(r"\n*(?:Question \d+[\.|\):;]?\s*)")
_OPTION = re.compile(r"[A-Ea-e][\.|\)]\s*\w+")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_COUNTRIES = 52
_MARKED = re.compile(r'".*[^\d\w\s].*"')


def multiples(reply: str, arguments: Arguments) -> bool:
    return re.findall(r"\d+", reply) == ["14", "21", "28", "35", "42", "49"]


def questions(reply: str, arguments: Arguments) -> bool:
    """Four questions with five options each, each longer than the one before it, and nothing ahead of them."""
    if not reply.startswith("Question"):
        return False
    found = [part.strip() for part in _QUESTION.split(reply) if part.strip()]
    sizes = [_question(part) for part in found]
    return len(found) == 4 and None not in sizes and all(a < b for a, b in pairwise(size or 0 for size in sizes))


def _question(written: str) -> int | None:
    """The length of a question with five options; None where it has another number of them."""
    lines = [line.strip() for line in written.split("\n")]
    offered = [place for place, line in enumerate(lines) if _OPTION.match(line)]
    return len(" ".join(lines[: offered[0]]).strip()) if len(offered) == 5 else None


def reverse_newline(reply: str, arguments: Arguments) -> bool:
    """From Zimbabwe on at least 52 lines in reverse alphabetical order, without accents."""
    lines = [line for line in map(stripped, reply.split("\n")) if line]
    begin = next((place for place, line in enumerate(lines) if "Zimbabwe" in line), len(lines))
    found = [_plain(line) for line in lines[begin:]]
    return len(found) >= _COUNTRIES and found == sorted(found, reverse=True)


def word_reverse(split: Splitter) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        turned = " ".join(reversed(bare(reply.lower().strip()).split()))
        return "bald eagle" in turned and turned in split(turned)

    return check


def character_reverse(reply: str, arguments: Arguments) -> bool:
    return "elgae dlab" in reply.lower()


def sentence_alphabet(split: Splitter) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        begun = [sentence.split()[0][0].lower() for sentence in split(reply) if sentence.split()]
        return begun == list("abcdefghijklmnopqrstuvwxyz") and len(split(reply)) == 26

    return check


def european_capitals(reply: str, arguments: Arguments) -> bool:
    return [part.strip() for part in _plain(reply).split(",") if part.strip()] == _CAPITALS.split()


def csv_city(reply: str, arguments: Arguments) -> bool:
    rows = _rows(reply, ",")
    return len(rows) == 8 and rows[0] == ["ID", "Country", "City", "Year", "Count"] and _wide(rows)


def csv_special_character(reply: str, arguments: Arguments) -> bool:
    """Fourteen rows, one with a field that holds a mark between double quotes; rows after it may be of any width."""
    rows = _rows(reply.replace('"', '"""'), ",")
    if not _head(reply, ("ProductID", "Category", "Brand", "Price", "Stock"), r",[ \t]*") or len(rows) != 15:
        return False
    marked = next((n for n, row in enumerate(rows) if n and any(map(_MARKED.match, row))), None)
    return marked is not None and _wide(rows[1 : marked + 1])


def csv_quotes(reply: str, arguments: Arguments) -> bool:
    rows = _rows(reply.replace('"', '"""'), "\t")
    if not _head(reply, ("StudentID", "Subject", "Grade", "Semester", "Score"), r"\t *") or len(rows) != 4:
        return False
    fields = [field.strip() for row in rows for field in row]
    return _wide(rows) and all(field.startswith('"') and field.endswith('"') for field in fields)


def _head(reply: str, names: Sequence[str], between: str) -> bool:
    """Whether the first line names the columns, each with or without double quotes."""
    written = between.join(f'(?:{name}|"{name}")' for name in names)
    return re.fullmatch(written, reply.split("\n")[0].strip()) is not None


def _rows(reply: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(reply), delimiter=delimiter))
    except csv.Error:
        return []


def _wide(rows: Sequence[Sequence[str]]) -> bool:
    return all(len(row) == 5 for row in rows)


def date_format_list(reply: str, arguments: Arguments) -> bool:
    """Dates of Napoleon's lifetime, with commas between them. A month or day of 0 is let through, as by the checker."""
    found = [_DATE.fullmatch(part.strip()) for part in reply.strip().split(",")]
    return all(one is not None and _is_date(*map(int, one.groups())) for one in found)


def _is_date(year: int, month: int, day: int) -> bool:
    return 1769 <= year <= 1821 and month <= 12 and (month == 0 or day <= _DAYS[month - 1])


def _plain(text: str) -> str:
    """The text without accents, and without whatever else is not ASCII."""
    return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")
