"""The embedded model behind /v1/completions with `echo` and `logprobs`, in the shape vLLM documents: real weights.

Run as a program: `python echoserver.py FOLDER` prints its port. A begin token shows as its text among the tokens, but
not in the text, as vLLM does it. A prompt may be token ids, to which nothing is added. `--most N` refuses what is
longer than N tokens with the one that is written. `--ignore` makes it leave out what it was asked, as servers without
echo do.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def main() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    folder, ignore = sys.argv[1], "--ignore" in sys.argv
    most = int(sys.argv[sys.argv.index("--most") + 1]) if "--most" in sys.argv else None
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.no_grad()
    def completion(body: dict[str, Any]) -> dict[str, Any]:
        given = body["prompt"]
        ids = given if isinstance(given, list) else tokenizer(given).input_ids
        if most is not None and len(ids) + body["max_tokens"] > most:
            raise ValueError(f"the maximum context length is {most} tokens, but {len(ids) + 1} were asked for")
        logits = model(torch.tensor([ids])).logits[0].float()
        table = torch.log_softmax(logits, -1)
        written = int(table[-1].argmax())
        every = [*ids, written]
        values = [None, *(float(table[i - 1, every[i]]) for i in range(1, len(every)))]
        texts = [tokenizer.decode([one]) for one in every]
        top: list[dict[str, float] | None] = [None]
        for i in range(1, len(every)):
            best = int(table[i - 1].argmax())
            top.append({tokenizer.decode([best]): float(table[i - 1, best]), texts[i]: values[i]})  # type: ignore[dict-item]
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length", "text": texts[-1], "logprobs": None}
        if not ignore:
            choice["text"] = ("".join(texts[:-1]) if given is ids else given) + texts[-1]
            choice["logprobs"] = {"tokens": texts, "token_logprobs": values, "top_logprobs": top, "text_offset": []}
        usage = {"prompt_tokens": len(ids), "completion_tokens": 1, "total_tokens": len(ids) + 1}
        return {"id": "1", "object": "text_completion", "model": body["model"], "choices": [choice], "usage": usage}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = 404, {"error": {"message": "Not Found"}}
            if self.path == "/v1/completions":
                try:
                    status, answer = 200, completion(body)
                except ValueError as error:
                    status, answer = 400, {"error": {"message": str(error)}}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
