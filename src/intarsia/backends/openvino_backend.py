"""OpenVINO as a plain function from images to logits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intarsia.backends.telemetry import forbid_telemetry
from intarsia.errors import BundleError

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def openvino_network(
    model: bytes | Path, weights: bytes | None = None, *, precision: str = "fp32"
) -> Network:
    """float32 (B, C, H, W) to float32 (B, K, H, W) on the CPU.

    `model` is an ONNX file's bytes, or OpenVINO's own format: an `.xml` with its `.bin` beside it,
    or the bytes of both. `precision` bf16 computes in bfloat16, fp32 and int8 what the model
    holds. One call runs at a time; it has all threads.

    Raises:
        BundleError: OpenVINO cannot use the model.
    """
    forbid_telemetry()
    import openvino

    wanted = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = openvino.Core()
    try:
        compiled = core.compile_model(core.read_model(model, weights), "CPU", wanted)
    except RuntimeError as error:
        raise BundleError(f"OpenVINO cannot use the network: {error}") from error
    one_at_a_time = threading.Lock()

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with one_at_a_time:
            return np.asarray(compiled(images)[0], np.float32)

    return run
