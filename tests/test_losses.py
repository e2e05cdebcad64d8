import numpy as np
import pytest
import torch
import torch.nn.functional as F
from segmentation_models_pytorch.losses import BINARY_MODE, DiceLoss, FocalLoss, LovaszLoss

from intarsia.errors import RecipeError
from intarsia.losses import LOSS_NAMES, build_loss

IGNORE = 255


def batch(classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and a target of odd, non-square size with ignored pixels; class 3 never occurs."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 7, 13, generator=random) * 2
    target = torch.randint(0, max(2, classes - 1), (2, 7, 13), generator=random)
    target[:, 0] = IGNORE
    target[1, 3:5, 2:9] = IGNORE
    return logits, target


def test_cross_entropy_is_torch_s() -> None:
    logits, target = batch()
    weights = torch.tensor([0.5, 1.0, 3.0, 2.0])
    plain = build_loss("cross-entropy", classes=4, ignore_index=IGNORE)
    weighted = build_loss("cross-entropy", classes=4, ignore_index=IGNORE, class_weights=weights)
    expected = F.cross_entropy(logits, target, ignore_index=IGNORE)
    torch.testing.assert_close(plain(logits, target), expected)
    expected = F.cross_entropy(logits, target, weight=weights, ignore_index=IGNORE)
    torch.testing.assert_close(weighted(logits, target), expected)


def test_dice_by_hand() -> None:
    # p(class 1) = 0.5 everywhere; truth 0, 1, 1 and one ignored pixel:
    # dice 0 = 2·0.5 / (1.5 + 1) = 0.4; dice 1 = 2·1 / (1.5 + 2) = 4/7; class 2 is absent
    logits = torch.tensor([0.0, 0.0, -100.0]).reshape(1, 3, 1, 1).repeat(1, 1, 1, 4)
    target = torch.tensor([[[0, 1, 1, IGNORE]]])
    loss = build_loss("dice", classes=3, ignore_index=IGNORE)
    assert float(loss(logits, target)) == pytest.approx(1 - (0.4 + 4 / 7) / 2)


def test_dice_of_smp() -> None:
    logits, target = batch(classes=3)
    assert sorted(target.unique().tolist()) == [0, 1, IGNORE]
    present = DiceLoss("multiclass", ignore_index=IGNORE, classes=[0, 1], eps=0.0)
    loss = build_loss("dice", classes=3, ignore_index=IGNORE)
    torch.testing.assert_close(loss(logits, target), present(logits, target))


def test_focal_by_hand() -> None:
    # p = 1/4 at a counted pixel: (3/4)^2 · ln 4
    logits = torch.zeros(1, 4, 1, 2)
    target = torch.tensor([[[2, IGNORE]]])
    loss = build_loss("focal", classes=4, ignore_index=IGNORE, gamma=2.0)
    assert float(loss(logits, target)) == pytest.approx(0.5625 * np.log(4))


def test_focal_of_one_logit_is_smp_s() -> None:
    logits, target = batch(classes=1)
    reference = FocalLoss(BINARY_MODE, ignore_index=IGNORE, gamma=3.0)
    loss = build_loss("focal", classes=1, ignore_index=IGNORE, gamma=3.0)
    torch.testing.assert_close(loss(logits, target), reference(logits, target))


def test_focal_without_exponent_is_cross_entropy() -> None:
    logits, target = batch()
    focal = build_loss("focal", classes=4, ignore_index=IGNORE, gamma=0.0)
    plain = build_loss("cross-entropy", classes=4, ignore_index=IGNORE)
    torch.testing.assert_close(focal(logits, target), plain(logits, target))


def test_lovasz_by_hand() -> None:
    # Class 1 with p = 0.25 at its one pixel, 0.5 at the other. Errors of class 1: 0.75 (its own),
    # 0.5: steps of the Jaccard distance 1, 0. Class 0 (own pixel p = 0.5, other 0.75): errors
    # 0.75 (not its own), 0.5 (own): steps 1/2, 1/2.
    p = torch.tensor([[0.5, 0.5], [0.75, 0.25]])
    logits = p.log().T.reshape(1, 2, 1, 2)
    target = torch.tensor([[[0, 1]]])
    loss = build_loss("lovasz", classes=2, ignore_index=IGNORE)
    expected = (0.75 + (0.75 * 0.5 + 0.5 * 0.5)) / 2
    assert float(loss(logits, target)) == pytest.approx(expected)


def test_lovasz_of_smp_with_gradients() -> None:
    logits, target = batch()
    logits.requires_grad_()
    reference = LovaszLoss("multiclass", ignore_index=IGNORE)(logits, target)
    (expected,) = torch.autograd.grad(reference, logits)
    ours = build_loss("lovasz", classes=4, ignore_index=IGNORE)(logits, target)
    (gradient,) = torch.autograd.grad(ours, logits)
    torch.testing.assert_close(ours, reference)
    torch.testing.assert_close(gradient, expected)


def test_lovasz_of_hard_predictions_is_one_minus_iou() -> None:
    _, target = batch(classes=3)
    guess = torch.randint(0, 2, target.shape, generator=torch.Generator().manual_seed(7))
    logits = F.one_hot(guess, 3).movedim(-1, 1).float() * 200
    counted = target != IGNORE
    ious = []
    for index in (0, 1):
        truth, found = (target == index) & counted, (guess == index) & counted
        ious.append(float((truth & found).sum() / (truth | found).sum()))
    loss = build_loss("lovasz", classes=3, ignore_index=IGNORE)(logits, target)
    assert float(loss) == pytest.approx(1 - sum(ious) / 2, abs=1e-6)


@pytest.mark.parametrize("name", ["cross-entropy+dice", "cross-entropy+lovasz"])
def test_a_sum_is_the_sum(name: str) -> None:
    logits, target = batch()
    both = build_loss(name, classes=4, ignore_index=IGNORE)(logits, target)
    parts = [
        build_loss(part, classes=4, ignore_index=IGNORE)(logits, target) for part in name.split("+")
    ]
    torch.testing.assert_close(both, parts[0] + parts[1])


def test_one_logit_is_binary_cross_entropy() -> None:
    logits, target = batch(classes=1)
    counted = target != IGNORE
    loss = build_loss("cross-entropy", classes=1, ignore_index=IGNORE)
    expected = F.binary_cross_entropy_with_logits(logits[:, 0][counted], target[counted].float())
    torch.testing.assert_close(loss(logits, target), expected)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_one_logit_equals_two(name: str) -> None:
    logits, target = batch(classes=1)
    weights = torch.tensor([1.0, 2.0])
    one = build_loss(name, classes=1, ignore_index=IGNORE, class_weights=weights)
    two = build_loss(name, classes=2, ignore_index=IGNORE, class_weights=weights)
    pair = torch.cat([torch.zeros_like(logits), logits], dim=1)
    torch.testing.assert_close(one(logits, target), two(pair, target))


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_ignored_pixels_contribute_nothing(name: str, classes: int) -> None:
    logits, target = batch(classes)
    loss = build_loss(name, classes=classes, ignore_index=IGNORE)
    changed = logits.clone()
    changed.movedim(1, -1)[target == IGNORE] = 1000.0
    torch.testing.assert_close(loss(changed, target), loss(logits, target))
    logits.requires_grad_()
    loss(logits, target).backward()
    assert logits.grad is not None
    assert bool((logits.grad.movedim(1, -1)[target == IGNORE] == 0).all())
    assert bool((logits.grad.movedim(1, -1)[target != IGNORE] != 0).any())


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_fully_ignored_batch_is_zero(name: str, classes: int) -> None:
    logits, target = batch(classes)
    logits.requires_grad_()
    value = build_loss(name, classes=classes, ignore_index=IGNORE)(
        logits, torch.full_like(target, IGNORE)
    )
    value.backward()
    assert float(value.detach()) == 0
    assert logits.grad is not None
    assert not bool(logits.grad.any())


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_certain_predictions_keep_gradients_finite(name: str, gamma: float) -> None:
    for sign in (1, -1):
        target = batch()[1]
        logits = F.one_hot(target.masked_fill(target == IGNORE, 0), 4).movedim(-1, 1) * 1e4 * sign
        logits = logits.float().requires_grad_()
        value = build_loss(name, classes=4, ignore_index=IGNORE, gamma=gamma)(logits, target)
        value.backward()
        assert bool(value.isfinite())
        assert logits.grad is not None
        assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_half_precision_logits_are_computed_in_fp32(name: str) -> None:
    logits, target = batch()
    half = logits.bfloat16()
    loss = build_loss(name, classes=4, ignore_index=IGNORE)
    value = loss(half, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(half.float(), target))


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_few_steps_learn(name: str) -> None:
    _, target = batch(classes=3)
    logits = torch.zeros(2, 3, 7, 13, requires_grad=True)
    loss = build_loss(name, classes=3, ignore_index=IGNORE)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(40):
        optimizer.zero_grad()
        loss(logits, target).backward()
        optimizer.step()
    counted = target != IGNORE
    assert bool((logits.argmax(1) == target)[counted].all())


def test_faults_are_named() -> None:
    with pytest.raises(RecipeError, match="unknown loss") as caught:
        build_loss("lovas", classes=2, ignore_index=IGNORE)
    assert '"lovasz"' in str(caught.value)
    with pytest.raises(RecipeError, match="2 class weights for 3 classes"):
        build_loss("dice", classes=3, ignore_index=IGNORE, class_weights=torch.ones(2))
    with pytest.raises(RecipeError, match="not all finite"):
        build_loss(
            "focal", classes=2, ignore_index=IGNORE, class_weights=torch.tensor([1, float("nan")])
        )
    with pytest.raises(RecipeError, match="exponent"):
        build_loss("focal", classes=2, ignore_index=IGNORE, gamma=-1.0)
