"""The gate's arithmetic, on made figures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from intarsia.exporting.gate import Gate, judge
from intarsia.exporting.parity import Parity, SizeParity, measure_raw, raw_agrees, raw_shapes
from intarsia.images import Scaling
from intarsia.prediction.footprint import Footprint
from intarsia.transforms import Preprocessing

RUN = np.array([[[80, 5], [5, 10]], [[70, 10], [10, 10]], [[60, 9], [11, 20]]])


def parity(bundle=RUN, equal=(100, 100, 100)) -> Parity:
    return Parity(
        files=("a", "b", "c"),
        groups=("a", "b", "c"),
        run=RUN,
        bundle=np.asarray(bundle),
        equal=np.array(equal),
        pixels=np.array([100, 100, 100]),
    )


def size(agreement=1.0, fault="") -> SizeParity:
    apart = None if fault else 1e-5
    return SizeParity("onnxruntime", 3, 65, 97, 0.0 if fault else agreement, apart, fault)


def gate(found=None, sizes=None, **changes) -> Gate:
    arguments = {
        "data": "toy",
        "split": "val",
        "names": ("sky", "road"),
        "precision": "fp32",
        "runtime": "onnxruntime",
        "size": None,
        "max_difference": 0.01,
        "milliseconds": (20.0, 4.0),
    }
    return judge(found or parity(), sizes or (size(),), **{**arguments, **changes})


def test_equal_masks_pass():
    found = gate()
    assert found.passed
    assert found.difference.value == 0
    assert found.run.value == pytest.approx((210 / 260 + 40 / 90) / 2)
    assert found.parity.worst == ("a", 1.0)
    assert "export gate: passed" in str(found)
    assert "100 % of the pixels" in str(found)


def test_fp32_must_agree_on_nearly_every_pixel():
    found = gate(parity(equal=(100, 98, 100)))
    assert not found.passed
    assert found.parity.worst == ("b", 0.98)
    assert found.failures == (
        "Only 99.3333 % of the pixels of the images get the same class (expected: 99.9900 %).",
    )
    # the raw network too, all sizes together: one pixel of a small one is no failure
    assert gate(sizes=(size(0.9995), size(0.9996))).failures[0].startswith("Only 99.9550 %")
    assert gate(sizes=(size(0.9998), size(1.0))).passed


def test_other_precisions_are_judged_by_the_miou():
    changed = RUN + np.array([[[-1, 1], [0, 0]], [[0, 0], [1, -1]], [[0, 0], [0, 0]]])
    loose = gate(parity(changed, (90, 90, 90)), (size(0.9),), precision="int8", max_difference=0.02)
    assert loose.passed
    # one hit less of each: (209 / 261 + 39 / 91) / 2
    assert loose.bundle.value == pytest.approx((209 / 261 + 39 / 91) / 2)
    broken = RUN + np.array([[[0, 0], [4, -4]], [[0, 0], [4, -4]], [[0, 0], [5, -5]]])
    found = gate(parity(broken), precision="int8")
    before, after = 40 / 90, 27 / 90
    assert [row.name for row in found.broken] == ["road", "sky"]
    assert found.broken[0].difference == pytest.approx(after - before)
    assert found.failures == (
        f"The mIoU differs by {found.difference.value:+.4f} (allowed: 0.01). "
        f"Classes: road {after - before:+.3f}, sky {found.broken[1].difference:+.3f}.",
    )
    assert gate(parity(broken), precision="int8", max_difference=0.2).passed
    # better is another network, too
    better = RUN + np.array([[[0, 0], [-5, 5]], [[0, 0], [-9, 9]], [[0, 0], [-9, 9]]])
    assert not gate(parity(better), precision="bf16").passed


def test_a_size_that_fails_is_named_in_every_precision():
    found = gate(sizes=(size(), size(fault="it gives (3, 2, 64, 96), not (3, 2, 65, 97)")))
    assert "onnxruntime at 3 x 65x97: it gives (3, 2, 64, 96)" in found.failures[0]
    assert "failed" in str(found)
    assert not gate(sizes=(size(fault="it fails"),), precision="int8").passed


def test_a_class_in_the_masks_of_one_alone_is_named():
    three = np.zeros((3, 3, 3), int)
    three[:, :2, :2] = RUN
    other = three.copy()
    other[0, 0] += [-1, 0, 1]  # one pixel of a class that nothing else shows
    both = replace(parity(other), run=three)
    found = gate(both, names=("sky", "road", "boat"), precision="int8")
    assert found.classes[2].run is None
    assert found.classes[2].bundle == 0
    # (209 / 260 + 40 / 90 + 0) / 3 and not (210 / 260 + 40 / 90) / 2
    change = (209 / 260 + 40 / 90) / 3 - (210 / 260 + 40 / 90) / 2
    assert found.failures == (
        f"The mIoU differs by {change:+.4f} (allowed: 0.01). Classes: boat n/a to 0.0000.",
    )


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_where_nothing_was_compared_it_is_not_passed(precision):
    nothing = replace(parity(), run=0 * RUN, bundle=0 * RUN)
    assert gate(nothing, precision=precision).failures == (
        "No pixel of these images has a class: their mIoU is n/a.",
    )


def test_one_class_everywhere_hides_no_other_network():
    far = replace(size(), apart=0.5)
    assert gate(sizes=(size(), far)).failures == (
        "onnxruntime at 3 x 65x97: its logits are 0.5 deviations away.",
    )
    assert gate(sizes=(far,), precision="bf16").passed
    assert raw_agrees((size(), size(0.9998)))
    for wrong in (far, size(0.9), size(fault="it fails")):
        assert not raw_agrees((wrong,))


def test_it_is_json_without_nan():
    measured = replace(gate(), footprints=(Footprint(3.0, 9 * 10**8), Footprint(0.4, None)))
    content = json.loads(json.dumps(measured.to_json(), allow_nan=False))
    assert content["passed"] is True
    assert content["worst_image"] == {"file": "a", "agreement": 1.0}
    assert content["footprints"]["bundle"] == {"seconds": 0.4, "peak_bytes": None}
    assert content["classes"][1]["difference"] == 0
    assert "900 MB" in str(measured)
    assert "n/a" in str(measured)


def test_one_image_gives_no_interval_and_still_a_verdict():
    one = Parity(("a",), ("a",), RUN[:1], RUN[:1], np.array([100]), np.array([100]))
    assert gate(one).passed
    assert "difference +0.0000" in str(gate(one))


EIGHT_BIT = Preprocessing((8, 8), "crop", Scaling(0, 255, "8 bit"), (0.5,), (0.25,))


def test_raw_networks_are_compared_on_images_of_the_asked_sizes():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (20, 30, 1)).astype(np.uint8) for _ in range(2)]
    seen = []

    def network(batch):
        seen.append(batch.shape)
        return np.concatenate([batch, -batch], axis=1)

    shapes = ((1, 9, 13), (3, 9, 13))
    rows = measure_raw("r", network, network, images, EIGHT_BIT, shapes)
    assert seen[::2] == [(1, 1, 9, 13), (3, 1, 9, 13)]
    assert [(r.agreement, r.apart, r.pixels) for r in rows] == [(1.0, 0.0, 117), (1.0, 0.0, 351)]

    def other(batch):
        return network(batch) * np.float32(1.001)

    (row,) = measure_raw("r", network, other, images, EIGHT_BIT, shapes[:1])
    assert row.agreement == 1.0
    assert 1e-4 < row.apart < 1e-2
    for wrong, fault in (
        (lambda batch: network(batch)[:, :, 1:], "not"),
        (lambda batch: network(batch) * np.float32(np.nan), "not finite"),
        (lambda batch: 1 / 0, "division by zero"),
    ):
        (row,) = measure_raw("r", network, wrong, images, EIGHT_BIT, shapes[:1])
        assert fault in row.fault
        assert row.apart is None


def test_one_logit_decides_between_two_classes():
    images = [np.arange(60, dtype=np.uint8).reshape(6, 10, 1) * 4]
    (row,) = measure_raw(
        "r", lambda x: x, lambda x: x + np.float32(1e-6), images, EIGHT_BIT, ((1, 6, 10),)
    )
    assert row.agreement == 1.0
    (row,) = measure_raw("r", lambda x: x, lambda x: -x, images, EIGHT_BIT, ((1, 6, 10),))
    assert row.agreement < 0.1


def test_no_raw_size_is_the_traced_one_and_all_are_odd():
    for at in ((64, 64), (256, 320), (512, 2048), (37, 53)):
        shapes = raw_shapes(at, (134, 163))
        assert [batch for batch, _, _ in shapes] == [1, 3] * 3
        assert all(h % 2 and w % 2 and (h, w) != (134, 163) for _, h, w in shapes)
        assert min(min(h, w) for _, h, w in shapes) > 128
    clash = raw_shapes((256, 320), None)
    assert clash == ((1, 256, 320), (3, 256, 320))
    first = raw_shapes((256, 320), (134, 163))[0]
    assert raw_shapes((256, 320), first[1:])[0] == (1, first[1], first[2] + 2)
