"""One MLflow tracking server or database, and the few calls a training makes to it."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.errors import IntarsiaError
from intarsia.runs import Run
from intarsia.tracking.database import check_database
from intarsia.tracking.figures import Point, parameters
from intarsia.tracking.record import without_secret

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "model"

_PARAMETERS_AT_ONCE = 100  # MLflow's own limits of one call
_METRICS_AT_ONCE = 1000
# Set before MLflow is imported, and only where the user has not. Its own retries would hold an
# epoch for minutes where the server is down.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # likewise of PostgreSQL, in seconds: it waits for minutes otherwise
    "PGCONNECT_TIMEOUT": "20",
    # stdout is for results
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def tracking_uri(stored: str | None = None) -> str:
    """MLFLOW_TRACKING_URI, else where the run was tracked before, else `mlflow.db` here."""
    local = f"sqlite:///{Path('mlflow.db').absolute().as_posix()}"
    return os.environ.get("MLFLOW_TRACKING_URI") or stored or local


def set_defaults() -> None:
    """Says how MLflow is to behave in this process, where the user has not; before its import."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True)
class ServedRun:
    """A run that is in MLflow; `started` in seconds since 1970."""

    started: float
    parameters: frozenset[str]


class MlflowService:
    """Raises whatever MLflow raises, except where said."""

    def __init__(self, uri: str) -> None:
        set_defaults()
        import mlflow  # noqa: F401 - fails here where it is missing

        for name in ("alembic", "mlflow", "urllib3"):
            # migrations of a new database, retries: what matters of it is said by us
            logging.getLogger(name).setLevel(logging.ERROR)
        self.uri = uri
        self.name = without_secret(uri)
        self._connected: MlflowClient | None = None

    @property
    def _client(self) -> MlflowClient:
        """Connects (and makes a new database) at the first call that is answered.

        Raises:
            IntarsiaError: an address that MLflow has nothing for.
        """
        if self._connected is None:
            from mlflow import MlflowClient
            from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

            check_database(self.uri)
            try:
                client = MlflowClient(self.uri, self.uri)
            except UnsupportedModelRegistryStoreURIException as error:
                raise IntarsiaError(
                    f"MLflow cannot track to {self.name}",
                    where="MLFLOW_TRACKING_URI",
                    expected="http://HOST:PORT, sqlite:///FILE or a folder, for example",
                ) from error
            client.search_experiments(max_results=1)
            self._connected = client
        return self._connected

    def ping(self) -> None:
        """Raises where nobody answers."""
        self._client.search_experiments(max_results=1)

    def find_run(self, run_id: str) -> ServedRun | None:
        """None for a run that was deleted or never was."""
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

        try:
            found = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                return None
            raise
        if found.info.lifecycle_stage != "active":
            return None
        return ServedRun(found.info.start_time / 1000, frozenset(found.data.params))

    def create_run(self, run: Run, started: float) -> str:
        """The id of a new run that began at `started`, in seconds since 1970."""
        created = self._client.create_run(
            self._experiment(str(run.manifest["name"])),
            start_time=int(started * 1000),
            run_name=run.name,
            tags={
                "intarsia.version": str(run.environment["versions"]["intarsia"]),
                "mlflow.source.name": "intarsia train",
            },
        )
        return str(created.info.run_id)

    def _experiment(self, name: str) -> str:
        chosen = os.environ.get("MLFLOW_EXPERIMENT_ID")
        if chosen:
            return chosen
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or name
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def log_parameters(self, run_id: str, run: Run) -> None:
        """The recipe; the same again changes nothing."""
        from mlflow.entities import Param

        found = [Param(key, value) for key, value in parameters(run).items()]
        for start in range(0, len(found), _PARAMETERS_AT_ONCE):
            chosen = found[start : start + _PARAMETERS_AT_ONCE]
            self._client.log_batch(run_id, params=chosen, synchronous=True)

    def log_points(self, run_id: str, points: list[Point]) -> None:
        """The same points again change nothing."""
        from mlflow.entities import Metric

        found = [Metric(p.name, p.value, round(p.moment * 1000), p.epoch) for p in points]
        for start in range(0, len(found), _METRICS_AT_ONCE):
            chosen = found[start : start + _METRICS_AT_ONCE]
            self._client.log_batch(run_id, metrics=chosen, synchronous=True)

    def log_files(self, run_id: str, files: Iterable[Path], folder: str | None = None) -> None:
        for file in files:
            if file.is_file():
                self._client.log_artifact(run_id, str(file), folder)

    def log_model(self, run_id: str, run: Run) -> None:
        from intarsia.tracking.artifact import save_model

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL
            save_model(run, path)
            self._client.log_artifacts(run_id, str(path), MODEL)

    def set_status(self, run_id: str, status: str) -> None:
        """RUNNING, or an end: FINISHED, KILLED, FAILED."""
        if status == "RUNNING":
            self._client.update_run(run_id, status)
        else:
            self._client.set_terminated(run_id, status)
