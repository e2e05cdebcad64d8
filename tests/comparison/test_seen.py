"""What a run has learned from, was chosen on, or has leaked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from intarsia.comparison import compare, seen
from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.manifests import image_hash, listed, same_data
from intarsia.comparison.seen import LeakCheck, chosen_on
from intarsia.datasets import Dataset
from intarsia.datasets.content import content_hash
from intarsia.runs import Run

from .made import make_data, make_run
from .made_comparison import texts


def test_a_leak_is_marked_with_the_run(data: Dataset, good: Run, tmp_path: Path) -> None:
    other = make_data(tmp_path / "more", seed=3)
    shutil.copy(other.split("train")[0].image, other.split("val")[1].image)
    leaky = make_run(tmp_path / "leaky", Dataset.open(other.root), 2)
    found = compare([good, leaky], data)
    assert found["good"].leaks == ()
    (leak,) = found["leaky"].leaks
    assert leak.startswith("identical-across-splits: val/val1.png: ")
    assert texts(found)[0] == f"leaky was trained with a split that leaks: {leak}."
    assert found["leaky"].to_json()["leaks"] == [leak]


def test_each_split_is_checked_once(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    real = seen.check
    monkeypatch.setattr(seen, "check", lambda d, **k: checked.append(d.name) or real(d, **k))
    runs = [make_run(tmp_path / f"run{n}", data, n) for n in range(3)]
    other = make_run(tmp_path / "other", make_data(tmp_path / "more", seed=3), 1)
    compare([*runs, other], data)
    assert checked == ["toy", "more"]


def test_data_that_are_gone_cannot_be_checked(
    data: Dataset, good: Run, poor: Run, tmp_path: Path
) -> None:
    other = make_data(tmp_path / "more", seed=3)
    far = make_run(tmp_path / "far", other, 2)
    shutil.rmtree(other.root)
    found = compare([good, far], data)
    assert (found["good"].leaks_checked, found["far"].leaks_checked) == (True, False)
    assert found["far"].to_json()["leaks"] is None
    (said,) = [remark.text for remark in found.remarks if remark.kind == "unchecked"]
    assert said.endswith("not known, for the data of the training are gone: far.")
    assert "LEAK" not in str(found)  # nobody has seen one
    # moved, they are found where they are compared on
    data.root.rename(tmp_path / "moved")
    moved = Dataset.open(tmp_path / "moved")
    assert LeakCheck(JudgedImages.of(moved, "test")).leaks(poor) == ()


def test_the_choice_of_the_checkpoint_is_said(
    data: Dataset, good: Run, poor: Run, tmp_path: Path
) -> None:
    assert chosen_on(good, JudgedImages.of(data, "val")) == 3
    assert chosen_on(good, JudgedImages.of(data, "test")) == 0
    both = compare([good, poor], data)
    assert any(r.startswith("good, poor chose the checkpoint on these") for r in texts(both))
    elsewhere = make_run(tmp_path / "elsewhere", make_data(tmp_path / "more", seed=3), 1)
    one = compare([good, elsewhere], data)
    text = "good chose the checkpoint on these images: the comparison with elsewhere is a little"
    assert any(remark.startswith(text) for remark in texts(one))


def test_training_data_that_differ_are_listed(data: Dataset, good: Run, tmp_path: Path) -> None:
    more = make_data(tmp_path / "more", seed=3, counts={"train": 6, "val": 2})
    other = make_run(tmp_path / "other", more, 1)
    found = compare([good, other], data, "test")
    said = (
        "other was trained on other data than good: more (6 train, 2 val) against "
        "toy (4 train, 3 val, 6 test)."
    )
    assert said in texts(found)
    assert found["other"].to_json()["trained_on"] == [
        {"data": "more", "root": more.root.as_posix(), "images": {"train": 6, "val": 2}}
    ]


def test_the_same_data_elsewhere_are_the_same(data: Dataset, good: Run, tmp_path: Path) -> None:
    shutil.copytree(data.root, tmp_path / "copy")
    copy = Dataset.open(tmp_path / "copy").manifest()
    assert same_data(good.manifest, copy)
    assert len(listed([good.manifest, copy])) == 1
    assert not same_data(good.manifest, make_data(tmp_path / "more", seed=3).manifest())


def test_an_image_in_several_files_is_known_by_all_of_them(tmp_path: Path) -> None:
    files = [tmp_path / "red", tmp_path / "green"]
    for file in files:
        file.write_text(file.name)
    red, green = (content_hash([file]) for file in files)
    item = {"sha256": red, "more_channels": [{"file": "green", "sha256": green}]}
    assert image_hash(item) == content_hash(files) != image_hash({"sha256": red})
