import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from intarsia.errors import DataError
from intarsia.metrics import ERROR_KINDS, confusion_matrix, error_budget, error_shares

IGNORE = 255
GRASS, CAR, BUS = range(3)


def kinds(truth: NDArray, prediction: NDArray, band: float = 1) -> dict[str, int]:
    """How many pixels of each kind there are, without those of which there are none."""
    budget = error_budget(truth, prediction, 3, IGNORE, band=band)
    assert budget.dtype == np.int64
    found = {kind: int(part.sum()) for kind, part in zip(ERROR_KINDS, budget, strict=True)}
    return {kind: count for kind, count in found.items() if count}


def scene(*boxes: tuple[int, slice, slice], shape: tuple[int, int] = (15, 26)) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    for index, rows, columns in boxes:
        mask[rows, columns] = index
    return mask


AT = (np.s_[3:9], np.s_[4:12])  # 6 x 8 pixels


def test_a_region_that_nobody_saw_is_missed() -> None:
    assert kinds(scene((CAR, *AT)), scene()) == {"missed": 48}
    # nor by four of its 48 pixels, but by five
    few, enough = scene((CAR, np.s_[3:4], np.s_[4:8])), scene((CAR, np.s_[3:4], np.s_[4:9]))
    assert kinds(scene((CAR, *AT)), few) == {"missed": 44}
    assert "missed" not in kinds(scene((CAR, *AT)), enough)


def test_a_region_of_nothing_is_invented() -> None:
    assert kinds(scene(), scene((BUS, *AT))) == {"invented": 48}


def test_a_region_of_another_name_is_confusion() -> None:
    budget = error_budget(scene((CAR, *AT)), scene((BUS, *AT)), 3, IGNORE, band=1)
    assert budget[ERROR_KINDS.index("confusion"), CAR, BUS] == budget.sum() == 48


def test_a_border_off_by_some_columns() -> None:
    truth, prediction = scene((CAR, *AT)), scene((CAR, np.s_[3:9], np.s_[4:15]))
    # columns 12 to 14 are too many. 11 | 12 is the border, and both its sides belong to it
    assert kinds(truth, prediction, band=0) == {"boundary": 6, "confusion": 12}
    assert kinds(truth, prediction, band=1) == {"boundary": 12, "confusion": 6}
    assert kinds(truth, prediction, band=2) == {"boundary": 18}


def test_specks_at_a_border_are_the_border_s() -> None:
    truth, prediction = scene((CAR, *AT)), scene((CAR, *AT))
    prediction[2, 5] = BUS  # outside, touching
    prediction[3, 8] = BUS  # inside, at the edge
    assert kinds(truth, prediction) == {"boundary": 2}
    prediction[0, 20] = BUS  # far from all
    assert kinds(truth, prediction) == {"boundary": 2, "invented": 1}


def test_a_thin_thing_missed_is_missed_though_it_is_all_border() -> None:
    pole = scene((CAR, np.s_[2:13], np.s_[9:10]))
    assert kinds(pole, scene(), band=3) == {"missed": 11}


def test_regions_touch_at_corners() -> None:
    truth = scene((CAR, np.s_[3:6], np.s_[4:8]), (CAR, np.s_[6:9], np.s_[8:12]))
    prediction = scene((CAR, np.s_[3:6], np.s_[4:8]))
    # one region by its corner, half of it found
    assert "missed" not in kinds(truth, prediction)


def test_ignored_pixels_are_no_error_and_no_border() -> None:
    truth, prediction = scene((CAR, *AT)), scene((CAR, np.s_[3:9], np.s_[4:15]))
    truth[:, 12] = IGNORE
    # the border at column 12 is hidden: those at the corners of 3:9 remain, two columns away
    assert kinds(truth, prediction, band=1) == {"confusion": 12}
    truth[:, 12:15] = IGNORE
    assert kinds(truth, prediction) == {}


def test_kinds_add_up_to_the_confusion_matrix() -> None:
    random = np.random.default_rng(0)
    fields = ndimage.gaussian_filter(random.normal(size=(2, 5, 71, 103)), (0, 0, 4, 4))
    truth, prediction = fields.argmax(axis=1).astype(np.uint8)
    truth[:9] = IGNORE
    prediction[:4] = 99
    budget = error_budget(truth, prediction, 5, IGNORE)
    matrix = confusion_matrix(truth, prediction, 5, IGNORE)
    np.testing.assert_array_equal(budget.sum(axis=0), matrix - np.diag(np.diag(matrix)))
    assert (budget.sum(axis=(1, 2)) > 0).all()
    shares = error_shares(budget, matrix, list("abcde"))
    assert shares.errors + np.trace(matrix) == shares.pixels == matrix.sum()
    parts = (shares.boundary, shares.confusion, shares.missed, shares.invented)
    assert sum(p for p in parts if p is not None) == pytest.approx(1)
    assert sum(share for _, _, share in shares.pairs) == pytest.approx(shares.confusion)
    assert sum(share for _, share in shares.missed_classes) == pytest.approx(shares.missed)
    assert sum(share for _, share in shares.invented_classes) == pytest.approx(shares.invented)
    assert [s for *_, s in shares.pairs] == sorted((s for *_, s in shares.pairs), reverse=True)


def test_the_rules_pixel_by_pixel_with_scipy() -> None:
    random = np.random.default_rng(1)
    fields = ndimage.gaussian_filter(random.normal(size=(2, 4, 53, 79)), (0, 0, 3, 3))
    truth, prediction = fields.argmax(axis=1).astype(np.uint8)
    truth[20:26, 30:60] = IGNORE
    counted = truth != IGNORE
    right, wrong = counted & (truth == prediction), counted & (truth != prediction)
    border = np.zeros(truth.shape, bool)
    for row, column in np.argwhere(counted):
        for down, beside in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            other = (row + down, column + beside)
            if 0 <= other[0] < 53 and 0 <= other[1] < 79 and counted[other]:
                border[row, column] |= truth[row, column] != truth[other]
    near = ndimage.distance_transform_edt(~border) <= 2
    unseen = {}
    for key, ids in (("lost", truth), ("made up", prediction)):
        unseen[key] = np.zeros(truth.shape, bool)
        for index in range(4):
            regions, count = ndimage.label(ids == index, np.ones((3, 3)))
            for region in (regions == number for number in range(1, count + 1)):
                few = (region & right).sum() < 0.1 * (region & counted).sum()
                if few and (key == "lost" or (region & wrong & ~near).any()):
                    unseen[key] |= region
    lost, made_up = unseen["lost"], unseen["made up"]
    expected = {
        "boundary": wrong & ~lost & ~made_up & near,
        "confusion": wrong & ((lost & made_up) | (~lost & ~made_up & ~near)),
        "missed": wrong & lost & ~made_up,
        "invented": wrong & made_up & ~lost,
    }
    budget = error_budget(truth, prediction, 4, IGNORE, band=2)
    for kind, found in zip(ERROR_KINDS, budget, strict=True):
        assert expected[kind].any()
        own = np.where(expected[kind], truth, IGNORE)
        matrix = confusion_matrix(own, prediction, 4, IGNORE)
        np.testing.assert_array_equal(found, matrix)


def test_no_error_has_no_shares() -> None:
    truth = scene((CAR, *AT))
    budget = error_budget(truth, truth, 3, IGNORE)
    shares = error_shares(budget, confusion_matrix(truth, truth, 3, IGNORE), ["a", "b", "c"])
    assert (shares.errors, shares.pixels, shares.boundary, shares.pairs) == (0, 390, None, ())


def test_faults_are_named() -> None:
    mask = scene()
    with pytest.raises(DataError, match="differ in size"):
        error_budget(mask, mask.T, 3, IGNORE)
    with pytest.raises(DataError, match="masks of shape"):
        error_budget(mask[None], mask[None], 3, IGNORE)
    with pytest.raises(DataError, match="truth holds ids outside the classes: 3"):
        error_budget(mask + 3, mask, 3, IGNORE)
    with pytest.raises(DataError, match="boundary band is -1"):
        error_budget(mask, mask, 3, IGNORE, band=-1)
