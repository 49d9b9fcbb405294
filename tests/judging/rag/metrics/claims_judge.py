"""A judge's model of RAG prompts that reads by rule: a claim a sentence, and a source supports what it contains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_FENCED = re.compile(
    r"<<(?P<name>[a-z]+(?: \d+)?) (?P<mark>[0-9a-f]{16})>>\n(?P<text>.*?)\n<<end (?P=name) (?P=mark)>>", re.S
)


def parts(prompt: str) -> dict[str, str]:
    """The fenced texts of a prompt by their name ("source 1", "answer")."""
    return {found["name"]: found["text"] for found in _FENCED.finditer(prompt)}


def numbered(text: str) -> list[str]:
    return [line.partition(". ")[2] for line in text.splitlines()]


def literal(prompt: str, seed: int = 0) -> str:
    """Answers every RAG prompt truly, as far as words alone go; "not X" is contradicted by X."""
    told = parts(prompt)
    if "take an answer apart" in prompt:
        claims = [{"sentence": n, "claim": text} for n, text in enumerate(numbered(told["answer"]), 1)]
        return json.dumps({"reasoning": "", "claims": claims, "nothing": not claims})
    if "check claims" in prompt:
        sources = [told[name] for name in sorted(told, key=_number) if name.startswith("source")]
        return json.dumps({"reasoning": "", "verdicts": [_verdict(n, claim, sources)
                           for n, claim in enumerate(numbered(told["claims"]), 1)]})  # fmt: skip
    if "retrieved contexts were of use" in prompt:
        contexts = [told[name] for name in sorted(told, key=_number) if name.startswith("context")]
        wanted = told["answer"].rstrip(".")
        return json.dumps(
            {"contexts": [{"context": n, "useful": wanted in text} for n, text in enumerate(contexts, 1)]}
        )
    if "what an answer is an answer to" in prompt:
        evasive = "do not know" in told["answer"]
        return json.dumps({"questions": [f"What is {told['answer'].rstrip('.')}?"] * 3, "evasive": evasive})
    refuses = "do not say" in told["answer"]
    return json.dumps({"answerable": "Fact" in told["contexts"], "refuses": refuses})


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name) or 0)


def _verdict(number: int, claim: str, sources: list[str]) -> dict[str, object]:
    plain = re.sub(r"\s*\[\d+\]", "", claim).rstrip(".")
    holding = [n for n, text in enumerate(sources, 1) if plain in text]
    if holding:
        return {"claim": number, "verdict": "supported", "sources": holding}
    denied = [n for n, text in enumerate(sources, 1) if plain.replace(" not", "") in text]
    kind = "contradicted" if denied else "unsupported"
    return {"claim": number, "verdict": kind, "sources": denied, "reason": "by words"}


def broken(what: str) -> Callable[[str, int], str]:
    """`literal`, but its verdicts (or claims) are broken in one way."""

    def says(prompt: str, seed: int = 0) -> str:
        said = literal(prompt)
        if what == "prose":
            return "I have read all of it, and the answer looks fine to me."
        if what == "no claims" and "take an answer apart" in prompt:
            return json.dumps({"claims": [], "nothing": False})
        if what == "empty claim" and "take an answer apart" in prompt:
            return json.dumps({"claims": [{"sentence": 1, "claim": "  "}], "nothing": False})
        if "check claims" not in prompt:
            return said
        read = json.loads(said)
        if what == "fewer verdicts":
            read["verdicts"].pop()
        if what == "twice the same":
            read["verdicts"][-1]["claim"] = 1
        if what == "unknown source":
            read["verdicts"][0] |= {"verdict": "supported", "sources": [9]}
        if what == "no source":
            read["verdicts"][0] |= {"verdict": "supported", "sources": []}
        if what == "unknown verdict":
            read["verdicts"][0]["verdict"] = "plausible"
        return json.dumps(read)

    return says
