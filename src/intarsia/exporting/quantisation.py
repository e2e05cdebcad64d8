"""8-bit networks: post-training quantisation by NNCF."""

from __future__ import annotations

import contextlib
import io
import logging
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

_MOST_BYTES = 400_000_000  # of what is kept for the calibration


def network_inputs(
    inference: Inference, images: Iterable[Pixels], *, classes: int, most: int
) -> list[Batch]:
    """What the network would see of these images, as float32 (1, C, H, W), at most so many.

    They come by the way that a prediction takes: the same fit, tiles and normalisation.
    """
    seen: list[Batch] = []

    def record(batch: Batch) -> Batch:
        for each in batch:
            if len(seen) < most and sum(kept.nbytes for kept in seen) < _MOST_BYTES:
                seen.append(np.ascontiguousarray(each[None]))
        return np.zeros((len(batch), classes, *batch.shape[2:]), np.float32)

    recording = replace(inference, network=record, flip=False, scales=(1.0,), refine=None)
    for image in images:
        before = len(seen)
        recording.mask(image)
        if len(seen) == before:
            break
    return seen


def quantise(model: bytes, inputs: Sequence[Batch]) -> bytes:
    """The ONNX file with 8-bit weights and activations, calibrated on these inputs.

    Convolutions compute in int8 (QuantizeLinear and DequantizeLinear around them), symmetric
    weights and asymmetric activations, with the bias corrected (Nagel et al., "Data-free
    quantization through weight equalization and bias correction", ICCV 2019).
    """
    forbid_telemetry()
    import nncf
    import onnx

    logging.getLogger("nncf").setLevel(logging.ERROR)
    given: Any = onnx.load_model_from_string(model)
    calibration = nncf.Dataset([{INPUT: batch} for batch in inputs])
    with contextlib.redirect_stdout(io.StringIO()):  # its bars would stand among the results
        made = nncf.quantize(
            given,
            calibration,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
        )
    data: bytes = made.SerializeToString()
    return data
