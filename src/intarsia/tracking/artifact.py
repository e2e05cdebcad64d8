"""The best model of a run as an MLflow pyfunc that needs no Intarsia where it is served."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from intarsia.runs import Run
from intarsia.runs.checkpoint import BEST, BEST_RAW
from intarsia.tracking.pyfunc import IMAGE, MASK

# What a prediction imports. Pinned to the versions of the training.
_REQUIREMENTS = (
    "mlflow",
    "torch",
    "torchvision",
    "timm",
    "segmentation-models-pytorch",
    "numpy",
    "pillow",
    "opencv-python-headless",
    "tifffile",
    "imagecodecs",
    "pydantic",
    "pyyaml",
    "safetensors",
    "scipy",
)
# The rooms above prediction: they train, measure and show, and stay at home.
_LEFT_OUT = (
    "bundles",
    "cli",
    "comparison",
    "doctor",
    "evaluation",
    "exporting",
    "html",
    "reporting",
    "reproduction",
    "serving",
    "synthetic",
    "training",
)
_LOADER = "intarsia_pyfunc"
# Put together here, and not in a module, because tracking stands below prediction.
_LOADER_CODE = '''"""Read by MLflow: the run beside this as a model."""

from intarsia.prediction import Predictor
from intarsia.tracking.pyfunc import MaskModel


def _load_pyfunc(path):
    return MaskModel(Predictor(path))
'''


def save_model(run: Run, path: Path) -> None:
    """Writes the MLflow model folder `path`: weights, code and pinned requirements.

    Its signature is one binary column `image` to one binary column `mask`.
    """
    with warnings.catch_warnings():
        # MLflow's own: at its import about a type hint of its own, at a save about an input
        # example, which says nothing that the signature does not
        for message in ("Any type hint is inferred as AnyType", "An input example was not"):
            warnings.filterwarnings("ignore", message=f".*{message}", category=UserWarning)
        _save_model(run, path)


def _save_model(run: Run, path: Path) -> None:
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, IMAGE)]),
        outputs=Schema([ColSpec(DataType.binary, MASK)]),
    )
    with tempfile.TemporaryDirectory() as folder:
        code, data = Path(folder) / "code", Path(folder) / "run"
        _copy_code(code)
        _copy_run(run, data)
        mlflow.pyfunc.save_model(
            path,
            loader_module=_LOADER,
            data_path=str(data),
            code_paths=[str(entry) for entry in sorted(code.iterdir())],
            signature=signature,
            pip_requirements=requirements(),
        )


def requirements() -> list[str]:
    """What the model needs, `name==version`, without the builds that a local index has."""
    pinned = []
    for name in _REQUIREMENTS:
        try:
            pinned.append(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:  # opencv may be there under another name
            pinned.append(name)
    return pinned


def _copy_code(folder: Path) -> None:
    package = Path(__file__).parents[1]
    ignored = shutil.ignore_patterns("__pycache__", *_LEFT_OUT)
    shutil.copytree(package, folder / "intarsia", ignore=ignored)
    (folder / f"{_LOADER}.py").write_text(_LOADER_CODE, encoding="utf-8")


def _copy_run(run: Run, folder: Path) -> None:
    """Only what a prediction reads: no list of the training's files, no optimiser."""
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(parents=True)
    shutil.copy(run.path / "recipe.yaml", folder)
    # no file's name travels along, only how they ended: a service asks which kinds to take
    kinds = [{"image": f"image{suffix}"} for suffix in sorted(run.suffixes)]
    manifest = {**run.manifest, "root": "", "samples": kinds}
    for key in ("notes", "unpaired_images", "unpaired_masks"):
        manifest[key] = []
    (folder / "dataset.json").write_text(json.dumps(manifest), encoding="utf-8")
    best = BEST if run.recipe.predict.ema else BEST_RAW
    for pattern in (f"{best}*", "snapshot-*.safetensors*"):
        for file in run.checkpoints.glob(pattern):
            shutil.copy(file, checkpoints)
