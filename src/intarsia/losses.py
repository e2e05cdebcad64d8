"""The training losses, computed in fp32 whatever the precision of the network.

Every loss takes logits (B, K, H, W) and a target (B, H, W) int64 of class ids, and gives a
scalar. Pixels whose target is `ignore_index` contribute nothing; a batch of only such pixels
gives 0 with zero gradients. One logit (K = 1) is the sigmoid logit of class 1: it is taken as the
two logits (0, z), whose softmax is that sigmoid, so that the same code serves both heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from intarsia.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

LOSS_NAMES: tuple[str, ...] = (
    "cross-entropy",
    "dice",
    "cross-entropy+dice",
    "focal",
    "lovasz",
    "cross-entropy+lovasz",
)

Loss = Callable[["Tensor", "Tensor"], "Tensor"]

_TINY = 1e-12


def build_loss(
    name: str,
    *,
    classes: int,
    ignore_index: int,
    class_weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Loss:
    """The loss called `name`; `a+b` is the plain sum of the two.

    `class_weights` (classes,) float weigh the pixels of cross-entropy and focal loss; their mean
    is divided by the sum of the weights, as in torch. Dice and Lovász already count every class
    present alike and take none. `gamma` is the exponent of the focal loss.

    - `dice`: soft Dice, 1 - 2|P·T| / (|P| + |T|) over the batch, averaged over the classes
      present in it (Milletari et al., 2016, with the plain sum in the denominator)
    - `focal`: (1 - p)^gamma times cross-entropy (Lin et al., 2017)
    - `lovasz`: Lovász-Softmax over the batch and the classes present (Berman et al., 2018)

    Raises RecipeError for an unknown name, a negative gamma, or weights that are not one
    finite non-negative number a class.

    >>> import torch
    >>> loss = build_loss("cross-entropy", classes=2, ignore_index=255)
    >>> round(float(loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[1, 255]]]))), 4)
    0.6931
    """
    if name not in LOSS_NAMES:
        raise RecipeError(f'unknown loss "{name}"', hint=did_you_mean(name, LOSS_NAMES))
    if not 0 <= gamma < float("inf"):
        raise RecipeError(f"the focal exponent is {gamma}", expected="gamma of 0 or more")
    # one sigmoid logit still decides between two classes
    counted_classes = max(classes, 2)
    if class_weights is not None:
        _check_weights(class_weights, counted_classes)
    terms = name.split("+")

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        import torch

        scores = logits.float()
        if scores.shape[1] == 1:
            scores = torch.cat([torch.zeros_like(scores), scores], dim=1)
        log_probabilities = torch.log_softmax(scores, dim=1)
        counted = target != ignore_index
        values: list[Tensor] = []
        for term in terms:
            if term == "cross-entropy":
                values.append(
                    _focal(log_probabilities, target, counted, weights=class_weights, gamma=0.0)
                )
            elif term == "focal":
                values.append(
                    _focal(log_probabilities, target, counted, weights=class_weights, gamma=gamma)
                )
            elif term == "dice":
                values.append(_dice(log_probabilities.exp(), target, counted))
            else:
                values.append(_lovasz(log_probabilities.exp(), target, counted))
        return torch.stack(values).sum()

    return loss


def _check_weights(weights: Tensor, classes: int) -> None:
    if tuple(weights.shape) != (classes,):
        raise RecipeError(
            f"{weights.numel()} class weights for {classes} classes",
            where="loss.class_weights",
            expected="one weight a class",
        )
    if not bool(weights.isfinite().all()) or bool((weights < 0).any()):
        raise RecipeError(
            f"class weights are not all finite and 0 or more: {weights.tolist()}",
            where="loss.class_weights",
        )


def _focal(
    log_probabilities: Tensor,
    target: Tensor,
    counted: Tensor,
    *,
    weights: Tensor | None,
    gamma: float,
) -> Tensor:
    """Focal loss; with `gamma` 0 exactly cross-entropy."""
    # ignored pixels look up class 0 and are then weighted by 0
    ids = target.masked_fill(~counted, 0)
    log_p = log_probabilities.gather(1, ids.unsqueeze(1)).squeeze(1)
    pixel_weights = counted.to(log_p.dtype)
    if weights is not None:
        pixel_weights = pixel_weights * weights.to(log_p)[ids]
    values = -log_p
    if gamma:
        # below 1e-6 the slope of x^gamma (gamma < 1) would be infinite, times a loss of 0: NaN
        values = values * (-log_p.expm1()).clamp(min=1e-6).pow(gamma)
    return (values * pixel_weights).sum() / pixel_weights.sum().clamp(min=_TINY)


def _dice(probabilities: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    import torch

    classes = probabilities.shape[1]
    ids = torch.arange(classes, device=target.device).reshape(1, -1, 1, 1)
    member = target.unsqueeze(1) == ids
    overlap = (probabilities * member).sum(dim=(0, 2, 3))
    mass = (probabilities * counted.unsqueeze(1)).sum(dim=(0, 2, 3))
    size = member.sum(dim=(0, 2, 3))
    present = size > 0
    dice = 2 * overlap / (mass + size).clamp(min=_TINY)
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)


def _lovasz(probabilities: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    import torch

    classes = probabilities.shape[1]
    pixels = probabilities.movedim(1, -1)[counted]
    ids = target[counted]
    sizes = torch.bincount(ids, minlength=classes).tolist()
    values = []
    for index in range(classes):
        size = sizes[index]
        if size == 0:
            continue
        member = ids == index
        errors = torch.where(member, 1 - pixels[:, index], pixels[:, index])
        ordered, order = errors.sort(descending=True)
        hits = member[order]
        # The slope is the step of the Jaccard distance 1 - I/U as pixels turn wrong in this
        # order, in closed form: differences of neighbouring quotients would cancel in fp32.
        intersection = size - hits.cumsum(0)
        union = (size + (~hits).cumsum(0)).to(errors.dtype)
        step = torch.where(hits, 1 / union, intersection / (union * (union - 1)).clamp(min=1))
        values.append((ordered * step).sum())
    if not values:
        return probabilities.sum() * 0
    return torch.stack(values).mean()
