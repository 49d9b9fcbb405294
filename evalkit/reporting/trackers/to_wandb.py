"""Runs sent to Weights & Biases, or written for `wandb sync` where it is offline (WANDB_MODE=offline)."""

from __future__ import annotations

from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.distribution import pip_install
from evalkit.reporting.trackers.content import Content


def send(content: Content, project: str, entity: str = "", folder: Path | None = None) -> str:
    """Write the run into the project; where it can be seen: its address, or the folder that waits to be synced.

    Sending it twice makes one run, since its id depends on the run alone. `folder` is where wandb keeps its files, the
    working directory by default. Raises UsageError where wandb is not installed, or nobody is logged in.
    """
    try:
        import wandb

        if getattr(wandb, "__file__", None) is None:  # the folder wandb/ that an offline run leaves imports as well
            raise ImportError
    except ImportError:
        raise UsageError("wandb is not installed", fix=pip_install("wandb")) from None
    try:
        run = wandb.init(
            project=project,
            entity=entity or None,
            id=content.id,
            name=content.name,
            resume="allow",
            dir=folder,
            job_type="evaluation",
            config={**content.params, **content.tags},
            settings=wandb.Settings(
                silent=True, console="off", x_disable_stats=True, disable_git=True, save_code=False
            ),
        )
    except wandb.Error as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = "wandb login; or WANDB_MODE=offline, and wandb sync later"
        raise UsageError("Weights & Biases refused the run", found=found, fix=fix) from None
    where = str(Path(run.dir).parent if run.offline else run.url)
    run.summary.update(dict(content.metrics))
    if content.files:
        artifact = wandb.Artifact(f"evalkit-{content.id}", type="evaluation")
        for file in content.files:
            artifact.add_file(str(file))
        run.log_artifact(artifact)
    run.finish(exit_code=0 if content.finished else 1)
    return where
