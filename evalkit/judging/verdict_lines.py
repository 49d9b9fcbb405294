"""The lines of a judge's reply that say its verdict: alone on their line, or behind words that announce it."""

from __future__ import annotations

import re

from evalkit.scoring.extraction.reading import Reading

# What introduces a verdict, in the languages that judges are commonly asked in.
_WORDS = (
    "verdict|decision|judg(?:e)?ment|answer|winner|choice|result|conclusion|preference|rating|score|grade|label|"
    "the better (?:answer|response)|better (?:answer|response)|"
    "urteil|entscheidung|antwort|gewinner|ergebnis|bewertung|note|punktzahl|"
    "verdict final|jugement|décision|réponse|gagnant|résultat|"
    "veredicto|decisión|respuesta|ganador|resultado|puntuación|veredito|decisão|"
    "verdetto|giudizio|decisione|risposta|vincitore|punteggio|"
    "вердикт|решение|ответ|победитель|оценка|"
    "判定|裁决|裁定|结论|答案|评分|得分|结果|評価|結論|回答|勝者|최종 판정|판정|결론|답변|승자|점수"
)
_ADJECTIVES = (
    "my|the|final|overall|endgültiges|finales|mein|le|la|el|mon|ma|mi|il|mio|final de|окончательный|итоговый|"
    "最终|最后|最終|总体|최종"
)
_HEAD = rf"(?:(?:(?:{_ADJECTIVES})\s*)*(?:{_WORDS})(?:\s+(?:finale?|definitivo))?\s*(?:[:：=]|\bis\b\s*:?|[-–—]\s)\s*)"
THING = r"(?:(?:assistant|answer|response|model|option|candidate|output|system)\s+)?"
_TAIL = r"(?:\s+(?:wins|is better|is the better (?:answer|response)|is the winner))?"
_QUOTED = re.compile(
    r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|‘[^’\n]*’|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`|「[^」\n]*」"
)
_BLOCKQUOTE = re.compile(r"(?m)^[ \t]*>.*$")
DECORATION = "*_# \t"
_ANNOUNCED = re.compile(
    rf"(?:(?:so|thus|therefore|hence|now|finally),?\s+)?(?:(?:here|this) is\s+|here's\s+)?(?:{_HEAD})(?:\s*is\s*:?)?"
    r"|(?:so|thus|therefore|hence|finally|overall|in (?:short|sum|conclusion)):",
    re.IGNORECASE,
)
"""What may stand, ending with a colon, above a verdict; any other line that ends so introduces another's."""
_TURNED = re.compile(
    r"\b(?:worse|worst|weaker|weakest|inferior|loser|loses|lost|schlechter|schwächer)\b", re.IGNORECASE
)


_STRONG = (
    "verdict|decision|judg(?:e)?ment|winner|choice|preference|rating|score|grade|urteil|entscheidung|gewinner|"
    "bewertung|"
    "punktzahl|jugement|décision|gagnant|veredicto|decisión|ganador|puntuación|veredito|decisão|verdetto|giudizio|"
    "vincitore|punteggio|вердикт|победитель|оценка|判定|裁决|裁定|评分|得分|勝者|최종 판정|판정|승자|점수"
)
"""What introduces a verdict and nothing else: an "answer" may be the one to the question that was judged."""
_ANNOUNCES = re.compile(
    rf"(?:(?:{_ADJECTIVES})\s*)*(?:{_STRONG})\b(?:\s+(?:finale?|definitivo|on this|here))?[*_\s]*"
    rf"(?:[:：=]|\bis\b(?:\s+that\b|\s+an?\b)?\s*:?|[-–—]\s|为|為|是|は|은|는)[*_\s]*",
    re.IGNORECASE,
)
_SIDE = r"(?:assistant|answer|response|model|option|candidate|output|system)\s+"
_COMPARES = re.compile(
    rf"{_SIDE}(?P<side>[A-Z0-9])\b(?:['’]s (?:answer|response|output|solution))?\s+(?:wins\b|(?:is|was|to be|as)\b"
    r"[^.:\n]{0,40}?\b(?:better|best|stronger|superior|preferable|winner)\b)|"
    r"\b(?P<tie>tie|tied|draw|the same|equal|equally good)\b",
    re.IGNORECASE,
)
"""A comparison in words, which the mark must agree with."""
_OWN_VOICE = re.compile(
    r"\bI(?:'d| would| will|'ll)?\s+(?:\w+ly\s+)?(?:rate|consider|judge|give|say|choose|prefer|conclude|call|score|"
    r"assign)\b",
    re.IGNORECASE,
)
_REPORTS = re.compile(
    r"\b(?:told|tells?|asked|asks?|writ(?:e|es|ten|ing)|wrote|outputs?|says?|said|claims?|instruct\w*|prompt\w*|"
    r"trick\w*|"
    r"ignor\w+|example|format|such as|either|unless|if|might|could|may|perhaps|probably|(?:reply|respond|end) with|"
    r"inject\w*|"
    r"manipulat\w*|pretend\w*|supposed|demand\w*|wants?|request\w*|ends with|begins with|deserves?)\b",
    re.IGNORECASE,
)
"""Words by which a verdict may be another's, or no verdict yet."""
_OTHERS = re.compile(r"\b(?:own|its|their|previous|another|other judge|contains?)\b|\w['’]s\s*\Z", re.IGNORECASE)
"""Words that give what follows in their clause to somebody else."""
_DENIES = re.compile(
    r"\b(?:not|never|nor|neither|cannot|hardly|nicht|kein|pas|no|não|non|не)\b|n['’]t\b|\?", re.IGNORECASE
)
_SECOND_THOUGHT = re.compile(
    r"\b(?:wait|actually|correction|on second thought|scratch that|i was wrong|reconsider\w*|mistaken|instead|"
    r"revis\w+)\b",
    re.IGNORECASE,
)
_OWN_QUOTED = re.compile(
    rf"(?P<own>{_OWN_VOICE.pattern}[^.!?\n\"]{{0,80}}(?:as follows|as|"
    rf":)\s*:?\s*)[\"“](?P<mark>[^\"“”\n]{{0,40}}\[\[[^\[\]\n]{{1,20}}\]\])[\"”]\.?\s*\Z",
    re.IGNORECASE,
)
"""A verdict that a judge gives in quotation marks: 'I would rate the response as follows: "Rating: [[9]]".'"""
_SENTENCE_ENDS = re.compile(r"[.!?]['\"”)]*\s+|[\n。！？]")


def announced(text: str, pattern: str) -> Reading[str]:
    """The verdict of `pattern` that a reply gives: what its last line says alone, else its only mark with words before.

    Two marks that are written differently are none, whatever they mean.
    """
    text = _OWN_QUOTED.sub(lambda own: own["own"] + own["mark"], text)
    unquoted = _QUOTED.sub(lambda quoted: " " * len(quoted.group()), _BLOCKQUOTE.sub("", text).rstrip())
    marks = list(re.finditer(rf"\[\[\s*({pattern})\s*\]\]", unquoted, re.IGNORECASE))
    if len({str(mark[1]).casefold() for mark in marks}) > 1:
        return Reading(problem="it holds two verdicts")
    last = said(last_line(text), pattern, bare=True)
    if last is not None:
        if is_own(text, pattern):
            return Reading(last)
        return Reading(problem="the text above its last line says that it is not a verdict")
    if marks and _is_announced(unquoted, marks[-1]):
        return Reading(str(marks[-1][1]))
    if not marks and (stated := _stated_at_the_end(unquoted, pattern)):
        return Reading(stated)
    return Reading(problem="its last line is not a verdict")


def _is_announced(text: str, mark: re.Match[str]) -> bool:
    """Whether the words before a mark make it the judge's own verdict, and those after it leave it so."""
    start = text.rfind("\n", 0, mark.start()) + 1
    line_end = text.find("\n", mark.end())
    rest = text[mark.end() : line_end if line_end >= 0 else len(text)].strip(DECORATION + ".!)")
    after = text[line_end:].strip() if line_end >= 0 else ""
    if rest or _SECOND_THOUGHT.search(after) or _says_otherwise(after, str(mark[1])):
        return False
    line = text[start : mark.start()]
    above = next((each for each in reversed(text[:start].splitlines()) if each.strip()), "")
    if _leads_on(above):
        return False
    heads = list(_ANNOUNCES.finditer(line))
    if heads:
        begins = _sentence_start(line, heads[-1].start())
        reported, own = line[begins : heads[-1].start()], line[heads[-1].end() :]
    elif introduces(above) or (not after and (_COMPARES.search(line) or _OWN_VOICE.search(line))):
        begins = _sentence_start(line.rstrip(), len(line))
        reported, own = line[begins:], line[begins:]
    else:
        return False
    return not _is_anothers(reported) and not _spoils(own, str(mark[1]))


def _is_anothers(words: str) -> bool:
    """Whether a sentence's words before a verdict make it somebody else's, or only supposed."""
    words = _OWN_VOICE.sub("", words)
    return bool(_REPORTS.search(words) or _OTHERS.search(words.rpartition(",")[2]))


def _leads_on(above: str) -> bool:
    """Whether a line breaks off in words that make the next line somebody else's: "The first answer ends with"."""
    above = above.strip().strip(DECORATION)
    return above[-1:].isalnum() and _is_anothers(above[_sentence_start(above, len(above)) :])


def _says_otherwise(after: str, label: str) -> bool:
    """Whether the words behind a verdict call another side the better one."""
    return any(
        (found["side"] or "").upper() not in ("", label[:1].upper()) and "<" not in label and label[:1].isalpha()
        for found in _COMPARES.finditer(after)
    )


def introduces(line: str) -> bool:
    """Whether a line ends in words that introduce the judge's own verdict: "…, so my final verdict is:"."""
    line = line.strip().strip(DECORATION)
    if not line.endswith(":"):
        return False
    if _ANNOUNCED.fullmatch(line):
        return True
    sentence = line[_sentence_start(line, len(line)) :]
    if _TURNED.search(sentence):
        return False
    own = re.search(rf"(?:\A|\bmy\s+)(?:{_ANNOUNCES.pattern})\Z", sentence, re.IGNORECASE)
    if own is not None:
        return not _is_anothers(sentence[: own.start()]) and not _DENIES.search(sentence[own.start() :])
    compares = _OWN_VOICE.search(sentence) and _COMPARES.search(sentence) and not _DENIES.search(sentence)
    return bool(compares and not _is_anothers(sentence)) or _ANNOUNCED.fullmatch(sentence) is not None


def _sentence_start(line: str, end: int) -> int:
    return max((found.end() for found in _SENTENCE_ENDS.finditer(line, 0, end)), default=0)


def _spoils(words: str, label: str) -> bool:
    """Whether the words right before a mark deny it, report another's, or contradict it."""
    if "[[" in words or _DENIES.search(words) or _REPORTS.search(_OWN_VOICE.sub("", words)) or _TURNED.search(words):
        return True
    compared = _COMPARES.search(words)
    if compared is None or "<" in label:
        return False
    if compared["tie"]:
        return re.match(r"[A-Z]\W*>|[AB]\Z", label, re.IGNORECASE) is not None
    return compared["side"] is not None and label[:1].upper() != compared["side"].upper() and label[:1].isalpha()


def _stated_at_the_end(text: str, pattern: str) -> str | None:
    """A verdict without a mark that ends the reply behind other sentences on its line: "It is clear. Rating: 8"."""
    line = last_line(text).replace("**", "")
    found = re.search(
        rf"[.!?。]['\"”)]*\s+(?P<last>{_ANNOUNCES.pattern}{THING}(?P<said>{pattern})\s*[.!]?)\Z", line, re.IGNORECASE
    )
    before = line[: found.start()] if found else ""
    sentence = before[_sentence_start(before, len(before)) :]
    return None if found is None or _DENIES.search(found["last"]) or _REPORTS.search(sentence) else str(found["said"])


def last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def is_own(text: str, pattern: str) -> bool:
    """Whether what is above the last line leaves it the judge's own verdict: no line that introduces something
    else, no question about the worse one, and no sentence that a bare label would end."""
    lines = [line.strip().strip(DECORATION) for line in text.splitlines() if line.strip()]
    above = lines[-2] if len(lines) > 1 else ""
    if not above:
        return True
    if above.endswith(":"):
        return introduces(above)
    if (above.endswith("?") and _TURNED.search(above)) or _leads_on(above):
        return False
    marked = said(last_line(text), pattern, bare=False) is not None
    return marked or not above[-1].isalnum() or said(above, pattern, bare=True) is not None


def said(line: str, pattern: str, *, bare: bool) -> str | None:
    """What of `pattern` a line says and says alone: `[[A]]`, `Verdict: A`, or a bare `A` that is not a heading."""
    if line.lstrip().startswith(">"):
        return None
    bare = bare and not line.lstrip().startswith("#")
    plain = line.strip(DECORATION + "-•").replace("**", "").replace("__", "")
    if re.fullmatch(r"`[^`]+`", plain):
        plain = plain.strip("`")
    boxed = rf"\[\[?\s*(?P<boxed>{pattern})\s*\]\]?"
    headed = rf"{_HEAD}(?:\\boxed\{{(?P<latex>{pattern})\}}|`?{THING}(?P<headed>{pattern})`?{_TAIL})"
    form = rf"(?:{_HEAD}?{boxed}|{headed}" + (rf"|{THING}(?P<bare>{pattern})" if bare else "") + r")\s*[.!]?"
    found = re.fullmatch(form, plain.strip(), re.IGNORECASE)
    if found is None:
        return None
    said = next(value for value in found.groupdict().values() if value is not None)
    if found.groupdict().get("bare") and len(said) == 1 and said.islower():
        return None
    return str(said)


def markers(text: str, pattern: str) -> list[str]:
    """Every verdict in a reply that is marked as one: in double brackets anywhere, or on a line that says it alone.
    What is quoted is not the judge's."""
    own = _BLOCKQUOTE.sub("", text)
    alone = [found for line in own.splitlines() if (found := said(line, pattern, bare=False)) is not None]
    unquoted = _QUOTED.sub("", own)
    return alone + [str(match) for match in re.findall(rf"\[\[\s*({pattern})\s*\]\]", unquoted, re.IGNORECASE)]
