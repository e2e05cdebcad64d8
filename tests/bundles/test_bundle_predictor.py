"""A bundle predicts with NumPy, Pillow, OpenCV and a runtime alone."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

import intarsia as ia
from intarsia.cli import main
from intarsia.errors import BundleError, RecipeError, RunError
from intarsia.inference import Settings
from intarsia.recipe import PredictSection, Recipe

from .made import description, expected, picture, write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle") / "made.intarsia")


def test_it_predicts_like_the_network_by_hand(bundle, tmp_path):
    predictor = ia.Predictor(bundle)
    assert (predictor.name, predictor.labels.names) == ("made", ["ground", "box"])
    image = picture((91, 75), seed=4)
    assert np.array_equal(predictor(image), expected(image))
    Image.fromarray(image).save(tmp_path / "photo.png")
    assert np.array_equal(predictor(str(tmp_path / "photo.png")), expected(image))
    assert predictor.self_test() == 1.0
    assert predictor.card["limits"] == ["made by hand"]


def test_openvino_gives_the_same_masks(tmp_path):
    path = write_bundle(tmp_path / "m.intarsia", description(runtimes=("openvino",)))
    image = picture((91, 75), seed=4)
    assert np.array_equal(ia.Predictor(path)(image), expected(image))


def test_the_predict_settings_are_those_of_recipes():
    networks = {"ensemble", "ema"}  # they choose a network: which one, is decided by the export
    assert set(Settings.__dataclass_fields__) == set(PredictSection.model_fields) - networks
    defaults = PredictSection().model_dump(exclude=networks)
    assert defaults == Settings().__dict__


def test_settings_change_it(bundle):
    image = picture(seed=7)
    half = ia.Predictor(bundle, settings=["predict.threshold=0.0001"])
    assert half(image).mean() > expected(image).mean()
    assert half.self_test() is None
    with pytest.raises(RecipeError, match="decided by the training"):
        ia.Predictor(bundle, settings=["train.epochs=3"])


def test_a_key_that_would_ask_for_another_network_is_refused(tmp_path):
    recipe = Recipe().replace(**{"schedule.name": "snapshot"}).model_dump_json(by_alias=True)
    path = write_bundle(tmp_path / "m.intarsia", **{"recipe.json": recipe.encode()})
    with pytest.raises(RecipeError, match="another network"):
        ia.Predictor(path, settings=["predict.ensemble=true"])
    with pytest.raises(RecipeError, match="no other fitted one"):
        ia.Predictor(path, settings=["predict.temperature=fitted"])
    one_size = write_bundle(tmp_path / "one.intarsia", description(size=(32, 48)))
    with pytest.raises(RecipeError, match="32x48 px only"):
        ia.Predictor(one_size, settings=["predict.scales=1,2"])


def test_a_recipe_of_another_version_is_said(tmp_path):
    path = write_bundle(tmp_path / "m.intarsia", **{"recipe.json": b'{"predict": {"sharpen": 1}}'})
    assert ia.Predictor(path).settings == Settings()
    with pytest.raises(BundleError, match="of another version") as error:
        ia.Predictor(path, settings=["predict.flip=true"])
    assert error.value.where == str(path)


def test_what_is_no_bundle_and_no_run(tmp_path):
    with pytest.raises(BundleError, match="No such file"):
        ia.Predictor(tmp_path / "none.intarsia")
    with pytest.raises(RunError, match="no such run folder"):
        ia.Predictor(tmp_path / "none")
    with pytest.raises(RunError, match="not a run"):
        ia.Predictor(tmp_path)


def test_a_device_that_it_does_not_run_on(bundle):
    with pytest.raises(RecipeError, match='does not run on "mps"'):
        ia.Predictor(bundle, device="mps")


def test_a_network_that_its_runtime_refuses(tmp_path):
    from onnx import load_model_from_string

    from .made import network

    model = load_model_from_string(network())
    model.graph.node[0].op_type = "Convolve"
    path = write_bundle(tmp_path / "m.intarsia", **{"model.onnx": model.SerializeToString()})
    with pytest.raises(BundleError, match="ONNX Runtime cannot use the network"):
        ia.Predictor(path)


def test_the_command_predicts_with_a_bundle(bundle, tmp_path, capsys):
    image = picture((50, 61), seed=5)
    (tmp_path / "photos").mkdir()
    Image.fromarray(image).save(tmp_path / "photos" / "a.png")
    out = tmp_path / "out"
    assert main(["predict", str(bundle), str(tmp_path / "photos"), "--out", str(out)]) == 0
    assert "1 masks" in capsys.readouterr().out
    assert np.array_equal(np.asarray(Image.open(out / "masks" / "a.png")), expected(image))


BLOCKED = """
    import sys

    ALLOWED = {"numpy", "PIL", "cv2", "onnxruntime", "intarsia", *sys.stdlib_module_names}

    class Only:
        def __init__(self, finder):
            self.finder = finder

        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] not in ALLOWED and not name.startswith("_"):
                return None
            return self.finder.find_spec(name, path, target)

    sys.meta_path[:] = [Only(finder) for finder in sys.meta_path]
"""


def alone(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python where only what a bundle may need can be imported."""
    text = textwrap.dedent(BLOCKED) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", text, *arguments], capture_output=True, text=True, check=False
    )


def test_nothing_but_numpy_pillow_opencv_and_a_runtime_is_imported(bundle, tmp_path):
    image = picture((50, 61), seed=6)
    Image.fromarray(image).save(tmp_path / "photo.png")
    code = """
        import json
        import intarsia as ia
        predictor = ia.Predictor(sys.argv[1])
        mask = predictor(sys.argv[2])
        ours = {"torch", "pydantic", "yaml", "scipy", "tifffile", "typer", "matplotlib", "onnx"}
        print(json.dumps([mask.tolist(), sorted(ours & set(sys.modules)), predictor.self_test()]))
    """
    done = alone(code, str(bundle), str(tmp_path / "photo.png"))
    assert done.returncode == 0, done.stderr
    mask, imported, share = json.loads(done.stdout.splitlines()[-1])
    assert np.array_equal(np.array(mask), expected(image))
    assert imported == []
    assert share == 1.0


def test_what_needs_more_says_so(bundle, tmp_path):
    (tmp_path / "photo.tif").write_bytes(b"II*\0" + bytes(200))
    crf = write_bundle(tmp_path / "crf.intarsia", description(settings=Settings(crf=True)))
    other = write_bundle(tmp_path / "ov.intarsia", description(runtimes=("openvino",)))
    code = """
        import intarsia as ia
        for act in (
            lambda: ia.Predictor(sys.argv[1])(sys.argv[2]),
            lambda: ia.Predictor(sys.argv[1], settings=["predict.flip=true"]),
            lambda: ia.Predictor(sys.argv[3]),
            lambda: ia.Predictor(sys.argv[4]),
            lambda: ia.Predictor("runs/camvid"),
        ):
            try:
                act()
            except ia.IntarsiaError as error:
                print(error.what, "|", error.hint)
    """
    done = alone(code, str(bundle), str(tmp_path / "photo.tif"), str(crf), str(other))
    assert done.returncode == 0, done.stderr
    tiff, settings, scipy, runtime, run = done.stdout.splitlines()
    assert tiff.startswith("TIFF needs the packages tifffile")
    assert settings.startswith("changing predict.* keys needs the package ")
    assert scipy.startswith("the CRF needs the package scipy | pip install scipy")
    assert runtime == "this bundle needs openvino | pip install openvino"
    assert run.startswith("this is no bundle, and a run needs the package ")


@pytest.mark.slow
def test_openvino_and_nncf_send_nothing(tmp_path):
    """With every socket refused; the package that they send with is installed."""
    path = write_bundle(tmp_path / "m.intarsia", description(runtimes=("openvino",)))
    code = """
        import socket, sys
        tried = []
        def refuse(*args, **kwargs):
            tried.append(args)
            raise OSError("no network in this test")
        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
        import numpy as np
        import intarsia as ia
        ia.Predictor(sys.argv[1])(np.zeros((40, 50, 3), np.uint8))
        import openvino.tools.ovc, nncf  # these would report their import
        import threading, time
        time.sleep(0.2)
        print(len(tried), [m for m in sys.modules if m.startswith("openvino_telemetry.")])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "0 []"
