"""A network as an ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from intarsia.backends.onnx_backend import onnx_network
from intarsia.backends.torch_backend import Network, mean_logits, torch_network
from intarsia.errors import BundleError, ExportError
from intarsia.exporting.parity import MAX_APART

INPUT = "images"
LOGITS, PROBABILITIES = "logits", "probabilities"

# Traced with two images of odd sizes, each padded by another number: what the exporter takes for a
# constant is then not a common case. Large enough for the network that needs most (PAN, 128 px).
TRACED = (134, 163)
# Sizes that nothing was traced at: what was baked in shows at them.
_OTHERS = ((1, 201, 147), (3, 161, 258))


@dataclass(frozen=True)
class Graph:
    """An ONNX file's bytes; `size` is the only (height, width) it takes, with the `reason`."""

    data: bytes
    size: tuple[int, int] | None = None
    reason: str = ""


class Ensemble(nn.Module):
    """Several networks as one: the logits of their mean probabilities."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return mean_logits([member(images) for member in self.members])


class Probabilities(nn.Module):
    """A network whose logits (B, K, H, W) are turned into probabilities; one logit into two."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        if logits.shape[1] == 1:
            second = logits.sigmoid()
            return torch.cat([1 - second, second], dim=1)
        return logits.softmax(dim=1)


def whole_network(models: Sequence[nn.Module]) -> nn.Module:
    """The one network that predicts: the model itself, or the ensemble of several."""
    return (models[0] if len(models) == 1 else Ensemble(models)).eval()


def export_graph(
    model: nn.Module,
    *,
    channels: int,
    size: tuple[int, int],
    fixed: bool = False,
    output: str = LOGITS,
) -> Graph:
    """The network as ONNX for any batch, height and width; for `size` alone where it cannot be.

    Whether it can is found by trying: the exported graph must give what the network gives at
    sizes that it was not traced at (UPerNet and PSPNet bake the sizes of their pools in). With
    `fixed` only `size` is tried.

    Raises:
        ExportError: not even that can be exported, with what the exporter said.
    """
    reason = "asked for"
    if not fixed:
        try:
            data = _exported(model, channels, TRACED, (0, 2, 3), output)
            said = _disagreement(model, data, channels, [(1, *TRACED), *_OTHERS])
        except _Refused as error:
            said = str(error)
        if said is None:
            return Graph(data)
        reason = said
    try:
        data = _exported(model, channels, size, (0,), output)
        said = _disagreement(model, data, channels, [(1, *size), (3, *size)])
    except _Refused as error:
        said = str(error)
    if said is not None:
        raise ExportError(
            f"the network cannot be exported to ONNX: {said}",
            expected="a network of the closed table, or one that torch.onnx.export takes",
            hint="another model.name or model.encoder; docs/deploy.md has those that export",
        )
    return Graph(data, size, reason)


class _Refused(Exception):
    """The exporter cannot do it."""


def _exported(
    model: nn.Module, channels: int, size: tuple[int, int], free: Sequence[int], output: str
) -> bytes:
    images = torch.zeros(2, channels, *size)
    dimensions = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
    with warnings.catch_warnings(), _quiet("torch.onnx", "torch.export", "onnxscript", "onnx_ir"):
        # torch and onnxscript about their own insides: nothing that a user could mend
        warnings.filterwarnings("ignore", module=r"(torch|onnxscript|onnx_ir|copyreg)\b")
        try:
            program = torch.onnx.export(
                model,
                (images,),
                dynamo=True,
                dynamic_shapes=(dimensions,),
                input_names=[INPUT],
                output_names=[output],
                verbose=False,
            )
        except Exception as error:  # anything that tracing a network may raise
            raise _Refused(_first_line(error)) from error
    if program is None:
        raise _Refused("the exporter gave nothing")
    made = program.model_proto
    del made.graph.value_info[:]  # shapes inside, as formulas: each runtime finds its own
    for value in (*made.graph.input, *made.graph.output):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if axis in free:
                dimension.dim_param = ("batch", "", "height", "width")[axis]
    data: bytes = made.SerializeToString()
    return data


def _disagreement(
    model: nn.Module, data: bytes, channels: int, shapes: Sequence[tuple[int, int, int]]
) -> str | None:
    """What is wrong with an exported graph; None where it gives what the network gives."""
    reference = torch_network(model)
    try:
        network = onnx_network(data, device="cpu")
    except BundleError as error:
        return error.what
    for batch, height, width in shapes:
        size = f"{batch} x {height}x{width} px"
        rng = np.random.default_rng(height)
        images = rng.standard_normal((batch, channels, height, width), np.float32)
        expected = reference(images)
        try:
            found = network(images)
        except Exception as error:  # ONNX Runtime's have no common class
            return f"at {size} it fails ({_first_line(error)})"
        if found.shape != expected.shape:
            return f"at {size} it gives {found.shape}, not {expected.shape}"
        apart = float(np.abs(found - expected).max()) / max(float(expected.std()), 1e-6)
        if not apart < MAX_APART:
            return f"at {size} its logits are {apart:.1g} deviations away"
    return None


def logits_of(network: Network) -> Network:
    """A network that gives probabilities, as one that gives logits: their logarithms."""

    def run(images: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
        return np.log(np.maximum(network(images), np.float32(1e-30)))

    return run


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    text = lines[0] if lines else type(cause).__name__
    return text if len(text) <= 200 else f"{text[:199]}…"


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Loggers that say less while it lasts."""
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    try:
        for logger in levels:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
