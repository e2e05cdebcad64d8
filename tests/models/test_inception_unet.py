import pytest
import torch
from torch import nn

from intarsia.models.inception_unet import STRIDE, InceptionBlock, inception_unet
from intarsia.models.padding import PadToStride


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def keras_count(module: nn.Module) -> int:
    """Parameters and running statistics: four numbers a batch-norm channel."""
    moments = [b for n, b in module.named_buffers() if not n.endswith("num_batches_tracked")]
    return parameters(module) + sum(b.numel() for b in moments)


def test_parameters_row_by_row_as_keras_counts():
    model = inception_unet(1, 3)
    blocks = [*model.down, model.bottleneck, *model.up]
    assert [keras_count(block) for block in blocks] == [
        2_104,
        9_520,
        36_960,
        145_600,
        178_368,
        77_920,
        19_760,
        5_080,
    ]
    assert keras_count(model.head) == 577
    assert keras_count(model) == 475_889
    assert parameters(model) == 472_529


def test_concatenations_are_the_published_ones():
    model = inception_unet(1, 3)
    channels = [block.point[0].in_channels for block in model.up]
    assert [*channels, model.head.in_channels] == [384, 192, 96, 64]


@pytest.mark.parametrize("size", [(33, 65), (90, 122)])
def test_any_size_in_is_the_same_size_out(size):
    model = PadToStride(inception_unet(3, 1), STRIDE).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 1, *size)).shape == (1, 3, *size)


def identity_branches(block: InceptionBlock) -> None:
    """The pointwise branches pass their first channel on; a slope for negatives stays out of it."""
    for branch in (block.point, block.pooled):
        nn.init.ones_(branch[0].weight)
        nn.init.zeros_(branch[0].bias)


def test_the_pooling_branch_pads_at_the_right_and_bottom_as_keras_does():
    block = InceptionBlock(1, 4).eval()
    identity_branches(block)
    image = torch.tensor([[[[1.0, 5.0, 2.0], [4.0, 3.0, 7.0]]]])
    with torch.inference_mode():
        output = block(image)
    assert output.shape == (1, 4, 2, 3)
    # windows of rows i, i+1 and columns j, j+1, cut off at the end; an epsilon of the batch norm
    expected = torch.tensor([[5.0, 7.0, 7.0], [4.0, 7.0, 7.0]])
    assert torch.allclose(output[0, 3], expected, atol=1e-3)
    assert torch.allclose(output[0, 2], image[0, 0], atol=1e-3)
    with torch.inference_mode():
        negative = block(image - 10)[0, 3]
    # padding is no zero: the maxima of negative numbers stay negative (slope 0.3)
    assert torch.allclose(negative, 0.3 * (expected - 10), atol=1e-3)


def test_four_branches_with_their_own_reach():
    torch.manual_seed(0)
    block = InceptionBlock(2, 8).double().eval()
    image = torch.rand(1, 2, 9, 11, dtype=torch.float64)
    changed = image.clone()
    changed[:, :, 4, 5] += 3
    with torch.inference_mode():
        differs = (block(image) - block(changed)).abs()[0] > 1e-9
    reach = []
    for branch in differs.reshape(4, 2, 9, 11).any(dim=1):
        ys, xs = branch.nonzero(as_tuple=True)
        reach.append((int(ys.min()), int(ys.max()), int(xs.min()), int(xs.max())))
    # two 3x3; one 3x3; 1x1; a window that starts at the pixel or one before it
    assert reach == [(2, 6, 3, 7), (3, 5, 4, 6), (4, 4, 5, 5), (3, 4, 4, 5)]


def test_norm_and_leaky_relu_follow_every_convolution_of_a_block():
    block = InceptionBlock(3, 32)
    units = [*block.deep, *block.shallow, block.point, block.pooled]
    assert [unit[0].kernel_size[0] for unit in units] == [1, 3, 3, 1, 3, 1, 1]
    for unit in units:
        assert isinstance(unit[1], nn.BatchNorm2d)
        assert unit[2](torch.tensor([-1.0])).item() == pytest.approx(-0.3)


def test_a_network_from_scratch_has_no_encoder_and_gives_logits():
    torch.manual_seed(0)
    model = inception_unet(1, 3).eval()
    assert not hasattr(model, "encoder")
    with torch.inference_mode():
        logits = model(20 * torch.randn(1, 3, 32, 48))
    assert logits.min() < 0
    assert logits.max() > 1
