"""The metrics of the five reference systems, as their authors computed them. NumPy only.

They are here so that our figures can stand beside the published ones; each misleads, and says how.
The honest sheet is `intarsia.metrics`. R0 to R4 are the systems of `docs/reference-systems.md`;
[I] marks an inference where a report is silent.

Every accumulator takes an image (or a patch) at a time: `add(probabilities, truth)` with softmax
probabilities float32 (K, H, W) and integer ids (H, W). None of the five systems ignored pixels:
what was unlabeled was a class of its own, and is scored here where the data make it one. Pixels
whose truth is `ignore_index` belong to no class and are left out of all of them. A value that
would be 0/0 is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.errors import DataError

LUNGS_THRESHOLD = 200 / 255
"""0.784: R4 scaled probabilities to 0..255 and kept what lies above 200."""

# Keras cuts probabilities so far from 0 and 1 before it takes their logarithm.
_EPSILON = 1e-7

_IGNORE_INDEX = 255


@dataclass
class OneHotMicro:
    """R2's metrics: the (K, H, W) one-hot truth against probabilities cut at `threshold`.

    They treated an image of H x W pixels and K classes as K * H * W yes/no questions: each pixel
    is one positive and K - 1 negatives, "yes" is a probability above 0.5, and all questions are
    counted together (micro). Their own figures prove it: precision =
    sensitivity / (sensitivity + (1 - specificity) * 11) gives their F1 within 0.0012 in all six
    columns of Table I (K = 12). Their Unlabelled is class 11 of the twelve and is scored. They
    may have averaged over batches [I]; here every pixel counts once.

    Why it misleads. Specificity: one wrong pixel is one false positive among K - 1 negatives, so
    that with twelve classes a network that is wrong everywhere still reaches 10/11 = 0.909. F1:
    a pixel whose best probability is below 0.5 is a missing answer and no wrong one, so abstaining
    raises precision and F1 can pass accuracy, although a mask has a class everywhere. Dice: summed
    over the one-hot tensor it is the mean probability of the true class (see `soft_dice`), which
    rewards confidence and knows no overlap. All of them are micro averages: road and sky decide,
    poles and pedestrians hardly count; mean IoU is what shows them.

    Source: R2, U-Net with ResNet34 against DeepLabV3 with Xception on CamVid, Table I.

    >>> scores = OneHotMicro(classes=3)
    >>> probabilities = np.array([[[0.8, 0.4]], [[0.1, 0.3]], [[0.1, 0.3]]], np.float32)
    >>> scores.add(probabilities, np.array([[0, 0]]))
    >>> scores.accuracy, scores.sensitivity, scores.precision, scores.specificity
    (1.0, 0.5, 1.0, 1.0)
    """

    classes: int
    threshold: float = 0.5
    ignore_index: int = _IGNORE_INDEX
    _matrix: metrics.ConfusionMatrix = field(init=False, repr=False)
    _hits: int = field(default=0, init=False, repr=False)
    _answers: int = field(default=0, init=False, repr=False)
    _probability: float = field(default=0.0, init=False, repr=False)
    _surprise: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        self._matrix = _no_counts(self.classes)

    def add(self, probabilities: NDArray[np.float32], truth: NDArray[np.integer]) -> None:
        """Counts one image: float32 (K, H, W) and ids (H, W).

        Raises DataError where shapes, probabilities or ids do not fit.
        """
        self._matrix += _confusion(probabilities, truth, self.classes, self.ignore_index)
        counted = truth != self.ignore_index
        kept = probabilities[:, counted]
        answers = kept > self.threshold
        ids = truth[counted].astype(np.intp)[None]
        own = np.take_along_axis(kept, ids, axis=0).astype(np.float64)
        self._hits += int(np.take_along_axis(answers, ids, axis=0).sum())
        self._answers += int(answers.sum())
        self._probability += float(own.sum())
        self._surprise -= float(np.log(own.clip(_EPSILON, 1 - _EPSILON)).sum())

    @property
    def pixels(self) -> int:
        """The counted pixels, which are the positives of the one-hot truth."""
        return int(self._matrix.sum())

    @property
    def loss(self) -> float | None:
        """Categorical cross-entropy: the mean of -log(probability of the true class), in nats."""
        return _ratio(self._surprise, self.pixels)

    @property
    def accuracy(self) -> float | None:
        """The share of pixels whose most probable class (argmax) is the true one."""
        return metrics.pixel_accuracy(self._matrix)

    @property
    def sensitivity(self) -> float | None:
        """The share of pixels whose true class has more than `threshold`: TP / pixels."""
        return _ratio(self._hits, self.pixels)

    @property
    def specificity(self) -> float | None:
        """1 - FP / (pixels * (K - 1)); at 0.5 never below (K - 2) / (K - 1)."""
        negatives = self.pixels * (self.classes - 1)
        wrong = _ratio(self._answers - self._hits, negatives)
        return None if wrong is None else 1 - wrong

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP), over the pixels that have an answer at all."""
        return _ratio(self._hits, self._answers)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN), the harmonic mean of `precision` and `sensitivity`."""
        return _ratio(2 * self._hits, self._answers + self.pixels)

    @property
    def soft_dice(self) -> float | None:
        """Their "Dice": 2 sum(p t) / (sum(p) + sum(t)) over the one-hot tensor.

        Both sums of the denominator are the number of pixels (a softmax sums to 1), which leaves
        the mean probability of the true class.
        """
        return _ratio(self._probability, self.pixels)


@dataclass
class PerImageMiou:
    """R3's "mIoU" of the transfer model: a mean over images, each over its own classes.

    For one image, every class that occurs in its truth gets IoU = TP / (TP + FP + FN) of that
    image; their mean is the image's score, and the mean of the scores is the figure. The class
    absent from the image's truth is left out even where it was predicted. (They added 1e-10 above
    and below the line, which changes nothing for a class that is present.) An image without a
    counted pixel has no score.

    Why it misleads. A class painted where it does not exist costs nothing of its own: the zero
    that the honest mean IoU would take in is dropped. An image with two easy classes weighs as
    much as one with six, so background, present everywhere, is in every mean, and a class of
    three images is in three. Over all pixels at once (`intarsia.metrics.miou`) every class has
    the same weight.

    Source: R3, transfer learning with U-Net on MobileNetV2, test mIoU 0.618; the function is the
    one in public notebooks with the same network and training loop [I].

    >>> scores = PerImageMiou(classes=2)
    >>> certain = np.eye(2, dtype=np.float32)
    >>> scores.add(certain[:, [[0, 0, 0, 1]]], np.array([[0, 0, 0, 0]]))
    >>> scores.per_image_miou  # class 1, predicted but absent, would have made it 0.375
    0.75
    """

    classes: int
    ignore_index: int = _IGNORE_INDEX
    _scores: list[float] = field(default_factory=list, init=False, repr=False)

    def add(self, probabilities: NDArray[np.float32], truth: NDArray[np.integer]) -> None:
        """Scores one image: float32 (K, H, W) and ids (H, W).

        Raises DataError where shapes, probabilities or ids do not fit.
        """
        matrix = _confusion(probabilities, truth, self.classes, self.ignore_index)
        rows = metrics.class_metrics(matrix, [""] * self.classes)
        present = [row.iou for row in rows if row.support and row.iou is not None]
        if present:
            self._scores.append(sum(present) / len(present))

    @property
    def per_image_miou(self) -> float | None:
        """The mean of the images' scores."""
        return _ratio(sum(self._scores), len(self._scores))


@dataclass
class IndexDice:
    """R3's "Dice" of the mini network, computed on class *indices*. It is no Dice at all.

    2 sum(p * t) / (sum(p + t) + 1e-8), where p and t are the predicted (argmax) and true class
    numbers of the pixels of a batch of four images, averaged over the batches (a last, smaller
    batch counts as much). The formula is a two-class one, right for ids 0 and 1 [I: of the public
    training loop for a binary mask with the same network]; their report's 0.2022 was of that kind
    with six classes.

    Why it misleads. It multiplies names. Class 5 taken for 4 scores 2 * 20 / 9 = 4.4, a right
    class 1 scores 1, a right class 0 counts for nothing; renumbering the classes changes the
    figure, a perfect mask does not give 1, and it can pass 1. It can be compared with no other
    Dice, not even with its own after a class was added.

    Source: R3, mini network, test "Dice" 0.2022.

    >>> scores = IndexDice(classes=6)
    >>> certain = np.eye(6, dtype=np.float32)
    >>> scores.add(certain[:, [[0, 5]]], np.array([[0, 5]]))
    >>> round(scores.index_dice, 6)  # a perfect mask
    5.0
    """

    classes: int
    images_per_batch: int = 4
    ignore_index: int = _IGNORE_INDEX
    _batches: list[tuple[int, int]] = field(default_factory=list, init=False, repr=False)
    _images: int = field(default=0, init=False, repr=False)

    def add(self, probabilities: NDArray[np.float32], truth: NDArray[np.integer]) -> None:
        """Counts one image: float32 (K, H, W) and ids (H, W).

        Raises DataError where shapes, probabilities or ids do not fit.
        """
        matrix = _confusion(probabilities, truth, self.classes, self.ignore_index)
        ids = np.arange(self.classes)
        product = int(ids @ matrix @ ids)
        total = int(ids @ (matrix.sum(axis=1) + matrix.sum(axis=0)))
        if self._images % self.images_per_batch == 0:
            self._batches.append((0, 0))
        before = self._batches[-1]
        self._batches[-1] = (before[0] + product, before[1] + total)
        self._images += 1

    @property
    def index_dice(self) -> float | None:
        """The mean over the batches; 0 for a batch of nothing but class 0."""
        scores = [2 * product / (total + 1e-8) for product, total in self._batches]
        return _ratio(sum(scores), len(scores))


@dataclass
class ThresholdIou:
    """R4's IoU: one figure over all test pixels, of class 1 where it has more than `threshold`.

    They scaled the sigmoid to 0..255, kept what lies above 200 (0.784, `LUNGS_THRESHOLD`), and
    divided the intersection with the lungs of all test images by the union. Their truth had gone
    through the same cut after a 5 x 5 Gaussian blur, which takes one pixel off the rim of every
    lung; here the truth is the mask as drawn. 0.5 is the honest threshold.

    Why it misleads. At 0.784 a network that is right but not sure scores 0.0, so the figure
    mixes calibration with segmentation, and a threshold that is in no table makes two IoU
    incomparable. One sum over all pixels also hides the slices on which it fails: large lungs
    decide.

    Source: R4, lungs in CT, IoU 0.0 / 0.432 / 0.977, and its public notebook.

    >>> scores = ThresholdIou()
    >>> lung = np.array([[0.9, 0.6, 0.1]], np.float32)
    >>> scores.add(np.stack([1 - lung, lung]), np.array([[1, 1, 0]]))
    >>> scores.iou
    0.5
    """

    threshold: float = LUNGS_THRESHOLD
    ignore_index: int = _IGNORE_INDEX
    _matrix: metrics.ConfusionMatrix = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._matrix = _no_counts(2)

    def add(self, probabilities: NDArray[np.float32], truth: NDArray[np.integer]) -> None:
        """Counts one image: float32 (2, H, W), of which class 1 matters, and ids (H, W).

        Raises DataError where shapes, probabilities or ids do not fit.
        """
        _check(probabilities, truth, 2)
        prediction = (probabilities[1] > self.threshold).astype(np.uint8)
        self._matrix += metrics.confusion_matrix(truth, prediction, 2, self.ignore_index)

    @property
    def iou(self) -> float | None:
        """Intersection over union of class 1 over everything added."""
        return metrics.class_metrics(self._matrix, ["other", "object"])[1].iou


@dataclass
class PlainAccuracy:
    """The pixel accuracy of R0, R1 and R3, and the mean IoU of R0.

    The share of pixels whose argmax is the true class; for images of one size that is also the
    mean over images. R0's mIoU is taken over all pixels at once, as the honest sheet takes it [I].

    Why it misleads. Without the majority baseline beside it accuracy says little: R0's 95.39 %
    goes with a mean IoU of 0.2756, because one class fills the pictures. R1 measured on images
    squashed to 128 or 224 px; at the image's own size the figure is another.

    Source: R0 (95.39 % and 95.86 %, mIoU 0.2756 and 0.3217), R1 (88.6 % and 90.3 %), R3 (0.879).

    >>> scores = PlainAccuracy(classes=2)
    >>> certain = np.eye(2, dtype=np.float32)
    >>> scores.add(certain[:, [[0, 0, 0, 0]]], np.array([[0, 0, 0, 1]]))
    >>> scores.pixel_accuracy, scores.miou
    (0.75, 0.375)
    """

    classes: int
    ignore_index: int = _IGNORE_INDEX
    _matrix: metrics.ConfusionMatrix = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._matrix = _no_counts(self.classes)

    def add(self, probabilities: NDArray[np.float32], truth: NDArray[np.integer]) -> None:
        """Counts one image: float32 (K, H, W) and ids (H, W).

        Raises DataError where shapes, probabilities or ids do not fit.
        """
        self._matrix += _confusion(probabilities, truth, self.classes, self.ignore_index)

    @property
    def pixel_accuracy(self) -> float | None:
        """The share of counted pixels that are right."""
        return metrics.pixel_accuracy(self._matrix)

    @property
    def miou(self) -> float | None:
        """Mean IoU over the classes that occur in truth or prediction."""
        return metrics.miou(self._matrix)


def _no_counts(classes: int) -> metrics.ConfusionMatrix:
    return np.zeros((classes, classes), np.int64)


def _confusion(
    probabilities: NDArray[np.float32], truth: NDArray[np.integer], classes: int, ignore_index: int
) -> metrics.ConfusionMatrix:
    _check(probabilities, truth, classes)
    return metrics.confusion_matrix(truth, probabilities.argmax(axis=0), classes, ignore_index)


def _check(probabilities: NDArray[np.float32], truth: NDArray[np.integer], classes: int) -> None:
    if truth.ndim != 2 or probabilities.shape != (classes, *truth.shape):
        raise DataError(
            f"probabilities {probabilities.shape} do not fit a truth of {truth.shape}",
            expected=f"({classes}, H, W) and (H, W)",
        )
    # logits would pass for probabilities in every count above; NaN fails both comparisons
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-5):
        raise DataError("the values are no probabilities", expected="0 to 1 (apply the softmax)")


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
