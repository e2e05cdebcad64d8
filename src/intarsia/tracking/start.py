"""The choice of a tracker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intarsia.errors import IntarsiaError, RecipeError, did_you_mean
from intarsia.tracking.tracker import NoTracker, Tracker

_NAMES = {"mlflow": "MLflow", "tensorboard": "TensorBoard"}


@contextmanager
def start_tracking(kind: str | None, path: str | Path) -> Iterator[Tracker]:
    """A tracker of the training that will write the run folder `path`.

    `kind` is `mlflow`, `tensorboard` or None (nothing is tracked). What leaves the block by an
    exception is told to the tracker and raised on.

    Raises:
        RecipeError: another kind.
        IntarsiaError: the package is missing, or MLFLOW_TRACKING_URI is nothing MLflow knows.

    >>> with start_tracking(None, "runs/first") as tracker:
    ...     tracker.epoch({"epoch": 1, "train_loss": 0.7})
    """
    tracker = _tracker(kind, Path(path))
    try:
        yield tracker
    except BaseException as error:
        tracker.abort(error)
        raise


def _tracker(kind: str | None, path: Path) -> Tracker:
    if kind is None:
        return NoTracker()
    if kind not in _NAMES:
        raise RecipeError(
            f'training cannot be tracked by "{kind}"',
            where="--track",
            expected=" or ".join(_NAMES),
            hint=did_you_mean(kind, _NAMES),
        )
    try:
        if kind == "mlflow":
            from intarsia.tracking.mlflow_tracker import MlflowTracker

            return MlflowTracker(path)
        from intarsia.tracking.tensorboard_tracker import TensorboardTracker

        return TensorboardTracker(path)
    except ImportError as error:
        raise IntarsiaError(
            f"{_NAMES[kind]} cannot be imported: {error}",
            where=f"--track {kind}",
            hint='pip install "intarsia[track]"',
        ) from error
