"""What every figure of a run needs of its evaluation, summed by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from intarsia.errors import DataError

Numbers = NDArray[np.float64]
Unit = Literal["group", "image"]


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """Pixels by group and class: the sums that resampling weighs and adds.

    `values` is float64 (S, G, 3, K): for each of S repeats (trainings of one recipe), G groups and
    K classes the pixels hit, of truth and predicted. `groups` are the (G,) names, sorted, `images`
    the (G,) numbers of images. `unit` is `image` where every image is a group of its own.
    """

    values: Numbers
    groups: tuple[str, ...]
    images: tuple[int, ...]
    unit: Unit

    @property
    def repeats(self) -> int:
        return int(self.values.shape[0])

    @property
    def classes(self) -> int:
        return int(self.values.shape[-1])

    @property
    def unit_name(self) -> str:
        """What the groups are called in a sentence."""
        return "images" if self.unit == "image" else "groups"

    @property
    def present(self) -> NDArray[np.int64]:
        """(K,) in how many groups each class stands in the truth."""
        return np.asarray((self.values[0, :, 1] > 0).sum(axis=0), np.int64)


def count_groups(
    matrices: NDArray[np.integer] | Sequence[NDArray[np.integer]],
    groups: Sequence[str] | None = None,
) -> GroupCounts:
    """Sums per-image confusion matrices by group.

    Args:
        matrices: (N, K, K) of one run, rows truth, columns prediction, or S such arrays of its
            repeats, all on the same N images in the same order. Columns beyond K are answers that
            are no class: pixels that an annotator left out.
        groups: (N,) the group (sequence, patient, source image) of every image; without it each
            image counts as independent of the others.

    Raises:
        DataError: the arrays are not confusion matrices of the same images, or the groups are
            not as many.

    >>> counts = count_groups(np.array([[[3, 1], [0, 4]], [[2, 0], [1, 1]]]), ["a", "a"])
    >>> counts.values.tolist()  # one repeat, one group: hits, truth, predicted
    [[[[5.0, 5.0], [6.0, 6.0], [6.0, 6.0]]]]
    """
    stack = _stacked(matrices)
    images = stack.shape[1]
    if groups is not None and len(groups) != images:
        raise DataError(
            f"{len(groups)} groups for {images} images", expected="the group of every image"
        )
    if groups is None:
        names = [f"{index}" for index in range(images)]
        index = np.arange(images)
    else:
        names = sorted(set(groups))
        place = {name: at for at, name in enumerate(names)}
        index = np.array([place[name] for name in groups])
    predicted = stack.sum(axis=-2)[..., : stack.shape[-2]]
    each = np.stack(
        [np.diagonal(stack, axis1=-2, axis2=-1), stack.sum(axis=-1), predicted], axis=-2
    ).astype(np.float64)
    values = np.zeros((len(stack), len(names), *each.shape[2:]))
    for at, image in zip(index, np.moveaxis(each, 1, 0), strict=True):
        values[:, at] += image
    if not np.array_equal(
        values[:, :, 1], np.broadcast_to(values[:1, :, 1], values[:, :, 1].shape)
    ):
        raise DataError(
            "the repeats have not seen the same truth",
            expected="one label map, the same images in the same order",
            hint="evaluate all repeats on the same data and split",
        )
    return GroupCounts(
        values=values,
        groups=tuple(names),
        images=tuple(int(n) for n in np.bincount(index, minlength=len(names))),
        unit="image" if len(names) == images else "group",
    )


def _stacked(matrices: NDArray[np.integer] | Sequence[NDArray[np.integer]]) -> NDArray[np.integer]:
    """(S, N, K, K), checked; those of one run are not copied, as they may be large."""
    repeats = [matrices] if isinstance(matrices, np.ndarray) else [np.asarray(m) for m in matrices]
    if not repeats:
        raise DataError("no confusion matrices", expected="those of one run or more")
    shapes = sorted({repeat.shape for repeat in repeats})
    if len(shapes) != 1:
        raise DataError(
            "the repeats differ in images or classes: " + ", ".join(map(str, shapes)),
            expected="matrices (N, K, K) of the same images",
        )
    shape = shapes[0]
    if len(shape) != 3 or shape[1] > shape[2] or 0 in shape:
        raise DataError(
            f"not confusion matrices of images: an array of shape {shape}",
            expected="(images, classes, classes), none of them 0",
        )
    stack = repeats[0][None] if len(repeats) == 1 else np.stack(repeats)
    if not np.issubdtype(stack.dtype, np.integer):
        raise DataError(f"confusion matrices of {stack.dtype}", expected="whole numbers of pixels")
    if stack.min() < 0:
        raise DataError("a confusion matrix with negative counts", expected="numbers of pixels")
    return stack
