import pickle
import re
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from intarsia.errors import ModelError
from intarsia.models import (
    build_model,
    encoder_of,
    fill_encoder,
    load_encoder_weights,
    load_model_weights,
    pretrained_encoder,
    pretrained_name,
    read_state,
)

NAME = pretrained_name("unet-mobilenetv2")


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(1)
    return timm.create_model(NAME)


def encoder(channels=3):
    return encoder_of(build_model("unet-mobilenetv2", classes=2, channels=channels)).eval()


def test_timm_weights_give_timm_features(theirs):
    ours = encoder()
    said = load_encoder_weights(ours, theirs.state_dict(), pretrained=NAME, source="timm")
    assert said == [
        "encoder weights from timm: 312 tensors",
        "left out of that file, a classifier: classifier.weight, classifier.bias",
    ]
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = theirs.eval().forward_features(images)
        assert torch.allclose(ours.features(images), expected, atol=1e-4)


def test_torchvision_names_fit_with_and_without_prefix(theirs):
    state = encoder().state_dict()
    for changed in (
        state,
        {f"module.{k}": v for k, v in state.items()},
        {k.removeprefix("features."): v for k, v in state.items()},
    ):
        target = encoder()
        load_encoder_weights(target, changed, pretrained=NAME, source="file")
        assert all(torch.equal(v, state[k]) for k, v in target.state_dict().items())


def test_other_channel_counts_adapt_the_first_convolution():
    state = encoder().state_dict()
    five = encoder(channels=5)
    said = load_encoder_weights(five, state, pretrained=NAME, source="file")
    assert "first convolution adapted from 3 to 5 channels" in said
    kernel = five.state_dict()["features.0.0.weight"]
    # an image that is equal in all channels gives what it gave before
    expected = state["features.0.0.weight"].sum(dim=1)
    one = encoder(channels=1)
    load_encoder_weights(one, state, pretrained=NAME, source="file")
    assert kernel.shape[1] == 5
    assert torch.allclose(kernel[:, 3], kernel[:, 0])
    assert one.state_dict()["features.0.0.weight"].shape[1] == 1
    six = encoder(channels=6)
    load_encoder_weights(six, state, pretrained=NAME, source="file")
    assert torch.allclose(six.state_dict()["features.0.0.weight"].sum(dim=1), expected, atol=1e-5)


def test_every_key_is_accounted_for():
    state = encoder().state_dict()
    lacking = {k: v for k, v in state.items() if k != "features.3.conv.0.0.weight"}
    with pytest.raises(ModelError, match=r"missing: features\.3\.conv\.0\.0\.weight"):
        load_encoder_weights(encoder(), lacking, pretrained=NAME, source="file")
    with pytest.raises(ModelError, match="fit nothing: surprise"):
        load_encoder_weights(
            encoder(), {**state, "surprise": torch.zeros(1)}, pretrained=NAME, source="file"
        )
    narrow = {**state, "features.3.conv.0.0.weight": torch.zeros(7, 24, 1, 1)}
    with pytest.raises(ModelError, match=r"\(7, 24, 1, 1\) in the file"):
        load_encoder_weights(encoder(), narrow, pretrained=NAME, source="file")


def test_without_network_the_error_names_the_file_and_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv("INTARSIA_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("intarsia.models.weights._hub_reachable", lambda repository: False)
    with pytest.raises(ModelError) as caught:
        pretrained_encoder(NAME)
    message = str(caught.value)
    assert "timm/mobilenetv2_100.ra_in1k" in message
    assert str(tmp_path / "mobilenetv2_100.ra_in1k.safetensors") in message


def test_the_named_place_is_where_it_is_read_from(tmp_path, monkeypatch, theirs):
    monkeypatch.setenv("INTARSIA_WEIGHTS", str(tmp_path))
    save_file(theirs.state_dict(), tmp_path / "mobilenetv2_100.ra_in1k.safetensors")
    state = pretrained_encoder(NAME)
    assert torch.equal(state["conv_stem.weight"], theirs.state_dict()["conv_stem.weight"])


def test_wrapped_state_dicts_are_opened(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({"state_dict": {"a": torch.ones(2)}}, path)
    assert list(read_state(path)) == ["a"]


class Payload:
    def __reduce__(self):
        return (Path.touch, (Path("hacked"),))


def test_files_that_could_run_code_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Payload(), protocol=2))
    with pytest.raises(ModelError, match=r"could run code"):
        read_state(path)
    assert not Path("hacked").exists()


def test_damaged_and_false_files_are_refused(tmp_path):
    whole = tmp_path / "whole.pth"
    torch.save({"a": torch.ones(1000)}, whole)
    data = whole.read_bytes()
    cases = {
        "empty.pth": b"",
        "empty.safetensors": b"",
        "short.pth": data[: len(data) // 2],
        "short.safetensors": b"\x10\x00\x00",
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=r"empty|whole|could run"):
            read_state(tmp_path / name)
    with pytest.raises(ModelError, match="no such"):
        read_state(tmp_path / "none.pth")
    torch.save({"a": torch.ones(1).expand(10**11)}, tmp_path / "bomb.pth")
    with pytest.raises(ModelError, match="not plain tensors: a"):
        read_state(tmp_path / "bomb.pth")


def test_another_runs_weights_fit_but_for_the_head():
    torch.manual_seed(2)
    source = build_model("unet-mobilenetv2", classes=4)
    target = build_model("unet-mobilenetv2", classes=2)
    said = load_model_weights(target, source.state_dict(), source="run")
    assert "the head starts from random weights" in said[-1]
    own, given = target.state_dict(), source.state_dict()
    assert all(torch.equal(own[k], given[k]) for k in own if "head" not in k)
    with pytest.raises(ModelError, match="another network"):
        load_model_weights(build_model("mini-unet", classes=2), source.state_dict(), source="run")


def states_equal(part, state, names) -> bool:
    own = part.state_dict()
    return all(torch.equal(own[key], state[names(key)]) for key in own)


def unflattened(key: str) -> str:
    """timm's own name of a tensor of its feature extraction inside an encoder."""
    key = key.removeprefix("model.").removeprefix("model.")
    head, dot, rest = key.partition(".")
    stage, under, number = head.rpartition("_")
    return f"{stage}.{number}{dot}{rest}" if under and number.isdigit() else key


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("deeplabv3-xception", None),
        ("resnet18-deconv", None),
        ("unet-resnet34", None),
        ("deeplabv3plus-resnet34", None),
        ("unet", "test_resnet"),
        ("unet", "test_convnext"),
        ("pspnet", "test_efficientnet"),
        ("segformer", "test_mambaout"),
        ("dpt", "test_vit"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_timms_own_file_fills_the_encoder(tmp_path, name, encoder, prefix):
    timm_name = pretrained_name(name, encoder)
    torch.manual_seed(5)
    state = timm.create_model(timm_name).state_dict()
    save_file({prefix + k: v for k, v in state.items()}, tmp_path / "w.safetensors")
    model = build_model(name, classes=2, encoder=encoder)
    said = fill_encoder(model, name, encoder, str(tmp_path / "w.safetensors"))
    assert "left out of that file" in said[-1]
    part = encoder_of(model)
    assert states_equal(part, state, lambda key: key if key in state else unflattened(key))


def test_shallow_encoders_name_the_stages_that_are_left_out(tmp_path):
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "w.safetensors")
    model = build_model("pspnet", classes=2, encoder="test_resnet")
    said = fill_encoder(model, "pspnet", "test_resnet", str(tmp_path / "w.safetensors"))
    assert said[-1].startswith("left out of that file, not part of this encoder: layer3.0.")


@pytest.mark.parametrize("name", ["resnet18-deconv-skip", "unet-resnet34"])
def test_torchvisions_resnets_fit(tmp_path, name):
    state = torchvision.models.get_model(pretrained_name(name), weights=None).state_dict()
    torch.save(state, tmp_path / "w.pth")
    model = build_model(name, classes=2, weights=tmp_path / "w.pth")
    assert states_equal(encoder_of(model), state, lambda key: key)


@pytest.mark.parametrize("kind", ["torchvision", "trunk", "timm"])
def test_a_truncated_mobilenet_leaves_out_what_it_has_not(kind, theirs):
    source = torchvision.models.mobilenet_v2(weights=None)
    state = source.state_dict()
    given = {"torchvision": state, "trunk": source.features.state_dict(), "timm": None}[kind]
    if given is None:
        state = translated(theirs.state_dict())
        given = theirs.state_dict()
    model = build_model("mobilenetv2-pix2pix-unet", classes=3)
    said = load_encoder_weights(encoder_of(model), given, pretrained=NAME, source="file")
    assert states_equal(encoder_of(model), state, lambda key: key)
    assert said[-1].startswith("left out of that file, not part of this encoder: ")


def translated(state):
    """timm's tensors under torchvision's names, by their order."""
    names = torchvision.models.mobilenet_v2(weights=None).features.state_dict()
    values = (v for k, v in state.items() if not k.startswith("classifier"))
    return {f"features.{k}": v for k, v in zip(names, values, strict=True)}


def test_torchvision_names_fill_timms_own_mobilenet():
    state = torchvision.models.mobilenet_v2(weights=None).state_dict()
    model = build_model("unet", classes=2, encoder=NAME)
    load_encoder_weights(encoder_of(model), state, pretrained=NAME, source="file")
    first = encoder_of(model).state_dict()["model.conv_stem.weight"]
    assert torch.equal(first, state["features.0.0.weight"])


def test_the_first_authors_names_are_converted_by_timm():
    torch.manual_seed(6)
    state = timm.create_model("test_convnext").state_dict()
    theirs = {}
    for key, value in state.items():
        key = re.sub(r"^stem\.", "downsample_layers.0.", key)
        key = re.sub(r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1.", key)
        key = re.sub(r"^stages\.(\d)\.blocks\.", r"stages.\1.", key)
        key = key.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
        theirs[key.replace("head.norm", "norm").replace("head.fc", "head")] = value
    assert theirs.keys() != state.keys()
    model = build_model("unet", classes=2, encoder="test_convnext")
    load_encoder_weights(encoder_of(model), theirs, pretrained="test_convnext", source="file")
    assert states_equal(encoder_of(model), state, unflattened)


def test_scratch_networks_have_nothing_to_fill():
    with pytest.raises(ModelError, match="from scratch"):
        build_model("conv-unet", classes=2, weights="imagenet")


def test_a_tagged_encoder_is_looked_for_under_its_tag(tmp_path, monkeypatch):
    monkeypatch.setenv("INTARSIA_WEIGHTS", str(tmp_path))
    state = timm.create_model("test_resnet").state_dict()
    save_file(state, tmp_path / "test_resnet.r160_in1k.safetensors")
    for encoder in ("test_resnet", "test_resnet.r160_in1k"):
        model = build_model("unet", classes=2, encoder=encoder, weights="imagenet")
        first = encoder_of(model).state_dict()["model.conv1.0.weight"]
        assert torch.equal(first, state["conv1.0.weight"])


@pytest.mark.parametrize(
    ("name", "encoder"),
    [(name, None) for name in ("mobilenetv2-pix2pix-unet", "resnet18-deconv", "inception-unet")]
    + [("dpt", "test_vit"), ("upernet", "test_convnext2"), ("deeplabv3plus", "test_resnet")],
)
def test_another_class_count_changes_the_head_alone(name, encoder):
    source = build_model(name, classes=4, encoder=encoder)
    target = build_model(name, classes=2, encoder=encoder)
    said = load_model_weights(target, source.state_dict(), source="run")
    assert "the head starts from random weights" in said[-1]
    own, given = target.state_dict(), source.state_dict()
    differing = {key for key in own if own[key].shape != given[key].shape}
    assert len(differing) == 2
    assert all(torch.equal(own[k], given[k]) for k in own.keys() - differing)
