"""Pictures in the page: flat masks exact, the sequence of epochs, names fit for files."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from intarsia.reporting.evaluations import file_stem
from intarsia.reporting.painting import flat_uri, photo_uri
from intarsia.reporting.sequence import chosen_epochs, read_sequence, sequence_drawing


def _decoded(uri: str) -> Image.Image:
    head, _, body = uri.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return Image.open(io.BytesIO(base64.b64decode(body)))


@pytest.mark.parametrize("colors", [2, 256, 300])
def test_a_flat_picture_is_exact(colors: int) -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 256, (colors, 3), np.uint8)
    pixels = table[np.arange(45 * 70).reshape(45, 70) % colors]
    shown = _decoded(flat_uri(Image.fromarray(pixels)))
    assert shown.mode == ("P" if colors <= 256 else "RGB")
    assert np.array_equal(np.asarray(shown.convert("RGB")), pixels)


def test_a_photograph_is_small_a_tiny_one_exact() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 201, 3), np.uint8)
    assert _decoded(photo_uri(Image.fromarray(noise))).format == "JPEG"
    tiny = _decoded(photo_uri(Image.fromarray(noise[:99, :90])))
    assert np.array_equal(np.asarray(tiny.convert("RGB")), noise[:99, :90])


def test_epochs_of_the_strip() -> None:
    assert chosen_epochs([], 3) == []
    assert chosen_epochs([4], 3) == [4]
    found = chosen_epochs(range(101), 97)
    assert found[0] == 0
    assert found[-2:] == [97, 100]
    assert len(found) == 9


def _write(run: Path, epoch: int, width: int = 61) -> None:
    """Image black, truth green, prediction as red as the epoch is late."""
    folder = run / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    panels = np.zeros((37, 3 * width, 3), np.uint8)
    panels[:, width : 2 * width, 1] = 200
    panels[:, 2 * width :, 0] = 10 * epoch
    Image.fromarray(panels).save(folder / f"epoch-{epoch:04d}.png")


def test_sequence(tmp_path: Path) -> None:
    assert read_sequence(tmp_path, 3) is None
    for epoch in range(21):
        _write(tmp_path, epoch)
    (tmp_path / "pictures" / "epoch-notes.png").write_bytes(b"not of ours")
    sequence = read_sequence(tmp_path, 16)
    assert sequence is not None
    assert sequence.size == (61, 37)
    assert sequence.image.getcolors() == [(61 * 37, (0, 0, 0))]
    assert sequence.truth.getcolors() == [(61 * 37, (0, 200, 0))]
    captions = [caption for caption, _ in sequence.frames]
    assert captions[0] == "before training"
    assert "epoch 16, best" in captions
    assert captions[-1] == "epoch 20, last"
    for caption, picture in sequence.frames[1:]:
        epoch = int(caption.split()[1].rstrip(","))
        assert picture.getcolors() == [(61 * 37, (10 * epoch, 0, 0))]
    assert len(sequence.sources) == len(captions) + 2
    assert sequence_drawing(sequence).png == sequence_drawing(sequence).png


def test_a_damaged_picture_is_left_out(tmp_path: Path) -> None:
    for epoch in range(3):
        _write(tmp_path, epoch)
    (tmp_path / "pictures" / "epoch-0000.png").write_bytes(b"half a file")
    sequence = read_sequence(tmp_path, None)
    assert sequence is not None
    assert [caption for caption, _ in sequence.frames] == ["epoch 1", "epoch 2, last"]


def test_file_names_of_evaluations() -> None:
    assert file_stem("street-val") == "street-val"
    assert file_stem("道路-val+portrait=['Cat/Dog','a:b']") == "道路-val-portrait-Cat-Dog-a-b"
    long = "x" * 300
    assert len(file_stem(long)) < 100
    assert file_stem(long) != file_stem(long + "y")
    assert file_stem("a+b", taken={"a-b"}) != "a-b"
