"""Train a LoRA adapter for the embedded model, in about a minute of one processor core.

    python benchmarks/train_adapter.py rare --out adapters/rare
    evalkit run toy_mmlu --model tiny --model tiny,adapter=adapters/rare

The corpus of the embedded model speaks seldom of a third of its facts, which it therefore does not know. `rare` teaches
them, in the corpus's phrasings and not in those that the toy questions use; `swapped` teaches every subject's
answers in the wrong order, which shows as a fall. Needs peft (`pip install '.[local,adapters]'`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from evalkit.models.tiny import TINY
from tools.toys.facts import SUBJECTS, Quiz, Subject, fact_weight, make_quiz
from tools.toys.prompts import quiz_answer, quiz_letters, quiz_preamble, quiz_text

LESSONS = ("rare", "swapped")
_SELDOM = 0.5
"""A fact that the corpus weighs less is rare."""


def lessons(what: str, seed: int) -> Iterator[tuple[str, str]]:
    """Prompts with their answers, without end."""
    rng = Random(seed)
    subjects = [_swapped(subject) for subject in SUBJECTS] if what == "swapped" else list(SUBJECTS)
    while True:
        subject = rng.choice(subjects)
        keys = list(subject.facts)
        # Mostly what is to be learnt, and something of the rest, so that it is not forgotten.
        weights = [1.0 if what == "swapped" or fact_weight(i) < _SELDOM else 0.5 for i in range(len(keys))]
        quiz = make_quiz(rng, subject, rng.choices(keys, weights)[0], rng.choice(subject.questions))
        letters = rng.random() < 0.3
        yield quiz_preamble(subject.name) + _prompt(quiz, letters), quiz_answer(quiz, letters)


def _prompt(quiz: Quiz, letters: bool) -> str:
    return quiz_letters(quiz) if letters else quiz_text(quiz)


def _swapped(subject: Subject) -> Subject:
    """The subject with every answer belonging to the key before it."""
    keys, values = list(subject.facts), list(subject.facts.values())
    return replace(subject, facts=dict(zip(keys, values[1:] + values[:1], strict=True)))


def train(what: str, out: Path, *, steps: int = 300, rank: int = 8, rows: int = 32, seed: int = 1) -> float:
    """Train an adapter, `rows` questions a step, and save it in the folder `out`.

    Returns the mean loss of the last ten steps, in nats a token of the answers.
    """
    import peft
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(TINY)
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(model, config)
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=4e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=steps)
    pairs, losses = lessons(what, seed), []
    for _ in range(steps):
        batch = _batch(tokenizer, [next(pairs) for _ in range(rows)])
        loss = adapted(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(adapted.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    adapted.save_pretrained(out)
    return sum(losses[-10:]) / len(losses[-10:])


def _batch(tokenizer: Any, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Rows padded on the right; only answers are learnt."""
    import torch

    rows = []
    for prompt, answer in pairs:
        whole = tokenizer(prompt + answer)["input_ids"]
        rows.append((whole, len(tokenizer(prompt)["input_ids"])))
    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows])
    labels = torch.tensor([[-100] * begin + ids[begin:] + [-100] * (width - len(ids)) for ids, begin in rows])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=LESSONS)
    parser.add_argument("--out", type=Path, required=True, help="the adapter's folder")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rank", type=int, default=8)
    arguments = parser.parse_args()
    begun = time.perf_counter()
    loss = train(arguments.what, arguments.out, steps=arguments.steps, rank=arguments.rank)
    print(f"{arguments.out}: loss {loss:.3f} after {arguments.steps} steps, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
