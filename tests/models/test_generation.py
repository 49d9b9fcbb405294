"""Generated texts equal transformers' own, one prompt at a time, and end where they were told to."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Generate, Prompt
from evalkit.models import resolve
from tests.models.oracle import Plain, answer, answers, failure

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

FAMILIES = ("llama", "gpt2", "qwen2", "gemma", "gemma2", "mistral", "gpt_neox", "phi", "opt", "bloom", "t5")
PROMPTS = (
    "The quick brown fox",
    "Question: Which planet is the largest?\nAnswer:",
    "She sells sea shells by the sea shore; the shells she sells are surely",
    "A",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_texts_are_those_of_generate_one_by_one(
    family: str, make_model: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model(family, max_length=128)
    replies = answers(
        resolve(f"hf/{folder}"),
        [Generate(Prompt(prompt), max_tokens=5 + 8 * i, stop=()) for i, prompt in enumerate(PROMPTS)],
    )
    plain = Plain(folder)
    for i, (prompt, reply) in enumerate(zip(PROMPTS, replies, strict=True)):
        text, count = plain.generate(prompt, 5 + 8 * i)
        assert reply.texts == (text,)
        assert reply.usage.completion_tokens == count
    assert "without a key-value cache" not in caplog.text


def test_a_text_ends_before_its_first_stop_string(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=128)
    text, count = Plain(folder).generate(PROMPTS[0], 40)
    stop = text[len(text) // 2 : len(text) // 2 + 3]
    reply = answer(resolve(f"hf/{folder}"), Generate(Prompt(PROMPTS[0]), max_tokens=40, stop=("never", stop)))
    assert reply.texts == (text[: text.index(stop)],)
    assert reply.finish == ("stop",)
    assert reply.usage.completion_tokens < count


def test_each_text_of_a_batch_has_its_own_stop_strings(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=128)
    full = Plain(folder).generate(PROMPTS[0], 20)[0]
    stops = [(full[3:5],), (), (full[10:12],), ("",)]
    requests = [Generate(Prompt(PROMPTS[0]), max_tokens=20, stop=stop) for stop in stops]
    replies = answers(resolve(f"hf/{folder}"), requests)
    assert [reply.texts[0] for reply in replies] == [
        full[: full.index(full[3:5])],
        full,
        full[: full.index(full[10:12])],
        full,
    ]
    assert [reply.finish[0] for reply in replies] == ["stop", "length", "stop", "length"]


def ending_with_eos(folder: Path, prompt: str) -> Path:
    """A copy of the model whose end-of-text token is what it writes third after `prompt`."""
    plain = Plain(folder)
    ids = plain.torch.tensor([plain.ids(prompt)])
    third = int(plain.model.generate(input_ids=ids, max_new_tokens=3, do_sample=False)[0, -1])
    copy = folder.parent / f"{folder.name}-eos"
    plain.model.generation_config.eos_token_id = [1, third]
    plain.model.save_pretrained(copy)
    plain.tokenizer.save_pretrained(copy)
    return copy


def test_every_end_of_text_token_of_the_generation_config_ends_a_text(make_model: Callable[..., Path]) -> None:
    folder = ending_with_eos(make_model("llama", max_length=128), PROMPTS[0])
    reply = answer(resolve(f"hf/{folder}"), Generate(Prompt(PROMPTS[0]), max_tokens=20, stop=()))
    assert reply.finish == ("eos",)
    assert reply.usage.completion_tokens <= 3


def test_a_stop_string_that_is_a_special_token_ends_a_text_and_is_not_shown(
    make_model: Callable[..., Path],
) -> None:
    folder = make_model("llama", max_length=128)
    plain = Plain(folder)
    # Make <|end|> (id 6) the only thing this copy ever writes.
    copy = folder.parent / f"{folder.name}-end"
    plain.model.lm_head.weight.data.zero_()
    plain.model.model.norm.weight.data.zero_()
    plain.model.lm_head = torch.nn.Linear(32, 400, bias=False)
    plain.model.save_pretrained(copy)
    plain.tokenizer.save_pretrained(copy)
    # With the norm at zero every logit is 0, so argmax is token 0, "<s>", a special token too.
    reply = answer(resolve(f"hf/{copy}"), Generate(Prompt("A"), max_tokens=9, stop=("<s>",)))
    assert (reply.texts, reply.finish, reply.usage.completion_tokens) == (("",), ("stop",), 1)


def test_a_prompt_that_leaves_no_room_is_cut_from_the_left(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=32)
    plain = Plain(folder)
    ids = plain.ids(PROMPTS[2])
    reply = answer(resolve(f"hf/{folder}"), Generate(Prompt(PROMPTS[2]), max_tokens=20, stop=()))
    assert reply.truncated_tokens == len(ids) - 12 > 0
    assert reply.texts == (plain.generate(ids[-12:], 20)[0],)
    assert reply.usage.prompt_tokens == 12


def test_more_tokens_than_the_model_has_are_reduced_and_noted(make_model: Callable[..., Path]) -> None:
    reply = answer(resolve(f"hf/{make_model('gpt2', max_length=32)}"), Generate(Prompt("A"), max_tokens=256, stop=()))
    assert reply.notes == ("max-tokens-reduced-to-30",)
    assert reply.usage.completion_tokens == 30
    assert reply.finish == ("length",)


def test_sampling_repeats_with_its_seed_and_differs_with_another(make_model: Callable[..., Path]) -> None:
    def ask(**settings: Any) -> str:
        request = Generate(Prompt("A"), max_tokens=12, stop=(), temperature=1.0, **settings)
        return answer(resolve(f"hf/{make_model('llama')}"), request).texts[0]

    assert ask(seed=1) == ask(seed=1)
    assert len({ask(seed=1), ask(seed=2), ask(seed=1, repeat=1)}) == 3


def test_n_samples_differ_and_n_greedy_texts_are_equal(make_model: Callable[..., Path]) -> None:
    model = f"hf/{make_model('llama')}"
    sampled = answer(resolve(model), Generate(Prompt("A"), max_tokens=12, stop=(), temperature=1.0, n=4))
    greedy = answer(resolve(model), Generate(Prompt("A"), max_tokens=12, stop=(), n=4))
    assert len(set(sampled.texts)) == 4
    assert len(greedy.texts) == len(greedy.finish) == 4
    assert len(set(greedy.texts)) == 1


def test_sampled_tokens_follow_the_models_distribution(make_model: Callable[..., Path]) -> None:
    """A chi-square statistic over the likeliest tokens, at temperature 2 (seeded, so it can't flicker)."""
    folder = make_model("llama")
    plain, draws = Plain(folder), 2000
    ids = plain.torch.tensor([plain.ids("A")])
    logits = plain.model(input_ids=ids).logits[0, -1]
    probabilities = torch.softmax(logits / 2.0, -1)
    reply = answer(
        resolve(f"hf/{folder}"), Generate(Prompt("A"), max_tokens=1, stop=(), temperature=2.0, n=draws, seed=3)
    )
    seen = Counter(reply.texts)
    # By text, since bytes that are no character of their own all read as the replacement character.
    expected: dict[str, float] = defaultdict(float)
    for token, probability in enumerate(probabilities.tolist()):
        expected[plain.tokenizer.decode([token], skip_special_tokens=True)] += probability
    likely = sorted(expected.items(), key=lambda item: -item[1])[:12]
    statistic = sum((seen[text] - draws * p) ** 2 / (draws * p) for text, p in likely)
    assert statistic < 35  # the 99.95 % point of chi-square with 12 degrees of freedom is 34.8


def test_top_p_leaves_only_the_nucleus(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")
    plain = Plain(folder)
    logits = plain.model(input_ids=plain.torch.tensor([plain.ids("A")])).logits[0, -1]
    probabilities, ids = torch.softmax(logits, -1).sort(descending=True)
    nucleus = int((probabilities.cumsum(-1) < 0.5).sum()) + 1
    allowed = {plain.tokenizer.decode([token], skip_special_tokens=True) for token in ids[:nucleus].tolist()}
    request = Generate(Prompt("A"), max_tokens=1, stop=(), temperature=1.0, top_p=0.5, n=300)
    seen = set(answer(resolve(f"hf/{folder}"), request).texts)
    assert seen == allowed or (seen < allowed and math.isclose(len(seen), len(allowed), abs_tol=2))


@pytest.mark.parametrize("settings", [{"max_tokens": 0}, {"n": 0}, {"temperature": -1.0}, {"top_p": 0.0}])
def test_impossible_settings_fail_their_request(settings: dict[str, float], make_model: Callable[..., Path]) -> None:
    message = failure(resolve(f"hf/{make_model('llama')}"), Generate(Prompt("A"), **settings))  # type: ignore[arg-type]
    assert "nothing to generate" in message or "no such sampling" in message


def test_an_empty_prompt_starts_from_the_first_token(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")
    reply = answer(resolve(f"hf/{folder}"), Generate(Prompt(""), max_tokens=6, stop=()))
    assert reply.texts == (Plain(folder).generate([0], 6)[0],)
