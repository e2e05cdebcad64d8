"""`intarsia check` with its flags."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from intarsia.cli.app import main


@pytest.fixture
def root(shapes, tmp_path):
    return shutil.copytree(shapes, tmp_path / "shapes")


def test_html_is_one_page_that_needs_nothing(root, tmp_path, capsys):
    mask = np.asarray(Image.open(root / "train/masks/train1.png")).copy()
    mask[5, 5:9] = 7
    Image.fromarray(mask).save(root / "train/masks/train1.png")
    (root / "train/images/train2.png").write_bytes(b"")
    page = tmp_path / "check.html"
    assert main(["check", str(root), "--html", str(page)]) == 2
    text = page.read_text()
    assert "unknown-value" in text
    assert "in question" in text  # the picture with the marked pixels
    assert "empty-file" in text
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/", "").replace("http-equiv", "")
    assert text.count("<img ") >= 3
    assert text.count("<svg ") >= 5


def test_html_of_a_set_that_cannot_be_opened(root, tmp_path, capsys):
    (root / "dataset.yaml").write_text("klasses: []\n")
    page, findings = tmp_path / "check.html", tmp_path / "findings.json"
    arguments = ["check", str(root), "--html", str(page), "--json", str(findings), "--write"]
    assert main(arguments) == 2
    assert "not-opened" in page.read_text()
    assert json.loads(findings.read_text())["findings"][0]["code"] == "not-opened"
    assert "cannot be opened" in capsys.readouterr().err


def test_write_then_the_same_check(root, capsys):
    (root / "dataset.yaml").unlink()
    assert main(["check", str(root), "--write"]) == 0
    written = (root / "dataset.yaml").read_text()
    assert 'name: "class 1"' in written
    assert main(["check", str(root)]) == 0
    assert main(["check", str(root), "--write"]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert (root / "dataset.yaml").read_text() == written


def test_fix_says_what_is_left(root, tmp_path, capsys):
    (root / "train/images/train2.png").write_bytes(b"")
    small = Image.open(root / "train/masks/train3.png").resize((106, 74), Image.Resampling.NEAREST)
    small.save(root / "train/masks/train3.png")
    out = tmp_path / "fixed"
    assert main(["check", str(root), "--fix", str(out)]) == 2
    said = capsys.readouterr().err
    assert "2 errors before, 1 left" in said
    assert "[empty-file]" in said
    assert json.loads((out / "fixes.json").read_text())["changes"][0]["code"] == "size-mismatch"
    assert main(["check", str(root), "--fix", str(out)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_strict_fails_on_warnings(root, capsys):
    grey = np.full((37, 53, 3), 9, np.uint8)
    Image.fromarray(grey).save(root / "train/images/train2.png")
    assert main(["check", str(root)]) == 0
    assert main(["check", str(root), "--strict"]) == 2


def test_the_memory_of_files_is_used_and_can_be_left_out(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["check", str(root), "--no-cache"]) == 0
    assert not (tmp_path / "cache").exists()
    assert main(["check", str(root)]) == 0
    (base,) = (tmp_path / "cache/intarsia").iterdir()
    assert base.suffix == ".sqlite"
    first = capsys.readouterr().out
    assert main(["check", str(root)]) == 0
    assert capsys.readouterr().out == first[len(first) // 2 :]


def test_a_missing_folder_is_still_a_plain_error(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_where_nothing_can_be_written_is_said_before_anything_is_read(root, tmp_path, capsys):
    before = sorted(tmp_path.rglob("*"))
    for flags, said in (
        (["--json", str(tmp_path / "no" / "f.json")], "choose another --json"),
        (["--html", str(tmp_path)], "name a file for --html"),
        (["--fix", str(root)], "choose another --fix OUT"),
        (["--fix", str(root / "fixed")], "inside the data set"),
    ):
        assert main(["check", str(root), *flags]) == 2
        printed = capsys.readouterr()
        assert said in printed.err
        assert printed.out == ""
    assert sorted(tmp_path.rglob("*")) == before
