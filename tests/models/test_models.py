import pytest
import timm
import torch
import torchvision

from intarsia.errors import ModelError
from intarsia.models import (
    architecture_names,
    build_model,
    encoder_of,
    model_names,
    parameter_count,
    preset_names,
    pretrained_name,
    pretrained_statistics,
)


def trunk(model: torch.nn.Module, *classifiers: str) -> int:
    """Parameters of another library's network without its classifier."""
    return sum(p.numel() for n, p in model.named_parameters() if not n.startswith(classifiers))


def normed(inputs: int, outputs: int, kernel: int) -> int:
    """A convolution without biases and its batch norm."""
    return kernel * kernel * inputs * outputs + 2 * outputs


def separable(inputs: int, outputs: int) -> int:
    """3x3 of each channel, then 1x1, then a batch norm."""
    return 9 * inputs + normed(inputs, outputs, 1)


def pyramid(inputs: int, atrous: int) -> int:
    """ASPP of 256 channels: 1x1, three atrous of this size each, pooling, and their projection."""
    return 2 * normed(inputs, 256, 1) + 3 * atrous + normed(5 * 256, 256, 1)


def unet_decoder(inputs: list[int], skips: list[int]) -> int:
    widths = [256, 128, 64, 32, 16]
    levels = zip([inputs[0], *widths], skips, widths, strict=False)
    return sum(normed(a + skip, b, 3) + normed(b, b, 3) for a, skip, b in levels)


@pytest.mark.parametrize(
    ("name", "classes", "count"),
    [
        ("mini-unet", 6, 31_037_958),
        ("unet-mobilenetv2", 5, 6_629_525),
        ("unet-mobilenetv2", 6, 6_629_670),
    ],
)
def test_parameter_counts_are_the_published_ones(name, classes, count):
    assert parameter_count(build_model(name, classes=classes)) == count


def test_the_parts_of_unet_mobilenetv2_are_the_published_ones():
    network = build_model("unet-mobilenetv2", classes=6).network
    theirs = trunk(torchvision.models.mobilenet_v2(weights=None), "classifier")
    assert parameter_count(network.encoder) == theirs == 2_223_872
    by_hand = unet_decoder([1280], [96, 32, 24, 16, 0])
    assert parameter_count(network.decoder) == by_hand == 4_404_928


def test_parameters_of_unet_resnet34():
    network = build_model("unet-resnet34", classes=12).network
    theirs = trunk(torchvision.models.resnet34(weights=None), "fc")
    assert parameter_count(network.encoder) == theirs == 21_284_672
    by_hand = unet_decoder([512], [256, 128, 64, 64, 0])
    assert parameter_count(network.decoder) == by_hand == 3_151_552
    head = 9 * 16 * 12 + 12
    assert parameter_count(network) == theirs + by_hand + head == 24_437_964


def test_parameters_of_deeplabv3_xception():
    network = build_model("deeplabv3-xception", classes=12).network
    theirs = trunk(timm.create_model("xception41"), "head")
    assert parameter_count(network.encoder) == theirs
    decoder = pyramid(2048, normed(2048, 256, 3)) + normed(256, 256, 3)
    assert parameter_count(network.decoder) == decoder
    assert parameter_count(network) == theirs + decoder + 256 * 12 + 12 == 41_049_084


def test_parameters_of_deeplabv3plus_resnet34():
    network = build_model("deeplabv3plus-resnet34", classes=12).network
    encoder = trunk(torchvision.models.resnet34(weights=None), "fc")
    assert parameter_count(network.encoder) == encoder
    decoder = pyramid(512, separable(512, 256)) + separable(256, 256)
    decoder += normed(64, 48, 1) + separable(256 + 48, 256)
    assert parameter_count(network) == encoder + decoder + 256 * 12 + 12 == 22_440_284


def dilations(encoder: torch.nn.Module) -> set[int]:
    convolutions = (m for m in encoder.modules() if isinstance(m, torch.nn.Conv2d))
    return {c.dilation[0] for c in convolutions if c.kernel_size[0] > 1}


@pytest.mark.parametrize(("output_stride", "expected"), [(16, {1, 2}), (8, {1, 2, 4})])
@pytest.mark.parametrize("name", ["deeplabv3-xception", "deeplabv3plus-resnet34"])
def test_the_encoder_itself_is_atrous(name, output_stride, expected):
    model = build_model(name, classes=2, output_stride=output_stride, atrous_rates=[1, 2, 3])
    assert dilations(encoder_of(model)) == expected
    with torch.inference_mode():
        last = encoder_of(model.eval())(torch.zeros(1, 3, 64, 96))[-1]
    assert last.shape[-2:] == (64 // output_stride, 96 // output_stride)


def test_only_the_last_blocks_of_xception_are_atrous():
    blocks = encoder_of(build_model("deeplabv3-xception", classes=2)).model
    dilated = {
        name for name, block in blocks.named_children() if max(dilations(block), default=1) > 1
    }
    assert dilated == {"blocks_12"}


def test_atrous_rates_reach_the_decoder_and_follow_the_output_stride():
    def rates(**settings):
        model = build_model("deeplabv3", encoder="test_resnet", classes=2, **settings)
        return sorted(dilations(model.network.decoder))

    assert rates() == [1, 6, 12, 18]
    assert rates(output_stride=8) == [1, 12, 24, 36]
    assert rates(atrous_rates=(2, 3, 5)) == [1, 2, 3, 5]


def test_strides_and_rates_are_refused_where_there_are_none():
    takers = "deeplabv3, deeplabv3-xception, deeplabv3plus, deeplabv3plus-resnet34"
    for name, settings in (
        ("mini-unet", {"output_stride": 8}),
        ("unet", {"atrous_rates": [6, 12, 18]}),
    ):
        with pytest.raises(ModelError, match="no atrous") as error:
            build_model(name, classes=2, **settings)
        assert error.value.expected == f"one of {takers}"
    for settings in ({"output_stride": 32}, {"atrous_rates": [6, 12]}, {"atrous_rates": [0, 1, 2]}):
        with pytest.raises(ModelError, match=r"output stride 32|atrous rates"):
            build_model("deeplabv3-xception", classes=2, **settings)


def test_unknown_names_and_counts_are_refused():
    with pytest.raises(ModelError, match='did you mean "mini-unet"'):
        build_model("mini-unett", classes=3)
    with pytest.raises(ModelError, match="preset"):
        build_model("mini-unet", classes=3, encoder="resnet18")
    with pytest.raises(ModelError, match="at least one"):
        build_model("mini-unet", classes=0)


def test_each_name_is_a_preset_or_an_architecture():
    assert sorted(preset_names() + architecture_names()) == model_names()
    assert "unet" in architecture_names()
    assert "unet-resnet34" in preset_names()


def test_networks_from_scratch_have_no_encoder():
    scratch = ["conv-unet", "conv-unet-3x3", "inception-unet", "mini-unet"]
    assert [name for name in preset_names() if pretrained_name(name) is None] == scratch
    assert all(encoder_of(build_model(name, classes=2)) is None for name in scratch)
    assert pretrained_statistics("mini-unet") is None


def test_what_the_weights_expect_of_an_image():
    assert pretrained_statistics("unet-resnet34") == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert pretrained_statistics("deeplabv3-xception")[0] == (0.5, 0.5, 0.5)
    assert pretrained_statistics("fpn", "convnext_tiny")[1] == (0.229, 0.224, 0.225)
