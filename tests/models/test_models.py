import pytest
import torch

from intarsia.errors import ModelError
from intarsia.models import build_model, model_names, parameter_count


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


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("size", [(33, 65), (1, 1), (45, 61)])
def test_any_size_in_is_the_same_size_out(name, size):
    torch.manual_seed(0)
    model = build_model(name, classes=3).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize("name", model_names())
def test_one_step_lowers_the_loss_with_ignored_pixels(name):
    torch.manual_seed(0)
    model = build_model(name, classes=3, channels=2)
    images = torch.randn(2, 2, 33, 45)
    target = torch.randint(0, 3, (2, 33, 45))
    target[:, :5] = 255
    loss = torch.nn.CrossEntropyLoss(ignore_index=255)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    first = loss(model(images), target)
    first.backward()
    optimizer.step()
    assert loss(model(images), target) < first


def test_unknown_names_and_counts_are_refused():
    with pytest.raises(ModelError, match='did you mean "mini-unet"'):
        build_model("mini-unett", classes=3)
    with pytest.raises(ModelError, match="preset"):
        build_model("mini-unet", classes=3, encoder="resnet18")
    with pytest.raises(ModelError, match="at least one"):
        build_model("mini-unet", classes=0)
