"""llama.cpp on a GGUF file against the local backend on the same weights: the same tokens, numbers and texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Message, Perplexity, Prompt, Reply, Request, Tokenize
from evalkit.data.toy import toy_path
from evalkit.models import resolve
from evalkit.models.tiny import TINY
from tests.models.oracle import answer, answers, failure

pytest.importorskip(
    "llama_cpp", reason="pip install 'evalkit-harness[gguf]' compiles llama-cpp-python in 5 to 12 minutes"
)
pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

QUESTIONS = [json.loads(line) for line in toy_path("multiple_choice").read_text("utf-8").splitlines()]
SHOTS = "".join(f"Question: {row['question']}\nAnswer: {row['choices'][row['answer']]}\n\n" for row in QUESTIONS[:5])
CHOICES = [
    Choose(Prompt(f"Question: {row['question']}\nAnswer:", SHOTS), tuple(row["choices"])) for row in QUESTIONS[5:]
]
TEXTS = [json.loads(line)["text"] for line in toy_path("perplexity").read_text("utf-8").splitlines()][:6]
ODD = (
    "",
    " ",
    "\n\n  x",
    "naïve café, 東京 🙂",
    "A",
    "1234567 + 89 = ",
    "'s don't WE'LL",
    "<|user|> hi <|eos|>",
    "a \t b  ",
)


def choices_of(reply: Reply) -> int:
    return max(range(len(reply.loglikelihoods)), key=reply.loglikelihoods.__getitem__)


def differences(ours: list[Reply], local: list[Reply]) -> list[float]:
    """How far apart the log-likelihoods of each continuation are."""
    pairs = [
        pair for a, b in zip(ours, local, strict=True) for pair in zip(a.loglikelihoods, b.loglikelihoods, strict=True)
    ]
    return [abs(a - b) for a, b in pairs]


@pytest.fixture(scope="module")
def local() -> list[Reply]:
    return answers(resolve("tiny"), [*CHOICES, *(Perplexity(text, tokens=True) for text in TEXTS)])


def test_float32_weights_score_as_the_local_backend_scores_them(
    written: Callable[..., Path], local: list[Reply], record_property: Callable[[str, Any], None]
) -> None:
    requests: list[Request] = [*CHOICES, *(Perplexity(text, tokens=True) for text in TEXTS)]
    ours = answers(resolve(f"gguf/{written('F32')}"), requests)
    worst = max(differences(ours, local))
    record_property("max_abs_difference", worst)
    assert worst <= 1e-4
    for ours_, local_ in zip(ours, local, strict=True):
        assert ours_.greedy == local_.greedy
        assert ours_.token_loglikelihoods == pytest.approx(local_.token_loglikelihoods, abs=1e-4)
        assert (ours_.usage, ours_.notes, ours_.truncated_tokens) == (
            local_.usage,
            local_.notes,
            local_.truncated_tokens,
        )
        assert ours_.rendered_digest == local_.rendered_digest


def test_float16_weights_answer_the_same(
    written: Callable[..., Path], local: list[Reply], record_property: Callable[[str, Any], None]
) -> None:
    """Against transformers on the same 16-bit weights, in float32. llama.cpp rounds activations to 16 bits, too: most
    requests stay within 1e-2 nats, and all are nearer than what transformers' own float16 computes."""
    theirs = answers(resolve(f"hf/{written('F16')}"), CHOICES)
    ours = answers(resolve(f"gguf/{written('F16')}"), CHOICES)
    found = sorted(differences(ours, theirs))
    record_property("quantiles", [found[len(found) // 2], found[len(found) * 9 // 10], found[-1]])
    assert found[len(found) * 9 // 10] <= 1e-2
    assert found[-1] <= 3e-2
    assert sum(found) <= sum(differences(answers(resolve("tiny,dtype=float16"), CHOICES), theirs))
    for same in (theirs, local):
        equal = [choices_of(a) == choices_of(b) for a, b in zip(ours, same, strict=False)]
        assert sum(equal) >= 0.99 * len(equal)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_0"])
def test_widened_weights_score_as_transformers_scores_the_same_file(kind: str, written: Callable[..., Path]) -> None:
    theirs = answers(resolve(f"hf/{written(kind)}"), CHOICES[:20])
    model = resolve(f"gguf/{written(kind)},widen=true")
    assert dict(model.identity.facts)["kv"] == "f32"
    assert model.identity.digest != resolve(f"gguf/{written(kind)}").identity.digest
    assert max(differences(answers(model, CHOICES[:20]), theirs)) <= 1e-4


@pytest.mark.parametrize(("kind", "least", "bits"), [("Q8_0", 0.95, 8.5), ("Q4_0", 0.8, 4.5)])
def test_quantized_weights_score_and_write(
    kind: str, least: float, bits: float, written: Callable[..., Path], local: list[Reply]
) -> None:
    model = resolve(f"gguf/{written(kind)}")
    facts = dict(model.identity.facts)
    assert facts["quantization"] == kind
    assert float(facts["bits"]) == pytest.approx(bits, abs=0.1)
    ours = answers(model, [*CHOICES, Generate(Prompt("The cat sat on the"), max_tokens=8)])
    same = [choices_of(a) == choices_of(b) for a, b in zip(ours[:-1], local, strict=False)]
    # Not the same numbers, or nothing was quantized; but by far the same answers.
    assert max(differences(ours[:-1], local[: len(CHOICES)])) > 1e-2
    assert sum(same) >= least * len(same)
    assert ours[-1].texts[0]
    assert ours[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("which", ["tiny", "untied"])
def test_texts_become_the_same_tokens(which: str, special: bool, written: Callable[..., Path], untied: Path) -> None:
    from evalkit.models.llamacpp.header import read_header
    from evalkit.models.llamacpp.vocabulary import Vocabulary

    folder = TINY if which == "tiny" else untied
    path = written("F32", folder)
    ours, theirs = Vocabulary(path, read_header(path)), transformers.AutoTokenizer.from_pretrained(folder)
    rows = [json.loads(line) for line in toy_path("tokenizers").read_text("utf-8").splitlines()]
    texts = [*ODD, *TEXTS, *(str(value) for row in rows for value in row.values()), SHOTS]
    for text in texts:
        ids = theirs(text, add_special_tokens=special)["input_ids"]
        assert ours(text, add_special_tokens=special)["input_ids"] == ids, text
        for skip in (True, False):
            assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(ids, skip_special_tokens=skip)
    # A part of a character is not text, and reads the same in both.
    cut = theirs("🙂", add_special_tokens=False)["input_ids"][:-1]
    assert ours.decode(cut) == theirs.decode(cut)
    assert (ours.bos_token_id, ours.eos_token_id) == (theirs.bos_token_id, theirs.eos_token_id)
    assert theirs.eos_token_id in ours.eos_ids
    ours.close()


def test_a_model_that_reads_64_tokens_is_cut_and_rolled_like_the_local_one(
    written: Callable[..., Path], untied: Path
) -> None:
    """Its own output layer, grouped heads, another base of rotation; cuts, windows, strides, joins, no context."""
    long = " ".join(TEXTS[:2])
    requests: list[Request] = [
        Choose(Prompt(long), ("red", "blue and green", "")),
        Choose(Prompt(""), ("The quick brown fox", " x")),
        Choose(Prompt("The quick brown fo"), ("x jumps", "x"), delimiter=""),
        Choose(Prompt("In the town there "), ("was", "were")),
        Choose(Prompt("<s>She sells"), ("sea shells",)),
        Perplexity(long, tokens=True),
        Perplexity(long, stride=20),
        Perplexity(""),
        Generate(Prompt(long), max_tokens=12, stop=()),
        Generate(Prompt("A"), max_tokens=100, stop=()),
        Tokenize(long),
    ]
    local = answers(resolve(f"hf/{untied}"), requests)
    ours = answers(resolve(f"gguf/{written('F32', untied)}"), requests)
    assert local[0].truncated_tokens > 0
    for request, a, b in zip(requests, ours, local, strict=True):
        assert a.loglikelihoods == pytest.approx(b.loglikelihoods, abs=1e-4, rel=1e-7), request
        assert a.token_loglikelihoods == pytest.approx(b.token_loglikelihoods, abs=1e-4)
        assert (a.greedy, a.texts, a.finish) == (b.greedy, b.texts, b.finish), request
        assert (a.usage, a.notes, a.truncated_tokens) == (b.usage, b.notes, b.truncated_tokens), request


def test_a_shorter_length_is_as_the_local_one(written: Callable[..., Path]) -> None:
    requests: list[Request] = [CHOICES[0], Perplexity(TEXTS[0]), Generate(CHOICES[0].prompt, max_tokens=8)]
    local = answers(resolve("tiny,max_length=48"), requests)
    ours = answers(resolve(f"gguf/{written('F32')},max_length=48"), requests)
    for a, b in zip(ours, local, strict=True):
        assert a.loglikelihoods == pytest.approx(b.loglikelihoods, abs=1e-4)
        assert (a.texts, a.truncated_tokens, a.usage) == (b.texts, b.truncated_tokens, b.usage)
    assert ours[0].truncated_tokens > 0


def test_texts_are_written_as_the_local_backend_writes_them(written: Callable[..., Path]) -> None:
    """Greedy, stop strings, several texts with seeds of their own, nucleus; one text's numbers are its own."""
    prompts = [Prompt(f"Question: {row['question']}\nAnswer:", SHOTS) for row in QUESTIONS[5:25]]
    requests = [Generate(prompt, max_tokens=24, stop=("\n", "Question")) for prompt in prompts]
    requests += [Generate(prompt, max_tokens=16, stop=(), temperature=0.7, n=3, seed=5) for prompt in prompts[:5]]
    requests += [
        Generate(prompt, max_tokens=16, stop=(), temperature=1.3, top_p=0.8, repeat=2) for prompt in prompts[:5]
    ]
    requests += [Generate(Prompt(""), max_tokens=5, stop=(), n=2)]
    local = answers(resolve("tiny"), requests)
    ours = answers(resolve(f"gguf/{written('F32')}"), requests)
    for a, b in zip(ours, local, strict=True):
        assert (a.texts, a.finish, a.usage) == (b.texts, b.finish, b.usage)
    assert len(set(ours[20].texts)) > 1


def test_a_conversation_goes_through_the_files_template(written: Callable[..., Path]) -> None:
    talk = (Message("system", "Be brief."), Message("user", "What is the capital of France?"))
    requests: list[Request] = [
        Generate(Prompt(messages=talk), max_tokens=12),
        Generate(Prompt(messages=(*talk, Message("assistant", "It is "))), max_tokens=12),
        Choose(Prompt(messages=talk), ("Paris", "Rome")),
    ]
    for extra in ("", ",chat=on", ",chat=on,system=Say little."):
        local = answers(resolve(f"tiny{extra}"), requests)
        ours = answers(resolve(f"gguf/{written('F32')}{extra}"), requests)
        for a, b in zip(ours, local, strict=True):
            assert (a.rendered_digest, a.texts) == (b.rendered_digest, b.texts)
            assert a.loglikelihoods == pytest.approx(b.loglikelihoods, abs=1e-4)
    refused = Generate(Prompt(messages=(Message("tool", "x"),)))
    assert "roles are system" in failure(resolve(f"gguf/{written('F32')}"), refused)
    assert "chat=off" in failure(resolve(f"gguf/{written('F32')},chat=off"), requests[0])


def test_kept_values_of_fewer_bits_change_the_numbers(written: Callable[..., Path]) -> None:
    plain, coarse = (
        answer(resolve(f"gguf/{written('F16')},{extra}"), CHOICES[0]).loglikelihoods for extra in ("kv=f16", "kv=q4_0")
    )
    assert max(abs(a - b) for a, b in zip(plain, coarse, strict=True)) > 1e-3
