import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.datasets.drawings.areas import Ellipse, Polygon, Runs, Stamp, rectangle
from intarsia.datasets.drawings.raster import rasterise
from intarsia.datasets.drawings.sheet import Sheet, Stroke


def paint(*areas, size=(5, 7)):
    return rasterise([Stroke("a", (area,)) for area in areas], size, {"a": 1})[0].tolist()


def polygon(*points, unit=False):
    return Polygon((np.array(points, float),), unit)


def test_a_box_on_whole_numbers_covers_its_pixels_and_no_more():
    assert paint(polygon((1, 1), (4, 1), (4, 3), (1, 3))) == [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]


def test_a_triangle_covers_the_pixels_whose_centres_lie_inside():
    """Legs from (0, 0) to (4, 0) and (0, 4): the centre (c + .5, r + .5) is in where c + r < 3."""
    assert paint(polygon((0, 0), (4, 0), (0, 4)), size=(4, 5)) == [
        [1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_centres_on_the_outline_belong_to_the_right_and_to_below():
    # from 0.5 to 2.5 in both: the centres of pixels 0 and 2 lie on the outline
    assert paint(polygon((0.5, 0.5), (2.5, 0.5), (2.5, 2.5), (0.5, 2.5)), size=(3, 4)) == [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
    ]


def test_a_second_ring_is_a_hole_and_a_crossing_outline_is_even_odd():
    outer = np.array([[0, 0], [5, 0], [5, 5], [0, 5]], float)
    hole = np.array([[1, 1], [4, 1], [4, 4], [1, 4]], float)
    assert paint(Polygon((outer, hole)), size=(5, 5)) == [
        [1, 1, 1, 1, 1],
        [1, 0, 0, 0, 1],
        [1, 0, 0, 0, 1],
        [1, 0, 0, 0, 1],
        [1, 1, 1, 1, 1],
    ]
    twice = polygon(*outer, *outer)  # round twice: twice inside is outside
    assert not np.any(paint(twice, size=(5, 5)))


def test_polygons_that_share_an_edge_neither_overlap_nor_leave_a_gap():
    left = polygon((0, 0), (4.3, 0), (1.7, 5), (0, 5))
    right = polygon((7, 5), (1.7, 5), (4.3, 0), (7, 0))
    mask, overlapping = rasterise([Stroke("a", (left,)), Stroke("b", (right,))], (5, 7), AB)
    assert overlapping == 0
    assert (mask > 0).all()


AB = {"a": 1, "b": 2}
corner = st.tuples(st.floats(-3, 12), st.floats(-3, 9))


@settings(deadline=None, max_examples=60)
@given(st.lists(corner, min_size=3, max_size=7))
def test_any_polygon_is_the_same_as_asking_every_centre(points):
    mask = np.array(paint(polygon(*points), size=(6, 9)), bool)
    for row in range(6):
        for column in range(9):
            x, y = column + 0.5, row + 0.5
            crossings = 0
            for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
                if (y0 <= y) != (y1 <= y):
                    at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
                    if abs(at - x) < 1e-9:
                        break
                    crossings += at < x
            else:
                assert mask[row, column] == (crossings % 2 == 1)


def test_shares_of_the_image():
    assert paint(polygon((0, 0), (0.5, 0), (0.5, 1), (0, 1), unit=True), size=(2, 4)) == [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
    ]


@pytest.mark.parametrize(
    "points",
    [[(-5, -5), (-1, -5), (-1, -1)], [(8, 0), (9, 0), (9, 4)], [(1, 1), (3, 1), (2, 1)]],
)
def test_what_lies_outside_or_has_no_area_covers_nothing(points):
    assert not np.any(paint(polygon(*points)))


def test_what_reaches_out_is_cut():
    assert paint(polygon((-9, -9), (1, -9), (1, 99), (-9, 99)), size=(2, 3)) == [
        [1, 0, 0],
        [1, 0, 0],
    ]


def test_a_circle_by_the_distance_of_centres():
    # centre (2.5, 2.5), radius 2: inside where the whole offsets have x^2 + y^2 <= 4
    assert paint(Ellipse(2.5, 2.5, 2, 2), size=(5, 5)) == [
        [0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
    ]


def test_an_ellipse_and_a_box_turned_by_a_quarter():
    flat, upright = Ellipse(2.5, 2.5, 2.2, 0.6), Ellipse(2.5, 2.5, 0.6, 2.2)
    assert paint(Ellipse(2.5, 2.5, 2.2, 0.6, 90), size=(5, 5)) == paint(upright, size=(5, 5))
    assert paint(flat, size=(5, 5))[2] == [1, 1, 1, 1, 1]
    turned = rectangle(1, 2, 4, 3, 90)  # 3 x 1 about (2.5, 2.5) stands upright
    assert paint(turned, size=(5, 5)) == [[0, 0, int(0 < r < 4), 0, 0] for r in range(5)]


def test_a_turn_is_clockwise_as_seen():
    # a bar to the right of its middle, turned by 45 degrees, goes down to the right
    mask = np.array(paint(rectangle(0, 3.9, 10, 5.1, 45), size=(10, 10)))
    assert mask[6, 6] == 1
    assert mask[2, 7] == 0


def test_runs_by_rows_and_by_columns():
    lengths = np.array([1, 2, 3], np.int64)
    assert paint(Runs(lengths, 2, 3), size=(2, 3)) == [[0, 1, 1], [0, 0, 0]]
    assert paint(Runs(lengths, 2, 3, by_columns=True), size=(2, 3)) == [[0, 1, 0], [1, 0, 0]]
    moved = Runs(lengths, 2, 3, top=1, left=2)
    assert paint(moved, size=(3, 4)) == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_later_objects_lie_on_top_and_overlaps_are_counted_once():
    box = rectangle(0, 0, 2, 2)
    strokes = [
        Stroke("a", (box,)),
        Stroke("b", (rectangle(1, 1, 3, 3),)),
        Stroke("a", (rectangle(1, 1, 2, 2),)),
    ]
    mask, overlapping = rasterise(strokes, (3, 4), AB, blank=9)
    assert mask.tolist() == [[1, 1, 9, 9], [1, 1, 2, 9], [9, 2, 2, 9]]
    assert overlapping == 1  # the one pixel that three objects cover
    assert mask.dtype == np.uint8
    assert rasterise(strokes, (3, 4), {"a": 1, "b": 300})[0].dtype == np.uint16


def test_the_parts_of_one_object_are_one():
    both = Stroke("a", (rectangle(0, 0, 2, 1), rectangle(1, 0, 4, 1)))
    mask, overlapping = rasterise([both], (2, 4), {"a": 1})
    assert mask.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert overlapping == 0


def test_the_digest_changes_with_every_part_of_the_annotation():
    def digest(label="a", area=None, size=(5, 7), drawn=True):
        strokes = (Stroke(label, (area or rectangle(0, 0, 2, 2),)),)
        return Sheet("x.jpg", size, strokes, drawn).digest()

    others = [
        digest(label="b"),
        digest(area=rectangle(0, 0, 2, 2.5)),
        digest(area=Ellipse(1, 1, 1, 1)),
        digest(area=Runs(np.array([0, 35]), 5, 7)),
        digest(area=Stamp(b"x", lambda packed: np.ones((1, 1), bool))),
        digest(size=(7, 5)),
        digest(drawn=False),
    ]
    assert digest() == digest()
    assert len({digest(), *others}) == 8
