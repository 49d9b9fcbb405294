"""The tasks of `lm_eval_tasks.py`: lm-eval's own files, and the rows of each split, real or made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from peers.parity import made
from peers.writing import phrase, question, sentence, sentences

Make = Callable[[Random], dict[str, Any]]
_POOL = 30


@dataclass(frozen=True)
class Task:
    """`path` below lm-eval's tasks; `splits` with the file of a mirror of real rows, or how a row is made up."""

    name: str
    path: str
    splits: dict[str, str | Make]
    shots: int = 0

    @property
    def family(self) -> str:
        return self.path.partition("/")[0]


def _sciq(rng: Random) -> dict[str, Any]:
    names = ("distractor1", "distractor2", "distractor3", "correct_answer")
    return {"question": question(rng), "support": sentences(rng, 2), **{name: phrase(rng) for name in names}}


def _pair(first: str, second: str, labels: int) -> Make:
    def make(rng: Random) -> dict[str, Any]:
        return {first: sentence(rng), second: sentence(rng), "label": rng.randrange(labels), "idx": rng.getrandbits(20)}

    return make


def _anli(rng: Random) -> dict[str, Any]:
    return {"uid": "made", "reason": "", **_pair("premise", "hypothesis", 3)(rng)}


def _one(rng: Random) -> dict[str, Any]:
    return {"sentence": sentence(rng), "label": rng.randrange(2), "idx": rng.getrandbits(20)}


def _copa(rng: Random) -> dict[str, Any]:
    ways = {"choice1": sentence(rng), "choice2": sentence(rng), "question": rng.choice(("cause", "effect"))}
    return {"premise": sentence(rng), **ways, "idx": rng.getrandbits(20), "label": rng.randrange(2)}


def _wic(rng: Random) -> dict[str, Any]:
    places = {"start1": 0, "end1": 3, "start2": 4, "end2": 9}
    return {"word": phrase(rng), **places, **_pair("sentence1", "sentence2", 2)(rng)}


def _belebele(rng: Random) -> dict[str, Any]:
    answers = {f"mc_answer{number}": phrase(rng) for number in range(1, 5)}
    right = {"correct_answer_num": str(rng.randint(1, 4))}
    return {"flores_passage": sentences(rng, 3), "question": question(rng), **answers, **right}


def _blimp(rng: Random) -> dict[str, Any]:
    return {"sentence_good": sentence(rng), "sentence_bad": sentence(rng), "UID": "made"}


def _medqa(rng: Random) -> dict[str, Any]:
    endings = {f"ending{number}": phrase(rng) for number in range(4)}
    return {"sent1": sentences(rng, 2), "sent2": "", **endings, "label": rng.randrange(4)}


def _swag(rng: Random) -> dict[str, Any]:
    endings = {f"ending{number}": sentence(rng) for number in range(4)}
    return {"startphrase": sentence(rng), "gold-source": "gold", **endings, "label": rng.randrange(4)}


def _wikitext(rng: Random) -> dict[str, Any]:
    return {"page": made.page(rng)["text"]}


def _mmlu(subject: str) -> dict[str, str | Make]:
    return {"test": f"cais/mmlu/{subject}/test", "dev": f"cais/mmlu/{subject}/dev"}


def _bbh(task: str, *kinds: str) -> Iterator[Task]:
    for kind in kinds:
        yield Task(f"bbh_{kind}_{task}", f"bbh/{kind}/{task}.yaml", {"test": f"lukaemon/bbh/{task}/test"})


_GSM8K: dict[str, str | Make] = {"train": "openai/gsm8k/main/train", "test": "openai/gsm8k/main/test"}
_TRUTHFUL: dict[str, str | Make] = {"validation": "truthfulqa/truthful_qa/multiple_choice/validation"}


def _both(make: Make, asked: str = "validation") -> dict[str, str | Make]:
    return {"train": make, asked: make}


def _all(make: Make) -> dict[str, str | Make]:
    return dict.fromkeys(("train", "validation", "test"), make)


TASKS = (
    Task("mmlu_anatomy", "mmlu/default/mmlu_anatomy.yaml", _mmlu("anatomy"), 5),
    Task("mmlu_formal_logic", "mmlu/default/mmlu_formal_logic.yaml", _mmlu("formal_logic"), 2),
    Task("mmlu_anatomy_generative", "mmlu/generative/mmlu_anatomy.yaml", _mmlu("anatomy"), 2),
    Task("mmlu_anatomy_continuation", "mmlu/continuation/mmlu_anatomy.yaml", _mmlu("anatomy")),
    Task("arc_easy", "arc/arc_easy.yaml", _all(made.arc), 3),
    Task("arc_challenge", "arc/arc_challenge.yaml", _all(made.arc)),
    Task("arc_challenge_chat", "arc/arc_challenge_chat.yaml", _all(made.arc)),
    Task("openbookqa", "openbookqa/openbookqa.yaml", _all(made.openbookqa), 2),
    Task("commonsense_qa", "commonsense_qa/default.yaml", _both(made.commonsense_qa), 2),
    Task("hellaswag", "hellaswag/hellaswag.yaml", _both(made.hellaswag), 3),
    Task("winogrande", "winogrande/default.yaml", _both(made.winogrande), 3),
    Task("piqa", "piqa/piqa.yaml", {"train": made.piqa, "validation": "ybisk/piqa/plain_text/validation"}, 2),
    Task("boolq", "super_glue/boolq/default.yaml", _both(made.boolq), 1),
    Task("copa", "super_glue/copa/default.yaml", _both(_copa), 2),
    Task("sglue_rte", "super_glue/rte/default.yaml", _both(_pair("premise", "hypothesis", 2)), 2),
    Task("cb", "super_glue/cb/default.yaml", _both(_pair("premise", "hypothesis", 3)), 2),
    Task("wic", "super_glue/wic/default.yaml", _both(_wic), 2),
    Task("race", "race/race.yaml", {"test": made.race}),
    Task("truthfulqa_mc1", "truthfulqa/truthfulqa_mc1.yaml", _TRUTHFUL),
    Task("truthfulqa_mc2", "truthfulqa/truthfulqa_mc2.yaml", _TRUTHFUL),
    Task("lambada_openai", "lambada/lambada_openai.yaml", {"test": made.lambada}),
    Task("lambada_standard", "lambada/lambada_standard.yaml", {"validation": made.lambada, "test": made.lambada}),
    Task("wikitext", "wikitext/wikitext.yaml", _all(_wikitext)),
    Task("gsm8k", "gsm8k/gsm8k.yaml", _GSM8K, 3),
    Task("gsm8k_cot", "gsm8k/gsm8k-cot.yaml", _GSM8K, 8),
    Task("gsm8k_cot_zeroshot", "gsm8k/gsm8k-cot-zeroshot.yaml", _GSM8K),
    Task("triviaqa", "triviaqa/default.yaml", _both(made.triviaqa), 3),
    Task(
        "nq_open",
        "nq_open/nq_open.yaml",
        dict.fromkeys(("train", "validation"), "google-research-datasets/nq_open/nq_open/validation"),
        3,
    ),
    *_bbh("boolean_expressions", "zeroshot", "cot_fewshot"),
    *_bbh("snarks", "fewshot"),
    *_bbh("date_understanding", "cot_zeroshot"),
    *_bbh("word_sorting", "zeroshot"),
    Task("sciq", "sciq/sciq.yaml", _all(_sciq), 2),
    Task("anli_r1", "anli/anli_r1.yaml", {f"{split}_r1": _anli for split in ("train", "dev", "test")}, 2),
    Task("sst2", "glue/sst2/default.yaml", _both(_one), 2),
    Task("cola", "glue/cola/default.yaml", _both(_one), 2),
    Task("mrpc", "glue/mrpc/default.yaml", _both(_pair("sentence1", "sentence2", 2)), 2),
    Task("qnli", "glue/qnli/default.yaml", _both(_pair("question", "sentence", 2)), 2),
    Task("belebele_eng_Latn", "belebele/belebele_eng_Latn.yaml", {"test": _belebele}, 2),
    Task("blimp_adjunct_island", "blimp/adjunct_island.yaml", {"train": _blimp}),
    Task("medqa_4options", "medqa/medqa.yaml", _all(_medqa)),
    Task("swag", "swag/swag.yaml", _both(_swag), 2),
)


def write(folder: Path, definitions: Path, real: Path | None, limit: int, names: list[str]) -> dict[str, bool]:
    """Write, for each task, its rows and a task that is lm-eval's own file with its data pointed at them; returns
    which rows are real. JSON is YAML too."""
    real_rows: dict[str, bool] = {}
    for task in TASKS:
        if names and task.name not in names:
            continue
        files, are_real = {}, []
        for number, (split, source) in enumerate(task.splits.items()):
            rows, is_real = _rows(source, real, f"{task.name}/{split}", limit, _POOL * number)
            path = folder / "rows" / task.name / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            files[split] = str(path)
            are_real.append(is_real)
        said = {
            "include": str(definitions / task.path),
            "task": task.name,
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": files},
            "num_fewshot": task.shots,
        }
        (folder / f"{task.name}.yaml").write_text(json.dumps(said, indent=1), encoding="utf-8")
        real_rows[task.name] = all(are_real)
    return real_rows


def _rows(
    source: str | Make, real: Path | None, seed: str, limit: int, begin: int
) -> tuple[list[dict[str, Any]], bool]:
    """Enough rows to ask and to draw examples from."""
    count = max(limit, _POOL)
    if isinstance(source, str):
        path = real / f"{source}.jsonl.gz" if real else None
        if path is None or not path.is_file():
            raise SystemExit(f"{seed} needs real rows: --data-dir DIR with {source}.jsonl.gz")
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
        found = [json.loads(line) for line in islice(filter(None, lines), begin, begin + count)]
        return found or [json.loads(line) for line in islice(filter(None, lines), count)], True
    rng = Random(seed)
    return [source(rng) for _ in range(count)], False
