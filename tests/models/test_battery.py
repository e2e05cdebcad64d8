"""What every network must do, whatever it is: one parametrised battery over the whole table."""

import copy

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from intarsia.batches.training_batches import _bounds
from intarsia.errors import ModelError
from intarsia.exporting.graph import export_graph
from intarsia.models import architecture_names, build_model, encoder_of, model_names, preset_names

CLASSES = 3
IGNORED = 255

# timm's tiny models of many families; each architecture meets at least one
ENCODERS = {
    "deeplabv3": ["test_efficientnet"],
    "deeplabv3plus": ["test_convnext"],
    "dpt": ["test_vit"],
    "fpn": ["test_convnext"],
    "linknet": ["test_efficientnet"],
    "manet": ["test_mambaout"],
    "pan": ["test_resnet"],
    "pspnet": ["test_nfnet"],
    "segformer": ["test_mambaout"],
    "unet": ["test_resnet", "test_convnext", "test_efficientnet", "test_mambaout", "test_byobnet"],
    "unetplusplus": ["test_mambaout"],
    "upernet": ["test_convnext2"],
}
CASES = [(name, None) for name in preset_names()]
CASES += [(name, encoder) for name, encoders in ENCODERS.items() for encoder in encoders]

SMALL = [(33, 65), (90, 122)]
LARGE = (361, 479)
SMALLEST = {"pan": 128}  # its poolings leave nothing of less

# pooling to a fixed grid is written into the graph with the size it was traced at
FIXED_IN_ONNX = {"upernet", "pspnet"}


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "-".join(filter(None, c)))
def case(request):
    """Name, encoder and network, in evaluation mode; tests that train take a copy."""
    torch.manual_seed(0)
    name, encoder = request.param
    return name, encoder, build_model(name, classes=CLASSES, encoder=encoder).eval()


def fitting(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """The size, with as many odd pixels more as the network needs."""
    height, width = (n if n >= SMALLEST.get(name, 1) else n + SMALLEST[name] for n in size)
    return height, width


def check_size(name: str, model: nn.Module, size: tuple[int, int]) -> None:
    size = fitting(name, size)
    with torch.inference_mode():
        logits = model(torch.randn(1, 3, *size))
    assert logits.shape == (1, CLASSES, *size)
    assert logits.isfinite().all()


def test_every_name_is_in_the_battery():
    assert {name for name, _ in CASES} == set(model_names())
    assert set(ENCODERS) == set(architecture_names())


@pytest.mark.parametrize("size", SMALL)
def test_one_image_of_an_odd_size(case, size):
    name, _, model = case
    check_size(name, model, size)


@pytest.mark.parametrize("name", ["unet-mobilenetv2", "deeplabv3plus-resnet34"])
def test_a_larger_odd_size_of_a_few(name):
    check_size(name, build_model(name, classes=CLASSES).eval(), LARGE)


@pytest.mark.slow
def test_a_larger_odd_size(case):
    name, _, model = case
    check_size(name, model, LARGE)


def test_too_small_is_said_and_what_is_large_enough(case):
    name, _, model = case
    if name not in SMALLEST:
        check_size(name, model, (1, 1))
        return
    with pytest.raises(ModelError, match=r"64x64 px are too few") as error:
        model(torch.zeros(1, 3, 64, 64))
    assert error.value.expected == "128x128 px at least"


def test_a_step_lowers_the_loss_and_ignored_pixels_do_not_count(case):
    name, _, model = case
    model = copy.deepcopy(model).train()
    # three samples in batches of two: the one left over joins them
    ((start, end),) = _bounds(3, 2)
    # nothing to pad: a layer norm over exact zeros, which fresh biases leave there, is so steep
    # that no step is small enough
    size = fitting(name, (64, 96))
    torch.manual_seed(1)
    images = torch.randn(end - start, 3, *size)
    target = torch.randint(0, CLASSES, (end - start, *size))
    target[:, :5] = IGNORED
    target[-1, :, 20:] = IGNORED
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORED)

    def step_loss() -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(2)  # the same units dropped
        logits = model(images)
        return criterion(logits, target), logits

    before, logits = step_loss()
    logits.retain_grad()
    before.backward()
    assert before.isfinite()
    ignored = (target == IGNORED).unsqueeze(1).expand_as(logits)
    assert logits.grad[ignored].count_nonzero() == 0
    assert logits.grad[~ignored].count_nonzero() > 0
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    if (encoder := encoder_of(model)) is not None:
        first = next(iter(encoder.parameters()))
        assert first.grad is not None
        assert first.grad.count_nonzero() > 0
    length = torch.stack([gradient.norm() for gradient in gradients]).norm()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.001 * parameter.grad / length
    after, _ = step_loss()
    assert after < before


def test_a_saved_state_gives_the_same_output_again(case, tmp_path):
    name, encoder, model = case
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, tmp_path / "w")
    torch.manual_seed(3)
    other = build_model(name, classes=CLASSES, encoder=encoder).eval()
    images = torch.randn(1, 3, *fitting(name, (33, 65)))
    with torch.inference_mode():
        expected = model(images)
        assert not torch.equal(other(images), expected)
        other.load_state_dict(load_file(tmp_path / "w"))
        assert torch.equal(other(images), expected)


@pytest.mark.slow
def test_exported_to_onnx_it_takes_other_sizes(case):
    name, _, model = case
    graph = export_graph(model, channels=3, size=fitting(name, (66, 97)))
    # a name whose export has been mended must leave the list
    assert (graph.size is not None) == (name in FIXED_IN_ONNX)
