"""Models that MLflow keeps: fetched by the name and alias that people gave them."""

from __future__ import annotations

from pathlib import Path

from intarsia.errors import DataError, RunError
from intarsia.tracking.mlflow_service import set_defaults, tracking_uri

_SCHEMES = ("models:/", "runs:/")


def is_reference(text: str) -> bool:
    """Whether a text names a model in MLflow, not a path.

    >>> is_reference("models:/camvid@production"), is_reference("runs/camvid")
    (True, False)
    """
    return text.startswith(_SCHEMES)


def fetch_run(reference: str, folder: Path) -> Path:
    """Copies the model of a `--track mlflow` training into `folder`; the run that lies in it,
    under the model's name.

    `reference` is `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `runs:/ID/model`, in the store
    that MLFLOW_TRACKING_URI names, else in the file `mlflow.db` of this folder. Nothing of the
    model is executed: only the run's own files are used, whose weights are safetensors.

    Raises:
        DataError: MLflow is not installed, does not answer, or has no such model.
        RunError: the model is not one of Intarsia's.
    """
    set_defaults()
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise DataError(
            "MLflow is not installed", where=reference, hint="pip install 'intarsia[track]'"
        ) from error
    mlflow.set_tracking_uri(tracking_uri())
    try:
        found = Path(mlflow.artifacts.download_artifacts(reference, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        raise DataError(
            f"MLflow does not give this model: {str(error).splitlines()[0]}",
            where=reference,
            expected="models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID/model",
            hint="MLFLOW_TRACKING_URI names the store; `mlflow ui` shows what it holds",
        ) from error
    # the name under which MLflow keeps the folder that `artifact.save_model` gave it
    runs = sorted(path.parent for path in found.glob("data/*/recipe.yaml"))
    if len(runs) != 1:
        raise RunError(
            "this model is not one of Intarsia's",
            where=reference,
            expected="the model of a training with --track mlflow",
        )
    name = reference.split("/")[1].partition("@")[0]
    return runs[0].rename(runs[0].with_name(name))  # there it is alone, whatever its name
