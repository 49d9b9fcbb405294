"""Tasks with real rows in the mirror are asked of the embedded model, from row to score."""

import pytest

import evalkit

# bbh's 27 parts and humaneval's and mbpp's sandbox have tests of their own.
TASKS = (
    "gsm8k",
    "ifeval",
    "mgsm",
    "mmlu,subject=anatomy",
    "nq_open",
    "piqa",
    "squad",
    "truthfulqa_gen",
    "truthfulqa_mc1",
    "truthfulqa_mc2",
    "wikitext",
)


@pytest.mark.shared_data
def test_a_real_row_of_every_task_is_measured(hub_mirror, tmp_path):
    done = evalkit.run(TASKS, "tiny", limit=1, offline=True, data_dir=hub_mirror, out=tmp_path / "run", cache=False)
    outcomes = {entry.name: (entry.result.samples, entry.result.failed) for entry in done.manifest.tasks}
    assert outcomes == dict.fromkeys(TASKS, (1, 0))
    assert all(entry.result.metric().estimate.n >= 1 for entry in done.manifest.tasks)
