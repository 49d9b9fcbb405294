"""Run folders made by hand: many samples, or texts that attack the page that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evalkit.core import Estimate, Failure, Message, Prompt, Record, Reply, Sample, Score, Usage, Validity
from evalkit.runs.store import Journal, Manifest, MetricResult, Run, TaskEntry, TaskResult
from evalkit.runs.store import manifest as manifests

HOSTILE = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<!--<script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1><animate onbegin=window.pwned=1></svg>",
    "\u2028window.pwned=1\u2029",
    "{{ 7*7 }}{% raw %}${window.pwned=1}",
    "[x](javascript:window.pwned=1) javascript:window.pwned=1",
    "<style>body{display:none}</style></style>;}*{display:none}",
    "<b><i><table><td>unclosed <a href='javascript:window.pwned=1'",
    "nul \x00 esc \x1b[31mred\x1b[0m \x1b]0;title\x07bell",
    "right \u202eto left\u202c \u2066isolate\u2069 zero\u200bwidth",
    "' onmouseover='window.pwned=1' x=\" autofocus onfocus=window.pwned=1 \"",
    "\U000e0041\U000e0042 tags",
)


def write_run(
    folder: Path, records: Iterable[Record], *, task: str = "t", model: str = "m", metric: str = "acc", text: str = ""
) -> Run:
    """A finished run of those records, its one metric the mean of the score of that name. `text` is put everywhere."""
    folder.mkdir(parents=True)
    n, total = 0, 0.0
    counts: dict[str, int] = {}
    with Journal(folder) as journal:
        for record in records:
            journal.append(record)
            counts[record.validity.value] = counts.get(record.validity.value, 0) + 1
            value = record.value(metric)
            if value is not None and not record.validity.is_measurement_failure:
                n, total = n + 1, total + value
    proportion = total / n
    found = MetricResult(
        metric, Estimate(proportion, max(0.0, proportion - 0.1), min(1.0, proportion + 0.1), n, "t"), True, "proportion"
    )
    entry = TaskEntry(
        task,
        task,
        {"task": task, "model": model, "note": text},
        [{"rows": text or "rows"}],
        n,
        TaskResult(
            metric,
            [found],
            {f"group {text}": [found]} if text else {},
            samples=sum(counts.values()),
            failed=sum(c for v, c in counts.items() if Validity(v).is_measurement_failure),
            counts=counts,
            flags={text: 1} if text else {},
            signature=f"{task}|v1|{text}|model:{model}",
            samples_digest="s",
            prompts_digest="p",
        ),
    )
    whole = Manifest(
        folder.name,
        "finished",
        "2026-01-02T03:04:05+00:00",
        {"name": model, "digest": model, "facts": {"fact": text}},
        {"limit": None},
        {"tasks": [task]},
        {"python": text or "3.11"},
        [entry],
    )
    manifests.write(folder, whole)
    return Run.open(folder)


def record(number: int, *, task: str = "t", right: bool = True, text: str = "", group: str = "a") -> Record:
    """One sample; with `text` in every field that can hold one."""
    words = text or f"answer {number}"
    score = Score(
        "acc", float(right), words, text and f"because {text}", details=hostile_details(text[:30_000]) if text else {}
    )
    return Record(
        task,
        number,
        Sample(
            f"s{number}{text}",
            f"question {number} {text}",
            (words,),
            (words, "other") if text else (),
            (0,) if text else (),
            groups=(group + text,),
            data={f"evidence{text}": text, "code": [text]} | hostile_data(text[:30_000]) if text else {},
        ),
        prompt=Prompt(messages=(Message("system", f"be brief {text}"), Message("user", f"question {number} {text}"))),
        replies=(
            Reply(
                texts=(f"reply {number} {text}",),
                finish=("stop",),
                usage=Usage(12, 3),
                seconds=0.001 * (1 + number % 50),
                notes=(text,) if text else (),
                reasoning=(text,) if text else (),
            ),
        ),
        scores=(score, Score("len", 1.0)),
        failure=Failure("score", text, text) if text and number % 2 else None,
        validity=Validity.SCORER_ERROR if text and number % 2 else Validity.OK,
        flags=(text,) if text else (),
        prompt_digest=f"p{number}",
        sample_digest=f"s{number}",
    )


def large_run(folder: Path, count: int) -> Run:
    """A run of so many samples, every third wrong, of four groups; its journal is written line by line, unvalidated."""
    run = write_run(folder, [record(7_777_777)])
    line = (folder / "records.jsonl").read_bytes()
    wrong = line.replace(b'"name":"acc","value":1.0', b'"name":"acc","value":0.0')
    assert wrong != line
    with (folder / "records.jsonl").open("wb") as out:
        for number in range(count):
            made = (line if number % 3 else wrong).replace(b"7777777", b"%d" % number)
            out.write(made.replace(b'"groups":["a"]', b'"groups":["%c"]' % b"abcd"[number % 4]))
    return run


def hostile_details(text: str) -> dict[str, Any]:
    """Every shape that a pane knows, with the text in all of its fields, and one that none knows."""
    message = {"role": text, "content": text}
    keys = {
        "transcript": ["order", "reply", "verdict", "model", "problem"],
        "claims": ["text", "verdict", "kind", "reason"],
        "sentences": ["text", "label", "evidence"],
        "programs": ["test", "outcome", "stdout", "stderr", "message"],
    }
    made: dict[str, Any] = {shape: [dict.fromkeys(names, text)] for shape, names in keys.items()}
    made["transcript"][0]["messages"] = [message]
    for shape in ("claims", "sentences"):
        made[shape][0]["contexts"] = [text]
    return made | {"diagnosis": {"cause": text, "gold_positions": [1], "of": 2}, text: text}


def hostile_data(text: str) -> dict[str, Any]:
    return {
        "contexts": [{"id": text, "text": text, "rank": 1, "score": 0.5, "document": text}],
        "references": [{"id": text}],
    }


def hostile_run(folder: Path) -> Run:
    """Each text of the corpus in every field of two samples, one of which failed, and all of them in the manifest."""
    texts = (*HOSTILE, "x" * 1_000_000 + "the end")
    records = (record(2 * place + odd, text=text) for place, text in enumerate(texts) for odd in (0, 1))
    everything = "".join(HOSTILE)
    return write_run(folder, records, model=f"model{everything}", text=everything)
