r"""The judge of Humanity's Last Exam: whether a reply's final answer is the gold one, and how sure it says it is.

Protocol: Phan et al. 2025, https://arxiv.org/abs/2501.14249. The prompt is that of
https://github.com/centerforaisafety/hle (MIT licence), byte for byte as https://github.com/groq/openbench has it
(commit d03922ccbbd9004e802c556ef9c2a40ed870659c); a judge that takes a schema is asked for its last line in other
words. Published figures have o3-mini as the judge.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.equality import equality

META = {
    "name": "hle",
    "summary": "whether a final answer equals the gold one, with the confidence that the reply states",
    "tags": ["answer", "reference"],
}

FORM = (
    "\nconfidence: The extracted confidence score between 0|\\%| and 100|\\%| from [response]. "
    "Put 100 if there is no confidence score available."
)


def judge(*, max_tokens: int = 4096) -> Judge:
    """`max_tokens` bounds the judge's reply, with its thought."""
    return equality("hle", PromptText.beside(__file__), FORM, max_tokens=max_tokens)
