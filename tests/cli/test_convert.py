from pathlib import Path

import pytest

from intarsia.cli import main
from intarsia.datasets import Dataset


def test_converts_and_says_what_it_did(shapes, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert main(["convert", str(shapes), str(out), "--to", "coco"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"10 images with their masks in {out}, as COCO JSON")
    assert "annotations/instances_train.json: 7 images" in said
    assert Dataset.open(out).labels.names == ["ground", "box"]


def test_class_tools(shapes, tmp_path) -> None:
    flags = ["--rename", "box=parcel", "--order", "parcel,ground"]
    out = tmp_path / "out"
    assert main(["convert", str(shapes), str(out), "--to", "index", *flags]) == 0
    assert Dataset.open(out).labels.names == ["parcel", "ground"]


def test_folders_apart(shapes, tmp_path) -> None:
    apart = ["--images", str(shapes / "train/images"), "--masks", str(shapes / "train/masks")]
    assert main(["convert", *apart, str(tmp_path / "out"), "--to", "color"]) == 0
    assert len(Dataset.open(tmp_path / "out").samples) == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{data}", "{out}", "--to", "pascal"], "palette, color, coco"),
        (["{data}", "--to", "coco"], "where to?"),
        (["{data}", "{out}"], "--to"),
        (["{data}", "{out}", "--to", "index", "--drop", "bx"], 'did you mean "box"?'),
        (["{data}", "{data}/out", "--to", "index"], "inside the data set"),
    ],
)
def test_faults(shapes: Path, tmp_path, capsys, arguments, said) -> None:
    words = [a.format(data=shapes, out=tmp_path / "out") for a in arguments]
    assert main(["convert", *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
