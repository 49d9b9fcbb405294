"""evalkit's embeddings, retrieval and BERTScore on an encoder, held to float64 that nothing of evalkit computes.

    python -m peers.real.embedding --model FOLDER --rows ROWS --threads 1 --out FILE

The reference is transformers' own encoder in float64, one text at a time: the mean over its tokens, of length 1, as
the model's card defines it; every cosine; and BERTScore's greedy matching as its paper defines it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from peers import real_rows
from peers.environment import CHECKOUT, Environment
from peers.measuring import limit_threads, peak_memory

VECTOR = 1e-6
"""By how much a number of a vector of length 1 may differ, in float32."""
BERTSCORE = 1e-5
"""By how much a mean of some tens of cosines may."""
_BENCHMARKS = Path(__file__).resolve().parents[2]
_LONG = 5


def compared(bench: Environment, model: Path, given: Any) -> tuple[dict[str, Any], bool]:
    """Run the comparison in a process of its own and print what came out."""
    with tempfile.TemporaryDirectory() as name:
        rows, out = Path(name) / "rows.json", Path(name) / "out.json"
        found = real_rows.notes(given.data_dir, given.rows, given.rows)
        if found is None:
            raise SystemExit(f"no SQuAD in {given.data_dir}")
        rows.write_text(json.dumps(found[0]), encoding="utf-8")
        command = [bench.python, "-m", "peers.real.embedding", "--model", str(model), "--rows", str(rows)]
        command += ["--threads", str(given.threads), "--out", str(out)]
        variables = {"PYTHONPATH": f"{_BENCHMARKS}{os.pathsep}{CHECKOUT}", "HF_HUB_OFFLINE": "1"}
        variables |= {"OMP_NUM_THREADS": str(given.threads), "EVALKIT_CACHE": name}
        subprocess.run(command, check=True, env={**os.environ, **variables}, cwd=name)
        written: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    for line in _lines(written):
        print(line)
    return written, _holds(written)


def _lines(found: dict[str, Any]) -> list[str]:
    seconds, far, count = found["seconds"], found["furthest"], found["questions"]
    recall, exact = found["recall"], found["exact_recall"]
    return [
        f"{found['texts']} texts of SQuAD, {found['threads']} thread(s), {found['memory'] / 1e6:.0f} MB",
        f"vectors     {far['vector']:.1e} from float64 (bound {VECTOR:.0e}); sentence-transformers {far['peer']:.1e}",
        f"            evalkit {seconds['evalkit']:.2f} s, sentence-transformers batch 32 {seconds['peer']:.2f} s",
        f"retrieval   {count} questions: recall@{_LONG} {recall:.4f}, float64 {exact:.4f}",
        f"            {found['other_ranks']} questions with another first passage",
        f"BERTScore   {far['bertscore']:.1e} from float64 (bound {BERTSCORE:.0e}) over {found['pairs']} pairs",
    ]


def _holds(found: dict[str, Any]) -> bool:
    far = found["furthest"]
    same = found["recall"] == found["exact_recall"] and not found["other_ranks"]
    return bool(same and far["vector"] <= VECTOR and far["bertscore"] <= BERTSCORE)


# ---------------------------------------------------------------- in the child


class Exact:
    """The encoder in float64."""

    def __init__(self, folder: str) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        # Eager attention takes its softmax in the numbers that it has.
        self._model = AutoModel.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
        self._longest = json.loads((Path(folder) / "sentence_bert_config.json").read_text())["max_seq_length"]

    def tokens(self, text: str, longest: int = 0) -> Any:
        """The last hidden layer of one text, (tokens, hidden)."""
        ids = self._tokenizer(text, return_tensors="pt", truncation=True, max_length=longest or self._longest)
        with self._torch.inference_mode():
            return self._model(**ids).last_hidden_state[0]

    def vector(self, text: str) -> Any:
        mean = self.tokens(text).mean(0)
        return mean / mean.norm()

    def bertscore(self, text: str, target: str) -> list[float]:
        """Precision, recall and F1; the two special tokens may be matched but do not count, as released."""
        one, other = (self.tokens(each, 512) for each in (text, target))
        one, other = (each / each.norm(dim=-1, keepdim=True) for each in (one, other))
        likeness = one @ other.T
        precision, recall = float(likeness[1:-1].amax(1).mean()), float(likeness[:, 1:-1].amax(0).mean())
        return [precision, recall, 2 * precision * recall / (precision + recall)]


def measured(folder: str, rows: list[dict[str, Any]], threads: int) -> dict[str, Any]:
    """Everything that is compared, as numbers."""
    import numpy as np

    passages, questions = [row["note"] for row in rows], [row["question"] for row in rows]
    exact = Exact(folder)
    ours, seconds = _ours(folder, [passages, questions])
    memory = peak_memory("cpu")
    peer, peer_seconds = _peer(folder, passages + questions)
    wanted = np.stack([exact.vector(text).numpy() for text in passages + questions])
    found = np.concatenate(ours).astype(np.float64)
    count = len(passages)
    rank, exact_rank = _ranks(found[count:] @ found[:count].T), _ranks(wanted[count:] @ wanted[:count].T)
    pairs = [(question, passage) for question, passage in zip(questions, passages, strict=True)][: max(4, count // 8)]
    scores = asyncio.run(_bertscores(folder, pairs))
    truth = [exact.bertscore(*pair) for pair in pairs]
    return {
        "texts": len(found),
        "questions": count,
        "pairs": len(pairs),
        "threads": threads,
        "memory": memory,
        "seconds": {"evalkit": seconds, "peer": peer_seconds},
        "furthest": {
            "vector": float(np.abs(found - wanted).max()),
            "peer": float(np.abs(peer - wanted).max()),
            "bertscore": float(np.abs(np.array(scores) - np.array(truth)).max()),
        },
        "recall": float(np.mean([n in rank[n, :_LONG] for n in range(count)])),
        "exact_recall": float(np.mean([n in exact_rank[n, :_LONG] for n in range(count)])),
        "other_ranks": int((rank[:, 0] != exact_rank[:, 0]).sum()),
    }


def _ranks(likeness: Any) -> Any:
    return (-likeness).argsort(1, kind="stable")


def _ours(folder: str, lists: list[list[str]]) -> tuple[list[Any], float]:
    from evalkit.core import Embed
    from evalkit.models import resolve

    async def ask() -> tuple[list[Any], float]:
        model: Any = resolve(f"st/{folder}", {"device": "cpu"})
        await model.answer(Embed(("first",)))
        begun = time.perf_counter()
        replies = await asyncio.gather(*(model.answer(Embed(tuple(texts))) for texts in lists))
        seconds = time.perf_counter() - begun
        await model.close()
        return [reply.vectors.array() for reply in replies], seconds

    return asyncio.run(ask())


def _peer(folder: str, texts: list[str]) -> tuple[Any, float]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    model.encode(["first"])
    begun = time.perf_counter()
    return model.encode(texts, batch_size=32, normalize_embeddings=True), time.perf_counter() - begun


async def _bertscores(folder: str, pairs: list[tuple[str, str]]) -> list[list[float]]:
    from evalkit.core import Reply, Sample
    from evalkit.scoring.scorers.bertscore import bertscore

    scorer = bertscore(folder, device="cpu")
    samples = [Sample(str(number), "", targets=(target,)) for number, (_, target) in enumerate(pairs)]
    asked = zip(samples, pairs, strict=True)
    found = await asyncio.gather(*(scorer.score(sample, (Reply(texts=(text,)),)) for sample, (text, _) in asked))
    return [[score.value for score in scores] for scores in found]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    limit_threads(given.threads)
    found = measured(given.model, json.loads(given.rows.read_text(encoding="utf-8")), given.threads)
    given.out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
