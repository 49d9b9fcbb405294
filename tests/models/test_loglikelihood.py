"""Log-likelihoods equal a plain forward pass over one request at a time, for every family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Perplexity, Prompt, digest_of
from evalkit.models import resolve
from tests.models.oracle import Plain, answer, answers, failure

pytest.importorskip("torch")
pytest.importorskip("transformers")

FAMILIES = (
    "llama",
    "gpt2",
    "qwen2",
    "gemma",
    "gemma2",
    "mistral",
    "gpt_neox",
    "phi",
    "opt",
    "bloom",
    "granite",
    "cohere",
)
CONTEXTS = (
    "The quick brown fox",
    "Question: Which planet is the largest?\nAnswer:",
    "She sells sea shells by the sea shore; the shells she sells",
    "In the beginning there was a small town, and in ",
    "東京 🙂",
    "",
)
ENDINGS = ("dog", " Jupiter is the largest planet.", "A", "B", "é")
TEXT = (" ".join(CONTEXTS) * 3).strip()


@pytest.mark.parametrize("family", [*FAMILIES, "t5"])
def test_choices_score_as_in_a_plain_forward_pass(
    family: str, make_model: Callable[..., Path], record_property: Callable[[str, Any], None]
) -> None:
    folder = make_model(family, max_length=128)
    replies = answers(resolve(f"hf/{folder}"), [Choose(Prompt(text), ENDINGS) for text in CONTEXTS])
    plain, worst = Plain(folder), 0.0
    for context, reply in zip(CONTEXTS, replies, strict=True):
        for ending, value, greedy in zip(ENDINGS, reply.loglikelihoods, reply.greedy, strict=True):
            expected, best = plain.continuation(context, " " + ending)
            worst = max(worst, abs(expected - value))
            assert greedy == best, (context, ending)
    record_property("max_abs_difference", worst)
    assert worst <= 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_rolling_loglikelihood_is_the_sum_over_disjoint_windows(
    family: str, make_model: Callable[..., Path], record_property: Callable[[str, Any], None]
) -> None:
    folder = make_model(family, max_length=32)
    length = 2048 if family == "bloom" else 32  # bloom's config names no length
    texts = [TEXT, "short", TEXT[:100]]
    replies = answers(resolve(f"hf/{folder}"), [Perplexity(text) for text in texts])
    plain = Plain(folder)
    for text, reply in zip(texts, replies, strict=True):
        expected = plain.rolling(text, length)
        record_property("relative_difference", abs(reply.loglikelihoods[0] / expected - 1))
        assert reply.loglikelihoods[0] == pytest.approx(expected, rel=1e-6)
        assert reply.usage.prompt_tokens == len(plain.ids(text))


def test_the_greedy_continuation_is_greedy_and_another_is_not(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")
    plain = Plain(folder)
    read = plain.ids("The quick brown fox")
    best = int(plain.model(input_ids=plain.torch.tensor([read])).logits[0, -1].argmax())
    text = plain.tokenizer.decode([best])
    request = Choose(Prompt("The quick brown fox"), (text, text + "x"), delimiter="")
    if plain.ids("The quick brown fox" + text) != [*read, best]:
        pytest.skip("the most probable token joins the context")
    assert answer(resolve(f"hf/{folder}"), request).greedy == (True, False)


def test_a_context_longer_than_the_model_is_cut_from_the_left_and_that_is_recorded(
    make_model: Callable[..., Path],
) -> None:
    folder = make_model("llama", max_length=32)
    reply = answer(resolve(f"hf/{folder}"), Choose(Prompt(TEXT), ("red", "green")))
    plain = Plain(folder)
    before = plain.ids(TEXT)
    for ending, value in zip(("red", "green"), reply.loglikelihoods, strict=True):
        targets = plain.ids(TEXT + " " + ending)[len(before) :]
        expected, _ = plain.score((before + targets)[-33:][:-1], targets)
        assert value == pytest.approx(expected, abs=1e-4)
    longest = max(len(plain.ids(TEXT + " " + ending)) for ending in ("red", "green"))
    assert reply.truncated_tokens == longest - 33


def test_an_input_that_just_fits_is_not_cut(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=32)
    plain = Plain(folder)
    text = next(TEXT[:n] for n in range(20, 200) if len(plain.ids(TEXT[:n] + " A")) == 33)
    assert answer(resolve(f"hf/{folder}"), Choose(Prompt(text), ("A",))).truncated_tokens == 0


def test_a_continuation_longer_than_the_model_fails_its_request(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama", max_length=32)
    assert "longer than the model's 32" in failure(resolve(f"hf/{folder}"), Choose(Prompt("A"), ("B", TEXT)))


def test_an_empty_continuation_has_loglikelihood_zero(make_model: Callable[..., Path]) -> None:
    request = Choose(Prompt("The quick"), ("", " brown"), delimiter="")
    reply = answer(resolve(f"hf/{make_model('llama')}"), request)
    assert reply.loglikelihoods[0] == 0.0
    assert reply.greedy[0]
    assert reply.loglikelihoods[1] < 0
    assert reply.notes == ("empty-continuation",)


def test_a_context_of_blanks_counts_as_empty(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")
    reply = answer(resolve(f"hf/{folder}"), Choose(Prompt("  "), ("red",), delimiter=""))
    plain = Plain(folder)
    targets = plain.ids("  red", special=False)
    assert reply.loglikelihoods[0] == pytest.approx(plain.score([0, *targets[:-1]], targets)[0], abs=1e-4)


def test_a_token_across_the_join_costs_one_token_of_context(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")
    plain = Plain(folder)
    # "shells" is one token of this vocabulary, so "she" + "lls" leaves the continuation none of its own.
    whole = plain.ids("The shells")
    assert len(whole) <= len(plain.ids("The she"))
    reply = answer(resolve(f"hf/{folder}"), Choose(Prompt("The she"), ("lls",), delimiter=""))
    assert reply.notes == ("join-backed-off",)
    expected, _ = plain.score(whole[:-1], whole[-1:])
    assert reply.loglikelihoods[0] == pytest.approx(expected, abs=1e-4)


def test_a_context_that_brings_its_own_bos_gets_no_second(make_model: Callable[..., Path]) -> None:
    model = f"hf/{make_model('llama')}"
    with_bos = answer(resolve(model), Choose(Prompt("<s>The quick brown"), ("fox",)))
    without = answer(resolve(model), Choose(Prompt("The quick brown"), ("fox",)))
    assert with_bos.loglikelihoods == pytest.approx(without.loglikelihoods, abs=1e-5)
    assert with_bos.usage == without.usage


def test_what_was_read_is_counted_and_digested(make_model: Callable[..., Path]) -> None:
    folder = make_model("llama")
    plain = Plain(folder)
    reply = answer(resolve(f"hf/{folder}"), Choose(Prompt("quick brown", preamble="The "), ("fox", "dog")))
    context, endings = (
        len(plain.ids("The quick brown")),
        len(plain.ids("The quick brown fox")) + len(plain.ids("The quick brown dog")),
    )
    assert reply.usage.prompt_tokens == context + endings - 2 * context
    assert reply.usage.completion_tokens == 0
    assert reply.rendered_digest == digest_of("The quick brown")
    assert reply.source == "model"


def test_an_empty_text_has_loglikelihood_zero(make_model: Callable[..., Path]) -> None:
    # gpt2-style tokenizers put nothing before an empty text; this one puts <s>, which is scored after the prefix.
    folder = make_model("llama")
    reply = answer(resolve(f"hf/{folder}"), Perplexity(""))
    assert reply.loglikelihoods[0] == pytest.approx(Plain(folder).score([0], [0])[0], abs=1e-4)


def test_an_encoder_decoder_has_no_rolling_loglikelihood(make_model: Callable[..., Path]) -> None:
    model = resolve(f"hf/{make_model('t5')}")
    assert Perplexity not in model.capabilities.requests
    assert "can't be asked for Perplexity" in failure(model, Perplexity("text"))


@pytest.mark.parametrize("width", [1, 2, 3, 6])
def test_the_first_of_equal_logits_is_the_greedy_one(width: int) -> None:
    """The oracle is torch's own log-softmax and argmax, whatever parts of the vocabulary come at a time."""
    import torch

    from evalkit.models.hf.scoring.score import tally

    none = float("-inf")
    logits = torch.tensor(
        [
            [1.0, 3.0, 3.0, 0.5, 3.0, 0.0],
            [2.0, 2.0, -1.0, 2.0, 1.0, 2.0],
            [0.0, none, 4.0, 1.0, none, none],
            [none, none, none, none, 60.0, 75.0],
            [90.0, -90.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    places, targets = (each.reshape(-1) for each in torch.meshgrid(torch.arange(5), torch.arange(6), indexing="ij"))
    expected = logits.double().log_softmax(-1)[places, targets]
    best = logits.argmax(-1)[places] == targets
    blocks, starts = (logits[:2], logits[2:]), (0, 2)
    tiles = [
        (start, first, block[:, first : first + width].clone())
        for start, block in zip(starts, blocks, strict=True)
        for first in range(0, 6, width)
    ]
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    values, greedy = tally(tiles, places[order], targets[order])
    assert torch.allclose(values, expected[order], atol=1e-6)
    assert greedy.tolist() == best[order].tolist()


@pytest.mark.parametrize(("bias", "dtype"), [(False, "float32"), (True, "float32"), (False, "bfloat16")])
def test_parts_of_the_output_layer_make_up_the_whole(bias: bool, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle is the layer in float64."""
    import torch

    from evalkit.models.hf.forward import output_layer
    from evalkit.models.hf.loading.onednn_linear import take_onednn

    monkeypatch.setattr(output_layer, "_POSITIONS", 8)
    monkeypatch.setattr(output_layer, "_TOKENS", 32)
    torch.manual_seed(0)
    layer = torch.nn.Linear(16, 100, bias=bias).to(getattr(torch, dtype))
    hidden = torch.randn(21, 16).to(layer.weight.dtype)
    exact = hidden.double() @ layer.weight.double().T + (layer.bias.double() if bias else 0)
    for product in ("torch", "onednn"):
        if product == "onednn":
            take_onednn(torch.nn.ModuleList([layer]))
        assert output_layer.is_divisible(layer)
        found = torch.full((21, 100), float("nan"), dtype=torch.float64)
        with torch.inference_mode():
            for start, first, part in output_layer.tiles(layer, hidden):
                assert part.numel() <= 8 * 32
                found[start : start + len(part), first : first + part.shape[1]] = part.double()
        assert torch.allclose(found, exact, atol=1e-5 if dtype == "float32" else 2e-2)
    layer.register_forward_hook(lambda module, given, output: output * 2)
    assert not output_layer.is_divisible(layer)
