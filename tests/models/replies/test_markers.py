"""Which marks a model uses: from its chat template, its special tokens, its options."""

from __future__ import annotations

import pytest

from evalkit.core import UsageError
from evalkit.models.replies.markers import ANY, NONE, Tags, chosen, markers_of, reasoning_tags

THINK = Tags("<think>", "</think>")
# What these templates say of thought, in few words of our own.
QWEN = "{% if '</think>' in content %}{{ content.split('</think>')[-1] }}{% endif %}<|im_start|>assistant\n<think>\n"
GRANITE = "Write your thoughts after 'Here is my thought process:' and then 'Here is my response:'"


@pytest.mark.parametrize(
    ("template", "tokens", "tags"),
    [
        (QWEN, ["<|im_start|>", "<|im_end|>"], (THINK,)),
        ("", ["<think>", "</think>", "<|im_end|>"], (THINK,)),
        ("{{ m.split('</think>')[-1] }}", [], (THINK,)),  # the end alone
        ("", ["[INST]", "[THINK]", "[/THINK]"], (Tags("[THINK]", "[/THINK]"),)),
        ("", ["<seed:think>", "</seed:think>", "<seed:bos>"], (Tags("<seed:think>", "</seed:think>"),)),
        ("◁think▷", [], (Tags("◁think▷", "◁/think▷"),)),
        (GRANITE, [], (Tags("Here is my thought process:", "Here is my response:"),)),
        # Not in the table: told by the word and by what makes an end of a beginning.
        ("", ["<|thinking_start|>", "<|thinking_end|>"], (Tags("<|thinking_start|>", "<|thinking_end|>"),)),
        ("", ["<|bot_reasoning|>", "<|eot_reasoning|>"], (Tags("<|bot_reasoning|>", "<|eot_reasoning|>"),)),
        ("<deep_thought>{{ x }}</deep_thought>", [], (Tags("<deep_thought>", "</deep_thought>"),)),
        ("", ["<|BEGIN_COT|>", "<|END_COT|>"], (Tags("<|BEGIN_COT|>", "<|END_COT|>"),)),
    ],
)
def test_a_models_files_name_its_marks(template: str, tokens: list[str], tags: tuple[Tags, ...]) -> None:
    found = markers_of(template, tokens)
    assert (found.tags, found.own, found.channels) == (tags, True, False)


def test_channels_are_named_by_their_token() -> None:
    found = markers_of("", ["<|channel|>", "<|message|>", "<|return|>"])
    assert (found.tags, found.channels, found.own) == ((), True, True)


@pytest.mark.parametrize("tokens", [[], ["<s>", "</s>", "[INST]", "[/INST]"], ["<|im_start|>", "<tool_call>"]])
def test_a_model_whose_files_name_none_may_write_any(tokens: list[str]) -> None:
    assert markers_of("{{ messages }}", tokens) == ANY


def test_options_overrule_the_files() -> None:
    found = markers_of(QWEN, [])
    assert chosen(found, "off", "") == NONE
    assert chosen(found, "auto", "") == found
    told = chosen(found, "auto", "<a>…</a>; [b]...[/b]")
    assert told.tags == (Tags("<a>", "</a>"), Tags("[b]", "[/b]"))
    assert told.own and not told.channels
    assert chosen(ANY, "opened", "").opened


@pytest.mark.parametrize("text", ["<think>", "<think>…", "…</think>", "a…b…c", "<a>…</a>;"])
def test_tags_that_are_no_pair_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="what opens and what closes") as caught:
        reasoning_tags("reasoning_tags", text)
    assert text in caught.value.found
