import pytest
import torch

from intarsia.backends import device
from intarsia.backends.torch_backend import torch_network
from intarsia.errors import RecipeError


@pytest.mark.parametrize(
    ("features", "precision"),
    [(("AVX2",), "fp32"), (("AVX2", "AVX-512 bf16"), "bf16"), (("NEON", "NEON bf16"), "bf16")],
)
def test_bf16_only_where_the_processor_computes_it(monkeypatch, features, precision):
    monkeypatch.setattr(device, "cpu_features", lambda: features)
    assert device.precision_for("cpu") == precision
    assert device.precision_for("cpu", "fp32") == "fp32"


def test_devices_that_are_not_there_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.select_device("auto") == "cpu"
    with pytest.raises(RecipeError, match="not available"):
        device.select_device("cuda")
    with pytest.raises(RecipeError, match='did you mean "cuda"'):
        device.select_device("cudaa")


def test_fp32_on_a_gpu_is_fp32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert device.select_device("cpu") == "cpu"
    assert torch.backends.cudnn.allow_tf32
    assert device.select_device() == "cuda"
    assert not torch.backends.cudnn.allow_tf32


def test_a_network_is_a_plain_function_in_evaluation_mode():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    images = torch.randn(2, 3, 5, 7)
    network = torch_network(model)
    expected = model.eval()(images).detach().numpy()
    assert network(images.numpy()) == pytest.approx(expected, abs=1e-5)
