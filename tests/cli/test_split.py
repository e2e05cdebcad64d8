"""`intarsia split` as it is typed."""

import numpy as np
import pytest
from PIL import Image

from intarsia.cli import main


@pytest.fixture
def scans(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for patient in range(6):
        for part in range(2):
            name = f"p{patient}_{part}.png"
            pixels = rng.integers(0, 256, (13, 21, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name)
            mask = np.arange(13 * 21).reshape(13, 21) % 2
            mask[0] = 255
            Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "masks" / name)
    return tmp_path


def test_split_then_extend_then_replace(scans, capsys):
    assert main(["split", str(scans), "--group-by", "prefix"]) == 0
    out = capsys.readouterr().out
    assert "12 images in 3 parts" in out
    assert "images with  train  val  test" in out
    assert main(["split", str(scans)]) == 2
    assert "--extend" in capsys.readouterr().err
    assert main(["split", str(scans), "--extend"]) == 0
    assert "nothing is new" in capsys.readouterr().out
    assert main(["split", str(scans), "--replace", "--leave-one-out"]) == 0
    assert "fold 5: 2 images" in capsys.readouterr().out
    assert main(["check", str(scans)]) == 0


def test_a_table_is_named_from_where_the_command_is_run(scans, monkeypatch, capsys):
    beside = scans.parent / "elsewhere"
    beside.mkdir()
    rows = "".join(f"p{p}_{n},ward {p % 3}\n" for p in range(6) for n in range(2))
    (beside / "t.csv").write_text("name,ward\n" + rows)
    monkeypatch.chdir(beside)
    assert main(["split", str(scans), "--group-by", "csv:t.csv:ward"]) == 0
    assert "csv:../elsewhere/t.csv:ward" in (scans / "dataset.yaml").read_text()
    assert "ward 1" in capsys.readouterr().out
    monkeypatch.chdir(scans)
    assert main(["split", str(scans), "--extend"]) == 0


def test_a_table_that_is_nowhere_is_answered_with_the_nearest(scans, capsys):
    (scans / "patients.csv").write_text("name,patient\np0_0,p0\n")
    assert main(["split", str(scans), "--group-by", "csv:pateints.csv:patient"]) == 2
    assert 'did you mean "patients.csv"?' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--extend", "--seed", "3", "--ratio", "80/20"], "--ratio, --seed would change them"),
        (["--group-by", "prefx"], 'did you mean "prefix"'),
        (["--ratio", "70/20"], "adds up to 90"),
        (["--groupby", "prefix"], "did you mean --group-by"),
    ],
)
def test_mistakes_are_the_users_and_nothing_is_written(scans, words, said, capsys):
    assert main(["split", str(scans), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (scans / "dataset.yaml").exists()
