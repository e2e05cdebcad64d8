"""Exports for other programs: a plain ONNX file, and a folder of OpenVINO's own format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.backends.telemetry import forbid_telemetry
from intarsia.bundles import Description
from intarsia.images import whole_folder

MODEL = "model.xml"


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
    preprocessing = described.preprocessing
    entries: dict[str, Any] = {
        "intarsia": described.to_json(),
        "model_type": "Segmentor",
        "class_names": {str(label.id): label.name for label in described.labels.classes},
        "tiles_overlap": round(100 * described.settings.overlap),
        # the most probable class wins, however probable
        "seg_thresh": described.settings.threshold or 0.0,
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


def intermediate_representation(model: bytes, folder: Path) -> Path:
    """Writes `model.xml` and `model.bin` of an ONNX file; the first one's path."""
    forbid_telemetry()
    import openvino

    converted = openvino.Core().read_model(model)
    path = folder / MODEL
    openvino.save_model(converted, path, compress_to_fp16=False)
    return path


def write_representation(
    source: Path, out: Path, described: Description, texts: Mapping[str, str]
) -> None:
    """A folder with the network that lies at `source`, `model.json` about it, and texts by name.

    Raises:
        DataError: the folder is not empty, or cannot be replaced.
        IntarsiaError: nothing can be written there.
    """
    with whole_folder(out, apart_from=(), flag="--out") as folder:
        for name in (MODEL, MODEL.replace(".xml", ".bin")):
            (folder / name).write_bytes(source.with_name(name).read_bytes())
        (folder / "model.json").write_text(_pretty(described.to_json()), encoding="utf-8")
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")


def _pretty(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
