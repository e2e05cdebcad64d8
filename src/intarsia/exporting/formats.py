"""Exports for other programs: a plain ONNX file, and a folder of OpenVINO's own format."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.backends.telemetry import forbid_telemetry
from intarsia.bundles import Description
from intarsia.images import whole_folder

MODEL, WEIGHTS = "model.xml", "model.bin"


def with_metadata(model: bytes, described: Description) -> bytes:
    """The ONNX file with everything around it as metadata.

    Under `intarsia` stands the description of a bundle. The other keys are those that the QGIS
    plugin Deepness reads, each as JSON (its documentation, "Adding metadata to ONNX model").
    """
    import onnx

    made = onnx.load_model_from_string(model)
    for key, value in metadata(described).items():
        entry = made.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    data: bytes = made.SerializeToString()
    return data


def metadata(described: Description) -> dict[str, Any]:
    """The metadata of a plain ONNX file. Deepness scales 8-bit images only, in square tiles."""
    preprocessing, threshold = described.preprocessing, described.settings.threshold
    entries: dict[str, Any] = {
        "intarsia": described.to_json(),
        "model_type": "Segmentor",
        "class_names": {str(label.id): label.name for label in described.labels.classes},
        "tiles_overlap": round(100 * described.settings.overlap),
        # what is less probable counts as 0 before the most probable class is chosen: below a half
        # it changes nothing, so such a threshold cannot be said
        "seg_thresh": threshold if threshold is not None and threshold > 0.5 else 0.0,
    }
    height, width = described.size or preprocessing.size
    if height == width:
        # the one is what its documentation names, the other what its code reads
        entries["tiles_size"] = entries["tile_size"] = height
    scaling = preprocessing.scaling
    if (scaling.low, scaling.high) == (0, 255) and not scaling.each:
        entries["standardization_mean"] = list(preprocessing.mean)
        entries["standardization_std"] = list(preprocessing.std)
    return entries


def intermediate_representation(model: bytes) -> dict[str, bytes]:
    """The files `model.xml` and `model.bin` of an ONNX file's bytes."""
    forbid_telemetry()
    import openvino

    converted = openvino.Core().read_model(model)
    with tempfile.TemporaryDirectory() as folder:
        # as it is: half the precision would be another network
        openvino.save_model(converted, Path(folder) / MODEL, compress_to_fp16=False)
        return {name: (Path(folder) / name).read_bytes() for name in (MODEL, WEIGHTS)}


def write_representation(out: Path, described: Description, files: Mapping[str, bytes]) -> None:
    """A folder with these files, and `model.json` with what a bundle's description says.

    Raises:
        DataError: the folder is not empty, or cannot be replaced.
        IntarsiaError: nothing can be written there.
    """
    with whole_folder(out, apart_from=(), flag="--out") as folder:
        text = json.dumps(described.to_json(), indent=1, ensure_ascii=False) + "\n"
        for name, data in {"model.json": text.encode(), **files}.items():
            (folder / name).write_bytes(data)
