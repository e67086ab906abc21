"""Logs for TensorBoard."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from antivenom.charts import Chart
from antivenom.settings import component
from antivenom.trackers._tracker import RunLog, loss_key, pictures_of, spec_text, values_of


@component
class TensorBoard:
    """Event files for TensorBoard. See them with `tensorboard --logdir FOLDER`.

    Args:
        folder: the folder of all logs. Each run has its own folder in it, with the name of the run.
    """

    packages: ClassVar[Mapping[str, str]] = {"tensorboard": "tensorboard"}

    folder: str = "tensorboard"

    def track(self, name: str, spec: Mapping[str, Any]) -> RunLog:
        """Begin the log of a run."""
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an optional package

        writer = SummaryWriter(str(Path(self.folder, *name.split("/"))))
        writer.add_text("spec", f"    {spec_text(spec)}".replace("\n", "\n    "))
        return _Log(writer)


@dataclass(frozen=True)
class _Log:
    writer: Any

    def log_loss(self, stage: str, repeat: int, epoch: int, loss: float) -> None:
        """Log the loss of an epoch."""
        self.writer.add_scalar(loss_key(stage, repeat), loss, epoch)

    def log_result(self, metrics: Mapping[str, Mapping[str, Any]], charts: Mapping[str, Chart]) -> None:
        """Log figures as scalars, and charts as images."""
        for key, value in values_of(metrics).items():
            self.writer.add_scalar(key, value)
        for key, picture in pictures_of(charts):
            self.writer.add_image(key, np.asarray(picture), dataformats="HWC")

    def close(self, failed: bool) -> None:
        """Close the file. TensorBoard has no state of failure; the log then has no figures."""
        self.writer.add_text("state", "failed" if failed else "finished")
        self.writer.close()
