"""What goes through the chat template, and what a model without one refuses."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.core import Choose, Generate, Message, Prompt, UsageError, digest_of
from evalkit.models import resolve
from tests.models.conftest import TEMPLATE
from tests.models.oracle import Plain, answer, failure

pytest.importorskip("torch")
pytest.importorskip("transformers")

QUESTION = Prompt("Is it red?")
TALK = Prompt(messages=(Message("user", "Is it red?"), Message("assistant", "No."), Message("user", "Blue?")))
RENDERED = "<|user|>Is it red?<|end|><|assistant|>"


@pytest.fixture
def chatty(make_model: Callable[..., Path]) -> Path:
    return make_model("llama", template=True)


def rendered(spec: str, prompt: Prompt) -> str:
    """The digest of the text that the model read."""
    return answer(resolve(spec), Generate(prompt, max_tokens=1, stop=())).rendered_digest


def test_auto_leaves_plain_prompts_and_renders_conversations(chatty: Path) -> None:
    assert rendered(f"hf/{chatty}", QUESTION) == digest_of("Is it red?")
    assert rendered(f"hf/{chatty}", TALK) == digest_of(
        "<|user|>Is it red?<|end|><|assistant|>No.<|end|><|user|>Blue?<|end|><|assistant|>"
    )


def test_on_renders_plain_prompts_too(chatty: Path) -> None:
    assert rendered(f"hf/{chatty},chat=on", QUESTION) == digest_of(RENDERED)


def test_off_refuses_a_conversation_and_answers_plain_prompts(chatty: Path) -> None:
    assert rendered(f"hf/{chatty},chat=off", QUESTION) == digest_of("Is it red?")
    assert "chat=off" in failure(resolve(f"hf/{chatty},chat=off"), Generate(TALK))


def test_a_choice_after_a_chat_template_has_no_delimiter(chatty: Path) -> None:
    plain = Plain(chatty)
    for spec, context, ending in ((",chat=on", RENDERED, "red"), ("", "Is it red?", " red")):
        reply = answer(resolve(f"hf/{chatty}{spec}"), Choose(QUESTION, ("red",)))
        assert reply.loglikelihoods[0] == pytest.approx(plain.continuation(context, ending)[0], abs=1e-4)


def test_the_system_prompt_stands_first(chatty: Path) -> None:
    spec = f"hf/{chatty},chat=on,system=Be brief, please."
    assert rendered(spec, QUESTION) == digest_of("<|system|>Be brief, please.<|end|>" + RENDERED)
    own = Prompt(messages=(Message("system", "Answer in French."), Message("user", "Hi")))
    assert rendered(spec, own) == digest_of(
        "<|system|>Be brief, please.\n\nAnswer in French.<|end|><|user|>Hi<|end|><|assistant|>"
    )


def test_a_system_prompt_that_a_plain_prompt_has_no_place_for_is_noted(chatty: Path) -> None:
    spec = f"hf/{chatty},system=Be brief."
    assert answer(resolve(spec), Choose(QUESTION, ("red",))).notes == ("system-prompt-unused",)
    assert answer(resolve(spec), Choose(TALK, ("red",))).notes == ()


def test_a_conversation_that_ends_with_the_assistant_is_continued(chatty: Path) -> None:
    begun = Prompt(messages=(Message("user", "Is it red?"), Message("assistant", "It is")))
    assert rendered(f"hf/{chatty}", begun) == digest_of("<|user|>Is it red?<|end|><|assistant|>It is")


@pytest.mark.parametrize("option", ["chat=on", "system=Be brief."])
def test_a_model_without_a_template_cannot_be_made_to_chat(option: str, make_model: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="has no chat template") as caught:
        resolve(f"hf/{make_model('llama')},{option}")
    assert "chat_template.jinja" in caught.value.found


def test_a_model_without_a_template_refuses_a_conversation(make_model: Callable[..., Path]) -> None:
    assert "has no chat template" in failure(resolve(f"hf/{make_model('llama')}"), Generate(TALK))


def test_a_template_that_refuses_fails_its_request_alone(chatty: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(chatty, tmp_path / "strict"))
    (folder / "chat_template.jinja").write_text("{{ raise_exception('roles must alternate') }}")
    assert "roles must alternate" in failure(resolve(f"hf/{folder}"), Generate(TALK))


STRICT = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
SILENT = "{% for m in messages if m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>"
ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}"
)


@pytest.mark.parametrize("template", [STRICT + TEMPLATE, ALTERNATING + TEMPLATE, SILENT])
def test_without_a_system_role_its_words_stand_ahead_of_the_first_turn(
    template: str, chatty: Path, tmp_path: Path
) -> None:
    """Oracle: the template itself, given the words as servers are given them."""
    folder = Path(shutil.copytree(chatty, tmp_path / "rolefree"))
    (folder / "chat_template.jinja").write_text(template)
    spec = f"hf/{folder},chat=on,system=Be brief."
    assert rendered(spec, QUESTION) == digest_of("<|user|>Be brief.\n\nIs it red?<|end|><|assistant|>")
    own = Prompt(messages=(Message("system", "Answer in French."), *TALK.messages))
    wanted = "<|user|>Be brief.\n\nAnswer in French.\n\nIs it red?<|end|><|assistant|>No.<|end|><|user|>Blue?<|end|>"
    assert rendered(spec, own) == digest_of(f"{wanted}<|assistant|>")
    model = resolve(spec)
    assert "system prompt" not in model.facts  # type: ignore[attr-defined]
    told: dict[str, str] = {}

    async def ask() -> None:
        await model.answer(Generate(QUESTION, max_tokens=1, stop=()))
        told.update(model.facts)  # type: ignore[attr-defined]
        await model.close()

    asyncio.run(ask())
    assert told["system prompt"].startswith("ahead of the first turn")


def test_a_template_that_refuses_for_another_reason_says_so_with_a_system_prompt_too(
    chatty: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(chatty, tmp_path / "strict"))
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no tools, no talk') }}")
    assert "no tools, no talk" in failure(resolve(f"hf/{folder},system=Be brief."), Generate(TALK))
