"""Asks one harness all tasks of a folder, in a process of its own: `python -m peers.adapter_sides SIDE …`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers.measuring import limit_threads

Told = dict[str, Any]
Shown = Callable[[Any], str]


def of_lm_eval(model: str, folder: Path, names: list[str], limit: int, chats: bool) -> dict[str, Told]:
    """What lm-eval asked and got of each task: requests, answers, scores."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    asked: Any = HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=8)
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    how: Any = {"apply_chat_template": True, "fewshot_as_multiturn": True} if chats else {}
    results: Any = simple_evaluate(asked, tasks=names, task_manager=manager, bootstrap_iters=0, limit=limit, **how)
    return {name: _of_samples(results["samples"][name], results["results"][name]) for name in names}


def _of_samples(samples: list[Any], scores: dict[str, Any]) -> Told:
    rows: dict[int, Any] = {}
    for sample in samples:
        asked = [[str(part) for part in request[:2] if isinstance(part, str)] for request in sample["arguments"]]
        first = [answers[0] for answers in sample["resps"]]
        rows[sample["doc_id"]] = {"asked": asked, "got": [one[0] if isinstance(one, tuple) else one for one in first]}
    named = {key.removesuffix(",none"): value for key, value in scores.items() if "," in key and "_stderr" not in key}
    return {"rows": [rows[number] for number in sorted(rows)], "scores": named}


def of_evalkit(model: str, folder: Path, names: list[str], limit: int, chats: bool) -> dict[str, Told]:
    """The same through evalkit's reader of lm-eval's tasks."""
    import evalkit

    specs = [f"lm-eval/{name}" for name in names]
    out = folder / "run"
    run = evalkit.run(
        specs,
        f"hf/{model},dtype=float32,device=cpu" + (",chat=on" if chats else ""),
        tasks_from=folder,
        limit=limit,
        out=out,
        cache=False,
        offline=True,
    )
    shown = _templated(model) if chats else lambda prompt: prompt.text
    return {name: _of_records(run, f"lm-eval/{name}", shown) for name in names}


def _templated(model: str) -> Shown:
    """A prompt as the model's chat template shows it, which is what lm-eval logs."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)

    def shown(prompt: Any) -> str:
        turns = [{"role": one.role, "content": one.content} for one in prompt.as_messages()]
        begun = bool(prompt.begun)
        text = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=not begun, continue_final_message=begun
        )
        return str(text)

    return shown


def _of_records(run: Any, name: str, shown: Shown) -> Told:
    entry = next(entry for entry in run.manifest.tasks if entry.name == name)
    rows = [_row(record, shown) for record in sorted(run.records(name), key=lambda record: record.index)]
    return {"rows": rows, "scores": {metric.name: metric.estimate.value for metric in entry.result.metrics}}


def _row(record: Any, shown: Shown) -> Told:
    sample, reply = record.sample, record.replies[0] if record.replies else None
    if reply is None:
        return {"asked": [[record.prompt.text]], "got": [f"failed: {record.failure}"]}
    if reply.texts:
        return {"asked": [[shown(record.prompt)]], "got": list(reply.texts[:1])}
    got = [value for one in record.replies for value in one.loglikelihoods]
    if len(record.replies) > 1:  # the choices are contexts
        asked = [[shown(_followed_by(record.prompt, each)), sample.targets[0]] for each in sample.choices]
        return {"asked": asked, "got": got}
    if not sample.choices:
        return {"asked": [[record.prompt.text]], "got": got}
    return {"asked": [[shown(record.prompt), each] for each in sample.choices], "got": got}


def _followed_by(prompt: Any, choice: str) -> Any:
    return prompt.with_last_turn(lambda text: text + choice) if prompt.messages else type(prompt)(prompt.text + choice)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("lm_eval", "evalkit"))
    for name in ("--model", "--only"):
        parser.add_argument(name, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--chat", action="store_true")
    given = parser.parse_args()
    limit_threads(1)
    measure = of_lm_eval if given.side == "lm_eval" else of_evalkit
    found = measure(given.model, given.folder, given.only.split(","), given.limit, given.chat)
    given.out.write_text(json.dumps(found, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
