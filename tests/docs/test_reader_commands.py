"""The commands of guides that are no consoles: each is run with what a reader brings, or is in UNRUN with a reason."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evalkit.core import UsageError
from evalkit.sandbox import usable_engine
from tests.cli.console import evalkit
from tests.docs import brought
from tests.docs.pages import DOCS, blocks, commands, pages
from tests.docs.test_examples import fits

# Tests of their own run every command of these, and hold what it prints.
ELSEWHERE = {
    "tutorials/first-gate.md": "tests/cli/test_first_gate.py",
    "tutorials/yours.md": "tests/cli/test_yours_tutorial.py",
}

# What a page leaves to its reader, and what stands for it here.
REPLACED = {
    "hf/<repo or path>": "hf/./my-model",
    "--judge MODEL": "--judge ./judge.py:judge",
    "--model MODEL": "--model ./judge.py:judge",
    "JUDGE": "./judge.py:judge",
    "MODEL_A MODEL_B": "baseline mine",
    "runs/<time>": "runs/a",
}


@dataclass(frozen=True)
class Guide:
    """What a page's commands print, by a part of the command; what they need, beyond the files of all."""

    shows: dict[str, str]
    needs: tuple[str, ...] = ()
    lay: tuple[Callable[[Path], None], ...] = ()
    codes: dict[str, int] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


GUIDES = {
    "how-to/choose-a-judge.md": Guide({"annotate": "10 comparisons: annotate.html"}, lay=(brought.lay_runs,)),
    "how-to/code.md": Guide(
        {
            "doctor": "sandbox",
            "toy_humaneval": "toy_humaneval pass@1 0.0% ... 24",
            "humaneval mbpp": "humaneval pass@1 0.0% ... 2 mbpp pass@1 0.0% ... 8",
            "score": "2 of 2 responses matched by id ... humaneval pass@1 50.0% ... 2",
        }
    ),
    "how-to/comparing.md": Guide({"compare": "mmlu: no sample changed its acc"}, lay=(brought.lay_lm_eval,)),
    "how-to/cost.md": Guide(
        {"run mmlu": "mmlu 57 57 ... No model was asked", "gate run": "toy_squad 86 86 ... No model was asked"},
        lay=(brought.lay_baseline,),
        variables={"OPENAI_API_KEY": "none"},
    ),
    "how-to/embeddings.md": Guide(
        {
            "toy_sts": "toy_sts spearman 0.5... 80",
            "retrieval": "ndcg@10 81.5% ... recall@1 50.0% ... v_measure",
            "tokenizer_efficiency": "hf/tiny tokens_per_word 2.125 ... tokenizer/tiny tokens_per_word 2.125",
        },
        needs=("sentence_transformers", "sklearn"),
    ),
    "how-to/gates.md": Guide(
        {"gate run": "INCONCLUSIVE toy_mmlu acc 74.4% 74.4% +0.0 ... 90"},
        lay=(brought.lay_baseline,),
        codes={"gate run": 4},
    ),
    "how-to/judging.md": Guide(
        {
            "judge pairwise runs": "tiny against tiny,max_length=24 ... 0 unjudged ... both orders agree 100.0%",
            "judge rubric": "10 judged, 0 unjudged",
            "judge tournament runs": "30 comparisons, 0 unjudged",
            "judge audit runs": "fine unjudged: 0% ... fine order consistency",
            "judge annotate": "10 comparisons: annotate.html",
            "judge import annotations": "AlpacaEval annotations: 6 rows, 6 verdicts (0 unjudged)",
            "run mt_bench": "mt_bench ... 7 ...",
            "judge import result": "LLMBar results: 4 rows, 4 verdicts (0 unjudged) ... 4 labels: labels.csv",
            "style-control": "at equal style",
            "length-control": "at equal length",
            "judge audit --verdicts": "4 labels",
        },
        lay=(brought.lay_runs,),
    ),
    "how-to/lm-eval.md": Guide(
        {
            "run lm-eval/my_task": "lm-eval/my_task exact_match 0.0% ... 1",
            "rescore lm-eval-out": "before ... my_task exact_match 0.0% ... after ... my_task exact_match 0.0%",
            "rescore who": "before ... after ... exact_match 0.0% ... 1",
            "report": "wrote out/results_... wrote out/samples_",
        },
        lay=(brought.lay_runs, brought.lay_foreign_task, brought.lay_inspect),
    ),
    "how-to/quantization.md": Guide(
        # Of 4 bits, the first digit: the others depend on the processor's products of 16-bit numbers.
        {"toy_mmlu": "toy_mmlu acc 7... 90", "run mmlu": "hf/tiny,quant=int8 ... hf/tiny,adapter=lora-"},
        needs=("bitsandbytes", "peft"),
        lay=(brought.lay_lora,),
    ),
    "how-to/rag-pipeline.md": Guide(
        {
            "data=answers": "failed_generation 50.0% ... token_f1 45.2%",
            "top=5": "correct_gold_first 100.0% ... 1 ... token_recall 50.0%",
            "retriever=hybrid": "correct_gold_first 100.0% ... 1 ... token_recall 50.0%",
            "compare": "no sample changed its token_f1",
            "check": "ok needle_in_a_haystack: 50 samples ... ok rag_injection: 60 samples",
        },
        needs=("bm25s", "faiss", "sentence_transformers"),
    ),
    "how-to/rag.md": Guide(
        {
            "scorers=retrieval": "contradicted 100.0%",
            "toy_rag_faithfulness": "support 36.8%",
            "toy_hallucination": "auroc 1 0.9654 – 1 168",
            "show": "rag-01-number",
            "report": "wrote report.html",
            "files=qa_data": "auroc 1 ... 4",
            "files=response": "auroc 1 ... 2",
        }
    ),
    "how-to/reports.md": Guide(
        {
            "report runs/a": "wrote report.html",
            "report lm-eval-out": "wrote log.html",
            "report --compare": "wrote runs/b/comparison.html",
            "leaderboard": "wrote runs/leaderboard.html",
            "history": "wrote history.html",
            "run mmlu": "mmlu acc 24.6% ... 57",
        },
        lay=(brought.lay_runs, brought.lay_lm_eval),
    ),
    "how-to/responses.md": Guide(
        {
            "gsm8k": "2 of 2 responses matched ... number 50.0% ... 2",
            "humaneval": "humaneval pass@1 50.0% ... 2",
            "squad": "2 of 2 responses matched by id; 2 of 4 samples ... squad exact 25.0% ... 4",
        }
    ),
    "how-to/safety.md": Guide(
        {
            "toy_refusals": "toy_prompt_injection resisted_and_useful ... toy_refusals appropriate",
            "files=attacks": "resisted 100.0% ... 1 ... appropriate 100.0% ... 1",
            "format_sensitivity": "acc_worst 50.0% ... 16 ... overlap 0.0% ... 2",
        }
    ),
    "how-to/shell.md": Guide({"run toy_mmlu": '"samples": 20, "failed": 0'}),
    "how-to/structured.md": Guide(
        {"json_output": "schema_valid 0.0% ... 1", "function_calls": "call_match 0.0% ... 2"}, needs=("jsonschema",)
    ),
    "tutorials/reasoning.md": Guide(
        {"show": "toy_squad ... 10", "report": "wrote report.html", "compare": "toy_squad"}, lay=(brought.lay_runs,)
    ),
}

API = "asks a provider, which needs a key and money"
NETWORK = "downloads a model or data from the hub"
GPUS = "needs a cluster or several GPUs"
OTHER = "needs the package lm_eval; tests/plugins holds its tasks"
GGUF = "needs llama-cpp-python and a GGUF file; tests/models/llamacpp holds both"
TIME = "takes longer than a test may"
STORE = "needs an MLflow server or a W&B account"
UNRUN = {
    ("how-to/choose-a-judge.md", "judge audit"): API,
    ("how-to/code.md", "n=20"): TIME,
    ("how-to/cost.md", "--max-cost 2"): API,
    ("how-to/cost.md", "--batch"): API,
    ("how-to/cost.md", "--budget 5"): API,
    ("how-to/gguf.md", "run mmlu"): GGUF,
    ("how-to/gguf.md", "quantize-check"): GGUF,
    ("how-to/judging.md", "openai/gpt-4.1"): API,
    ("how-to/lm-eval.md", "list tasks"): OTHER,
    ("how-to/lm-eval.md", "lm-eval/hellaswag"): OTHER,
    ("how-to/lm-eval.md", "check lm-eval"): OTHER,
    ("how-to/lm-eval.md", "rescore lm-eval-out --out"): OTHER,
    ("how-to/many-gpus.md", "evalkit run"): GPUS,
    ("how-to/offline.md", "evalkit run"): NETWORK,
    ("how-to/own-judge.md", "judge rubric"): API,
    (
        "how-to/quantization.md",
        "adapters/rare",
    ): "needs an adapter that takes two minutes to train; tests/models/adapters",
    ("how-to/quantize-check.md", "tiny --against"): f"{TIME}; tests/cli/test_quantize_check.py asks less",
    ("how-to/quantize-check.md", "gguf="): GGUF,
    ("how-to/rag-pipeline.md", "openai/"): API,
    ("how-to/rag.md", "openai/"): API,
    ("how-to/rag.md", "nli-model"): "needs an entailment model; tests/judging/rag has one of its shape",
    ("how-to/reasoning-models.md", "hf/Qwen"): NETWORK,
    ("how-to/reasoning-models.md", "vllm/"): "asks a vLLM server",
    ("how-to/reports.md", "view --open"): "serves until it is stopped; tests/reporting/test_serving.py",
    ("how-to/reports.md", "push"): STORE,
    ("tutorials/first-evaluation.md", "hf/Qwen"): NETWORK,
    ("tutorials/reasoning.md", "hf/Qwen"): NETWORK,
    ("tutorials/reasoning.md", "vllm/"): "asks a vLLM server",
}


def other_commands(page: Path) -> list[str]:
    return [line for block in blocks(page) if block.kind != "console" for line in commands(block.text)]


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


def unrun(page: str, line: str) -> list[tuple[str, str]]:
    return [entry for entry in UNRUN if entry[0] == page and entry[1] in line]


def shown(page: str, line: str) -> list[str]:
    return [part for part in GUIDES[page].shows if part in line] if page in GUIDES else []


PAGES = [page for page in pages("tutorials", "how-to") if other_commands(page) and name_of(page) not in ELSEWHERE]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_run_or_is_listed_with_a_reason(page: Path) -> None:
    name = name_of(page)
    for line in other_commands(page):
        entries = (len(unrun(name, line)), len(shown(name, line)))
        assert entries[0] == 1 or (entries[0] == 0 and entries[1] == 1), f"{name}: {line}: {entries} (UNRUN, GUIDES)"


def test_no_entry_is_left_of_a_command_that_is_gone() -> None:
    lines = {name_of(page): other_commands(page) for page in PAGES}
    wanted = [*UNRUN, *((page, part) for page, guide in GUIDES.items() for part in (*guide.shows, *guide.codes))]
    assert not [(page, part) for page, part in wanted if not any(part in line for line in lines.get(page, []))]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    brought.lay_mirror(folder)
    return folder


@pytest.mark.slow("runs the commands of fifteen pages")
@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) in GUIDES], ids=name_of)
def test_a_command_does_what_the_page_says(
    page: Path, tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide, name = GUIDES[name_of(page)], name_of(page)
    for package in ("torch", *guide.needs):
        pytest.importorskip(package)
    monkeypatch.setenv("EVALKIT_DATA", str(mirror))
    brought.lay_models(tmp_path)
    brought.lay_files(tmp_path)
    for block in blocks(page):
        if block.name:
            (tmp_path / block.name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
    for lay in guide.lay:
        lay(tmp_path)
    lines = [line for line in other_commands(page) if not unrun(name, line)]
    left = [line for line in lines if re.search(r"\bhumaneval|mbpp", line)] if not isolated() else []
    for line in lines:
        if line not in left:
            (part,) = shown(name, line)
            run(line, part, guide, tmp_path)
    if left:
        pytest.skip(f"the rest passed; nothing isolates generated code here for {left}")


def run(line: str, part: str, guide: Guide, folder: Path) -> None:
    for left, brings in REPLACED.items():
        line = line.replace(left, brings)
    line = line.partition(" > ")[0]
    if "runs/…" in line:
        made = [path for path in (folder / "runs").iterdir() if path.name[0].isdigit()] or [folder / "runs" / "a"]
        line = line.replace("runs/…", str(max(made, key=lambda path: path.stat().st_mtime_ns).relative_to(folder)))
    for word in re.findall(r"\bruns/([AB])\b", line):
        rags = sorted(path for path in (folder / "runs").iterdir() if path.name[0].isdigit())[-2:]
        line = line.replace(f"runs/{word}", f"runs/{rags['AB'.index(word)].name}")
    done = evalkit(*shlex.split(line)[1:], cwd=folder, **guide.variables)
    assert done.code == guide.codes.get(part, 0), (line, done)
    printed = done.out + done.err
    assert fits(f"...{guide.shows[part]}...", printed), f"{line}\n--- looked for: {guide.shows[part]}\n{printed}"


def isolated() -> bool:
    try:
        usable_engine()
    except UsageError:
        return False
    return shutil.which("bwrap") is not None
