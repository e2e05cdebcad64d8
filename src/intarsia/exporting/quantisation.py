"""8-bit networks: post-training quantisation by NNCF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.backends.telemetry import forbid_telemetry
from intarsia.exporting.graph import INPUT
from intarsia.inference import Inference
from intarsia.transforms import Pixels

Batch = NDArray[np.float32]


def network_inputs(inference: Inference, images: Iterable[Pixels], most: int) -> list[Batch]:
    """What the network sees of these images, as float32 (1, C, H, W), at most so many.

    They come by the way that a prediction takes: the same fit, tiles and normalisation.
    """
    seen: list[Batch] = []

    def record(batch: Batch) -> Batch:
        room = most - len(seen)
        seen.extend(np.ascontiguousarray(each[None]) for each in batch[: max(0, room)])
        logits: Batch = inference.network(batch)
        return logits

    recording = replace(inference, network=record, flip=False, scales=(1.0,), refine=None)
    for image in images:
        if len(seen) >= most:
            break
        recording.mask(image)
    return seen


def quantise(model: bytes, inputs: Sequence[Batch]) -> bytes:
    """The ONNX file with 8-bit weights and activations, calibrated on these inputs.

    Convolutions compute in int8 (QuantizeLinear and DequantizeLinear around them), symmetric
    weights and asymmetric activations, with the bias corrected (Nagel et al., "Data-free
    quantization through weight equalization and bias correction", ICCV 2019).
    """
    forbid_telemetry()
    import logging

    import nncf
    import onnx

    logging.getLogger("nncf").setLevel(logging.ERROR)
    given: Any = onnx.load_model_from_string(model)
    calibration = nncf.Dataset([{INPUT: batch} for batch in inputs])
    made = nncf.quantize(
        given,
        calibration,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(inputs),
    )
    data: bytes = made.SerializeToString()
    return data
