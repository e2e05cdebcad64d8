"""The file: what is written comes back; whatever is not that is refused, and named."""

import hashlib
import io
import json
import os
import random
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from intarsia.bundles import Bundle, SelfTest, pack
from intarsia.bundles.archive import unpack
from intarsia.bundles.onnx_file import check_self_contained
from intarsia.bundles.self_test import read_self_tests, write_self_tests
from intarsia.errors import BundleError
from intarsia.images import Scaling
from intarsia.inference import Settings

from .made import description, members, network, picture, write_bundle


def refused(path, match):
    with pytest.raises(BundleError, match=match) as error:
        Bundle.open(path)
    assert error.value.where == str(path)
    return error.value


def test_what_is_written_comes_back(tmp_path):
    settings = Settings(
        flip=True,
        scales=(1.0, 0.5),
        temperature=1.5,
        threshold=0.3,
        crf=True,
        crf_sizes=(9.0, 5.0, 2.0),
    )
    described = description(
        settings=settings,
        channel_names=("red", "green", "blue"),
        page=1,
        suffixes=("", ".jpg", ".tif"),
        size=(32, 48),
    )
    bundle = Bundle.open(write_bundle(tmp_path / "m.intarsia", described))
    assert bundle.description == described
    assert bundle.network == network()
    assert bundle.card["limits"] == ["made by hand"]
    assert bundle.gate == {"passed": True}
    assert len(bundle.tests) == 2
    assert np.array_equal(bundle.tests[1].image, picture(seed=1))


def test_the_same_bundle_has_the_same_bytes(tmp_path):
    first = write_bundle(tmp_path / "a").read_bytes()
    assert write_bundle(tmp_path / "b").read_bytes() == first


def test_anybody_can_look_into_it(tmp_path):
    with zipfile.ZipFile(write_bundle(tmp_path / "m.zip")) as archive:
        assert archive.namelist()[:2] == ["bundle.json", "model.onnx"]
        content = json.loads(archive.read("bundle.json"))
    assert content["schema"] == 1
    assert content["labels"][1] == {"id": 1, "name": "box", "color": [200, 100, 0]}
    assert content["members"]["card.md"]["bytes"] == len(b"# made\n")


def test_missing_empty_or_something_else(tmp_path):
    refused(tmp_path / "none.intarsia", "cannot read the bundle: No such file")
    refused(tmp_path, "no file")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", r"empty \(0 bytes\)")
    (tmp_path / "text").write_text("hello, I am a model" * 20)
    refused(tmp_path / "text", "not a bundle")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("bundle.json", "{}")
    refused(tmp_path / "other.zip", "without the seal of a bundle")


@pytest.mark.skipif(os.name == "nt", reason="no pipes with names")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.intarsia")
    refused(tmp_path / "pipe.intarsia", "no file")


def test_cut_anywhere_it_is_refused(tmp_path):
    whole = write_bundle(tmp_path / "m.intarsia").read_bytes()
    cut = tmp_path / "cut.intarsia"
    generator = random.Random(0)
    for length in [1, 3, 21, len(whole) - 1, *generator.sample(range(len(whole)), 60)]:
        cut.write_bytes(whole[:length])
        with pytest.raises(BundleError):
            Bundle.open(cut)
    cut.write_bytes(whole + b"\0")
    refused(cut, "without the seal")


def test_one_flipped_bit_anywhere_is_refused(tmp_path):
    whole = bytearray(write_bundle(tmp_path / "m.intarsia").read_bytes())
    flipped = tmp_path / "flipped.intarsia"
    generator = random.Random(1)
    for at in [0, len(whole) - 1, *generator.sample(range(len(whole)), 200)]:
        bit = 1 << generator.randrange(8)
        whole[at] ^= bit
        flipped.write_bytes(whole)
        with pytest.raises(BundleError):
            Bundle.open(flipped)
        whole[at] ^= bit


def resealed(path, change):
    """The bundle with `change(content, members)` applied, as someone who knows the seal would."""
    content, inside = unpack(path)
    change(content, inside)
    path.write_bytes(pack(content, inside))
    return path


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c, m: c.update(schema=2), "has schema 2"),
        (lambda c, m: c.update(schema="1"), "schema is '1'"),
        (lambda c, m: c.pop("labels"), "no labels"),
        (lambda c, m: c.update(suffixes=".tif"), "suffixes is '.tif'"),
        (lambda c, m: c.update(suffixes=["tif"]), "ends of names"),
        (lambda c, m: c.update(suffixes=[".TIF"]), "ends of names"),
        (lambda c, m: c["labels"].pop(0), "id is 1"),
        (lambda c, m: c["labels"][0].update(name="box"), "not unique"),
        (lambda c, m: c["labels"][0].update(color=[0, 0, 256]), "256"),
        (lambda c, m: c["predict"].update(sharpen=1), 'unknown key "sharpen"'),
        (lambda c, m: c["predict"].update(scales=[1, 99]), "scales is"),
        (lambda c, m: c["predict"].update(temperature=0), "temperature is"),
        (lambda c, m: c["predict"].update(temperature=10**400), "a finite number"),
        (lambda c, m: c["predict"].update(overlap=1.0), "overlap is 1.0"),
        (lambda c, m: c["predict"].update(threshold=2), "threshold is 2.0"),
        (lambda c, m: c["predict"].update(portrait_blur=1e9), "portrait_blur is 1"),
        (lambda c, m: c["predict"].update(flip="yes"), "flip is 'yes'"),
        (lambda c, m: c["preprocessing"].update(std=[0, 1, 1]), "std"),
        (lambda c, m: c["preprocessing"].update(std=[1, 1]), "3 numbers|std"),
        (lambda c, m: c["preprocessing"].update(size=[10**9, 4]), "size is 1000000000"),
        (lambda c, m: c["preprocessing"].update(fit="sqeeze"), "did you mean|sqeeze"),
        (lambda c, m: c["preprocessing"].update(tile=[33, 48]), "tile"),
        (lambda c, m: c["preprocessing"]["scaling"].update(high=-1), "scale from"),
        (lambda c, m: c["network"].update(runtimes=["abacus"]), "abacus"),
        (lambda c, m: c["network"].update(precision="fp8"), "fp8"),
        (lambda c, m: c.update(extra=1), 'unknown key "extra"'),
        (lambda c, m: m.pop("card.json"), "no card.json"),
        (lambda c, m: m.update({"evil.py": b"1"}), "something unknown: evil.py"),
        (lambda c, m: m.update({"../../up.png": b"1"}), "something unknown"),
        (lambda c, m: m.update({"recipe.json": b"[1]"}), "no JSON object"),
        (lambda c, m: m.update({"gate.json": b'{"a": NaN}'}), "NaN is no number"),
        (lambda c, m: m.update({"card.json": b"[" * 100_000}), "card.json cannot be read"),
        (lambda c, m: m.update({"model.onnx": b"hello"}), "no ONNX model"),
        (lambda c, m: m.update({"model.onnx": b"<?xml version='1.0'?><net/>"}), "no ONNX model"),
        (lambda c, m: m.update({"model.onnx": b""}), "no ONNX model"),
        (lambda c, m: m.pop("self-test/0-mask.png"), "no self-test/0-mask"),
        (lambda c, m: m.update({"self-test/0-mask.png": b"\x89PNG"}), "cannot be read"),
        (
            lambda c, m: m.update({"self-test/0-mask.png": m["self-test/0-image.png"]}),
            "no image with its mask",
        ),
    ],
)
def test_a_seal_does_not_help_what_is_wrong(tmp_path, change, match):
    refused(resealed(write_bundle(tmp_path / "m.intarsia"), change), match)


@pytest.mark.parametrize(("kind", "flags"), [(zipfile.ZIP_LZMA, 0), (zipfile.ZIP_DEFLATED, 1)])
def test_a_member_that_is_packed_in_another_way_is_refused(tmp_path, kind, flags):
    path = write_bundle(tmp_path / "m.intarsia")
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as ours, zipfile.ZipFile(buffer, "w", kind) as theirs:
        for name in ours.namelist():
            theirs.writestr(name, ours.read(name))
        theirs.comment = ours.comment
    data = bytearray(buffer.getvalue())
    data[data.index(b"PK\x01\x02") + 8] |= flags  # of the first entry: it is encrypted
    body = bytes(data[:-64])
    seal = hashlib.sha256(body.removesuffix(b"intarsia-sha256:")).hexdigest().encode()
    path.write_bytes(body + seal)
    refused(path, "encrypted, or compressed in another way")


def test_a_bundle_from_before_the_kinds_of_files_were_kept_is_read(tmp_path):
    path = resealed(write_bundle(tmp_path / "m.intarsia"), lambda c, m: c.pop("suffixes"))
    assert Bundle.open(path).description.suffixes == ()


def test_weights_in_another_file_are_refused(tmp_path):
    data = network(external=True)
    path = write_bundle(tmp_path / "m.intarsia", **{"model.onnx": data})
    assert "keeps weights in another file" in refused(path, "another file").what


def test_external_weights_are_found_in_every_place_that_holds_tensors():
    from onnx import TensorProto, helper, load_model_from_string, numpy_helper

    def outside(name):
        tensor = numpy_helper.from_array(np.zeros(3, np.float32), name)
        tensor.data_location = TensorProto.EXTERNAL
        return tensor

    node = helper.make_node("Constant", [], ["c"], value=outside("c"))
    inner = helper.make_graph([node], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    for change in (
        lambda m: m.graph.node.append(node),
        lambda m: m.graph.node.append(branch),
        lambda m: m.graph.sparse_initializer.add().values.CopyFrom(outside("v")),
        lambda m: m.functions.add().node.append(node),
        lambda m: m.training_info.add().initialization.initializer.append(outside("t")),
    ):
        model = load_model_from_string(network())
        change(model)
        with pytest.raises(BundleError, match="another file"):
            check_self_contained(model.SerializeToString(), "m")


def test_a_scan_of_any_bytes_ends_with_an_error_or_not_at_all():
    generator = random.Random(2)
    whole = bytearray(network())
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            check_self_contained(bytes(data), "m")
            said = "no ONNX model"  # nothing: the damage was in a name or a number
        except BundleError as error:
            said = error.what
        assert "no ONNX model" in said or "another file" in said


def test_members_that_the_list_does_not_name_or_twice_are_refused(tmp_path):
    path = write_bundle(tmp_path / "m.intarsia")
    content, inside = unpack(path)
    facts = json.loads(json.dumps(content))
    made = pack(facts, inside)
    buffer = io.BytesIO(made)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("more.txt", b"x")
    path.write_bytes(buffer.getvalue())
    refused(path, "checksum does not agree|without the seal")


def test_a_member_that_claims_more_than_there_is_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr("intarsia.bundles.archive.MAX_BYTES", 3000)
    path = tmp_path / "m.intarsia"
    # compresses to nothing: small as a file, large when it is unpacked
    path.write_bytes(pack(description().to_json(), {"bomb.json": b"0" * 5000}))
    assert path.stat().st_size < 3000
    refused(path, "too large")
    path.write_bytes(b"PK" + bytes(4000))
    refused(path, "too many for a bundle")


@pytest.mark.parametrize(
    ("dtype", "channels", "suffix"),
    [("uint8", 1, "png"), ("uint8", 3, "png"), ("uint16", 1, "png"), ("uint16", 3, "npy"),
     ("float32", 1, "npy"), ("uint8", 5, "npy"), ("int16", 1, "npy")],
)  # fmt: skip
def test_pixels_of_any_kind_come_back(dtype, channels, suffix, tmp_path):
    rng = np.random.default_rng(3)
    image = (rng.random((7, 11, channels)) * 250).astype(dtype)
    mask = rng.integers(0, 300, (7, 11)).astype(np.uint16)
    inside = write_self_tests((SelfTest(image, mask),))
    assert list(inside) == [f"self-test/0-image.{suffix}", "self-test/0-mask.png"]
    (found,) = read_self_tests(inside, tmp_path)
    assert inside == {}
    assert found.image.dtype == image.dtype
    assert np.array_equal(found.image, image)
    assert np.array_equal(found.mask, mask)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (900000, 900000, 9), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
    ],
)
def test_arrays_that_are_no_pixels_are_refused_before_they_are_made(header, tmp_path):
    text = header.encode().ljust(118 - 1) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(16)
    inside = {**members(), "self-test/0-image.npy": data}
    del inside["self-test/0-image.png"]
    with pytest.raises(BundleError, match=r"self-test/0-image.npy cannot be read"):
        read_self_tests(inside, tmp_path)


def test_scales_a_channel_come_back(tmp_path):
    scaling = Scaling.by_channel([(0, 100), (5, 50), (0, 2000)], "percentiles")
    described = description()
    described = replace(described, preprocessing=replace(described.preprocessing, scaling=scaling))
    bundle = Bundle.open(write_bundle(tmp_path / "m.intarsia", described))
    assert bundle.description.preprocessing.scaling == scaling
