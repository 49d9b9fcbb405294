"""A run that is killed or interrupted loses nothing, repeats nothing and ends with the same numbers."""

import errno
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit import Run
from tests.cli.console import EVALKIT, ONE_THREAD, evalkit

pytest.importorskip("torch")

pytestmark = pytest.mark.slow("starts runs and kills them")

ROWS = 400
TASK = """\
name: sums
data: sums.jsonl
prompt: "{{ a }} plus {{ b }} is"
choices: ["{{ a + b }} in all", "{{ a + b + 1 }} in all", "{{ a - b - 1 }} in all"]
gold: "{{ a + b }} in all"
fewshot: {k: 2, order: seeded}
"""

WRITTEN = """\
name: sums
data: sums.jsonl
prompt: "{{ a }} plus {{ b }} is"
target: "{{ a + b }}"
method: {generate: {max_tokens: 24, stop: []}}
scorers: [exact_match]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sums.yaml").write_text(TASK)
    lines = (json.dumps({"a": number, "b": number % 17}) for number in range(ROWS))
    (tmp_path / "sums.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def begin(project: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a run and wait until some records are written."""
    command = [
        *EVALKIT,
        "run",
        "sums.yaml",
        "--model",
        "tiny,batch_tokens=128",
        "--out",
        "run",
        "--no-cache",
        *arguments,
    ]
    process = subprocess.Popen(
        command,
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ONE_THREAD,
        preexec_fn=_hear_signals,
    )
    journal = project / "run" / "records.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 20:
            return process
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"nothing was written: {process.communicate()}")


def _hear_signals() -> None:
    """Tests that run in the background, or under nohup, inherit signals that are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def outcomes(folder: Path) -> dict[tuple[str, str, int], dict[str, float]]:
    found = [(r.key, {s.name: s.value for s in r.scores}) for r in Run.open(folder).records()]
    assert len(found) == len(dict(found)), "a record occurs twice"
    return dict(found)


def test_after_sigkill_the_run_is_completed_with_the_same_scores(project: Path) -> None:
    process = begin(project)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = (project / "run" / "records.jsonl").read_bytes()
    assert before.count(b"\n") < ROWS
    done = evalkit("run", "--resume", "run", cwd=project)
    assert done.code == 0, done
    assert (project / "run" / "records.jsonl").read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    whole = evalkit("run", "sums.yaml", "--model", "tiny", "--out", "whole", "--no-cache", cwd=project)
    assert whole.code == 0, whole
    assert len(outcomes(project / "run")) == ROWS
    assert outcomes(project / "run") == outcomes(project / "whole")
    one, other = Run.open(project / "run"), Run.open(project / "whole")
    assert one.estimate("sums") == other.estimate("sums")
    assert one.manifest.status == "finished"


def test_after_sigkill_between_the_samples_of_a_question_none_is_lost_or_drawn_anew(project: Path) -> None:
    (project / "sums.yaml").write_text(WRITTEN)
    drawn = ("--samples", "3", "--temperature", "0.9", "--limit", "40")
    process = begin(project, *drawn)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    journal = project / "run" / "records.jsonl"
    whole_lines = journal.read_bytes().splitlines(keepends=True)
    counts = Counter(sample for _, sample, _ in outcomes(project / "run"))
    if all(count == 3 for count in counts.values()):
        journal.write_bytes(b"".join(whole_lines[:-1]))  # killed a moment earlier
        counts = Counter(sample for _, sample, _ in outcomes(project / "run"))
    assert any(count < 3 for count in counts.values()) and sum(counts.values()) < 120
    before = journal.read_bytes()
    assert evalkit("run", "--resume", "run", cwd=project).code == 0
    assert journal.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    asked = ("run", "sums.yaml", "--model", "tiny", "--out", "whole", "--no-cache", *drawn)
    assert evalkit(*asked, cwd=project).code == 0
    texts = [
        {record.key: record.replies[0].texts for record in Run.open(project / name).records()}
        for name in ("run", "whole")
    ]
    assert texts[0] == texts[1] and len(texts[0]) == 120
    assert len(set(texts[0].values())) > 40, "samples of a question differ"
    assert Run.open(project / "run").estimate("sums") == Run.open(project / "whole").estimate("sums")


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_that_is_asked_for_keeps_the_journal_and_says_how_to_go_on(project: Path, asked: signal.Signals) -> None:
    """Ctrl-C; what a scheduler or a CI limit sends; what a closed terminal sends."""
    process = begin(project)
    process.send_signal(asked)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + asked
    assert "evalkit run --resume run" in err
    assert "Traceback" not in err
    assert Run.open(project / "run").manifest.status == "interrupted"
    written = len(outcomes(project / "run"))
    assert 20 < written < ROWS
    assert evalkit("run", "--resume", "run", cwd=project).code == 0
    assert len(outcomes(project / "run")) == ROWS


def test_a_changed_task_is_not_resumed_and_the_difference_is_shown(project: Path) -> None:
    process = begin(project)
    process.kill()
    process.wait()
    (project / "sums.yaml").write_text(TASK.replace("k: 2", "k: 1"))
    done = evalkit("run", "--resume", "run", cwd=project)
    assert done.code == 2
    assert re.search(r"few-shot: 2-shot then, 1-shot now", done.err)
    (project / "sums.yaml").write_text(TASK)
    with (project / "sums.jsonl").open("a") as rows:
        rows.write('{"a": 1, "b": 2}\n')
    done = evalkit("run", "--resume", "run", cwd=project)
    assert done.code == 2
    assert "data: " in done.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_ends_the_run_with_3_and_with_room_it_is_resumed(project: Path, small_disk: Path) -> None:
    out = str(small_disk / "run")
    done = evalkit("run", "sums.yaml", "--model", "tiny", "--out", out, "--no-cache", cwd=project)
    assert done.code == 3, done
    assert os.strerror(errno.ENOSPC) in done.err
    assert f"evalkit run --resume {out}" in done.err
    written = len(outcomes(small_disk / "run"))
    assert 0 < written < ROWS
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    assert evalkit("run", "--resume", out, cwd=project).code == 0
    assert len(outcomes(small_disk / "run")) == ROWS


def test_a_limit_on_file_size_ends_the_run_likewise(project: Path) -> None:
    command = ["bash", "-c", 'ulimit -f 200; exec "$@"', "-", *EVALKIT]
    arguments = ["run", "sums.yaml", "--model", "tiny", "--out", "run", "--no-cache"]
    done = subprocess.run(
        [*command, *arguments], cwd=project, capture_output=True, text=True, env=os.environ | ONE_THREAD
    )
    assert done.returncode == 3, done
    assert "cannot write to run" in done.stderr
    assert "Traceback" not in done.stderr
    assert "--resume run" in done.stderr
    written = len(outcomes(project / "run"))
    assert 0 < written < ROWS
    assert evalkit("run", "--resume", "run", cwd=project).code == 0
    assert len(outcomes(project / "run")) == ROWS
