"""Weights from elsewhere: timm's hub, torchvision or timm files, another run.

Nothing is loaded in part without a word: every key of a file is used, named as left out, or the
load fails.
"""

from __future__ import annotations

import functools
import os
import pickle
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from torch import Tensor, nn

from intarsia.errors import ModelError, WeightsNotHere
from intarsia.models.encoders import state_keys

PRETRAINED = "mobilenetv2_100"
"""timm's name of the encoder of `unet-mobilenetv2`; its tag is the default one, `ra_in1k`."""

State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
_PREFIXES = ("", "module.", "encoder.", "backbone.", "network.encoder.", "features.")
_CLASSIFIERS = ("classifier.", "fc.", "head.")
_HEADS = ("head.", "segmentation_head.")
_TORCHVISION = {"mobilenetv2_100": "mobilenet_v2"}  # other names, but in the same order
_SHOWN = 6


def weights_folder() -> Path:
    """Where a weights file is looked for before the hub: `$INTARSIA_WEIGHTS` or the cache."""
    return Path(os.environ.get("INTARSIA_WEIGHTS") or Path.home() / ".cache/intarsia/weights")


def pretrained_encoder(name: str) -> State:
    """ImageNet weights of a timm model, by timm's own loader.

    A file `NAME.safetensors` or `NAME.pth` in `weights_folder()` is taken first, so that a machine
    without a network needs only that file.

    Raises:
        ModelError: no such file and the hub cannot be reached; the message names the file.
    """
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is None or config.hf_hub_id is None:
        raise ModelError(f'timm has no weights for "{name}"', hint="--weights none or a file")
    tagged = f"{name}.{config.tag}" if config.tag and "." not in name else name
    for ending in (".safetensors", ".pth"):
        local = weights_folder() / f"{tagged}{ending}"
        if local.is_file():
            return read_state(local)
    advice = WeightsNotHere(
        f'the ImageNet weights of "{name}" are not on this machine and the hub is out of reach',
        where=config.hf_hub_id,
        expected=f"model.safetensors of {config.hf_hub_id} on the Hugging Face hub",
        hint=f"fetch that file elsewhere and save it as {weights_folder()}/{tagged}.safetensors, "
        "or give any file with --weights FILE, or train from random weights with --weights none",
    )
    if not _hub_reachable(config.hf_hub_id):
        raise advice
    try:
        model = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise advice from error
    state: State = model.state_dict()
    return state


def _hub_reachable(repository: str) -> bool:
    # The hub's client retries for most of a minute when there is no network at all
    from huggingface_hub import constants, try_to_load_from_cache

    for name in ("model.safetensors", "pytorch_model.bin"):
        if isinstance(try_to_load_from_cache(repository, name), str):
            return True
    if constants.HF_HUB_OFFLINE:
        return False
    if getproxies().get("https"):
        return True  # the proxy resolves names, this machine need not
    return _resolves(urlsplit(constants.ENDPOINT).hostname)


@functools.cache
def _resolves(host: str | None) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def read_state(path: Path) -> State:
    """The tensors of a weights file: safetensors, or a pickle-free `torch.save` file.

    Raises:
        ModelError: missing, empty, cut short, untrusted content, or not a mapping of tensors.
    """
    if not path.is_file():
        raise ModelError("no such weights file", where=path, hint="imagenet, none, a file or a run")
    if path.stat().st_size == 0:
        raise ModelError("the weights file is empty", where=path, hint="fetch it again")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            stored = load_file(path)
        except SafetensorError as error:
            raise ModelError(
                f"not a whole safetensors file: {error}", where=path, hint="fetch it again"
            ) from error
        if not stored:
            raise ModelError("no tensors by name in the file", where=path)
        return stored
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            "the file holds more than tensors and could run code; it was not opened",
            where=path,
            expected="a safetensors file, or a state dict saved with torch.save",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise ModelError(
            f"not a whole weights file: {error}", where=path, hint="fetch it again"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content:
        raise ModelError("no tensors by name in the file", where=path)
    state = {str(key): value for key, value in content.items()}
    odd = [key for key, value in state.items() if not _whole(value)]
    if odd:
        raise ModelError(
            f"entries that are not plain tensors: {_some(odd)}", where=path, expected="a state dict"
        )
    return state


def _whole(value: object) -> bool:
    # a stride-0 tensor of a few bytes can declare any number of elements
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    )


def load_encoder_weights(
    encoder: nn.Module, state: State, *, pretrained: str | None, source: str
) -> list[str]:
    """Fills an encoder from torchvision's, timm's or its own names; returns what to say aloud.

    `pretrained` is timm's name of the whole network: what that has and the encoder has not, such
    as a classifier, is left out and named. A first convolution of another channel count is
    adapted: its kernels are repeated over the channels and rescaled so that activations keep their
    size.

    Raises:
        ModelError: a key that fits nothing, a key that is missing, or a shape that differs.
    """
    own = encoder.state_dict()
    translated, left_out = _translate(state, list(own), pretrained)
    if pretrained is not None and _missing(own, translated):
        converted = _converted(pretrained, state)
        if converted is not None:
            translated, left_out = _translate(converted, list(own), pretrained)
    problems = []
    missing = _missing(own, translated)
    surplus = [k for k in translated if k not in own]
    if missing:
        problems.append(f"{len(missing)} of the encoder's keys are missing: {_some(missing)}")
    if surplus:
        problems.append(f"{len(surplus)} keys fit nothing: {_some(surplus)}")
    said = []
    first = next((k for k, v in own.items() if v.ndim == 4), None)
    for key in own.keys() & translated.keys():
        wanted, given = own[key].shape, translated[key].shape
        if wanted == given:
            continue
        if key == first and wanted[0] == given[0] and wanted[2:] == given[2:]:
            translated[key] = _adapt_channels(translated[key], wanted[1])
            said.append(f"first convolution adapted from {given[1]} to {wanted[1]} channels")
        else:
            problems.append(f"{key}: {tuple(given)} in the file, {tuple(wanted)} in the encoder")
    if problems:
        raise ModelError(
            "the weights do not fit the encoder: " + "; ".join(problems[:_SHOWN]),
            where=source,
            hint="give the weights of this very encoder, or --weights none",
        )
    for key, value in own.items():
        translated.setdefault(key, value)
    encoder.load_state_dict(translated)
    said.insert(0, f"encoder weights from {source}: {len(own)} tensors")
    if left_out:
        only_classifier = all(
            key.rpartition("encoder.")[2].startswith(_CLASSIFIERS) for key in left_out
        )
        what = "a classifier" if only_classifier else "not part of this encoder"
        said.append(f"left out of that file, {what}: {_some(left_out)}")
    return said


def _missing(own: State, translated: State) -> list[str]:
    return [k for k in own if k not in translated and not k.endswith("num_batches_tracked")]


def _translate(state: State, own: list[str], pretrained: str | None) -> tuple[State, list[str]]:
    """The file's tensors under the encoder's names, and the keys that were left out."""
    network = {} if pretrained is None else _names(pretrained)
    places = {_canonical(key, network): key for key in own}

    def matches(prefix: str) -> int:
        return sum(_canonical(k.removeprefix(prefix), network) in places for k in state)

    prefix = max(_PREFIXES, key=matches)
    known = set(network.values())
    translated: State = {}
    left_out = []
    for key, value in state.items():
        canonical = _canonical(key.removeprefix(prefix), network)
        if canonical in places:
            translated[places[canonical]] = value
        elif canonical in known or key.rpartition("encoder.")[2].startswith(_CLASSIFIERS):
            left_out.append(key)
        else:
            translated[key] = value
    return translated, left_out


def _names(pretrained: str) -> dict[str, str]:
    """Every name that a tensor of this network is known by, to timm's own name of it."""
    keys = state_keys(pretrained)
    # feature extraction flattens the first level of timm's modules: stages.0.x is stages_0.x
    names = {key.replace(".", "_", 1): key for key in keys} | {key: key for key in keys}
    theirs = _TORCHVISION.get(pretrained.partition(".")[0])
    if theirs is not None:
        trunk = [key for key in keys if not key.startswith(_CLASSIFIERS)]
        for other, key in zip(_torchvision_keys(theirs), trunk, strict=True):
            names[other] = names[other.removeprefix("features.")] = key
    return names


def _torchvision_keys(name: str) -> list[str]:
    import torchvision

    with torch.device("meta"):
        state = torchvision.models.get_model(name, weights=None).state_dict()
    return [key for key in state if not key.startswith(_CLASSIFIERS)]


def _canonical(key: str, names: dict[str, str]) -> str:
    # an encoder around timm's model, and timm's wrapper around a transformer, add one level each
    for _ in range(3):
        if key in names:
            return names[key]
        shorter = key.removeprefix("model.")
        if shorter == key:
            break
        key = shorter
    return key


def _converted(pretrained: str, state: State) -> State | None:
    """The tensors as timm renames those of a network's first authors; None where it cannot."""
    import timm

    try:
        model = timm.create_model(
            pretrained, pretrained=True, pretrained_cfg_overlay={"state_dict": dict(state)}
        )
    except (RuntimeError, LookupError, ValueError, AttributeError, TypeError):
        return None
    converted: State = model.state_dict()
    return converted


def _adapt_channels(kernel: Tensor, channels: int) -> Tensor:
    given = kernel.shape[1]
    repeated = kernel[:, [i % given for i in range(channels)]]
    return repeated * (given / channels)


def load_model_weights(model: nn.Module, state: State, *, source: str) -> list[str]:
    """Fills a whole network from another run; a head of another class count stays random.

    Raises:
        ModelError: the networks differ in more than the head.
    """
    own = model.state_dict()
    missing = sorted(own.keys() - state.keys())
    surplus = sorted(state.keys() - own.keys())
    differing = [k for k in own.keys() & state.keys() if own[k].shape != state[k].shape]
    foreign = [k for k in differing if not k.removeprefix("network.").startswith(_HEADS)]
    if missing or surplus or foreign:
        raise ModelError(
            "the other run holds another network: " + _some(foreign or missing or surplus),
            where=source,
            hint="take a run of the same model and channel count",
        )
    model.load_state_dict({**own, **{k: v for k, v in state.items() if k not in differing}})
    said = [f"weights from {source}: {len(own) - len(differing)} tensors"]
    if differing:
        said.append("another number of classes there: the head starts from random weights")
    return said


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
