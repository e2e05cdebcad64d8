import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from intarsia.errors import DataError
from intarsia.metrics import boundary_measures, boundary_metrics, confusion_matrix

IGNORE = 255
# measures in the order of BOUNDARY_MEASURES
IOU, F1, NSD, HD95 = range(4)


def box(
    top: int, left: int, height: int, width: int, shape: tuple[int, int] = (9, 14)
) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def blobs(seed: int, shape: tuple[int, int] = (61, 97), classes: int = 4) -> NDArray[np.uint8]:
    """Smooth regions of random form."""
    random = np.random.default_rng(seed)
    fields = ndimage.gaussian_filter(random.normal(size=(classes, *shape)), (0, 5, 5))
    return fields.argmax(axis=0).astype(np.uint8)


def test_a_shifted_box_by_hand() -> None:
    # a 5 x 6 box has 18 border pixels; moved right by two columns, 20 of its 30 pixels overlap
    truth, prediction = box(2, 2, 5, 6), box(2, 4, 5, 6)
    found = boundary_measures(truth, prediction, 2, IGNORE, tolerance=1)[1]
    # band of one pixel (2 % of a diagonal of 16.6): the borders themselves. In common are 4 + 4
    # pixels of top and bottom; the sides stand in columns 2, 7 and 4, 9
    assert found[IOU] == 8 / (18 + 18 - 8)
    # of the prediction's border, columns 4 to 7 of top and bottom are on the true one, column 8
    # of them is 1 from the corner, 9 is 2 off. Its left side (column 4, rows 3 to 5): rows 3
    # and 5 are 1 from top and bottom, row 4 is 2 off; its right side (column 9) is 2 off. So 12
    # of 18 are near, and by symmetry the same the other way round
    assert found[F1] == pytest.approx(12 / 18)
    assert found[NSD] == 24 / 36
    assert found[HD95] == 2.0


def test_precision_and_recall_of_the_border_differ() -> None:
    # a prediction of a single true pixel: precise, with little recall
    truth, prediction = box(2, 2, 5, 6), box(2, 2, 1, 1)
    found = boundary_measures(truth, prediction, 2, IGNORE, tolerance=0)[1]
    assert found[F1] == pytest.approx(2 * 1 * (1 / 18) / (1 + 1 / 18))
    assert found[NSD] == 2 / 19
    # from the corner: the linear 95th percentile of the distances of the 18 border pixels
    border = [(r, c) for r in range(5) for c in range(6) if r in (0, 4) or c in (0, 5)]
    assert found[HD95] == pytest.approx(np.percentile([math.hypot(*p) for p in border], 95))


def test_the_spacing_of_pixels() -> None:
    truth, prediction = box(2, 2, 5, 6), box(2, 4, 5, 6)
    same = {"tolerance": 3.0, "spacing": (3.0, 3.0)}
    plain = boundary_measures(truth, prediction, 2, IGNORE, tolerance=1)
    scaled = boundary_measures(truth, prediction, 2, IGNORE, **same)
    np.testing.assert_allclose(scaled[:, :HD95], plain[:, :HD95])
    np.testing.assert_allclose(scaled[:, HD95], 3 * plain[:, HD95])
    # flat pixels: two columns are 1 apart, so that the whole border is near
    flat = boundary_measures(truth, prediction, 2, IGNORE, tolerance=1, spacing=(2.0, 0.5))[1]
    assert flat[1:].tolist() == [1.0, 1.0, 1.0]
    # and the boundary IoU counts pixels, whatever their size
    assert flat[IOU] == plain[1, IOU]


def test_identical_masks_are_perfect() -> None:
    truth = blobs(0)
    found = boundary_measures(truth, truth, 4, IGNORE)
    np.testing.assert_array_equal(found, [[1, 1, 1, 0]] * 4)


def test_undefined_cases() -> None:
    truth = np.array([[0, 0, 1, 1, 0], [0, 0, 1, 1, 0]], np.uint8)
    prediction = np.array([[0, 0, 2, 2, 0], [0, 0, 2, 2, 0]], np.uint8)
    sky, missed, invented, absent = boundary_measures(truth, prediction, 4, IGNORE)
    assert sky.tolist() == [1, 1, 1, 0]
    for one_sided in (missed, invented):
        assert one_sided[:HD95].tolist() == [0, 0, 0]
        assert np.isnan(one_sided[HD95])
    assert np.isnan(absent).all()


def test_nothing_counted_is_not_available() -> None:
    truth = np.full((3, 5), IGNORE, np.uint8)
    assert np.isnan(boundary_measures(truth, np.zeros_like(truth), 2, IGNORE)).all()


def test_ignored_pixels_are_taken_out_of_both() -> None:
    truth, prediction = box(2, 2, 5, 6), box(2, 2, 5, 9)
    assert boundary_measures(truth, prediction, 2, IGNORE, tolerance=0)[1, F1] < 1
    # the three columns that are too many are ignored, and hold whatever
    truth[:, 8:] = IGNORE
    prediction[0, 8:] = 77
    found = boundary_measures(truth, prediction, 2, IGNORE, tolerance=0)
    np.testing.assert_array_equal(found, [[1, 1, 1, 0]] * 2)
    # as if the image had ended there
    truth, prediction = blobs(1), blobs(2)
    cut = boundary_measures(truth[:, :60], prediction[:, :60], 4, IGNORE, tolerance=2)
    truth[:, 60:] = IGNORE
    hidden = boundary_measures(truth, prediction, 4, IGNORE, tolerance=2)
    np.testing.assert_array_equal(hidden[:, 1:], cut[:, 1:])


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.7)])
def test_distances_of_scipy(spacing: tuple[float, float]) -> None:
    # every distance between two border pixels, without a distance transform
    truth, prediction = blobs(3), blobs(4)
    truth[20:30, 40:70] = IGNORE
    counted = truth != IGNORE
    found = boundary_measures(truth, prediction, 4, IGNORE, tolerance=3.3, spacing=spacing)
    for index in range(4):
        borders = []
        for ids in (truth, prediction):
            mask = (ids == index) & counted
            border = mask & ~ndimage.binary_erosion(mask)
            borders.append(np.argwhere(border) * spacing)
        apart = cdist(*borders)
        to_prediction, to_truth = apart.min(axis=1), apart.min(axis=0)
        recall, precision = (np.mean(d <= 3.3) for d in (to_prediction, to_truth))
        near = np.concatenate([to_prediction, to_truth]) <= 3.3
        farthest = max(np.percentile(to_prediction, 95), np.percentile(to_truth, 95))
        assert found[index, F1] == pytest.approx(2 * precision * recall / (precision + recall))
        assert found[index, NSD] == pytest.approx(near.mean())
        assert found[index, HD95] == pytest.approx(farthest, rel=1e-6)


@pytest.mark.slow  # MONAI imports all of itself
# it calls a function of its own with an argument that it has deprecated
@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.7)])
def test_distances_of_monai(spacing: tuple[float, float]) -> None:
    import torch
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    truth, prediction = blobs(7), blobs(8)
    truth[20:30, 40:70] = IGNORE
    # class 3 is missed here, class 4 invented, class 5 in neither
    prediction[prediction == 3] = 4
    counted = truth != IGNORE
    masks = [
        torch.from_numpy(np.stack([(ids == index) & counted for index in range(6)]))[None]
        for ids in (prediction, truth)
    ]
    distance = {"include_background": True, "spacing": spacing}
    with pytest.warns(UserWarning, match="is all 0"):
        nsd = compute_surface_dice(*masks, class_thresholds=[3.3] * 6, **distance)
    with pytest.warns(UserWarning, match="is all 0"):
        hd95 = compute_hausdorff_distance(*masks, percentile=95, **distance)
    found = boundary_measures(truth, prediction, 6, IGNORE, tolerance=3.3, spacing=spacing)
    np.testing.assert_allclose(found[:3, NSD], nsd[0, :3], rtol=1e-6)
    np.testing.assert_allclose(found[:3, HD95], hd95[0, :3], rtol=1e-6)
    assert found[3:5, NSD].tolist() == nsd[0, 3:5].tolist() == [0, 0]
    assert np.isnan([found[5, NSD], nsd[0, 5]]).all()
    # what is infinite or undefined there is n/a here
    assert not hd95[0, 3:].isfinite().any()
    assert np.isnan(found[3:, HD95]).all()


def test_boundary_iou_of_its_definition() -> None:
    # the band by a chessboard distance to what is not of the class, 2 % of a diagonal of 115
    truth, prediction = blobs(5), blobs(6)
    found = boundary_measures(truth, prediction, 4, IGNORE)
    for index in range(4):
        bands = []
        for ids in (truth, prediction):
            padded = np.pad(ids == index, 1)
            inside = ndimage.distance_transform_cdt(padded, "chessboard")[1:-1, 1:-1]
            bands.append((inside > 0) & (inside <= 2))
        common, either = bands[0] & bands[1], bands[0] | bands[1]
        assert found[index, IOU] == common.sum() / either.sum()


def test_means_leave_out_what_is_not_there() -> None:
    truths = [box(2, 2, 5, 6), box(2, 2, 5, 6), box(0, 0, 0, 0), box(0, 0, 0, 0)]
    answers = [box(2, 4, 5, 6), box(0, 0, 0, 0), box(1, 1, 2, 2), box(0, 0, 0, 0)]
    pairs = list(zip(truths, answers, strict=True))
    measures = np.array([boundary_measures(*pair, 3, IGNORE, tolerance=1) for pair in pairs])
    matrices = np.array([confusion_matrix(*pair, 3, IGNORE) for pair in pairs])
    ground, thing, nothing = boundary_metrics(measures, matrices, ["ground", "box", "bird"])
    assert (thing.images, thing.missed, thing.invented) == (2, 1, 1)
    assert thing.f1 == pytest.approx((12 / 18 + 0) / 2)
    assert thing.iou == pytest.approx(8 / 28 / 2)
    assert thing.hausdorff95 == 2.0
    assert (ground.images, ground.missed, ground.invented) == (4, 0, 0)
    assert (nothing.images, nothing.invented, nothing.iou, nothing.hausdorff95) == (0, 0) + (
        None,
    ) * 2


def test_faults_are_named() -> None:
    mask = np.zeros((3, 5), np.uint8)
    with pytest.raises(DataError, match="differ in size"):
        boundary_measures(mask, mask.T, 2, IGNORE)
    with pytest.raises(DataError, match=r"masks of shape \(2, 3, 5\)"):
        boundary_measures(np.stack([mask] * 2), np.stack([mask] * 2), 2, IGNORE)
    with pytest.raises(DataError, match="prediction holds ids outside the classes: 4"):
        boundary_measures(mask, mask + 4, 2, IGNORE)
    with pytest.raises(DataError, match="tolerance is -1"):
        boundary_measures(mask, mask, 2, IGNORE, tolerance=-1)
    for spacing in ((0.0, 1.0), (1.0, -2.0), (math.nan, 1.0)):
        with pytest.raises(DataError, match="the spacing is"):
            boundary_measures(mask, mask, 2, IGNORE, spacing=spacing)
