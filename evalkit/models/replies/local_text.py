"""What a model on this machine writes, as its tokens come: when a stop string ends it, and the answer at its end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalkit.models.replies.answer import Answer, read_answer
from evalkit.models.replies.detokenize import Detokenizer
from evalkit.models.replies.markers import Markers, Tags, chosen, markers_of
from evalkit.models.replies.options import ThoughtOptions
from evalkit.models.replies.split import split

__all__ = ["LocalText", "TextReader", "text_reader"]

_ENDING = 256
"""Characters at a prompt's end in which a mark is looked for."""
_ANALYSIS = "<|channel|>analysis<|message|>"
_CHANNELS = Tags("<|channel|>", "<|channel|>final<|message|>")
"""No stop string ends a text in channels before its answer begins."""
_TO_FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>"
"""What leads from a thought in a channel to the answer. Format: https://developers.openai.com/cookbook/articles/openai-harmony"""


def text_reader(tokenizer: Any, options: ThoughtOptions) -> TextReader:
    """The reader of a loaded tokenizer's texts."""
    template = getattr(tokenizer, "chat_template", None)
    texts = list(template.values()) if isinstance(template, dict) else [template or ""]
    found = markers_of("\n".join(texts), _marks(tokenizer))
    markers = chosen(found, options.reasoning, options.reasoning_tags)
    return TextReader(Detokenizer(tokenizer), markers, options.thinking_tokens)


def _marks(tokenizer: Any) -> list[str]:
    """The texts of tokens that are no words."""
    own: list[str] | None = getattr(tokenizer, "marks", None)
    if own is not None:
        return own
    added = getattr(tokenizer, "added_tokens_decoder", None) or {}
    return [*getattr(tokenizer, "all_special_tokens", ()), *(str(token) for token in added.values())]


@dataclass(frozen=True, slots=True)
class TextReader:
    """How one model's ids become answers. `thinking_tokens`: the budget of its thought where a request names none."""

    detokenizer: Detokenizer
    markers: Markers
    thinking_tokens: int | None = None

    def begun(
        self, prompt: str, ids: Sequence[int], stops: Sequence[str], *, reply: str = "", alone: bool = False
    ) -> LocalText:
        """The text to be written after a prompt, which ends with the beginning of its `reply` where a conversation says
        that; `alone`: nothing is read with it, as behind an encoder."""
        markers = self.markers.besides(stops)
        ending = prompt[-_ENDING:].rstrip().lower()
        opened = markers.opened or any(ending.endswith(tags.opening.lower()) for tags in markers.tags)
        opened |= markers.channels and ending.endswith(_ANALYSIS)
        opened |= bool(reply) and not split(reply, markers).finished
        markers = replace(markers, opened=opened)
        before = () if alone else self.detokenizer.before(ids)
        return LocalText(self.detokenizer, markers, before, tuple(stops), ending=ending)


class LocalText:
    """One text. `reads` looks at every token in time that does not grow with the text, but for few of them."""

    __slots__ = (
        *("_before", "_detokenizer", "_markers", "_stops", "_openings", "_closings", "_ending"),
        *("_inside", "_to_closing", "_to_mark", "_to_stop"),
    )

    def __init__(
        self,
        detokenizer: Detokenizer,
        markers: Markers,
        before: tuple[int, ...],
        stops: tuple[str, ...],
        *,
        ending: str = "",
    ) -> None:
        """`ending`: how the prompt ends, in small letters."""
        self._detokenizer = detokenizer
        self._markers = markers
        self._before = before
        self._stops = tuple(stop for stop in stops if stop)
        tags = (*markers.tags, _CHANNELS) if markers.channels else markers.tags
        self._openings = tuple(dict.fromkeys(pair.opening.lower() for pair in tags))
        self._closings = tuple(dict.fromkeys(pair.closing.lower() for pair in tags))
        self._to_stop, self._to_closing = _tokens_of(self._stops), _tokens_of(self._closings)
        self._to_mark = _tokens_of((*self._openings, *self._closings))
        self._ending = ending
        self._inside = markers.opened

    def restart(self) -> None:
        """Begin again."""
        self._inside = self._markers.opened

    def ends(self, written: list[int]) -> bool:
        """Whether a stop string has ended the answer with the newest of the ids written so far."""
        if not self._stops or not self._may_end(written):
            return False
        # The tail's first token may read differently with the text before it, so the whole text decides.
        answer = self.answer(written, "")
        self._inside = not answer.finished
        return answer.finish == "stop" and not self._may_open(answer)

    def _may_end(self, written: list[int]) -> bool:
        """Whether the end of the text has something that may end the answer: in a thought what closes it, else a stop
        string. Whether a thought was begun is looked at where a stop string turns up."""
        if self._inside:
            tail = self._detokenizer.tail(self._before, written, self._to_closing).lower()
            return any(mark in tail for mark in self._closings)
        tail = self._detokenizer.tail(self._before, written, self._to_stop)
        return any(stop in tail for stop in self._stops)

    @property
    def begins_inside(self) -> bool:
        """Whether the prompt has begun a thought."""
        return self._markers.opened

    def is_inside(self, written: Sequence[int], before: bool) -> bool:
        """Whether the text is in a thought after the ids written so far; `before`: whether it was without the last."""
        tail = self._detokenizer.tail(self._before, written, self._to_mark).lower()
        if not any(mark in tail for mark in (*self._openings, *self._closings)):
            return before
        # A mark may be mentioned, nested or cut off by the tail: the whole text decides.
        return not split(self._detokenizer.text(self._before, written).text, self._markers).finished

    def opens_with(self, written: Sequence[int]) -> bool:
        """Whether a thought is the first that was written."""
        return self._begun(written).startswith(self._openings)

    def may_open(self, written: Sequence[int]) -> bool:
        """Whether what was written so far may be the beginning of a mark that opens a thought."""
        begun = self._begun(written)
        return any(mark.startswith(begun) for mark in self._openings)

    def _begun(self, written: Sequence[int]) -> str:
        return self._detokenizer.text(self._before, written).text.strip().lower()

    def closing_ids(self, written: Sequence[int]) -> tuple[int, ...]:
        """The ids that close the thought which the text is in, as a model's own thought would be closed."""
        text = self._ending + self._detokenizer.text(self._before, written).text.lower()
        if self._markers.channels and (_CHANNELS.opening in text or not self._markers.tags):
            return self._detokenizer.ids(_TO_FINAL)
        if not self._markers.tags:
            return ()
        tags = max(self._markers.tags, key=lambda pair: text.rfind(pair.opening.lower()))
        # Marks in the form of HTML and marks in words have lines to themselves.
        alone = tags.closing.startswith("</") or tags.closing[0].isalpha()
        return self._detokenizer.ids(f"\n{tags.closing}\n\n" if alone else tags.closing)

    def _may_open(self, answer: Answer) -> bool:
        """Whether a thinking model may still be about to begin its thought, white space ahead of it."""
        if not self._markers.own or answer.thought:
            return False
        begun = (answer.text + answer.cut).strip().lower()
        return any(mark.startswith(begun) for mark in self._openings)

    def answer(self, written: Sequence[int], finish: str) -> Answer:
        """What was written, as a reply holds it; `finish` says why it ended."""
        found = self._detokenizer.text(self._before, written[:-1] if finish == "eos" else written)
        answer = read_answer(found.text, self._stops, finish, self._markers, special=found.special)
        if found.special and answer.finished and not (answer.thought or answer.cut or answer.calls):
            # Nothing depends on the special tokens: the text around them is one.
            return read_answer(found.plain, self._stops, finish, self._markers)
        return answer

    def thought_tokens(self, written: Sequence[int]) -> int:
        """How many of the ids are thought, with the marks around it."""
        text = self._detokenizer.text(self._before, written).text
        parts = split(text, self._markers)
        if not parts.has_thought:
            return 0
        if not parts.finished:
            return len(written)
        begins = parts.answer[-1][0] if parts.answer else len(text)
        counts = range(len(written) + 1)
        return bisect_left(
            counts, begins, key=lambda count: len(self._detokenizer.text(self._before, written[:count]).text)
        )


def _tokens_of(marks: Sequence[str]) -> int:
    """The most tokens in which one of the marks may end. A token adds at least one byte to the text; two more for
    characters whose bytes are spread over tokens."""
    return 2 + max((len(mark.encode("utf-8", "surrogatepass")) for mark in marks), default=0)
