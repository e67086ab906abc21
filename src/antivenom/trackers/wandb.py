"""Offline runs for Weights & Biases."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from antivenom.charts import Chart
from antivenom.settings import component
from antivenom.trackers._tracker import RunLog, loss_key, pictures_of, values_of


@component
class WandB:
    """Offline runs for Weights & Biases: files only, no network. `wandb sync FOLDER/wandb/offline-run-…` uploads one.

    Args:
        project: the name of the project.
        folder: the folder of the runs.
    """

    packages: ClassVar[Mapping[str, str]] = {"wandb": "wandb"}

    project: str = "antivenom"
    folder: str = "."

    def track(self, name: str, spec: Mapping[str, Any]) -> RunLog:
        """Begin a run."""
        import wandb  # noqa: PLC0415 - an optional package

        folder = Path(self.folder).absolute()  # its service keeps the working directory that it was started in
        folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(silent=True, disable_git=True, disable_code=True, x_disable_stats=True)
        run = wandb.init(
            project=self.project,
            name=name,
            dir=str(folder),
            config=dict(spec),
            mode="offline",
            reinit="create_new",
            settings=settings,
        )
        return _Log(run, wandb.Image)


@dataclass(frozen=True)
class _Log:
    run: Any
    image: Any

    def log_loss(self, stage: str, repeat: int, epoch: int, loss: float) -> None:
        """Log the loss of an epoch."""
        self.run.log({loss_key(stage, repeat): loss, "epoch": epoch})

    def log_result(self, metrics: Mapping[str, Mapping[str, Any]], charts: Mapping[str, Chart]) -> None:
        """Log figures in the summary of the run, and charts as images."""
        self.run.summary.update(values_of(metrics))
        self.run.log({f"charts/{key}": self.image(picture) for key, picture in pictures_of(charts)})

    def close(self, failed: bool) -> None:
        """End the run."""
        self.run.finish(exit_code=int(failed))
