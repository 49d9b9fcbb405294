"""Tools are the chat template's to show: what it makes of them is what the model reads."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Generate, Message, ModelError, Prompt, Tool, digest_of
from evalkit.models import resolve

pytest.importorskip("torch")
TEMPLATE = (
    "{% if tools %}<|system|>{{ tools | tojson }}<|end|>{% endif %}"
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TOOL = Tool.of("add", "Adds two.", {"type": "object", "properties": {"a": {"type": "integer"}}})


@pytest.fixture
def with_tools(make_model: Callable[..., Path], tmp_path: Path) -> Path:
    folder = tmp_path / "with-tools"
    shutil.copytree(make_model("llama", max_length=512), folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def rendered_digest(spec: str, request: Generate, **options: str) -> str:
    async def ask() -> str:
        model = resolve(spec, options)
        try:
            return (await model.answer(request)).rendered_digest
        finally:
            await model.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("prompt", [Prompt("1+1?"), Prompt(messages=(Message("user", "1+1?"),))])
def test_the_model_reads_what_the_template_makes_of_tools(with_tools: Path, tokenizer: Any, prompt: Prompt) -> None:
    import copy

    shown = {"name": "add", "description": "Adds two.", "parameters": TOOL.schema}
    own = copy.deepcopy(tokenizer)
    own.chat_template = TEMPLATE
    expected = own.apply_chat_template(
        [{"role": "user", "content": "1+1?"}],
        tools=[{"type": "function", "function": shown}],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert json.dumps("Adds two.") in expected
    request = Generate(prompt, max_tokens=2, tools=(TOOL,))
    assert rendered_digest(f"hf/{with_tools}", request) == digest_of(expected)


def test_a_plain_prompt_without_tools_stays_plain(with_tools: Path) -> None:
    request = Generate(Prompt("1+1?"), max_tokens=2)
    assert rendered_digest(f"hf/{with_tools}", request) == digest_of("1+1?")


def test_only_a_template_that_names_tools_takes_them(make_model: Callable[..., Path], with_tools: Path) -> None:
    assert "tools" in resolve(f"hf/{with_tools}").capabilities.features
    without = make_model("llama", max_length=512, template=True)
    for spec in (f"hf/{without}", f"hf/{with_tools},chat=off", "tiny"):
        assert "tools" not in resolve(spec).capabilities.features
        with pytest.raises(ModelError, match="takes no tools"):
            rendered_digest(spec, Generate(Prompt("1+1?"), max_tokens=2, tools=(TOOL,)))
    with pytest.raises(ModelError, match="takes no schema"):
        rendered_digest(f"hf/{with_tools}", Generate(Prompt("1+1?"), schema="{}"))
