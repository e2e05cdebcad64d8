"""A trained run becomes a file that does what the run does, or no file at all."""

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import intarsia as ia
from bundles.made import WEIGHTS, description, network, picture
from bundles.test_bundle_predictor import alone
from intarsia.bundles import Bundle
from intarsia.cli import main
from intarsia.datasets import Dataset
from intarsia.errors import DataError, ExportError, RecipeError, RunError
from intarsia.exporting.formats import metadata
from intarsia.exporting.graph import Graph
from intarsia.images import Scaling
from intarsia.inference import Settings
from intarsia.runs import Run


@pytest.fixture(scope="session")
def boxes_bundle(boxes_run, tmp_path_factory):
    """The bundle of `boxes_run`, and the gate that it passed."""
    path = tmp_path_factory.mktemp("bundles") / "boxes.intarsia"
    done = []
    gate = ia.export(
        boxes_run,
        path,
        license="CC0-1.0",
        footprint=False,
        device="cpu",
        progress=lambda *now: done.append(now),
    )
    assert done == [(1, 3), (2, 3), (3, 3)]
    return path, gate


@pytest.fixture
def photo(tmp_path):
    rng = np.random.default_rng(9)
    image = rng.integers(0, 90, (71, 103, 3)).astype(np.uint8)
    image[20:50, 30:80] += 150
    path = tmp_path / "photo.png"
    Image.fromarray(image).save(path)
    return path


def test_the_bundle_gives_the_masks_of_the_run(boxes_run, boxes_bundle, photo):
    path, gate = boxes_bundle
    assert gate.passed
    assert gate.size is None
    assert {row.runtime for row in gate.sizes} == {"onnxruntime", "openvino"}
    assert gate.parity.agreement >= 0.9999
    bundle, run = ia.Predictor(path), ia.Predictor(boxes_run, device="cpu")
    assert bundle.settings == run.settings
    assert bundle.settings.flip
    assert (bundle(photo) == run(photo)).mean() > 0.9995
    np.testing.assert_allclose(bundle.probabilities(photo), run.probabilities(photo), atol=1e-4)
    assert bundle.self_test() == 1.0


def test_the_gate_measures_what_evaluate_measures(boxes_run, boxes_bundle, tmp_path):
    _, gate = boxes_bundle
    copy = tmp_path / "run"
    shutil.copytree(boxes_run.path, copy)
    sheet = ia.evaluate(copy, device="cpu")
    assert gate.run.value == pytest.approx(sheet.miou)
    assert np.array_equal(gate.parity.run.sum(axis=0), sheet.confusion_matrix)


def test_the_card_says_what_is_so(boxes_run, boxes_bundle):
    path, gate = boxes_bundle
    bundle = Bundle.open(path)
    assert bundle.description.suffixes == (".png",)
    assert ia.Predictor(path).suffixes == ia.Predictor(boxes_run, device="cpu").suffixes
    card = bundle.card
    assert card["license"] == "CC0-1.0"
    assert card["data"]["images"] == {"train": 7, "val": 3}
    assert card["model"]["encoder"] == "test_resnet"
    assert card["training"]["epochs"] == 4
    assert any("not measured on a test split" in text for text in card["limits"])
    assert bundle.gate["agreement"] == gate.parity.agreement
    assert bundle.recipe["model"]["name"] == "unet"
    with zipfile.ZipFile(path) as archive:
        text = archive.read("card.md").decode()
    assert "# boxes" in text
    assert "export gate: passed" in text
    assert len(bundle.tests) == 3


def test_without_torch_it_gives_the_same_mask(boxes_bundle, photo):
    path, _ = boxes_bundle
    code = """
        import json
        import intarsia as ia
        mask = ia.Predictor(sys.argv[1])(sys.argv[2])
        print(json.dumps([mask.tolist(), "torch" in sys.modules]))
    """
    done = alone(code, str(path), str(photo))
    assert done.returncode == 0, done.stderr
    mask, torch_there = json.loads(done.stdout)
    assert not torch_there
    assert np.array_equal(np.array(mask), ia.Predictor(path)(photo))


@pytest.fixture
def other_network(monkeypatch):
    """The export of any run gives a network that answers something else."""

    def export_graph(model, **_):
        return Graph(network())

    monkeypatch.setattr("intarsia.exporting.graph.export_graph", export_graph)


def test_a_network_that_does_something_else_is_refused(boxes_run, other_network, tmp_path, capsys):
    out = tmp_path / "m.intarsia"
    out.write_bytes(b"what was there")
    words = ["export", str(boxes_run.path), "--out", str(out), "--device", "cpu"]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "export gate: FAILED" in told.out
    assert "of the pixels of the images get the same class" in told.err
    assert "The mIoU differs by" in told.err
    assert "Classes: " in told.err
    assert out.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [out]


@pytest.fixture
def same_network(monkeypatch):
    """The network made by hand in place of the trained one: quick to export, in any size."""
    import torch
    from torch import nn

    conv = nn.Conv2d(3, 2, 1, bias=False)
    conv.weight.data = torch.from_numpy(WEIGHTS.copy())
    monkeypatch.setattr("intarsia.exporting.graph.whole_network", lambda models: conv.eval())
    monkeypatch.setattr("intarsia.exporting.graph.export_graph", lambda *_, **__: Graph(network()))


def test_a_network_of_one_size_sees_tiles(boxes_run, same_network, monkeypatch, tmp_path):
    """What the exporter says of UPerNet, said of a network that is quick to export."""
    made = []

    def export_graph(model, *, size, **_):
        made.append(size)
        return Graph(network(), size, "at 1 x 201x147 px it fails")

    monkeypatch.setattr("intarsia.exporting.graph.export_graph", export_graph)
    gate = ia.export(boxes_run, tmp_path / "m.intarsia", footprint=False, device="cpu")
    assert made == [(32, 48)]
    assert gate.passed
    assert {(row.batch, row.height, row.width) for row in gate.sizes} == {(1, 32, 48), (3, 32, 48)}
    bundle = Bundle.open(tmp_path / "m.intarsia")
    assert bundle.description.size == (32, 48)
    assert bundle.description.preprocessing.fit == "tiles"
    assert any("takes 32x48 px only" in text for text in bundle.card["limits"])
    mask = ia.Predictor(tmp_path / "m.intarsia")(np.zeros((100, 41, 3), np.uint8))
    assert mask.shape == (100, 41)
    scaled = boxes_run.setting(["predict.scales=1,2"])
    with pytest.raises(RecipeError, match="32x48 px only"):
        ia.export(scaled, tmp_path / "other.intarsia", footprint=False, device="cpu")


def test_it_is_exported_as_it_is_set_to_be_used(boxes_run, same_network, tmp_path, capsys):
    out = tmp_path / "m.intarsia"
    used = boxes_run.setting(["predict.flip=false", "predict.scales=0.5,1"])
    assert used.assignments == ["predict.flip=false", "predict.scales=[0.5, 1.0]"]
    assert boxes_run.setting(used.assignments).recipe == used.recipe
    ia.export(used, out, footprint=False, device="cpu")
    bundle = Bundle.open(out)
    assert (bundle.description.settings.flip, bundle.description.settings.scales) == (
        False,
        (0.5, 1),
    )
    assert bundle.recipe["predict"]["flip"] is False
    words = ["export", str(boxes_run.path), "--out", str(out), "--set", "train.epochs=3"]
    assert main(words) == 2
    assert "decided by the training" in capsys.readouterr().err


def test_of_a_large_image_a_part_is_the_self_test(boxes_run, same_network, monkeypatch, tmp_path):
    monkeypatch.setattr("intarsia.exporting.exporter._LARGEST_TEST", 40)
    ia.export(boxes_run, tmp_path / "m.intarsia", footprint=False, self_tests=2, device="cpu")
    tests = Bundle.open(tmp_path / "m.intarsia").tests
    assert [test.image.shape for test in tests] == [(37, 40, 3)] * 2
    assert ia.Predictor(tmp_path / "m.intarsia").self_test() == 1.0


def test_a_runtime_that_does_something_else_is_not_named(
    boxes_run, same_network, monkeypatch, tmp_path, caplog
):
    monkeypatch.setattr(
        "intarsia.backends.openvino_backend.openvino_network",
        lambda *_, **__: lambda x: np.zeros((len(x), 2, *x.shape[2:]), np.float32),
    )
    gate = ia.export(boxes_run, tmp_path / "m.intarsia", footprint=False, device="cpu")
    assert {row.runtime for row in gate.sizes} == {"onnxruntime"}
    assert Bundle.open(tmp_path / "m.intarsia").description.runtimes == ("onnxruntime",)
    assert "openvino does something else" in caplog.text


def test_calibration_sees_what_a_prediction_sees():
    from intarsia.exporting.quantisation import network_inputs
    from intarsia.inference import Inference

    def never(batch):
        raise AssertionError

    inference = Inference(never, description().preprocessing, flip=True)
    images = [picture(seed=n) for n in range(4)]
    inputs = network_inputs(inference, images, classes=2, most=3)
    assert [batch.shape for batch in inputs] == [(1, 3, 41, 67)] * 3
    np.testing.assert_allclose(inputs[1][0], inference.preprocessing.normalise(images[1]))
    tiled = replace(inference, max_pixels=1000)
    assert {b.shape for b in network_inputs(tiled, images, classes=2, most=9)} == {(1, 3, 32, 48)}


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"format": "onxn"}, RecipeError, 'did you mean "onnx"'),
        ({"precision": "fp16"}, RecipeError, 'no precision "fp16"'),
        ({"max_difference": 0.0}, RecipeError, "above 0"),
        ({"tile": 8}, RecipeError, "32 to 4096"),
        ({"self_tests": 21}, RecipeError, "0 to 20"),
        ({"self_tests": -1}, RecipeError, "-1 images"),
        ({"format": "onnx"}, DataError, "m.onnx"),
        ({"format": "onnx", "precision": "bf16"}, ExportError, "no bf16 model"),
    ],
)
def test_what_cannot_be_asked_for(boxes_run, tmp_path, changes, error, match):
    with pytest.raises(error) as caught:
        ia.export(boxes_run, tmp_path / "m.intarsia", **changes)
    assert match in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_is_said_before_the_work(boxes_run, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        ia.export(boxes_run, tmp_path / "none" / "m.intarsia")
    (tmp_path / "folder.intarsia").mkdir()
    with pytest.raises(DataError, match="a folder, not a file"):
        ia.export(boxes_run, tmp_path / "folder.intarsia")
    with pytest.raises(RunError, match="no such run folder"):
        ia.export(tmp_path / "none", tmp_path / "m.intarsia")


def test_missing_packages_are_all_named(boxes_run, tmp_path, monkeypatch):
    gone = {"onnxscript", "nncf"}
    monkeypatch.setattr(
        "intarsia.exporting.request.find_spec",
        lambda name: None if name in gone else find_spec(name),
    )
    with pytest.raises(ExportError, match="needs onnxscript, nncf") as error:
        ia.export(boxes_run, tmp_path / "m.intarsia", precision="int8")
    assert error.value.hint == 'pip install "intarsia[export]"'


def test_without_validation_images_there_is_no_gate(boxes_run, tmp_path, shapes):
    data = Dataset.open(shapes)
    lone = replace(data, samples=data.split("train"))
    with pytest.raises(DataError, match="no validation images"):
        ia.export(boxes_run, tmp_path / "m.intarsia", lone)
    with pytest.raises(DataError, match="have 4 channels, the model takes 3"):
        ia.export(boxes_run, tmp_path / "m.intarsia", replace(data, channels=4))
    moved = Run(tmp_path / "run")
    shutil.copytree(boxes_run.path, moved.path)
    manifest = json.loads((moved.path / "dataset.json").read_text())
    (moved.path / "dataset.json").write_text(json.dumps({**manifest, "root": "/nowhere"}))
    with pytest.raises(DataError, match="3 validation images of the run are not there") as error:
        ia.export(moved, tmp_path / "m.intarsia")
    assert error.value.hint.startswith("--data with the folder where shapes lies now")


def test_metadata_for_qgis():
    plain = metadata(description(size=(512, 512)))
    assert plain["model_type"] == "Segmentor"
    assert plain["class_names"] == {"0": "ground", "1": "box"}
    assert plain["tile_size"] == plain["tiles_size"] == 512
    assert plain["tiles_overlap"] == 50
    assert plain["seg_thresh"] == 0
    assert plain["standardization_mean"] == [0.5, 0.5, 0.5]
    assert plain["intarsia"]["schema"] == 1
    for threshold, said in ((0.7, 0.7), (0.3, 0)):
        set_so = metadata(description(settings=Settings(threshold=threshold)))
        assert set_so["seg_thresh"] == said
    # it knows square tiles and 8-bit images only
    deep = replace(description().preprocessing, scaling=Scaling(0, 4095, "12 bit"))
    other = metadata(description(preprocessing=deep))
    assert not {"tile_size", "standardization_mean"} & set(other)


@pytest.mark.slow
def test_a_plain_file_gives_probabilities_and_says_what_they_need(boxes_run, photo, tmp_path):
    import onnx
    import onnxruntime

    out = tmp_path / "m.onnx"
    with pytest.raises(ExportError, match="The mIoU differs by") as refused:
        ia.export(boxes_run, out, format="onnx", tile=64, max_difference=0.001, device="cpu")
    assert "it was used on whole images and sees tiles now" in refused.value.hint
    gate = ia.export(boxes_run, out, format="onnx", tile=64, max_difference=0.2, device="cpu")
    assert gate.size == (64, 64)
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model)
    said = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert said["tile_size"] == 64
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert session.get_inputs()[0].shape[1:] == [3, 64, 64]
    image = np.asarray(Image.open(photo))[:64, :64]
    mean, std = (said[f"standardization_{key}"] for key in ("mean", "std"))
    batch = ((image / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
    (found,) = session.run(None, {"images": batch})
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    plain = Run.open(boxes_run.path).setting(["predict.flip=false"])
    expected = ia.Predictor(plain, device="cpu").probabilities(image)
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


@pytest.mark.slow
def test_a_folder_for_openvino(boxes_run, photo, tmp_path):
    from intarsia.backends.openvino_backend import openvino_network

    out = tmp_path / "ir"
    gate = ia.export(boxes_run, out, format="openvino", device="cpu")
    assert gate.runtime == "openvino"
    names = {path.name for path in out.iterdir()}
    assert names == {"model.xml", "model.bin", "model.json", "card.md", "card.json", "gate.json"}
    network = openvino_network(out / "model.xml")
    found = network(np.zeros((2, 3, 45, 67), np.float32))
    assert found.shape == (2, 2, 45, 67)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    with pytest.raises(DataError, match="not empty"):
        ia.export(boxes_run, out, format="openvino", device="cpu")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_lower_precisions_name_their_runtime(
    trained_run, photo, tmp_path, precision, monkeypatch, capsys
):
    tried = []
    for name in ("socket.socket.connect", "socket.create_connection", "socket.getaddrinfo"):
        monkeypatch.setattr(name, lambda *asked, **_: tried.append(asked))
    out = tmp_path / "m.intarsia"
    gate = ia.export(
        trained_run, out, precision=precision, max_difference=0.2, footprint=False, device="cpu"
    )
    assert gate.precision == precision
    assert tried == []
    assert capsys.readouterr().out == ""
    bundle = Bundle.open(out)
    assert bundle.description.runtimes == ("openvino",)
    mask = ia.Predictor(out)(photo)
    assert (mask == ia.Predictor(trained_run, device="cpu")(photo)).mean() > 0.9
    if precision == "int8":
        assert b"QuantizeLinear" in bundle.network


@pytest.mark.slow
def test_a_cross_validation_becomes_the_ensemble_of_its_folds(folded, photo, tmp_path):
    gate = ia.export(folded, tmp_path / "m.intarsia", device="cpu")
    assert gate.split == "all folds"
    card = Bundle.open(tmp_path / "m.intarsia").card
    assert card["data"]["images"] == {"in folds": 8, "test": 2}
    assert card["limits"][0].startswith("It was trained on 8 images of cells")
    (said,) = [text for text in card["limits"] if "of the gate" in text]
    assert said.startswith("Most of its networks were trained on")
    run = ia.Predictor(folded, device="cpu")
    np.testing.assert_allclose(
        ia.Predictor(tmp_path / "m.intarsia").probabilities(photo),
        run.probabilities(photo),
        atol=1e-4,
    )


@pytest.mark.slow
def test_memory_and_start_are_measured_in_processes_of_their_own(boxes_run, tmp_path):
    gate = ia.export(
        boxes_run.setting(["predict.flip=false"]), tmp_path / "m.intarsia", device="cpu"
    )
    run, bundle = gate.footprints
    assert 0 < bundle.seconds < run.seconds
    assert 0 < bundle.peak_bytes < run.peak_bytes
    assert Bundle.open(tmp_path / "m.intarsia").gate["footprints"]["bundle"]["peak_bytes"] > 0


@pytest.mark.slow
def test_an_environment_with_four_packages_is_enough(boxes_bundle, photo, tmp_path):
    """The wheel without its dependencies, and what a bundle needs; the mask is there in 1 s."""
    path, _ = boxes_bundle
    root = Path(ia.__file__).parents[2]
    uv = [sys.executable, "-m", "uv"] if shutil.which("uv") is None else ["uv"]
    if subprocess.run([*uv, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no uv here")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(root)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv = tmp_path / "venv"
    subprocess.run([*uv, "venv", "--python", sys.executable, str(venv)], check=True)
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [*uv, "pip", "install", "--python", str(python)]
    needed = ["numpy", "pillow", "opencv-python-headless", "onnxruntime"]
    subprocess.run([*install, *needed], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    code = (
        "import sys, time; begun = time.perf_counter(); import intarsia as ia;"
        "mask = ia.Predictor(sys.argv[1])(sys.argv[2]);"
        "print(f'{time.perf_counter() - begun:.2f}', file=sys.stderr);"
        "print(mask.tolist())"
    )
    seconds = []
    for _ in range(5):  # the first one compiles what it imports
        done = subprocess.run(
            [str(python), "-c", code, str(path), str(photo)],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, done.stderr
        seconds.append(float(done.stderr))
    assert min(seconds) < 1, f"seconds from import to mask: {seconds}"
    assert np.array_equal(np.array(json.loads(done.stdout)), ia.Predictor(path)(photo))
