"""What ways to get log-likelihoods from vLLM cost, and whether they agree: the figures in docs/how-to/many-gpus.md.

    VLLM_CPU_KVCACHE_SPACE=1 EVALKIT_DATA=<mirror> python benchmarks/vllm_likelihoods.py <folder> --task mmlu --limit 24

Needs vllm. Four ways over the same rows of one task, the cache emptied in between:

* peers:  a request a continuation with prompt log-probabilities, the prefix cache left alone, as other harnesses do;
* plain:  evalkit's likelihoods=plain: single tokens by `logprob_token_ids`, the prefix cache left alone;
* tokens: a request of one token for each token of a continuation, over a cached prefix;
* cached: evalkit's likelihoods=cached.

CPU seconds are those of this process and the engine's, loading left out.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import tempfile
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from evalkit.core import Capabilities, Choose, Identity, Prompt, Reply, Request
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.scoring.plan import RowScore, TokenRow, merge
from evalkit.models.hf.text.encode import Tokens, continuations
from evalkit.models.tokenizers import load_tokenizer
from evalkit.models.vllm.likelihoods import Likelihoods, Question, Way
from evalkit.models.vllm.options import VllmOptions
from evalkit.models.vllm.process import VllmProcess

Score = Callable[[VllmProcess, TokenRow], Awaitable[RowScore]]


class Listener:
    """A model that keeps what it is asked and finds every choice equally likely."""

    identity = Identity("listener")
    capabilities = Capabilities(requests=frozenset({Choose}))

    def __init__(self) -> None:
        self.asked: list[Choose] = []

    async def answer(self, request: Request) -> Reply:
        assert isinstance(request, Choose)
        self.asked.append(request)
        zeros = tuple(0.0 for _ in request.continuations)
        return Reply(loglikelihoods=zeros, greedy=tuple(False for _ in zeros))

    async def close(self) -> None: ...


async def peers(process: VllmProcess, row: TokenRow) -> RowScore:
    """A request a continuation; continuations that differ in their last token are several."""
    last = len(row.ids) - 1
    ends = {t: None for p, t in zip(row.positions, row.targets, strict=True) if p == last}
    inside: list[tuple[float, bool]] = []
    after: dict[int, tuple[float, bool]] = {}
    for end in ends:
        inside = list((await process.ask(Question((*row.ids, end), inside=True, cached=False))).inside)
        after[end] = inside[-1]
    found = [after[t] if p == last else inside[p + 1] for p, t in zip(row.positions, row.targets, strict=True)]
    return RowScore(tuple(value for value, _ in found), tuple(best for _, best in found))


async def plain(process: VllmProcess, row: TokenRow) -> RowScore:
    return await Likelihoods(process.ask, Way(False, process.block)).score(row)


async def cached(process: VllmProcess, row: TokenRow) -> RowScore:
    return await Likelihoods(process.ask, Way(True, process.block)).score(row)


async def tokens(process: VllmProcess, row: TokenRow) -> RowScore:
    """Every token of a continuation by a request for what is before it."""
    places: dict[int, list[int]] = {}
    for index, position in enumerate(row.positions):
        places.setdefault(position, []).append(index)
    values, best = [math.nan] * len(row.targets), [False] * len(row.targets)
    for position, indices in sorted(places.items()):
        output = await process.ask(
            Question(row.ids[: position + 1], tuple(dict.fromkeys(row.targets[i] for i in indices)))
        )
        for index in indices:
            values[index] = output.after[row.targets[index]]
            best[index] = output.written == row.targets[index]
    return RowScore(tuple(values), tuple(best))


WAYS: dict[str, Score] = {"peers": peers, "plain": plain, "tokens": tokens, "cached": cached}


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all that live below it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = {int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)}
    return total + sum(cpu_seconds(child) for child in children if Path(f"/proc/{child}").exists())


def _children(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def rows_of(folder: str, task: str, limit: int, fewshot: int | None, longest: int) -> list[TokenRow]:
    """The distinct rows that a task's choices make, sorted as evalkit's engine sorts them."""
    import evalkit

    listener = Listener()
    evalkit.run(task, model=listener, limit=limit, cache=False, num_fewshot=fewshot, out=tempfile.mkdtemp())
    reader = Tokens(load_tokenizer(checkpoints.find(folder)), max_length=longest)
    texts = [(_text(one.prompt), [one.delimiter + text for text in one.continuations]) for one in listener.asked]
    parts = [part for found in continuations(reader, texts) if not isinstance(found, Exception) for part in found]
    merged, _ = merge([part.row for part in parts])
    return sorted(merged, key=lambda row: array("I", row.ids).tobytes())


def _text(prompt: Prompt) -> str:
    return prompt.text


async def _all(process: VllmProcess, score: Score, rows: Sequence[TokenRow]) -> list[RowScore]:
    return list(await asyncio.gather(*(score(process, row) for row in rows)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--task", default="mmlu")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--fewshot", type=int, default=None)
    parser.add_argument("--block", type=int, default=32, help="tokens of a block of the prefix cache")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--length", type=int, default=4096)
    arguments = parser.parse_args()
    options = {"dtype": arguments.dtype, "enforce_eager": "true", "engine.block_size": str(arguments.block)}
    options["max_model_len"] = str(arguments.length)
    rows = rows_of(arguments.folder, arguments.task, arguments.limit, arguments.fewshot, arguments.length - 2)
    process = VllmProcess(checkpoints.find(arguments.folder), VllmOptions.parse(options), None)
    process.start()
    targets = sum(len(row.targets) for row in rows)
    print(f"{arguments.task}: {len(rows)} rows of {sum(len(row.ids) for row in rows)} tokens, {targets} scored")
    print(f"{'way':8}{'prompt tokens':>15}{'from cache':>12}{'CPU s':>8}{'s':>8}{'off by':>10}")
    oracle: list[RowScore] = []
    for name, score in WAYS.items():
        process.empty_cache()
        process.prompt_tokens = process.cached_tokens = 0
        begun, spent = time.perf_counter(), cpu_seconds(os.getpid())
        found = asyncio.run_coroutine_threadsafe(_all(process, score, rows), process.loop).result()
        seconds, spent = time.perf_counter() - begun, cpu_seconds(os.getpid()) - spent
        oracle = oracle or found
        pairs = zip(oracle, found, strict=True)
        worst = max(abs(a - b) for x, y in pairs for a, b in zip(x.logprobs, y.logprobs, strict=True))
        share = process.cached_tokens / process.prompt_tokens
        print(f"{name:8}{process.prompt_tokens:15,}{share:12.1%}{spent:8.1f}{seconds:8.1f}{worst:10.1e}", flush=True)
    process.close()


if __name__ == "__main__":
    main()
