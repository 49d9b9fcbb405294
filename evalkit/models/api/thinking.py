"""Whether a model behind a server thinks: stop strings then stay here, for a server looks for them in the thought too.

A task's stop strings are meant for the answer. They are applied here to every reply in any case; sending them only
saves tokens.
"""

from __future__ import annotations

import re

from evalkit.core import Reply
from evalkit.models.api.options import ApiOptions
from evalkit.models.replies.answer import CUT_IN_REASONING

__all__ = ["thinks", "was_cut_in_thought"]

_NAMES = re.compile(
    r"(?<![a-z0-9])(r1|qwq|qvq|o[1345](-mini|-pro|-preview)?|think|thinking|thinker|reasoning|reasoner|reason|magistral"
    r"|gpt-oss|seed-oss|phi-4-reasoning|deepseek-reasoner|nemotron-nano|smollm3)(?![a-z0-9])|openthinker|deepthink"
)
"""Words in the names of models that think. Where a name says nothing, the first reply that was cut does."""


def thinks(model: str, options: ApiOptions) -> bool:
    """Whether options or the name say that a model thinks."""
    if options.reasoning == "off":
        return False
    said = options.effort or options.thinking_tokens or options.reasoning_tags or options.reasoning == "opened"
    return bool(said) or _NAMES.search(model.lower()) is not None


def was_cut_in_thought(reply: Reply) -> bool:
    """Whether a server ended one of the texts at a stop string in its thought, or right behind it."""
    for place, (text, finish) in enumerate(zip(reply.texts, reply.finish, strict=True)):
        thought = bool(reply.reasoning and reply.reasoning[place]) or CUT_IN_REASONING in reply.notes
        more = bool(reply.cut and reply.cut[place]) or bool(reply.calls and reply.calls[place])
        if finish == "stop" and thought and not text.strip() and not more:
            return True
    return False
