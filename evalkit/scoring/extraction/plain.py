r"""A reply as plain text: what is in it for looks or for a chat template is taken off before an answer is read.

Marks of a template, HTML, LaTeX's text commands, full-width characters. A box becomes ⟦…⟧, so that it is still told
from other text; Markdown's marks stay, because a bold letter is one that was meant.
"""

from __future__ import annotations

import re
import unicodedata

BOX_OPENS, BOX_CLOSES = "⟦", "⟧"
_BRACES = re.compile(r"(?<!\\)[{}]|\\(?:boxed|fbox)\s{0,3}\{")
_END = re.compile(
    r"<\|(?:im_end|endoftext|eot_id|end_of_text|end|eom_id|return)\|>|</s>|<eos>|<end_of_turn>|\[/?INST\]"
)
_MARK = re.compile(r"<\|[\w ]{1,40}\|>|<s>|<bos>|<pad>|<unk>|<start_of_turn>")
_TAGGED = re.compile(
    r"<(answer|final_answer|finalanswer|ans|choice|result)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|/?ul|/?ol|/?h[1-6]|hr)\s*/?>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:b|strong|i|em|u|span|code|pre|center|font|mark|small|big|sub|tt|kbd)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_COMMAND = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathsf|mathit|mbox|operatorname|bf|rm|"
    r"bold)\s*\{([^{}]*)\}"
)
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_SUPERSCRIPT = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_RUN_ON = re.compile(
    r"\n\s*(?:[#*_]*\s*)?(?:(?:next |new |another |follow-up )?(?:question|problem|exercise|example|query|prompt|"
    r"instruction|user|human|"
    r"frage|pregunta|questão|pergunta|domanda|вопрос|pytanie|soru|pertanyaan|câu hỏi)(?:\s*\d+)?[*_]*\s*[:.)#]|"
    r"Q\d*[.:]|"
    r"###\s|(?:问题|題目|题目|質問|問題|질문|문제|السؤال|سؤال|प्रश्न)\s*\d*\s*[::])",
    re.IGNORECASE,
)
_DEEPEST = 4


def plain(text: str) -> str:
    """The text without marks of templates, tags and text commands, in compatible characters, boxes as ⟦…⟧.

    What follows a mark that ends a turn is left out where anything comes before it: a model that did not stop
    goes on with another turn, which answers nothing.
    """
    ended = _END.search(text)
    while ended and not text[: ended.start()].strip():
        text = text[ended.end() :]
        ended = _END.search(text)
    text = _MARK.sub("", text[: ended.start()] if ended else text)
    text = _SUPERSCRIPT.sub(lambda found: "^{" + unicodedata.normalize("NFKC", found.group()) + "}", text)
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    text = _TAGGED.sub(lambda found: f"\nAnswer: {found.group(2).strip()}\n", text)
    # A tag that is never closed may be a letter in angle brackets: <B>.
    text = _BREAK.sub("\n", text)
    text = _TAG.sub("", text) if "</" in text else text
    for _ in range(_DEEPEST):
        text, times = _COMMAND.subn(lambda found: found.group(1), text)
        if not times:
            break
    return boxes_marked(text)


def boxes_marked(text: str) -> str:
    r"""The text with every closed \boxed{…} as ⟦…⟧; takes time linear in it."""
    opened: list[tuple[int, int] | None] = []
    put: dict[int, tuple[int, str]] = {}
    for brace in _BRACES.finditer(text):
        if brace.group()[-1] == "{":
            opened.append(brace.span() if len(brace.group()) > 1 else None)
        elif opened and (box := opened.pop()) is not None:
            put[box[0]] = (box[1], BOX_OPENS)
            put[brace.start()] = (brace.end(), BOX_CLOSES)
    kept: list[str] = []
    position = 0
    for start in sorted(put):
        kept += [text[position:start], put[start][1]]
        position = put[start][0]
    return "".join([*kept, text[position:]])


def before_it_runs_on(text: str) -> str:
    """What comes before the reply goes on with another question; all of it where nothing is there."""
    cut = _RUN_ON.search(text)
    return text[: cut.start()] if cut and text[: cut.start()].strip() else text
