"""Log-likelihoods of a GGUF file: evalkit's `gguf/` against llama.cpp asked for one continuation at a time.

    python benchmarks/gguf_speed.py                       # the embedded model, 5-shot, 85 questions of 4 choices
    python benchmarks/gguf_speed.py --model big.gguf --questions 40
    python benchmarks/gguf_speed.py --lm-eval /path/to/python   # an environment with lm-eval: its model "gguf", too

Four ways over the same pairs of context and continuation: evalkit; evalkit with sharing switched off (several rows in
a batch, each from its beginning); llama-cpp-python's `Llama`, each pair by itself (`eval` and `scores`); and
lm-evaluation-harness, whose model "gguf" asks llama-cpp-python's server for one pair at a time. Each in a process of
its own, on one thread. Δ is how far the farthest log-likelihood is from evalkit's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from evalkit.data.toy import toy_path
from evalkit.models.tiny import TINY

WAYS = ("evalkit", "apart", "llama")
LM_EVAL = """
import json, sys, time
from lm_eval.api.instance import Instance
from lm_eval.models.gguf import GGUFLM
asked = json.load(sys.stdin)
model = GGUFLM(base_url=asked["address"])
pairs = [(context, ending) for context, endings in asked["pairs"] for ending in endings]
begun = time.perf_counter()
found = model.loglikelihood([Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)], disable_tqdm=True)
print(json.dumps({"seconds": time.perf_counter() - begun, "values": [value for value, _ in found]}))
"""


def pairs_of(questions: int, shots: int) -> list[tuple[str, list[str]]]:
    """(context, continuations) of the toy questions, each behind the same examples."""
    rows = [json.loads(line) for line in toy_path("multiple_choice").read_text("utf-8").splitlines()]
    ahead = "".join(f"Question: {r['question']}\nAnswer: {r['choices'][r['answer']]}\n\n" for r in rows[:shots])
    asked = rows[shots : shots + questions]
    return [(f"{ahead}Question: {r['question']}\nAnswer:", [f" {text}" for text in r["choices"]]) for r in asked]


def with_evalkit(model: str, pairs: list[tuple[str, list[str]]], *, shares: bool) -> dict[str, Any]:
    from evalkit import models
    from evalkit.core import Choose, Perplexity, Prompt
    from evalkit.models.llamacpp import engine

    if not shares:
        engine._TOLERANCE = -1.0

    async def work() -> dict[str, Any]:
        opened = models.resolve(f"gguf/{model},threads=1")
        await opened.answer(Perplexity("a"))
        stats = opened._engine.result().stats  # type: ignore[attr-defined]
        before = stats.tokens_computed
        begun = time.perf_counter()
        requests = [Choose(Prompt(context), tuple(endings), delimiter="") for context, endings in pairs]
        replies = await asyncio.gather(*map(opened.answer, requests))
        seconds = time.perf_counter() - begun
        await opened.close()
        values = [value for reply in replies for value in reply.loglikelihoods]
        return {"seconds": seconds, "tokens": stats.tokens_computed - before, "values": values}

    return asyncio.run(work())


def with_llama(model: str, pairs: list[tuple[str, list[str]]]) -> dict[str, Any]:
    import numpy as np
    from llama_cpp import Llama

    llama = Llama(model, n_ctx=4096, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
    tokens, values = 0, []
    begun = time.perf_counter()
    for context, endings in pairs:
        for ending in endings:
            start = len(llama.tokenize(context.encode()))
            ids = llama.tokenize((context + ending).encode())
            llama.reset()
            llama.eval(ids)
            logits = np.asarray(llama.scores[start - 1 : len(ids) - 1], np.float64)
            chosen = logits[np.arange(len(ids) - start), ids[start:]]
            values.append(
                float((chosen - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) - logits.max(-1)).sum())
            )
            tokens += len(ids)
    return {"seconds": time.perf_counter() - begun, "tokens": tokens, "values": values}


def with_lm_eval(python: str, model: str, pairs: list[tuple[str, list[str]]]) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", model, "--logits_all", "true", "--n_threads", "1"]
    command += ["--n_threads_batch", "1", "--n_ctx", "4096", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/v1/models", timeout=5).read()
                break
            except OSError:
                time.sleep(0.25)
        asked = json.dumps({"address": address, "pairs": pairs})
        done = subprocess.run([python, "-c", LM_EVAL], input=asked, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    finally:
        server.terminate()
        server.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a GGUF file; without it the embedded model in F16")
    parser.add_argument("--questions", type=int, default=85)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--lm-eval", metavar="PYTHON", help="an interpreter that has lm-eval")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    pairs = pairs_of(arguments.questions, arguments.shots)
    if arguments.way:
        run = {
            "evalkit": lambda: with_evalkit(arguments.model, pairs, shares=True),
            "apart": lambda: with_evalkit(arguments.model, pairs, shares=False),
            "llama": lambda: with_llama(arguments.model, pairs),
        }[arguments.way]
        print(json.dumps(run()))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if not model:
            from tools.write_gguf import write

            model = str(write(TINY, Path(folder) / "tiny-F16.gguf", "F16"))
        found: dict[str, dict[str, Any]] = {}
        for way in WAYS:
            command = [sys.executable, __file__, "--model", model, "--way", way]
            command += ["--questions", str(arguments.questions), "--shots", str(arguments.shots)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[way] = json.loads(done.stdout.splitlines()[-1])
        if arguments.lm_eval:
            found["lm-eval"] = with_lm_eval(arguments.lm_eval, model, pairs)
    count = sum(len(endings) for _, endings in pairs)
    first = found["evalkit"]
    for way, one in found.items():
        apart = max(abs(a - b) for a, b in zip(one["values"], first["values"], strict=True))
        tokens = f"{one['tokens']:>9,} tokens" if "tokens" in one else " " * 16
        speed = f"{count / one['seconds']:>8.1f} continuations/s {one['seconds'] / first['seconds']:>6.1f}x"
        print(f"{way:<8} {one['seconds']:>8.2f} s {tokens} {speed}  Δ {apart:.2g}")


if __name__ == "__main__":
    main()
