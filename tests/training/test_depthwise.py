"""Which convolutions leave autocast, and that nothing else of them changes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from intarsia.training.depthwise import keep_depthwise_fp32


def _under_bf16(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model(images)


@pytest.mark.parametrize(
    ("convolution", "kept"),
    [
        (nn.Conv2d(4, 4, 3, stride=2, groups=4), True),
        (nn.Conv2d(4, 4, 3, dilation=2, groups=4), True),
        (nn.Conv2d(4, 8, 5, groups=4), True),
        (nn.Conv2d(4, 4, 3, groups=4), False),  # bf16 has a kernel for these
        (nn.Conv2d(4, 4, 3, stride=2, groups=2), False),
        (nn.Conv2d(4, 4, 3, stride=2), False),
        (nn.Conv2d(1, 4, 3, stride=2), False),
    ],
)
def test_only_slow_depthwise_convolutions_leave_autocast(
    convolution: nn.Conv2d, kept: bool
) -> None:
    model = nn.Sequential(convolution)
    assert keep_depthwise_fp32(model) == int(kept)
    images = torch.randn(2, convolution.in_channels, 9, 14)
    answer = _under_bf16(model, images)
    assert answer.dtype == (torch.float32 if kept else torch.bfloat16)
    if kept:
        assert torch.equal(answer, model(images))


def test_names_copies_and_gradients_are_as_before() -> None:
    model = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, groups=4), nn.Conv2d(4, 2, 1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    keep_depthwise_fp32(model)
    twin = copy.deepcopy(model)
    twin.load_state_dict(before)
    assert list(twin.state_dict()) == list(before)
    # an input in bf16, as it comes from the layer before, has its gradient in bf16
    images = torch.randn(2, 4, 9, 14, dtype=torch.bfloat16, requires_grad=True)
    answer = _under_bf16(twin, images)
    assert answer.dtype == torch.bfloat16  # the 1x1 convolution after it is under autocast again
    torch.autograd.backward(answer.sum())
    assert images.grad is not None
    assert images.grad.dtype == torch.bfloat16
    gradient = twin[0].get_parameter("weight").grad
    assert gradient is not None
    assert gradient.dtype == torch.float32
