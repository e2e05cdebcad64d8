"""A training in MLflow."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from intarsia.errors import IntarsiaError, Interrupted
from intarsia.runs import Run
from intarsia.tracking.figures import epoch_points, sheet_points
from intarsia.tracking.mlflow_service import MODEL, MlflowService, tracking_uri
from intarsia.tracking.record import TrackingRecord, without_secret
from intarsia.tracking.tracker import Row

_FILES = ("recipe.yaml", "environment.json", "log.jsonl", "summary.json", "report.html")
# A server that took s seconds is left alone for 10 s: at most a tenth of the time goes ...
_PATIENCE = 10.0
# ... except that answers within a second, which short epochs may cost, are never waited for.
_QUICK = 1.0

_log = logging.getLogger("intarsia")


class MlflowTracker:
    """Sends what is new in the run folder after each epoch, and everything else at the end.

    The run folder is the truth: `tracking.json` in it says what has arrived, so that rows which
    a server missed follow later, and a resumed training goes on in its MLflow run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = not (path / "recipe.yaml").is_file()
        self._record = TrackingRecord.load(path)
        self._service = MlflowService(tracking_uri(self._record.uri if self._record else None))
        self._started = float(int(time.time()))  # MLflow keeps no less than a millisecond
        self._begun = False
        self._down = False
        self._silent_until = 0.0
        begun = time.monotonic()
        try:
            self._service.ping()
        except IntarsiaError:
            raise
        except Exception as error:  # whatever the store, its network or its database raise
            self._failed(error, begun)

    def epoch(self, row: Row) -> None:
        """Sends all rows of the log that have not arrived yet; `row` is the last of them."""
        if time.monotonic() < self._silent_until:
            return
        begun = time.monotonic()
        try:
            self._send_rows(Run.open(self._path))
        except Exception as error:  # as above
            self._failed(error, begun)
            return
        spent = time.monotonic() - begun
        if spent > _QUICK:
            self._silent_until = begun + spent + _PATIENCE * spent
        if self._down:
            self._down = False
            _log.info("MLflow at %s answers again: no epoch is missing", self._service.name)

    def finish(self, run: Run) -> None:
        """Sends the metric sheets, the files and the best model, and ends the MLflow run."""
        service = self._service
        steps: list[tuple[str, Callable[[], None]]] = [
            ("epochs", lambda: self._send_rows(run)),
            ("metric sheets", lambda: self._send_sheets(run)),
            ("files", lambda: self._send_files(run)),
            ("model", lambda: self._send_model(run)),
            ("status", lambda: service.set_status(self._begin(run).run_id, "FINISHED")),
        ]
        lost, why = [], ""
        answers = True
        for what, step in steps:
            if not answers:
                lost.append(what)
                continue
            try:
                step()
            except Exception as error:  # as above
                lost.append(what)
                why = why or _reason(error)
                answers = self._answers()
        if lost:
            _log.warning(
                "not in MLflow at %s: %s (%s); all of it is in %s, and the same command with "
                "--resume sends it",
                service.name,
                ", ".join(lost),
                why,
                run.path,
            )
            return
        run_id = self._begin(run).run_id
        _log.info("MLflow at %s: run %s, model runs:/%s/%s", service.name, run_id, run_id, MODEL)

    def abort(self, error: BaseException) -> None:
        """KILLED where the training was stopped, FAILED otherwise."""
        # not begun: refused before it wrote anything, and perhaps another training's folder
        ours = self._begun or (self._new and (self._path / "recipe.yaml").is_file())
        if not ours:
            return
        stopped = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit))
        try:
            if self._down and time.monotonic() < self._silent_until:
                raise TimeoutError("it did not answer just now")
            run = Run.open(self._path)
            self._send_rows(run)
            self._service.set_status(self._begin(run).run_id, "KILLED" if stopped else "FAILED")
        except Exception as failure:  # as above
            _log.warning(
                "MLflow at %s was not told that the training stopped (%s)",
                self._service.name,
                _reason(failure),
            )

    def _begin(self, run: Run) -> TrackingRecord:
        """The MLflow run of this run folder: the one from before, that of `mlflow run`, or new."""
        if self._begun and self._record is not None:
            return self._record
        service, record, found = self._service, self._record, None
        if record is not None:
            if record.uri.rstrip("/") == service.name.rstrip("/"):
                found = service.find_run(record.run_id)
            if found is None:
                _log.warning(
                    "MLflow run %s of %s is not at %s: a new one begins",
                    record.run_id,
                    self._path,
                    service.name,
                )
                record = None
        if record is None:
            # set by `mlflow run` for the process that it starts
            given = os.environ.get("MLFLOW_RUN_ID")
            found = service.find_run(given) if given else None
            if found is not None and "train.epochs" in found.parameters:
                found = None  # another training of that process has it
            if given is None or found is None:
                given = service.create_run(run, self._started)
            record = TrackingRecord(service.name, given)
            record.save(self._path)
        if found is not None:
            self._started = found.started
        self._record = record
        service.set_status(record.run_id, "RUNNING")
        service.log_parameters(record.run_id, run)
        self._begun = True
        return record

    def _send_rows(self, run: Run) -> None:
        record = self._begin(run)
        points = [p for p in epoch_points(run.log, self._started) if p.epoch > record.epochs]
        if points:
            self._service.log_points(record.run_id, points)
            record.epochs = points[-1].epoch
            record.save(self._path)

    def _send_sheets(self, run: Run) -> None:
        self._service.log_points(self._begin(run).run_id, sheet_points(run))

    def _send_files(self, run: Run) -> None:
        run_id = self._begin(run).run_id
        self._service.log_files(run_id, [run.path / name for name in _FILES])
        for folder, pattern in (("figures", "*.png"), ("evaluations", "*.json")):
            found = sorted((run.path / folder).glob(pattern))
            self._service.log_files(run_id, found, folder)

    def _send_model(self, run: Run) -> None:
        record = self._begin(run)
        if not record.model:
            self._service.log_model(record.run_id, run)
            record.model = True
            record.save(self._path)

    def _answers(self) -> bool:
        try:
            self._service.ping()
        except Exception:  # as above
            return False
        return True

    def _failed(self, error: Exception, begun: float) -> None:
        """Said once until it works again; nothing more is tried for a while."""
        now = time.monotonic()
        self._silent_until = now + _PATIENCE * (now - begun)
        if not self._down:
            self._down = True
            _log.warning(
                "MLflow at %s does not take the training (%s): the training goes on, what is "
                "missing is sent when it answers",
                self._service.name,
                _reason(error),
            )


def _reason(error: Exception) -> str:
    """The first line, without the layers that Python wraps around it."""
    lines = without_secret(str(error)).strip().splitlines()
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
