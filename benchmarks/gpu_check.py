"""One script for a borrowed GPU: parity, tokens a second, share of peak arithmetic, next to transformers and vLLM.

    python benchmarks/gpu_check.py <model folder> --minutes 8
    python benchmarks/gpu_check.py <model folder> --device cpu --rows 40      # a rehearsal without a GPU

Every part has a deadline within the minutes, and a part that fails is reported and does not stop the others: the CUDA
tests, then the same rows scored and the same texts written by transformers alone (batches padded to their longest),
by hf/ and, where it is installed, by vllm/. The share of peak is 2 × parameters × computed tokens a second over what a
large product of matrices reaches here.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from evalkit.core import Choose, Generate, Prompt, Reply, Request
from evalkit.models import resolve
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.vllm.files import eos_ids

ROOT = Path(__file__).parent.parent
_WORDS = "time way year work day man world life part house course case place system school number night point".split()  # noqa: SIM905
_LETTERS = ("A", "B", "C", "D")
_NEW = 64


@dataclass
class Measured:
    """`tokens`: prompt tokens of all rows, or tokens written."""

    name: str
    seconds: float
    tokens: int
    values: list[Any]


def rows(count: int) -> tuple[list[Request], list[Request]]:
    """(choices after a shared preamble of some 600 tokens and a question of some 60, texts to go on with)."""
    draw = random.Random(1)
    preamble = " ".join(draw.choices(_WORDS, k=600))
    questions = [f"{preamble}\n{' '.join(draw.choices(_WORDS, k=60))}\nAnswer:" for _ in range(count)]
    texts = [" ".join(draw.choices(_WORDS, k=120)) for _ in range(count // 4)]
    return (
        [Choose(Prompt(question), _LETTERS) for question in questions],
        [Generate(Prompt(text), max_tokens=_NEW, stop=()) for text in texts],
    )


def peak(device: str, dtype: torch.dtype) -> float:
    """Operations a second of a large product of matrices."""
    size = 8192 if device == "cuda" else 1024
    one = torch.randn(size, size, device=device, dtype=dtype)
    for _ in range(2):
        one @ one
    _wait(device)
    begun, times = time.perf_counter(), 10
    for _ in range(times):
        one @ one
    _wait(device)
    return 2 * size**3 * times / (time.perf_counter() - begun)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


class Plain:
    """transformers alone, as its guides use it: left-padded batches, `generate`."""

    def __init__(self, folder: str, device: str, dtype: str, batch: int) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self.model.to(device).eval()
        self.device, self.batch = device, batch
        # evalkit ends a text at any of these; `generate` alone would go on after the tokenizer's.
        self.ends = sorted(eos_ids(checkpoints.find(folder), self.tokenizer))

    def _batches(self, requests: Sequence[Any]) -> Any:
        for start in range(0, len(requests), self.batch):
            texts = [request.prompt.text for request in requests[start : start + self.batch]]
            yield self.tokenizer(texts, return_tensors="pt", padding=True).to(self.device)

    def score(self, requests: Sequence[Any]) -> Measured:
        ids = [self.tokenizer(f" {letter}", add_special_tokens=False)["input_ids"] for letter in _LETTERS]
        assert all(len(one) == 1 for one in ids), "the letters are no single tokens here"
        begun, values, tokens = time.perf_counter(), [], 0
        with torch.inference_mode():
            for batch in self._batches(requests):
                logits = self.model(**batch, logits_to_keep=1).logits[:, -1].float()
                values += torch.log_softmax(logits, -1)[:, [one[0] for one in ids]].tolist()
                tokens += int(batch["attention_mask"].sum())
        return Measured("transformers", time.perf_counter() - begun, tokens, values)

    def write(self, requests: Sequence[Any]) -> Measured:
        begun, values, tokens = time.perf_counter(), [], 0
        with torch.inference_mode():
            for batch in self._batches(requests):
                out = self.model.generate(**batch, max_new_tokens=_NEW, do_sample=False, eos_token_id=self.ends)
                new = out[:, batch["input_ids"].shape[1] :]
                tokens += int((new != self.tokenizer.pad_token_id).sum())
                values += self.tokenizer.batch_decode(new, skip_special_tokens=True)
        return Measured("transformers", time.perf_counter() - begun, tokens, values)


def by_evalkit(spec: str, scored: list[Request], written: list[Request]) -> tuple[Measured, Measured]:
    """The rows by a model of evalkit's, loaded by a row of another kind beforehand."""

    async def ask() -> tuple[Measured, Measured]:
        model = resolve(spec)
        try:
            await model.answer(Choose(Prompt("warm up"), ("a", "b")))
            await model.answer(Generate(Prompt("warm up"), max_tokens=2))
            found: list[Measured] = []
            for requests in (scored, written):
                begun = time.perf_counter()
                replies: list[Reply] = list(await asyncio.gather(*map(model.answer, requests)))
                seconds = time.perf_counter() - begun
                values = [reply.loglikelihoods or reply.texts[0] for reply in replies]
                usage = [reply.usage for reply in replies]
                tokens = sum((one.prompt_tokens if requests is scored else one.completion_tokens) or 0 for one in usage)
                found.append(Measured(spec.partition("/")[0], seconds, tokens, values))
            return found[0], found[1]
        finally:
            await model.close()

    return asyncio.run(ask())


def _both(plain: Plain, scored: list[Request], written: list[Request]) -> tuple[Measured, Measured]:
    return plain.score(scored), plain.write(written)


def told(kind: str, found: Measured, first: Measured, flops: float, top: float) -> str:
    line = f"{kind:8}{found.name:14}{found.seconds:8.1f} s{found.tokens / found.seconds:12,.0f} tokens/s"
    line += f"{first.seconds / found.seconds:8.2f} × transformers"
    if kind == "score":
        pairs = zip(found.values, first.values, strict=True)
        worst = max(abs(a - b) for x, y in pairs for a, b in zip(x, y, strict=True))
        share = flops * found.tokens / found.seconds / top
        return line + f"   off by {worst:.1e}   {share:.1%} of peak, if every prompt token were computed"
    same = sum(a.strip() == b.strip() for a, b in zip(found.values, first.values, strict=True))
    for a, b in zip(found.values, first.values, strict=True):
        if a.strip() != b.strip():
            place = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            line += f"\n        differ at character {place}: {a[place:][:24]!r} and {b[place:][:24]!r}"
            break
    return line + f"   {same} of {len(first.values)} texts equal"


def attempt(name: str, work: Callable[[], Any]) -> Any:
    """A part's result, or None and why."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the other parts go on
        print(f"{name} failed: {type(error).__name__}: {str(error).strip().splitlines()[:1]}", flush=True)
        return None


def cuda_tests(seconds: float) -> None:
    """The tests that need a GPU, and those of the local engine; stopped at their deadline."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-k",
        "cuda or gpu",
        "tests/models",
        "tests/runs/runner/test_memory.py",
    ]
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
        print("CUDA tests:", (done.stdout.strip().splitlines() or ["nothing"])[-1], flush=True)
    except subprocess.TimeoutExpired:
        print(f"CUDA tests: not done within {seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--dtype", default="")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--batch", type=int, default=16, help="transformers' batch")
    parser.add_argument("--minutes", type=float, default=8.0)
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    dtype = arguments.dtype or ("bfloat16" if arguments.device == "cuda" else "float32")
    os.environ.setdefault("EVALKIT_CACHE", str(Path.home() / ".cache" / "evalkit-bench" / "cache"))
    if arguments.device == "cuda":
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {dtype}", flush=True)
        cuda_tests(60 * arguments.minutes / 4)
    top = peak(arguments.device, getattr(torch, dtype))
    scored, written = rows(arguments.rows)
    plain = Plain(arguments.folder, arguments.device, dtype, arguments.batch)
    flops = 2.0 * sum(one.numel() for one in plain.model.parameters())
    print(
        f"{flops / 2e6:,.0f} M parameters, peak {top / 1e12:.2f} TFLOP/s, {len(scored)} choices, {len(written)} texts"
    )
    first = attempt("transformers", partial(_both, plain, scored, written))
    plain.model.cpu()
    engines = [f"hf/{arguments.folder},dtype={dtype},device={arguments.device}"]
    if importlib.util.find_spec("vllm"):
        engines.append(f"vllm/{arguments.folder},dtype={dtype},max_model_len=4096")
    else:
        print("vllm is not installed: no ratio to it")
    results = [first] if first else []
    for spec in engines:
        if time.monotonic() > end:
            print(f"{spec}: no time left")
        elif (found := attempt(spec, lambda spec=spec: by_evalkit(spec, scored, written))) is not None:  # type: ignore[misc]
            results.append(found)
    if first:
        for pair in results:
            for kind, found, base in zip(("score", "write"), pair, first, strict=True):
                print(told(kind, found, base, flops, top), flush=True)


if __name__ == "__main__":
    main()
