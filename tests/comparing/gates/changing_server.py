"""A server behind one address and one name, whose model can be exchanged while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.judging.server import Speaking
from tests.judging.server import serving as serving_by

Answer = Callable[[str], str]


class Exchangeable:
    """`answer` is the model; `asked` counts what it was asked; `spec` is its name for evalkit."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked, self.spec = answer, 0, ""


@contextmanager
def serving(answer: Answer) -> Iterator[Exchangeable]:
    """The server, as long as the context lasts."""
    model = Exchangeable(answer)

    class Handler(Speaking):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.asked += 1
            text = model.answer(body["messages"][-1]["content"])
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self.send(200, {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 1}})

    with serving_by(Handler) as spec:
        model.spec = spec.replace("openai/judge", "vllm/prod") + ",api=chat"
        yield model
