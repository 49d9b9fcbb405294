"""What the tests compare with: a transformers model used plainly, one text at a time, whatever its layers are."""

from __future__ import annotations

from typing import Any

from evalkit.core import Choose, Generate, Prompt, Request

PREAMBLE = "The following are multiple choice questions (with answers) about geography.\n\n"
QUESTIONS = (
    "What is the capital of Kenya?\nAnswer:",
    "Name the capital city of Peru.\nAnswer:",
    "In which city does the government of Norway sit?\nAnswer:",
    "The capital of Japan is which city?\nAnswer:",
)
ENDINGS = ("Nairobi", "Lima", "Oslo", "Tokyo")


def choices() -> list[Request]:
    """Requests that share a beginning and differ in length, so that packed passes have something to pack."""
    return [
        Choose(Prompt(PREAMBLE * (1 + number % 2) + question), ENDINGS)
        for number, question in enumerate((*QUESTIONS, *QUESTIONS[:2]))
    ]


def texts() -> list[Request]:
    return [Generate(Prompt(PREAMBLE + question), max_tokens=8, stop=("\n",)) for question in QUESTIONS]


class Reference:
    """Log-likelihoods and greedy texts of a model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer

    def loglikelihoods(self, request: Choose) -> list[float]:
        import torch

        found = []
        before = self.tokenizer(request.prompt.text)["input_ids"]
        for ending in request.continuations:
            whole = self.tokenizer(f"{request.prompt.text} {ending}")["input_ids"]
            with torch.no_grad():
                logits = self.model(input_ids=torch.tensor([whole[:-1]])).logits[0].float()
            logprobs = logits.log_softmax(-1)
            found.append(sum(float(logprobs[i - 1, whole[i]]) for i in range(len(before), len(whole))))
        return found

    def written(self, request: Generate) -> str:
        import torch

        ids = torch.tensor([self.tokenizer(request.prompt.text)["input_ids"]])
        with torch.no_grad():
            out = self.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=request.max_tokens, do_sample=False
            )[0]
        text = self.tokenizer.decode(out[ids.shape[1] :], skip_special_tokens=True)
        return str(text).partition("\n")[0]
