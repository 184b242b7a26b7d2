"""Trainings as runs of MLflow, through its package's own client."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..arguments import shown
from ..errors import ArgumentError, MissingExtraError, StorageError, installing
from ..serialization import save
from ..serialization.model_file import MODEL
from ..storage import expanded
from ..training.config import RunConfig
from ..training.plain import flat
from ..training.state import Training
from .logger import Logger

SQLITE = "sqlite:///"
STORE = f"{SQLITE}mlflow.db"
"""Where runs are kept unless told otherwise; `mlflow ui` looks there too."""

_SILENT = "MLFLOW_DISABLE_TELEMETRY"
"""What MLflow asks, as it is imported, for whether it may report how it is used over the network."""
_MOST = 100
"""Parameters that MLflow takes at once."""
_LONGEST = 500
"""Letters of a parameter that every version of MLflow takes."""


@dataclass
class MLflow(Logger):
    """Keeps a training as a run of MLflow: its settings, what every epoch measures, and the network as a file.

    Parameters
    ----------
    uri : str, optional
        Of the store, as MLflow takes it: ``sqlite:///mlflow.db``, ``http://server:5000``. By default what the
        environment's MLFLOW_TRACKING_URI says, or else the first of these.
    experiment : str, default "pellucid"
        What the run belongs to; made if need be.
    name : str, optional
        What the run is called; by default like its folder, or "run".

    Raises
    ------
    ArgumentError
        If there is a password in `uri`.
    MissingExtraError
        If the package mlflow is not installed.
    """

    uri: str | None = None
    experiment: str = "pellucid"
    name: str | None = None
    _client: Any = field(default=None, init=False, repr=False)
    _experiment: str = field(default="", init=False, repr=False)
    _epochs: int = field(default=0, init=False, repr=False)
    """How many the store has."""

    def __post_init__(self) -> None:
        if self.uri is not None or not os.environ.get("MLFLOW_TRACKING_URI"):
            self.uri = _store(self.uri or STORE)
        _mlflow()

    def on_begin(self, training: Training) -> None:
        self._epochs = 0
        try:
            self._client = self._connected()
            found = self._client.get_experiment_by_name(self.experiment)
            self._experiment = self._new_experiment() if found is None else found.experiment_id
        except Exception as error:
            raise StorageError(f"MLflow cannot use {self.uri or 'MLFLOW_TRACKING_URI'}: {error}") from error
        super().on_begin(training)

    def _connected(self) -> Any:
        return _mlflow().MlflowClient(tracking_uri=self.uri)

    def _new_experiment(self) -> str:
        """Make the experiment; of a store in a file, its artifacts lie beside that and not in the folder one is in."""
        uri = self.uri or ""
        place = (Path(uri.removeprefix(SQLITE)).parent / "mlruns").as_uri() if uri.startswith(SQLITE) else None
        return str(self._client.create_experiment(self.experiment, place))

    def on_epoch(self, training: Training) -> None:
        self._attempt(self._complete)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        if error is not None and self._place is not None:
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            self._attempt(self._client.set_terminated, self._place, status)
        self._client = None
        super().on_end(training, error)

    def on_finish(self, training: Training) -> None:
        self._training = training
        self._attempt(self._finish, training)
        self._client = None
        del self._training

    def _finish(self, training: Training) -> None:
        """Hand over the network; it is the run's own file, where there is a run."""
        self._client = self._connected()
        self._complete()
        run = training.run
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder if run is None else run.folder, MODEL)
            if run is None:
                save(training.network, path)
            self._client.log_artifact(self._place, str(path))
        self._client.set_terminated(self._place, "FINISHED")

    def _complete(self) -> None:
        if self._place is None:
            self._begin()
        elif self._resumed:
            self._go_on(self._place)
        metric, now = _mlflow().entities.Metric, int(time.time() * 1000)
        for epoch in self._training.history.epochs[self._epochs :]:
            numbers = {name: float(value) for name, value in epoch.items() if name != "epoch"}
            metrics = [metric(name, value, now, int(epoch["epoch"])) for name, value in numbers.items()]
            self._client.log_batch(self._place, metrics=metrics)
            self._epochs += 1

    def _begin(self) -> None:
        """Make a run in the store, and write down its settings."""
        run = self._training.run
        config = RunConfig.of(self._training) if run is None else run.config(self._training)
        tables = dict(config.table)
        tables["network"] = {key: each for key, each in tables["network"].items() if key != "initializers"}
        self._place = self._client.create_run(self._experiment, run_name=self._called(self.name)).info.run_id
        param = _mlflow().entities.Param
        params = [param(name, str(value)[:_LONGEST]) for name, value in flat(tables).items()]
        for start in range(0, len(params), _MOST):
            self._client.log_batch(self._place, params=params[start : start + _MOST])

    def _go_on(self, place: str) -> None:
        """Find out which epochs the store has: one that was measured after the checkpoint comes to the same again."""
        self._client.update_run(place, status="RUNNING")
        self._epochs = max((metric.step for metric in self._client.get_metric_history(place, "loss")), default=0)
        self._resumed = False


def _mlflow() -> Any:
    """Return the package; where it is imported here first, it reports nothing to its makers, unless it is told to."""
    before = os.environ.get(_SILENT)
    os.environ[_SILENT] = before or "true"
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError(f"runs of MLflow need its package: {installing('mlflow')}") from error
    finally:
        if before is None:
            del os.environ[_SILENT]
    return mlflow


def _store(uri: object) -> str:
    """Return the URI of a store: of a file, one that means the same in any folder."""
    if not isinstance(uri, str) or "://" not in uri:
        raise ArgumentError(f"uri: expected a store such as {STORE}, received {shown(uri)}")
    if urlsplit(uri).password:
        raise ArgumentError("uri: its password would stand in the run's config; set MLFLOW_TRACKING_URI to it instead")
    if uri.startswith(SQLITE):
        return f"{SQLITE}{expanded(uri.removeprefix(SQLITE), 'uri').absolute()}"
    return uri
