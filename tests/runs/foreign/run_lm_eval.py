"""Runs lm-evaluation-harness in its own environment: `python run_lm_eval.py MODEL TASK_FOLDER OUT TASK…`.

What its command line does with --log_samples --output_path, without indexing its own tasks first.
"""

import sys

from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

model, folder, out, *tasks = sys.argv[1:]
tracker = EvaluationTracker(output_path=out)
results = simple_evaluate(
    "hf",
    model_args=f"pretrained={model},dtype=float32,device=cpu",
    tasks=tasks,
    task_manager=TaskManager(include_path=folder, include_defaults=False),
    bootstrap_iters=0,
    evaluation_tracker=tracker,
    log_samples=True,
)
samples = results.pop("samples")
tracker.save_results_aggregated(results=results, samples=samples)
for name in results["configs"]:
    tracker.save_results_samples(task_name=name, samples=samples[name])
