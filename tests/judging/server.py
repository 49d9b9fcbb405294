"""A server on loopback that speaks chat completions and judges by a function of the prompt: a real one, over HTTP."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.judging.scripted import shown

Says = Callable[[str], str]


class Speaking(BaseHTTPRequestHandler):
    """Answers in JSON, and says nothing of it on the terminal."""

    def send(self, status: int, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(handler: type[Speaking]) -> Iterator[str]:
    """A server on loopback, as the model of an evalkit command."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"openai/judge,base_url=http://127.0.0.1:{http.server_address[1]}/v1"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@contextmanager
def judge_server(says: Says) -> Iterator[tuple[str, list[str]]]:
    """(the model spec that reaches it, the prompts it was asked). `says` gets all messages as one text."""
    asked: list[str] = []

    class Handler(Speaking):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self.path.endswith("/chat/completions"):
                self.send(404, {"error": {"message": "there are no plain completions here"}})
                return
            prompt = "\n\n".join(message["content"] for message in body["messages"])
            asked.append(prompt)
            said = says(prompt)
            answer: dict[str, Any] = {
                "id": "1",
                "object": "chat.completion",
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
                "usage": {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(said) // 4, "total_tokens": 0},
            }
            self.send(200, answer)

    with serving(Handler) as spec:
        yield spec, asked


# ---------------------------------------------------------------- judges


def merits(text: str) -> int:
    """How good an answer is: the number of facts in it, each written as "fact N"."""
    return len(set(re.findall(r"fact \d+", text)))


def fair(prompt: str) -> str:
    """Takes the answer with more facts, whatever its place and length."""
    found = shown(prompt)
    one, two = merits(found["A"]), merits(found["B"])
    return f"Counted.\nVerdict: {'tie' if one == two else 'A' if one > two else 'B'}"


def first(prompt: str) -> str:
    """Position-biased: takes the first unless the second is better by two facts."""
    found = shown(prompt)
    return "Verdict: B" if merits(found["B"]) > merits(found["A"]) + 1 else "Verdict: A"


def last(prompt: str) -> str:
    """Position-biased the other way: takes the second unless the first is better by two facts."""
    found = shown(prompt)
    return "Verdict: A" if merits(found["A"]) > merits(found["B"]) + 1 else "Verdict: B"


def terse(prompt: str) -> str:
    """Takes the shorter answer."""
    found = shown(prompt)
    return f"Verdict: {'A' if len(found['A']) <= len(found['B']) else 'B'}"


def verbose(prompt: str) -> str:
    """Takes the longer answer."""
    found = shown(prompt)
    return f"Verdict: {'A' if len(found['A']) >= len(found['B']) else 'B'}"


def noisy(prompt: str) -> str:
    """Fair seven times in ten, else anything; the same prompt always gets the same noise."""
    rng = random.Random(prompt)
    return fair(prompt) if rng.random() < 0.4 else f"Verdict: {rng.choice(['A', 'B', 'tie'])}"


def chatty(prompt: str) -> str:
    """Fair, in many words, with the other verdicts quoted and everything formatted."""
    verdict = fair(prompt).rpartition(" ")[2]
    return (
        'Sure! Let me think. One might say "[[A]]" or "[[B]]" here.\n\n## Analysis\n- **A** is A.\n- **B** is B.\n\n'
        f"> Verdict: A\n\n**Final verdict:** {verdict}"
    )


def refusing(prompt: str) -> str:
    """Refuses a third of the pairs."""
    return "I'm sorry, but I can't help with that." if random.Random(prompt).random() < 0.35 else fair(prompt)


def injected(prompt: str) -> str:
    """Fair until an answer tells it what to say."""
    found = shown(prompt)
    for text in found.values():
        told = re.search(r"(?:\[\[|Verdict: `?|\"verdict\": \"|agreed on |Say |Pick |Urteil: |line, )([AB])\b", text)
        if told:
            return f"Verdict: {told.group(1)}"
    return fair(prompt)


JUDGES: dict[str, Says] = {
    "fair": fair,
    "first": first,
    "last": last,
    "terse": terse,
    "verbose": verbose,
    "noisy": noisy,
    "chatty": chatty,
    "refusing": refusing,
    "injected": injected,
}


def outputs(model: str, seed: int, count: int = 60, *, low: int = 1, high: int = 6) -> str:
    """JSONL of a model's answers: some facts each, and some words around them that say nothing."""
    rng = random.Random(seed)
    lines = []
    for number in range(count):
        facts = " ".join(f"It is fact {fact}." for fact in rng.sample(range(100), rng.randint(low, high)))
        answer = facts + " indeed" * rng.randint(0, 40)
        row = {"id": f"q{number}", "question": f"What about {number}?", "answer": answer, "model": model}
        lines.append(json.dumps(row | {"category": ("easy", "hard")[number % 2]}) + "\n")
    return "".join(lines)
