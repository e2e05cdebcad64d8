"""What networks cost: counted and measured, of what was used."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from intarsia.backends.torch_backend import torch_network
from intarsia.comparison import compare
from intarsia.comparison.cost import Cost, count_multiply_adds, time_in_turn
from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.remark import Remark
from intarsia.comparison.remarks import comparison_remarks
from intarsia.datasets import Dataset
from intarsia.runs import Run

from .made import NAMES, SHAPE, Moved, make_run
from .made_comparison import texts


def test_the_costs_of_repeats_are_those_of_their_trainings(
    data: Dataset, good: Run, tmp_path: Path
) -> None:
    for seed, seconds in ((0, 50.0), (1, 70.0)):
        make_run(tmp_path / "mini" / f"repeat-{seed}", data, seed=seed, seconds=seconds)
    cost = compare([tmp_path / "mini", good], data, "test")["mini"].cost
    assert cost.parameters == 9
    assert cost.training_seconds == 60
    assert cost.epochs == 2
    assert cost.images_per_second == 11
    # each training is a process of its own: the most that one of them took
    assert cost.peak_memory_bytes == 1001
    assert cost.evaluation_seconds is not None
    assert cost.evaluation_seconds > 0
    assert cost.milliseconds_per_image is not None
    assert cost.milliseconds_per_image > 0


def test_multiply_adds_are_those_from_pixels_to_mask(data: Dataset, good: Run) -> None:
    image = data.read_image(data.split("test")[0])

    def count(run: Run) -> int:
        return count_multiply_adds(run.inference(torch_network(Moved(0), device="cpu")), image)

    # a 1 x 1 convolution of three channels, on an image that needs no more than its own size
    once = count(good)
    assert once % 9 == 0
    assert once >= 9 * SHAPE[0] * SHAPE[1]
    assert count(good.setting(["predict.flip=true"])) == 2 * once


def test_networks_take_turns() -> None:
    turns: list[tuple[str, int]] = []

    class Spy:
        def __init__(self, name: str) -> None:
            self.name = name

        def mask(self, image: np.ndarray) -> None:
            turns.append((self.name, int(image)))

    spies = {"a": Spy("a"), "b": Spy("b")}
    times = time_in_turn(spies, [np.array(0), np.array(1)])  # type: ignore[arg-type]
    assert turns[:4] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert turns == turns[:4] * 2  # one to warm up
    assert set(times) == {"a", "b"}
    assert all(value >= 0 for value in times.values())


def test_unequal_time_is_said(data: Dataset, tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"{s}s", data, s, seconds=60.0 * s) for s in (1, 2)]
    remarks = texts(compare(runs, data, "test"))
    assert "The trainings took unequal time: 1s 1.0 min, 2s 2.0 min." in remarks
    even = [make_run(tmp_path / f"e{s}", data, s, seconds=60.0 + s) for s in (1, 2)]
    assert not any("unequal time" in remark for remark in texts(compare(even, data, "test")))


def test_a_class_that_nobody_predicts_is_named(data: Dataset, good: Run, poor: Run) -> None:
    found = compare([good, poor], data, "test")
    assert not any("predict" in remark for remark in texts(found))
    matrices = [entry.matrices[0] for entry in found.entries]  # good, poor
    for matrix, said in (
        (matrices[1], "poor never predicts: rare (IoU 0)."),
        (matrices[0], "Predicted by nobody, IoU 0: rare."),
    ):
        matrix[:, :, 0] += matrix[:, :, 2]
        matrix[:, :, 2] = 0
        assert Remark("conditions", said) in comparison_remarks(found.entries, found.pairs, NAMES)
    for entry in found.entries:
        entry.matrices[0][:, 2] = 0
    said = Remark("conditions", "In no truth of these images: rare.")
    assert said in comparison_remarks(found.entries, (), NAMES)


def test_nothing_is_known_of_an_annotator(data: Dataset, good: Run, tmp_path: Path) -> None:
    shutil.copytree(data.root / "testannot", tmp_path / "second")
    found = compare([good, tmp_path / "second"], data, "test")
    assert found["second"].cost == Cost()
    assert JudgedImages.of(data, "test").names == found.files
