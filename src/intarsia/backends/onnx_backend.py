"""ONNX Runtime as a plain function from images to logits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import BundleError, RecipeError

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# fp32 is fp32: on a GPU it would be TF32, with 10 bits of 23
_OPTIONS = {"cpu": {}, "cuda": {"use_tf32": "0"}}


def onnx_network(model: bytes, *, device: str = "auto") -> Network:
    """float32 (B, C, H, W) to float32 (B, K, H, W), by the ONNX file whose bytes these are.

    `device` is auto (cuda where this build of ONNX Runtime has it), cpu or cuda. Several threads
    may call the function at once.

    Raises:
        RecipeError: cuda is asked for, and this build has none.
        BundleError: ONNX Runtime cannot use the model.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if device == "auto":
        device = "cuda" if _PROVIDERS["cuda"] in available else "cpu"
    if _PROVIDERS[device] not in available:
        raise RecipeError(
            f'this ONNX Runtime has no "{device}"',
            expected=", ".join(available),
            hint="pip install onnxruntime-gpu, or --device cpu",
        )
    options = onnxruntime.SessionOptions()
    # never its own format, which is a flat buffer that nobody has looked into
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4  # its errors come as exceptions, no need to print them too
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[(_PROVIDERS[device], _OPTIONS[device])]
        )
    except Exception as error:  # its errors have no common class
        raise BundleError(f"ONNX Runtime cannot use the network: {error}") from error
    (given,) = (each.name for each in session.get_inputs())

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = session.run(None, {given: images})[0]
        return logits

    return run
