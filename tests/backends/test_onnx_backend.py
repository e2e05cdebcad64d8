import onnxruntime
import pytest

from bundles.made import network
from intarsia.backends.onnx_backend import onnx_network
from intarsia.errors import RecipeError

CUDA = "CUDAExecutionProvider"


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(RecipeError, match='no "cuda"'):
        onnx_network(network(), device="cuda")


def test_fp32_on_a_gpu_is_no_tf32(monkeypatch):
    asked = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, model, options, providers):
            asked.append(providers)
            super().__init__(model, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    onnx_network(network())
    assert asked == [[(CUDA, {"use_tf32": "0"})]]
