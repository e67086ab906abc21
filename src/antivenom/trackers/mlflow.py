"""Runs for MLflow."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from antivenom.charts import Chart
from antivenom.settings import component
from antivenom.trackers._tracker import RunLog, loss_key, pictures_of, spec_text, values_of

LONGEST_VALUE = 500
"""The length of the value of a parameter, in characters. The spec has the whole value."""


@component
class MLflow:
    """Runs for MLflow, in a local SQLite database. See them with `mlflow ui --backend-store-uri ADDRESS`.

    MLflow's own report about its use, which goes over the network, is turned off unless `MLFLOW_DISABLE_TELEMETRY` is
    set.

    Args:
        address: the address of the database or of a server. The default is a file in the working directory.
        experiment: the name of MLflow's experiment, to which the runs belong.
        artifacts: the address of the files of a new experiment.
    """

    packages: ClassVar[Mapping[str, str]] = {
        "mlflow": "mlflow-skinny",
        "sqlalchemy": "sqlalchemy",
        "alembic": "alembic",
    }

    address: str = "sqlite:///mlflow.db"
    experiment: str = "antivenom"
    artifacts: str | None = "mlflow-artifacts"

    def track(self, name: str, spec: Mapping[str, Any]) -> RunLog:
        """Begin a run."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the import
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # MLflow uses parts of SQLAlchemy that will go
            from mlflow.tracking import MlflowClient  # noqa: PLC0415 - an optional package

            client = MlflowClient(absolute(self.address))
            known = client.get_experiment_by_name(self.experiment)
            number = (
                client.create_experiment(self.experiment, self.artifacts) if known is None else str(known.experiment_id)
            )
        run = client.create_run(number, run_name=name).info.run_id
        for key, value in spec.items():
            client.log_param(run, key, str(value)[:LONGEST_VALUE])
        client.log_text(run, spec_text(spec), "spec.yaml")
        return _Log(client, run)


def absolute(address: str) -> str:
    """Return the address of a database with an absolute path, because MLflow keeps connections by their address.

    >>> absolute("sqlite:////data/runs.db"), absolute("https://runs.example.org")
    ('sqlite:////data/runs.db', 'https://runs.example.org')
    """
    scheme, separator, path = address.partition(":///")
    if scheme != "sqlite" or not separator or path.startswith(("/", ":memory:")):
        return address
    return f"{scheme}:///{Path(path).absolute()}"


@dataclass(frozen=True)
class _Log:
    client: Any
    run: str

    def log_loss(self, stage: str, repeat: int, epoch: int, loss: float) -> None:
        """Log the loss of an epoch."""
        self.client.log_metric(self.run, loss_key(stage, repeat), loss, step=epoch)

    def log_result(self, metrics: Mapping[str, Mapping[str, Any]], charts: Mapping[str, Chart]) -> None:
        """Log figures as metrics, and charts as artifacts."""
        for key, value in values_of(metrics).items():
            self.client.log_metric(self.run, key, value)
        for key, picture in pictures_of(charts):
            self.client.log_image(self.run, picture, f"charts/{key}.png")

    def close(self, failed: bool) -> None:
        """End the run."""
        self.client.set_terminated(self.run, "FAILED" if failed else "FINISHED")
