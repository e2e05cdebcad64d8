import pytest
import torch
from torch import nn

from intarsia.models.conv_unet import STRIDE, conv_unet, conv_unet_3x3
from intarsia.models.padding import PadToStride


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def keras_count(module: nn.Module) -> int:
    """Parameters and running statistics: four numbers a batch-norm channel."""
    moments = [b for n, b in module.named_buffers() if not n.endswith("num_batches_tracked")]
    return parameters(module) + sum(b.numel() for b in moments)


def rows(model: nn.Module) -> list[int]:
    return [keras_count(m) for m in (*model.down, model.bottleneck, *model.up, model.head)]


def by_hand(inputs: int, outputs: int, kernel: int) -> int:
    return kernel * kernel * inputs * outputs + outputs + 4 * outputs


@pytest.mark.parametrize(
    ("build", "kernel", "total", "trainable"),
    [(conv_unet, 1, 178_529, 176_609), (conv_unet_3x3, 3, 1_563_745, 1_561_825)],
)
def test_parameters_row_by_row_as_keras_counts(build, kernel, total, trainable):
    model = build(1, 3)
    blocks = [(3, 32), (32, 64), (64, 128), (128, 256), (256, 256), (384, 128), (192, 64), (96, 32)]
    assert rows(model) == [*(by_hand(a, b, kernel) for a, b in blocks), 9 * 64 + 1]
    assert keras_count(model) == total
    assert parameters(model) == trainable


def test_published_rows_in_figures():
    assert rows(conv_unet(1, 3)) == [
        256,
        2_368,
        8_832,
        34_048,
        66_816,
        49_792,
        12_608,
        3_232,
        577,
    ]


@pytest.mark.parametrize("build", [conv_unet, conv_unet_3x3])
@pytest.mark.parametrize("size", [(33, 65), (90, 122), (512, 16)])
def test_any_size_in_is_the_same_size_out(build, size):
    model = PadToStride(build(2, 1), STRIDE).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 1, *size)).shape == (1, 2, *size)


def changed_region(model: nn.Module, row: int, column: int) -> tuple[int, int, int, int]:
    """First and last row, first and last column of the logits that one pixel can change."""
    images = torch.rand(1, 3, 64, 80, dtype=torch.float64)
    # by so much that no maximum on the way can hide it
    brighter = images.clone()
    brighter[:, :, row, column] += 50.0
    with torch.inference_mode():
        differs = (model(images) - model(brighter)).abs().amax(dim=(0, 1)) > 1e-9
    ys, xs = differs.nonzero(as_tuple=True)
    return int(ys.min()), int(ys.max()), int(xs.min()), int(xs.max())


def random_double(build) -> nn.Module:
    torch.manual_seed(4)
    model = build(1, 3).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0.0, 0.3)
    return model


def test_one_by_one_kernels_see_their_own_block_of_16_and_nothing_else():
    model = random_double(conv_unet)
    # pixel (37, 21) lies in rows 32-47, columns 16-31; the 3x3 head adds one pixel all around
    assert changed_region(model, 37, 21) == (31, 48, 15, 32)
    # across a block's border the neighbor's fate is another block's
    assert changed_region(model, 48, 21) == (47, 63, 15, 32)


def test_one_by_one_kernels_do_not_know_the_order_within_a_pooled_pair():
    # within an aligned 2x2 block only the head and the block's own skip can tell pixels apart
    model = random_double(conv_unet)
    images = torch.rand(1, 3, 64, 80, dtype=torch.float64)
    shuffled = images.clone()
    shuffled[:, :, 32, 16], shuffled[:, :, 33, 17] = images[:, :, 33, 17], images[:, :, 32, 16]
    with torch.inference_mode():
        differs = (model(images) - model(shuffled)).abs().amax(dim=(0, 1)) > 1e-9
    ys, xs = differs.nonzero(as_tuple=True)
    assert (int(ys.min()), int(ys.max()), int(xs.min()), int(xs.max())) == (31, 34, 15, 18)


def test_three_by_three_kernels_see_beyond_the_block():
    top, bottom, left, right = changed_region(random_double(conv_unet_3x3), 37, 21)
    assert top < 31
    assert bottom > 48
    assert left < 15
    assert right > 32


def test_the_graph_is_the_written_one():
    torch.manual_seed(5)
    model = conv_unet_3x3(2, 3).eval()
    images = torch.randn(1, 3, 32, 48)
    pool, up = nn.MaxPool2d(2), nn.UpsamplingNearest2d(scale_factor=2)
    with torch.inference_mode():
        full = model.down[0](images)
        pool1 = pool(full)
        pool2 = pool(model.down[1](pool1))
        pool3 = pool(model.down[2](pool2))
        x = model.bottleneck(pool(model.down[3](pool3)))
        assert x.shape == (1, 256, 2, 3)
        for block, skip in zip(model.up, (pool3, pool2, pool1), strict=True):
            x = block(torch.cat([up(x), skip], dim=1))
        x = torch.cat([up(x), full], dim=1)
        assert x.shape == (1, 64, 32, 48)
        assert torch.allclose(model(images), model.head(x), atol=1e-6)


def test_blocks_are_convolution_norm_and_leaky_relu():
    torch.manual_seed(0)
    model = conv_unet(1, 3)
    convolution, norm, activation = model.down[0]
    assert convolution.kernel_size == (1, 1)
    assert isinstance(norm, nn.BatchNorm2d)
    assert activation(torch.tensor([-1.0, 2.0])).tolist() == pytest.approx([-0.3, 2.0])
    # Glorot normal: variance 2 / (inputs + outputs)
    kernel = model.bottleneck[0].weight
    assert kernel.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.02)
    assert model.head.bias.tolist() == [0.0]
    # from scratch: nothing that pretrained weights could fill
    assert not hasattr(model, "encoder")
