import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from intarsia.errors import ModelError
from intarsia.models.resnet18_deconv import (
    PRETRAINED,
    STRIDE,
    ResNet18Deconv,
    resnet18_deconv,
    resnet18_deconv_skip,
)
from intarsia.models.weights import load_encoder_weights

CLASSES = 9


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def randomized(model: nn.Module) -> nn.Module:
    # timm starts the last batch norm of every block at zero: such a network would hide mistakes
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.2, generator=generator)
            nn.init.normal_(module.running_mean, 0.0, 0.2, generator=generator)
    return model.eval()


def test_parameters_row_by_row():
    model = resnet18_deconv(CLASSES, 3)
    assert count(model.encoder) == 11_176_512
    # kernel 9ab + bias b + batch norm 2b
    assert [count(stage) for stage in model.decoder] == [
        1_180_416,
        295_296,
        73_920,
        18_528,
        9_312,
    ]
    assert count(model.head) == 32 * 9 * 9 + 9
    assert count(model) == 12_756_585


def test_the_published_four_stage_head_has_its_count_and_not_the_input_size():
    model = ResNet18Deconv(CLASSES, 3, skips=False, stages=4).eval()
    assert count(model) == 12_747_273
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 67, 119)).shape == (1, CLASSES, 34, 60)
    with pytest.raises(ModelError, match="6 stages"):
        ResNet18Deconv(CLASSES, 3, skips=False, stages=6)


def test_skips_cost_no_parameters_and_change_the_output():
    torch.manual_seed(0)
    plain, skip = randomized(resnet18_deconv(CLASSES, 3)), resnet18_deconv_skip(CLASSES, 3).eval()
    assert count(skip) == count(plain)
    assert list(skip.state_dict()) == list(plain.state_dict())
    skip.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 33, 65)
    with torch.inference_mode():
        assert not torch.allclose(plain(images), skip(images), atol=1e-3)


@pytest.mark.parametrize("build", [resnet18_deconv, resnet18_deconv_skip])
def test_any_size_in_is_the_same_size_out_without_padding(build):
    assert STRIDE == 1
    model = build(CLASSES, 2).eval()
    with torch.inference_mode():
        for size in [(67, 119), (33, 65), (90, 122), (64, 96), (1, 1), (2, 35)]:
            assert model(torch.randn(1, 2, *size)).shape == (1, CLASSES, *size)


@pytest.mark.parametrize("skips", [False, True])
def test_the_decoder_is_the_written_formula(skips):
    # output_padding = target - (2n - 1), targets from the encoder's own maps, skips 3, 2, 1
    torch.manual_seed(1)
    model = randomized(ResNet18Deconv(4, 3, skips=skips))
    images = torch.randn(2, 3, 67, 119)
    with torch.inference_mode():
        stem, layer1, layer2, layer3, layer4 = model.encoder(images)
        features = layer4
        added = [layer3, layer2, layer1, None, None]
        targets = [layer3, layer2, layer1, stem, images]
        seen = set()
        for stage, target, skip in zip(model.decoder, targets, added, strict=True):
            paddings = [target.shape[i] - (2 * features.shape[i] - 1) for i in (2, 3)]
            seen.update(paddings)
            features = F.conv_transpose2d(
                features,
                stage.transposed.weight,
                stage.transposed.bias,
                stride=2,
                padding=1,
                output_padding=paddings,
            )
            features = F.relu(stage.norm(features))
            if skips and skip is not None:
                features = features + skip
        expected = model.head(features)
        assert seen == {0, 1}
        assert expected.shape == (2, 4, 67, 119)
        assert torch.allclose(model(images), expected, atol=1e-5)


def test_the_encoder_is_torchvisions_by_weights_and_by_features():
    torch.manual_seed(2)
    theirs = randomized(resnet18(weights=None))
    ours = resnet18_deconv(CLASSES, 3).encoder.eval()
    said = load_encoder_weights(ours, theirs.state_dict(), pretrained=PRETRAINED, source="file")
    assert said == [
        "encoder weights from file: 120 tensors",
        "left out of that file, a classifier: fc.weight, fc.bias",
    ]
    expected = []
    # the stem's map is what goes into the max-pooling
    theirs.maxpool.register_forward_pre_hook(lambda _, inputs: expected.append(inputs[0].clone()))
    for layer in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
        layer.register_forward_hook(lambda _, inputs, output: expected.append(output.clone()))
    images = torch.randn(1, 3, 61, 90)
    with torch.inference_mode():
        theirs(images)
        maps = ours(images)
    assert [m.shape[1] for m in maps] == [64, 64, 128, 256, 512]
    for ours_map, theirs_map in zip(maps, expected, strict=True):
        assert theirs_map.std() > 0.05
        assert torch.allclose(ours_map, theirs_map, atol=1e-4)


def test_a_frozen_encoder_leaves_the_new_layers_to_learn():
    torch.manual_seed(0)
    model = resnet18_deconv_skip(3, 3)
    model.encoder.requires_grad_(False)
    model(torch.randn(2, 3, 33, 45)).square().mean().backward()
    new = [*model.decoder.parameters(), *model.head.parameters()]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in new)
    assert all(p.grad is None for p in model.encoder.parameters())


@pytest.mark.slow
def test_one_exported_graph_takes_other_sizes():
    torch.manual_seed(0)
    model = randomized(resnet18_deconv_skip(3, 3))
    any_size = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    graph = torch.export.export(
        model, (torch.randn(1, 3, 67, 93),), dynamic_shapes={"images": any_size}
    ).module()
    with torch.inference_mode():
        for size in [(64, 96), (90, 122), (33, 65), (95, 128)]:
            images = torch.randn(1, 3, *size)
            assert torch.allclose(graph(images), model(images), atol=1e-4)
