"""`evalkit quantize-check` on the embedded model: interrupted, gone on with, compared, its numbers counted again.

Oracles: `evalkit compare` for differences, the journal's own records for flips, divergences (scipy) and perplexities.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit import Run
from evalkit.cli.commands.quantize_check import command
from evalkit.core import UsageError
from tests.cli.console import EVALKIT, ONE_THREAD, Finished, evalkit

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")
torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.slow("a process for every variant that is checked")

# The second needs a package that no machine of ours has; on one that has it, it needs a GPU.
VARIANTS = ("dtype=bfloat16", "quant=torchao-int4-packed")
BFLOAT16 = "tiny-dtype=bfloat16"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("check")


@pytest.fixture(scope="module")
def interrupted(place: Path) -> Finished:
    """A check whose process was interrupted (it alone, as by `kill -INT`) while a variant was run."""
    asked = [*EVALKIT, "quantize-check", "tiny", "--against", *VARIANTS, "--out", "check"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Tests that run in the background inherit a Ctrl-C that is ignored.
    pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None
    with subprocess.Popen(asked, cwd=place, env={**os.environ, **ONE_THREAD}, **pipes) as process:
        until(lambda: (place / "check" / BFLOAT16 / "manifest.json").exists())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    return Finished(process.returncode, out, err)


@pytest.fixture(scope="module")
def resumed(place: Path, interrupted: Finished) -> dict[str, Any]:
    done = evalkit("quantize-check", "--resume", "check", "--json", cwd=place)
    assert done.code == 0, done
    found: dict[str, Any] = json.loads(done.out)
    return found


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_interrupted_check_says_how_to_go_on_and_leaves_no_process_behind(
    place: Path, interrupted: Finished
) -> None:
    assert interrupted.code == 130, interrupted
    assert "continue: evalkit quantize-check --resume check" in interrupted.err
    assert json.loads((place / "check/tiny/manifest.json").read_text())["status"] == "finished"
    assert json.loads((place / "check" / BFLOAT16 / "manifest.json").read_text())["status"] == "interrupted"


def test_differences_are_to_the_digit_those_of_compare(place: Path, resumed: dict[str, Any]) -> None:
    compared = json.loads(evalkit("compare", "check/tiny", f"check/{BFLOAT16}", "--json", cwd=place).out)["tasks"]
    shifts = resumed["variants"][0]["tasks"]
    assert [shift["task"] for shift in shifts] == [one["task"] for one in compared]
    for shift, one in zip(shifts, compared, strict=True):
        metric = next(metric for metric in one["metrics"] if metric["metric"] == shift["metric"])
        names = ("difference", "low", "high", "mcnemar_p", "n")
        assert [shift[name] for name in names] == [metric[name] for name in names]
        assert shift["compare_p"] == metric["p"]


def both(place: Path, task: str) -> list[tuple[Any, Any]]:
    sides = [{r.sample.id: r for r in Run.open(place / "check" / name).records(task)} for name in ("tiny", BFLOAT16)]
    return [(sides[0][sample], sides[1][sample]) for sample in sides[0]]


def test_flips_and_divergences_are_those_of_the_records(place: Path, resumed: dict[str, Any]) -> None:
    shift = resumed["variants"][0]["tasks"][0]
    pairs = both(place, "toy_mmlu")
    turns = [(one.value("acc"), other.value("acc")) for one, other in pairs]
    assert shift["lost"]["value"] == turns.count((1.0, 0.0)) / 90
    assert shift["gained"]["value"] == turns.count((0.0, 1.0)) / 90
    best = [[max(range(4), key=r.replies[0].loglikelihoods.__getitem__) for r in pair] for pair in pairs]
    assert shift["changed"]["value"] == sum(one != other for one, other in best) / 90
    nats = [stats.entropy(*(special.softmax(record.replies[0].loglikelihoods) for record in pair)) for pair in pairs]
    assert shift["divergence"]["value"] == pytest.approx(sum(nats) / 90, rel=1e-6)
    assert 0.0 < shift["divergence"]["low"] < shift["divergence"]["value"] < shift["divergence"]["high"]


def test_the_ratio_of_perplexities_and_the_next_tokens_divergence_are_those_of_the_records(
    place: Path, resumed: dict[str, Any]
) -> None:
    shift = resumed["variants"][0]["tasks"][2]
    pairs = both(place, "toy_wikitext,tokens=true")
    words = sum(one.value("words") for one, _ in pairs)
    full, other = (-sum(pair[side].value("loglikelihood") for pair in pairs) / words for side in (0, 1))
    assert shift["perplexity_ratio"]["value"] == pytest.approx(math.exp(other) / math.exp(full), rel=1e-12)
    assert (shift["full"], shift["variant"]) == pytest.approx((math.exp(full), math.exp(other)), rel=1e-12)
    tokens = np.array(
        [
            values
            for pair in pairs
            for values in zip(*(record.replies[0].token_loglikelihoods for record in pair), strict=True)
        ]
    )
    p, q = np.exp(tokens).T
    usable = np.maximum(p, q) < 1 - 1e-6
    each = stats.entropy(np.array([p, 1 - p])[:, usable], np.array([q, 1 - q])[:, usable])
    found = shift["next_token_divergence_at_least"]["value"]
    assert found == pytest.approx(each.sum() / len(tokens), rel=0.02)


def test_costs_are_measured(resumed: dict[str, Any]) -> None:
    full, other = resumed["full"]["cost"], resumed["variants"][0]["cost"]
    # 951,424 numbers, and the rotary embedding's 32 bytes a head dimension, which stay float32.
    assert full["weight_bytes"] == 4 * 951_424 + 128
    assert other["weight_bytes"] == 2 * 951_424 + 128
    for cost in (full, other):
        assert cost["peak_bytes"] > 2e8
        assert 0 < cost["load_seconds"] < 60
        for name in ("written", "read"):
            speeds = cost[f"{name}_tokens_per_second"]
            assert 0 < speeds["slowest"] <= speeds["median"] <= speeds["fastest"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine's GPU may run it")
def test_what_this_machine_cannot_run_is_a_sentence_and_the_others_went_on(resumed: dict[str, Any]) -> None:
    assert [(one["variant"], one["state"]) for one in resumed["variants"]] == [
        ("dtype=bfloat16", "finished"),
        ("quant=torchao-int4-packed", "unavailable"),
    ]
    assert "torchao-int4-packed needs" in resumed["variants"][1]["problem"]
    assert "\n" not in resumed["variants"][1]["problem"]


def test_what_is_finished_is_not_run_again_and_a_gate_says_what_gate_run_says(
    place: Path, resumed: dict[str, Any]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (place / "check").glob("*/*")}
    done = evalkit(
        "quantize-check", "tiny", "--against", VARIANTS[0], "--out", "check", "--margin", "15%", "--json", cwd=place
    )
    assert {path: path.stat().st_mtime_ns for path in (place / "check").glob("*/*")} == before
    gate = json.loads(done.out)["variants"][0]["gate"]
    asked = ("gate", "run", f"check/{BFLOAT16}", "--baseline", "check/tiny", "--margin", "15%", "--json", "-")
    alone = evalkit(*asked, cwd=place)
    assert [row["verdict"]["outcome"] for row in gate["rows"]] == [
        row["verdict"]["outcome"] for row in json.loads(alone.out)["rows"]
    ]
    assert [row["verdict"]["low"] for row in gate["rows"]] == [
        row["verdict"]["low"] for row in json.loads(alone.out)["rows"]
    ]
    assert alone.code == 0
    # The variant passes; the one that could not run here has shown nothing.
    assert done.code == (0 if torch.cuda.is_available() else 3)
    strict = evalkit("quantize-check", "--resume", "check", "--margin", "0.0001", cwd=place)
    assert strict.code == 1, strict
    assert "gate dtype=bfloat16: FAIL" in strict.out


def test_the_tables_fit_eighty_columns(place: Path, resumed: dict[str, Any]) -> None:
    done = evalkit("quantize-check", "--resume", "check", cwd=place)
    tables = done.out.split("page:")[0].splitlines()
    assert all(len(line) <= 80 for line in tables if "–" in line or "…" in line), done.out
    for word in ("points", "flipped", "KL (nats)", "weights", "peak memory", "written tok/s", VARIANTS[1]):
        assert word in done.out
    assert (place / "check/variants.html").is_file()


def test_another_question_in_the_same_folder_is_refused(place: Path, resumed: dict[str, Any]) -> None:
    done = evalkit("quantize-check", "tiny", "--against", VARIANTS[0], "--limit", "3", "--out", "check", cwd=place)
    assert done.code == 2
    assert "holds another check" in done.err


def test_a_gguf_file_joins_the_check_and_a_half_precision_one_answers_alike(
    place: Path, resumed: dict[str, Any]
) -> None:
    pytest.importorskip("llama_cpp", reason="pip install 'evalkit-harness[gguf]' compiles llama.cpp, for minutes")
    pytest.importorskip("gguf")
    asked = [sys.executable, "-m", "tools.write_gguf", "tiny", "f16.gguf", "--type", "f16"]
    subprocess.run(asked, cwd=place, env={**os.environ, **ONE_THREAD}, check=True, capture_output=True)
    done = evalkit("quantize-check", "tiny", "--against", "gguf=f16.gguf", "--out", "check", "--json", cwd=place)
    found = {one["variant"]: one for one in json.loads(done.out)["variants"]}
    assert list(found) == [*VARIANTS, "gguf=f16.gguf"]
    one = found["gguf=f16.gguf"]
    assert one["state"] == "finished", done
    assert one["overall"]["flips"]["value"] <= 0.01
    assert one["tasks"][0]["divergence"]["value"] < 1e-4
    assert one["overall"]["ratio"]["value"] == pytest.approx(1.0, abs=1e-3)
    # Half of the full model's bytes, and little beside.
    assert one["cost"]["weight_bytes"] == pytest.approx(resumed["full"]["cost"]["weight_bytes"] / 2, rel=0.02)
    assert one["cost"]["written_tokens_per_second"]["median"] > 0


def test_a_variant_whose_process_is_killed_is_said_and_the_others_stand(place: Path, resumed: dict[str, Any]) -> None:
    asked = [*EVALKIT, "quantize-check", "--resume", "check", "--json"]
    finished = (place / "check" / BFLOAT16 / "manifest.json").read_text()
    manifest = json.loads(finished)
    manifest["status"], manifest["model"] = "interrupted", {**manifest["model"]}
    del manifest["model"]["measured"]
    (place / "check" / BFLOAT16 / "manifest.json").write_text(json.dumps(manifest))
    try:
        with subprocess.Popen(
            asked, cwd=place, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            until(lambda: bool(children(process.pid)))
            os.kill(children(process.pid)[0], signal.SIGKILL)
            out, _ = process.communicate(timeout=120)
        found = json.loads(out)["variants"][0]
        assert process.returncode == 3
        assert (found["state"], found["problem"]) == (
            "failed",
            "its process was ended by SIGKILL, as where memory runs out",
        )
    finally:
        (place / "check" / BFLOAT16 / "manifest.json").write_text(finished)


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("this system does not list a process's children in /proc")
    return [int(child) for child in path.read_text().split()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tiny",), "nothing to compare with"),
        (("--against", "dtype=bfloat16"), "no model is given"),
        (("tiny", "--against"), "--against names variants"),
        (("tiny", "--against", "dtype=bfloat17"), "the variant 'dtype=bfloat17'"),
        (("tiny", "--against", "quant=int5"), "no quantization named 'int5'"),
        (("tiny", "--against", "dtype=float16", "dtype=float16"), "given twice"),
        (("tiny", "--against", "dtype=float16", "--gate", "no.yaml"), "no.yaml"),
        (("tiny", "--against", "dtype=float16", "--limit", "0"), "limit"),
        (("--resume", "nowhere"), "holds no check"),
        (("nosuch.yaml", "--against", "dtype=float16"), "nosuch.yaml"),
    ],
)
def test_mistakes_end_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=re.escape(said)):
        command.main(list(arguments), standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_ends_with_exit_code_2(tmp_path: Path) -> None:
    done = evalkit("quantize-check", "tiny", "--against", "dtype=bfloat17", cwd=tmp_path)
    assert done.code == 2, done
    assert "the variant 'dtype=bfloat17'" in done.err


def test_variants_are_options_over_the_model_files_or_models_of_their_own() -> None:
    from evalkit.cli.variant_runs import listed, spec_of

    model = "hf/./m,device=cpu,dtype=float32"
    assert spec_of(model, "dtype=bfloat16") == "hf/./m,device=cpu,dtype=bfloat16"
    assert spec_of(model, "quant=nf4,compute_dtype=bfloat16").endswith("dtype=float32,quant=nf4,compute_dtype=bfloat16")
    assert spec_of(model, "gguf=/a/b.gguf,n_ctx=512") == "gguf//a/b.gguf,n_ctx=512"
    assert spec_of(model, "hf/./other,quant=int8") == "hf/./other,quant=int8"
    assert spec_of(model, "tiny,dtype=float16") == "tiny,dtype=float16"
    full, (one, two) = listed("m", ["gguf=a b.gguf", "gguf=a/b.gguf"])
    assert len({full.folder, one.folder, two.folder}) == 3


def test_a_suite_file_names_models_tasks_and_variants(tmp_path: Path) -> None:
    from evalkit.cli.commands.quantize_check import _new  # what is planned, without running it

    (tmp_path / "suite.yaml").write_text(
        "tasks: [mmlu]\nmodels: [tiny, 'tiny,dtype=float16']\nagainst: [quant=int8]\nlimit: 7\n"
    )
    given = dict.fromkeys(("limit", "seed", "quiet"), None) | {"against": ("dtype=bfloat16",), "tasks": ()}
    _, found = _new(str(tmp_path / "suite.yaml"), Path("out"), given)
    assert (found.full.spec, found.tasks, found.settings) == ("tiny", ["mmlu"], {"limit": 7})
    specs = ["tiny,dtype=float16", "tiny,quant=int8", "tiny,dtype=bfloat16"]
    assert [one.spec for one in found.variants] == specs
