import os
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v2

from intarsia.models.mobilenetv2_pix2pix_unet import STRIDE, UNUSED, mobilenetv2_pix2pix_unet
from intarsia.models.padding import PadToStride
from intarsia.models.weights import load_encoder_weights, read_state

DATA = Path(os.environ.get("INTARSIA_DATA", Path(__file__).parents[3] / "shared/data"))
WEIGHTS = DATA.parent / "weights/mobilenet_v2_imagenet_features.pth"


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def keras_count(module: nn.Module) -> int:
    """Parameters and running statistics: four numbers a batch-norm channel."""
    moments = [b for n, b in module.named_buffers() if not n.endswith("num_batches_tracked")]
    return parameters(module) + sum(b.numel() for b in moments)


def torchvision_trunk() -> nn.Module:
    """torchvision's own network, its batch norms no longer all alike."""
    torch.manual_seed(1)
    network = mobilenet_v2(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.2)
            nn.init.normal_(module.running_mean, 0.0, 0.1)
    return network.eval()


def cut(state):
    return {k: v for k, v in state.items() if not k.startswith(UNUSED)}


def test_parameters_row_by_row_as_keras_counts():
    model = mobilenetv2_pix2pix_unet(3, 3)
    rows = [model.encoder, *model.decoder, model.head]
    assert [keras_count(row) for row in rows] == [
        1_841_984,
        1_476_608,
        2_507_776,
        516_608,
        156_928,
        4_323,
    ]
    assert keras_count(model) == 6_504_227
    trainable = parameters(model) - parameters(model.encoder)
    assert trainable == 4_660_323
    # Keras' frozen: the encoder and the moments of the up blocks' batch norms
    assert keras_count(model) - trainable == 1_843_904
    assert 1_843_904 - 1_841_984 == 2 * (512 + 256 + 128 + 64)


@pytest.mark.parametrize(("size", "scale"), [((128, 128), 1), ((33, 65), None), ((90, 122), None)])
def test_any_size_in_is_the_same_size_out(size, scale):
    network = mobilenetv2_pix2pix_unet(3, 3)
    model = PadToStride(network, STRIDE).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 3, *size)).shape == (1, 3, *size)
        if scale:
            taps = network.encoder(torch.randn(1, 3, *size))
            assert [(t.shape[1], *t.shape[2:]) for t in taps] == [
                (96, 64, 64),
                (144, 32, 32),
                (192, 16, 16),
                (576, 8, 8),
                (320, 4, 4),
            ]


def test_taps_are_torchvisions_own_outputs():
    theirs = torchvision_trunk()
    encoder = mobilenetv2_pix2pix_unet(3, 3).encoder.eval()
    encoder.load_state_dict(cut(theirs.features.state_dict(prefix="features.")))
    expected = []
    blocks = theirs.features
    for tapped in (
        blocks[2].conv[0],
        blocks[4].conv[0],
        blocks[7].conv[0],
        blocks[14].conv[0],
        blocks[17].conv[2],
    ):
        tapped.register_forward_hook(lambda _, inputs, output: expected.append(output.clone()))
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        theirs(images)
        taps = encoder(images)
    for ours, wanted in zip(taps, expected, strict=True):
        assert wanted.std() > 1e-3
        assert torch.allclose(ours, wanted, atol=1e-5)
    # expansions come after ReLU6, the projection has no activation
    assert all(tap.min() == 0 and tap.max() <= 6 for tap in taps[:-1])
    assert taps[-1].min() < 0


@pytest.mark.parametrize("prefix", ["features.", ""])
def test_the_loader_takes_torchvisions_names(prefix):
    state = torchvision_trunk().features.state_dict(prefix="features.")
    kept = cut(state)
    file = {prefix + k.removeprefix("features."): v for k, v in kept.items()}
    encoder = mobilenetv2_pix2pix_unet(3, 3).encoder
    said = load_encoder_weights(encoder, file, pretrained="mobilenetv2_100", source="file")
    assert said == [f"encoder weights from file: {len(kept)} tensors"]
    assert all(torch.equal(v, state[k]) for k, v in encoder.state_dict().items())
    # batch norm of the projection: 5 tensors; the last convolution and its batch norm: 6
    assert len(state) - len(kept) == 11


@pytest.mark.realdata
def test_the_imagenet_file_fills_the_encoder():
    encoder = mobilenetv2_pix2pix_unet(3, 3).encoder
    state = cut(read_state(WEIGHTS))
    said = load_encoder_weights(encoder, state, pretrained=None, source="file")
    assert said == ["encoder weights from file: 301 tensors"]


def test_other_channel_counts():
    model = mobilenetv2_pix2pix_unet(2, 5).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 5, 32, 64)).shape == (1, 2, 32, 64)


def test_concatenation_is_up_then_tap_in_the_order_13_6_3_1():
    torch.manual_seed(0)
    model = mobilenetv2_pix2pix_unet(3, 3).eval()
    images = torch.randn(1, 3, 64, 32)
    with torch.inference_mode():
        block1, block3, block6, block13, features = model.encoder(images)
        for up, tap in zip(model.decoder, (block13, block6, block3, block1), strict=True):
            features = torch.cat([up(features), tap], dim=1)
        assert torch.allclose(model(images), model.head(features), atol=1e-6)
        assert features.shape == (1, 64 + 96, 32, 16)


def test_up_blocks_start_as_pix2pix_does_and_double_the_size():
    torch.manual_seed(0)
    model = mobilenetv2_pix2pix_unet(3, 3)
    for up in model.decoder:
        kernel = up[0].weight
        assert up[0].bias is None
        assert kernel.mean().abs() < 2e-4
        assert kernel.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.head.bias is not None
    assert model.decoder[0](torch.zeros(1, 320, 3, 5)).shape == (1, 512, 6, 10)
