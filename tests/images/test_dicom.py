import sys

import numpy as np
import pytest

from intarsia.datasets import Dataset
from intarsia.doctor import check
from intarsia.errors import ImageError
from intarsia.images import read_header, read_image, read_mask
from intarsia.images.dicom import read_dicom_tag

pydicom = pytest.importorskip("pydicom")

SIZE = (13, 21)


def write(path, stored, *, form="MONOCHROME2", bits=16, slope=None, intercept=None, **tags):
    """One CT slice with the elements that PS3.3 asks of an image."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    frames = stored.ndim == 3 and stored.shape[2] != 3
    data.Rows, data.Columns = stored.shape[1:3] if frames else stored.shape[:2]
    data.SamplesPerPixel = 3 if stored.ndim == 3 and not frames else 1
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    if frames:
        data.NumberOfFrames = len(stored)
    data.PhotometricInterpretation = form
    data.BitsAllocated = stored.dtype.itemsize * 8
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    if slope is not None:
        data.RescaleSlope, data.RescaleIntercept = slope, intercept
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    data.PixelData = stored.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def ramp(dtype=np.uint16):
    return np.arange(SIZE[0] * SIZE[1]).reshape(SIZE).astype(dtype)


def test_values_are_in_the_units_of_the_file(tmp_path):
    path = write(tmp_path / "a.dcm", ramp(), slope=2, intercept=-1024)
    image = read_image(path)
    assert (image.shape, image.dtype) == ((13, 21, 1), np.float32)
    assert image[0, :3, 0].tolist() == [-1024, -1022, -1020]
    header = read_header(path)
    assert (header.height, header.width, header.channels) == (13, 21, 1)
    assert (header.dtype, header.format, header.frames) == ("float32", "DICOM", 1)


def test_without_rescale(tmp_path):
    stored = ramp(np.int16) - 100
    assert read_image(write(tmp_path / "a.dcm", stored))[0, :2, 0].tolist() == [-100, -99]


@pytest.mark.parametrize(
    ("dtype", "bits", "expected"),
    [(np.uint16, 12, [4095, 4094]), (np.int16, 16, [-1, -2]), (np.uint8, 8, [255, 254])],
)
def test_monochrome1_is_inverted(tmp_path, dtype, bits, expected):
    stored = (ramp() % 200).astype(dtype)
    path = write(tmp_path / "a.dcm", stored, form="MONOCHROME1", bits=bits)
    assert read_image(path)[0, :2, 0].tolist() == expected


def test_rgb(tmp_path):
    stored = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    path = write(tmp_path / "a.dcm", stored, form="RGB", bits=8)
    np.testing.assert_array_equal(read_image(path), stored)
    assert (read_header(path).channels, read_header(path).dtype) == (3, "uint8")


def test_frames(tmp_path):
    path = write(tmp_path / "a.dcm", np.stack([ramp(), ramp() + 7]))
    with pytest.raises(ImageError, match="holds 2 images") as caught:
        read_image(path)
    assert "page: 0" in caught.value.hint
    assert read_image(path, page=1)[0, 0, 0] == 7
    with pytest.raises(ImageError, match="no page 2"):
        read_image(path, page=2)


def test_tags(tmp_path):
    path = write(tmp_path / "a.dcm", ramp(), PatientID="P-007", PatientName="")
    assert read_dicom_tag(path, "PatientID") == "P-007"
    assert read_dicom_tag(path, "PatientName") is None
    assert read_dicom_tag(path, "StudyDate") is None


def series(root, masks=True, **options):
    for i in range(6):
        write(root / f"images/s{i}.dcm", ramp() + i, slope=1, intercept=-1024, **options)
        if masks:
            from PIL import Image

            (root / "masks").mkdir(exist_ok=True)
            values = (np.arange(SIZE[0] * SIZE[1]) % 2).reshape(SIZE).astype(np.uint8)
            Image.fromarray(values).save(root / f"masks/s{i}.png")
    return root


def test_a_series_with_a_window(tmp_path):
    root = series(tmp_path / "ct")
    (root / "dataset.yaml").write_text(
        "classes: [air, lung]\nimage: {scale: {window: {center: -900, width: 100}}}"
    )
    data = Dataset.open(root)
    flat = data.scaling.apply(data.read_image(data.samples[0]))[:, :, 0].ravel()
    assert flat[124] == pytest.approx(0.5)  # 124 - 1024 = -900, the centre
    assert (flat[74], flat[174], flat[272]) == (0, 1, 1)
    assert check(data).errors == ()


def test_a_series_without_a_window_says_so(tmp_path):
    data = Dataset.open(series(tmp_path / "ct"))
    assert any("Hounsfield" in note and "window" in note for note in data.notes)
    assert -1024 <= data.scaling.low < data.scaling.high <= -1024 + 272 + 5


@pytest.mark.parametrize("cut", [140, 400, -10])
def test_cut_short(tmp_path, cut):
    path = write(tmp_path / "a.dcm", ramp())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.where == str(path)


def test_a_report_is_no_image(tmp_path):
    path = write(tmp_path / "a.dcm", ramp())
    data = pydicom.dcmread(path)
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(data, keyword)
    data.save_as(path)
    with pytest.raises(ImageError, match="holds no image"):
        read_image(path)


def test_no_mask(tmp_path):
    with pytest.raises(ImageError, match="a DICOM image") as caught:
        read_mask(write(tmp_path / "a.dcm", ramp()))
    assert "PNG" in caught.value.hint


def test_not_dicom_at_all(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"text")
    with pytest.raises(ImageError, match="not an image that can be read"):
        read_image(tmp_path / "a.dcm")


def test_without_the_package(tmp_path, monkeypatch):
    path = write(tmp_path / "a.dcm", ramp())
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ImageError, match="needs the package pydicom") as caught:
        read_image(path)
    assert caught.value.hint == 'pip install "intarsia[medical]"'
