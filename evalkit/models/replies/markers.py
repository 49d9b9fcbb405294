"""The marks around a model's thought: a table of known ones, those of one model, and those that a user names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from evalkit.core import UsageError

__all__ = ["ANY", "NONE", "Markers", "Tags", "chosen", "markers_of", "pairs_in", "reasoning_tags"]


@dataclass(frozen=True, slots=True)
class Tags:
    """What opens a thought and what closes it. Capitals and small letters count as equal."""

    opening: str
    closing: str


@dataclass(frozen=True, slots=True)
class Markers:
    """How a model marks its thought, and by `wrappers` the answer behind it. `channels`: as gpt-oss does, with channels
    that are named. `opened`: its prompt opens a thought, so that a reply begins inside. `own`: read from the model's
    files or named by the user."""

    tags: tuple[Tags, ...] = ()
    wrappers: tuple[Tags, ...] = ()
    channels: bool = False
    opened: bool = False
    own: bool = False
    firsts: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The characters that marks of a thought begin with. Most texts have none of them."""
    closings: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The closing marks in small letters."""

    def __post_init__(self) -> None:
        marks = [mark for pair in self.tags for mark in (pair.opening, pair.closing)]
        firsts = sorted({form for mark in marks for form in (mark[:1].lower(), mark[:1].upper())})
        object.__setattr__(self, "firsts", tuple(firsts))
        object.__setattr__(self, "closings", tuple(pair.closing.lower() for pair in self.tags))

    def besides(self, stops: Sequence[str]) -> Markers:
        """Those of which no stop string is made: who stops at </think> wants to read the thought."""
        marks = [stop.lower() for stop in stops if stop]
        if not any(closing in mark for mark in marks for closing in self.closings):
            return self
        kept = [pair for pair in self.tags if not any(pair.closing.lower() in mark for mark in marks)]
        return replace(self, tags=tuple(kept), opened=False)


def _tagged(*words: str) -> tuple[Tags, ...]:
    return tuple(Tags(f"<{word}>", f"</{word}>") for word in words)


KNOWN = (
    *_tagged("think", "thinking", "thought", "thoughts", "reasoning", "reason"),
    *_tagged("seed:think", "longcat_think", "mm:think"),  # Seed-OSS, LongCat, MiniMax-M3
    Tags("[THINK]", "[/THINK]"),  # Magistral
    Tags("◁think▷", "◁/think▷"),  # Kimi-VL, Kimi-K1.5
    Tags("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    Tags("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker, Sky-T1
    Tags("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    Tags("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    Tags("<|channel>", "<channel|>"),  # Gemma 4
)
"""Marks that models write, whatever their files say. Sources: chat templates on the Hugging Face hub, and the tables of
vLLM (vllm/reasoning) and SGLang (srt/parser/reasoning_parser.py)."""
WRAPPERS = (
    Tags("<|START_RESPONSE|>", "<|END_RESPONSE|>"),  # Command A
    Tags("<|begin_of_solution|>", "<|end_of_solution|>"),  # OpenThinker, Sky-T1
    Tags("<|open|>response<|sep|>", "<|close|>response<|sep|>"),  # Kimi K3
)
"""Marks around the answer, of models that mark that as well."""
_WRAPPERS_NAMED = (*_tagged("answer"), *_tagged("response"))
"""The same where a model's template names them (Hunyuan, ERNIE): a task may ask for such tags."""
_IN_WORDS = (Tags("Here is my thought process:", "Here is my response:"),)
"""Sentences that open and close a thought where the model's template names them (Granite 3.2)."""
_CHANNEL = "<|channel|>"

ANY = Markers(KNOWN, WRAPPERS, channels=True)
"""For text of a model that is not known."""
NONE = Markers()

_THOUGHT = re.compile(r"think|thought|reason|(?<![a-z])cot(?![a-z])", re.IGNORECASE)
_PLAINLY = re.compile(r"(?<![a-z])(?:think|thinking|thoughts?|reasoning)(?![a-z])", re.IGNORECASE)
"""Words that leave no doubt in a text of which nothing is known: <reason_for_visit> may be what a task asks for."""
_MARK = re.compile(r"<\|?[^<>\s|]{2,40}\|?>|\[/?[A-Z][A-Z_]{2,20}\]|◁[^▷\s]{2,20}▷")
_ENDS = (("begin", "end"), ("start", "end"), ("bot", "eot"), ("open", "close"), ("prefix", "suffix"))


def markers_of(template: str | None, tokens: Iterable[str]) -> Markers:
    """A model's markers, from its chat template and its special and added tokens; the known ones where neither names
    any."""
    text = template or ""
    names = set(tokens)
    own = [tags for tags in KNOWN if {tags.opening, tags.closing} & names or _either_in(tags, text)]
    own += [tags for tags in _IN_WORDS if _either_in(tags, text)]
    names |= set(_MARK.findall(text))
    own += [tags for tags in _paired(names, _THOUGHT) if tags not in own]
    channels = _CHANNEL in names or _CHANNEL in text
    if not own and not channels:
        return ANY
    named = tuple(tags for tags in _WRAPPERS_NAMED if tags.opening in text)
    return Markers(tuple(own), (*WRAPPERS, *named), channels, own=True)


def _either_in(tags: Tags, text: str) -> bool:
    return tags.opening in text or tags.closing in text


def pairs_in(text: str) -> tuple[Tags, ...]:
    """The pairs of marks in a text whose name says that they are around a thought and that the table lacks."""
    known = {pair.opening.lower() for pair in KNOWN}
    return tuple(tags for tags in _paired(set(_MARK.findall(text)), _PLAINLY) if tags.opening.lower() not in known)


def _paired(names: set[str], word: re.Pattern[str]) -> list[Tags]:
    """Pairs of marks, told by a `word` for thought and by what makes an end of a beginning."""
    found = []
    for name in sorted(names):
        if word.search(name) is None:
            continue
        ends = [re.sub(r"^(\W+)", r"\1/", name, count=1)]
        for first, last in _ENDS:
            ends += [name.replace(first, last), name.replace(first.upper(), last.upper())]
        closing = next((end for end in ends if end != name and end in names), None)
        if closing is not None:
            found.append(Tags(name, closing))
    return found


def reasoning_tags(key: str, text: str) -> str:
    """Reads the option `reasoning_tags` and leaves it text. Raises UsageError."""
    _parsed(text, key)
    return text


def chosen(found: Markers, reasoning: str, tags: str) -> Markers:
    """`found`, or what the options say instead: `reasoning` (auto, off, opened) and `tags` (`<a>…</a>`)."""
    if reasoning == "off":
        return NONE
    if tags:
        found = Markers(_parsed(tags), found.wrappers, own=True)
    return replace(found, opened=True) if reasoning == "opened" else found


def _parsed(text: str, key: str = "reasoning_tags") -> tuple[Tags, ...]:
    pairs = [re.split(r"…|\.\.\.", pair.strip()) for pair in text.split(";")] if text else []
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise UsageError(
            f"{key} are what opens and what closes a thought, with … between them, and ; between several pairs",
            found=f"{key}={text}",
            fix=f"{key}=<think>…</think>",
        )
    return tuple(Tags(opening, closing) for opening, closing in pairs)
