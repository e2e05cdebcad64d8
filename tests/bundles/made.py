"""Bundles made by hand: a network of one convolution, without torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from intarsia.bundles import Description, SelfTest, pack
from intarsia.bundles.self_test import write_self_tests
from intarsia.images import Scaling
from intarsia.inference import Settings
from intarsia.labels import LabelMap
from intarsia.recipe import Recipe
from intarsia.transforms import Preprocessing

LABELS = LabelMap.of(["ground", "box"], [(10, 20, 30), (200, 100, 0)])
# class 1 where the mean of the channels, normalised, is above 0: a value above 127.5
WEIGHTS = np.array([[-1, -1, -1], [1, 1, 1]], np.float32)[:, :, None, None]


def description(**changes) -> Description:
    made = Description(
        name="made",
        data="shapes",
        labels=LABELS,
        preprocessing=Preprocessing(
            (32, 48), "crop", Scaling(0, 255, "8 bit"), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
        ),
        settings=Settings(),
        channel_names=(),
        page=None,
        suffixes=(".png",),
        precision="fp32",
        runtimes=("onnxruntime", "openvino"),
        size=None,
        license="CC0-1.0",
        version="0.1.0",
    )
    return replace(made, **changes)


def network(weights: np.ndarray = WEIGHTS, *, external: bool = False) -> bytes:
    """An ONNX file: one convolution of 1 x 1."""
    kernel = numpy_helper.from_array(weights, "kernel")
    classes, channels = weights.shape[:2]
    if external:
        kernel.ClearField("raw_data")
        kernel.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "/etc/hostname"), ("offset", "0"), ("length", "24")):
            entry = kernel.external_data.add()
            entry.key, entry.value = key, value
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "kernel"], ["logits"])],
        "made",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", channels, "h", "w"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", classes, "h", "w"])],
        [kernel],
    )
    opset = [helper.make_opsetid("", 17)]
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return made.SerializeToString()


def picture(size=(41, 67), seed=0) -> np.ndarray:
    """Bright boxes on a noisy ground, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 80, (*size, 3))
    image[5:30, 10:40] += 140
    return image.astype(np.uint8)


def expected(image: np.ndarray) -> np.ndarray:
    """The mask of `network` by hand."""
    return (image.mean(axis=2) > 127.5).astype(np.uint8)


def members(**changes: bytes) -> dict[str, bytes]:
    tests = tuple(SelfTest(picture(seed=n), expected(picture(seed=n))) for n in range(2))
    recipe = Recipe().model_dump_json(by_alias=True).encode()
    made = {
        "model.onnx": network(),
        "recipe.json": recipe,
        "card.json": b'{"schema": 1, "limits": ["made by hand"]}',
        "card.md": b"# made\n",
        "gate.json": b'{"passed": true}',
        **write_self_tests(tests),
    }
    return {**made, **changes}


def write_bundle(path: Path, described: Description | None = None, **changes: bytes) -> Path:
    """A whole bundle; `changes` replace members."""
    path.write_bytes(pack((described or description()).to_json(), members(**changes)))
    return path
