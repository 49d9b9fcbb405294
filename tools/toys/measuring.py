"""Figures of the embedded model on the toy sets, with plain transformers code.

This is deliberately apart from the engine: the two can be held against each other.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from tools.toys import prompts
from tools.toys.facts import Quiz
from tools.toys.stories import UNANSWERABLE, Article, Question

BATCH = 25


class Subject:
    """A model with its tokenizer, in float32."""

    def __init__(self, folder: Path, trained: bool = True) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        if not trained:
            torch.manual_seed(0)
            self.model = LlamaForCausalLM(self.model.config).float().eval()

    def ids(self, text: str, bos: bool = True) -> list[int]:
        """The tokens of a text, by default with the beginning-of-sequence token."""
        found: list[int] = self.tokenizer(text, add_special_tokens=bos)["input_ids"]
        return found

    def log_likelihoods(self, context: str, continuations: Sequence[str]) -> list[float]:
        """The summed log-likelihood of each continuation after the context."""
        head = self.ids(context)
        tails = [self.ids(continuation, bos=False) for continuation in continuations]
        width = max(len(tail) for tail in tails)
        rows = [head + tail + [self.tokenizer.pad_token_id] * (width - len(tail)) for tail in tails]
        with torch.no_grad():
            logs = self.model(torch.tensor(rows)).logits.log_softmax(-1)
        return [
            sum(logs[row, len(head) + i - 1, token].item() for i, token in enumerate(tail))
            for row, tail in enumerate(tails)
        ]

    def generate(self, texts: Sequence[str], stop: str, limit: int = 96) -> list[str]:
        """Greedy continuations up to the stop text or the end of the sequence, without white space around."""
        batch = self.tokenizer(list(texts), return_tensors="pt", padding=True)
        out = self.model.generate(**batch, max_new_tokens=limit, stop_strings=[stop], tokenizer=self.tokenizer)
        fresh = out[:, batch["input_ids"].shape[1] :]
        decoded = self.tokenizer.batch_decode(fresh, skip_special_tokens=True)
        return [text.split(stop)[0].strip() for text in decoded]

    def token_loss(self, text: str) -> tuple[float, int]:
        """The summed negative log-likelihood of a text after the first token, and the number of tokens."""
        ids = torch.tensor([self.ids(text)])
        with torch.no_grad():
            logs = self.model(ids).logits[0, :-1].log_softmax(-1)
        return -logs.gather(1, ids[0, 1:, None]).sum().item(), ids.shape[1] - 1


def read(samples: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a toy set."""
    lines = (samples / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def as_quiz(row: dict[str, Any]) -> Quiz:
    """A row of the multiple-choice set."""
    return Quiz(row["subject"], row["question"], tuple(row["choices"]), row["answer"])


def as_question(row: dict[str, Any]) -> Question:
    """A row of the question-answering set."""
    return Question(row["title"], row["context"], row["question"], tuple(row["answers"]["text"]))


def accuracy(subject: Subject, samples: Path, letters: bool, shots: int) -> float:
    """The proportion of multiple-choice questions whose right choice is the most likely one."""
    dev = [as_quiz(row) for row in read(samples, "multiple_choice_dev")]
    form = prompts.quiz_letters if letters else prompts.quiz_text
    right = 0
    rows = [as_quiz(row) for row in read(samples, "multiple_choice")]
    for quiz in rows:
        examples = [shot for shot in dev if shot.subject == quiz.subject][:shots]
        shown = "".join(form(shot) + prompts.quiz_answer(shot, letters) + "\n\n" for shot in examples)
        context = prompts.quiz_preamble(quiz.subject) + shown + form(quiz)
        options = [f" {option}" for option in ("ABCD" if letters else quiz.choices)]
        scores = subject.log_likelihoods(context, options)
        right += scores.index(max(scores)) == quiz.answer
    return right / len(rows)


def normal(text: str) -> list[str]:
    """The words of an answer as SQuAD compares them."""
    bare = re.sub(r"[^\w\s]", "", text.lower())
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def token_f1(answer: str, reference: str) -> float:
    """The harmonic mean of word precision and recall."""
    got, want = normal(answer), normal(reference)
    same = sum((Counter(got) & Counter(want)).values())
    return 2 * same / (len(got) + len(want)) if same else float(got == want)


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for j, other in enumerate(second, 1):
            before, row[j] = row[j], before + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]


def rouge(answer: str, reference: str) -> tuple[float, float]:
    """ROUGE-1 and ROUGE-L, F-measures, no stemming."""
    got, want = (re.findall(r"[a-z0-9]+", text.lower()) for text in (answer, reference))
    total = len(got) + len(want)
    if not got or not want:
        return 0.0, 0.0
    return 2 * sum((Counter(got) & Counter(want)).values()) / total, 2 * longest_common(got, want) / total


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in batches."""
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def question_scores(subject: Subject, samples: Path, as_chat: bool, shots: int = 0) -> tuple[float, float, float]:
    """Exact match, F1 over all questions, and the proportion of unanswerable ones that were seen as such."""
    rows = [as_question(row) for row in read(samples, "qa")]
    shown = "".join(prompts.question_prompt(r) + prompts.question_answer(r) + "\n\n" for r in rows[-shots:] if shots)
    exact, f1, seen, without = 0.0, 0.0, 0, 0
    for part in batches(rows):
        texts = [shown + prompts.question_prompt(row) for row in part]
        if as_chat:
            texts = [chat_text(subject, text) for text in texts]
        for row, answer in zip(part, subject.generate(texts, "\n", 24), strict=True):
            references = row.answers or (UNANSWERABLE,)
            exact += max(normal(answer) == normal(reference) for reference in references)
            f1 += max(token_f1(answer, reference) for reference in references)
            without += not row.answers
            seen += not row.answers and answer == UNANSWERABLE
    return exact / len(rows), f1 / len(rows), seen / without


def chat_text(subject: Subject, text: str) -> str:
    """The text as a user's message, ready for the answer; the first token is left to the tokenizer."""
    messages = [{"role": "user", "content": text}]
    rendered: str = subject.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return rendered.removeprefix(prompts.BOS)


def summary_scores(subject: Subject, samples: Path, long: bool, as_chat: bool) -> tuple[float, float, float]:
    """Mean ROUGE-1, mean ROUGE-L and the mean number of words."""
    rows = [Article(r["document"], r["highlights"], r["summary"]) for r in read(samples, "summarization")]
    one, longest, length = 0.0, 0.0, 0
    for part in batches(rows):
        texts = [prompts.article_prompt(row, long) for row in part]
        if as_chat:
            texts = [chat_text(subject, text) for text in texts]
        for row, answer in zip(part, subject.generate(texts, "\n\n"), strict=True):
            first, last = rouge(answer, prompts.article_answer(row, long))
            one, longest, length = one + first, longest + last, length + len(answer.split())
    return one / len(rows), longest / len(rows), length / len(rows)


def perplexity(subject: Subject, samples: Path) -> float:
    """The perplexity per token over all texts."""
    found = [subject.token_loss(row["text"]) for row in read(samples, "perplexity")]
    return math.exp(sum(loss for loss, _ in found) / sum(count for _, count in found))


def measure(model: Path, samples: Path) -> Iterator[str]:
    """One line for each figure."""
    torch.set_num_threads(2)
    subject, untrained = Subject(model), Subject(model, trained=False)
    for letters in (False, True):
        for shots in (0, 5):
            name = "letters" if letters else "text"
            yield f"multiple choice, {name}, {shots}-shot: {accuracy(subject, samples, letters, shots):.3f}"
    for as_chat, shots in ((False, 0), (False, 2), (True, 0)):
        exact, f1, seen = question_scores(subject, samples, as_chat, shots)
        form = "chat" if as_chat else f"{shots}-shot"
        yield f"questions, {form}: exact {exact:.3f}, F1 {f1:.3f}, unanswerable found {seen:.3f}"
    for as_chat in (False, True):
        for long in (True, False):
            one, longest, length = summary_scores(subject, samples, long, as_chat)
            form = ("highlights" if long else "one sentence") + (", chat" if as_chat else "")
            yield f"summaries, {form}: ROUGE-1 {one:.3f}, ROUGE-L {longest:.3f}, {length:.1f} words"
    yield f"perplexity: {perplexity(subject, samples):.2f}, untrained {perplexity(untrained, samples):.0f}"
