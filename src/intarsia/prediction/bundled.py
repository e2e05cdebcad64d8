"""A bundle's network as a plain function, and its settings changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from intarsia.errors import BundleError, RecipeError, did_you_mean
from intarsia.inference import Network, Settings

if TYPE_CHECKING:
    from intarsia.bundles import Bundle, Runtime

DEVICES = ("auto", "cpu", "cuda")


def bundle_network(bundle: Bundle, device: str = "auto") -> Network:
    """The network in the first of its runtimes that is installed.

    Raises:
        BundleError: none of them is, or the runtime cannot use the network.
        RecipeError: a device that bundles do not run on, or that is not here.
    """
    if device not in DEVICES:
        raise RecipeError(
            f'a bundle does not run on "{device}"',
            expected=", ".join(DEVICES),
            hint=did_you_mean(device, DEVICES),
        )
    described = bundle.description
    runtime = installed_runtime(described.runtimes)
    if runtime is None:
        needed = " or ".join(described.runtimes)
        raise BundleError(
            f"this bundle needs {needed}",
            where=bundle.path,
            hint=f"pip install {described.runtimes[0]}",
        )
    if runtime == "openvino":
        from intarsia.backends.openvino_backend import openvino_network

        if device == "cuda":
            raise RecipeError("OpenVINO does not run on cuda", hint="device cpu")
        return openvino_network(bundle.network, precision=described.precision)
    from intarsia.backends.onnx_backend import onnx_network

    return onnx_network(bundle.network, device=device)


def installed_runtime(runtimes: Sequence[Runtime]) -> Runtime | None:
    """The first of these that can be imported here."""
    return next((name for name in runtimes if find_spec(name) is not None), None)


def bundle_settings(bundle: Bundle, assignments: Sequence[str]) -> Settings:
    """How the bundle uses its network, changed by `predict.KEY=VALUE` texts.

    Raises:
        RecipeError: a key that does not belong to prediction, a wrong value, or one that would ask
            for another network.
        BundleError: changing needs the package pydantic or PyYAML, and it is not here.
    """
    if not assignments:
        return bundle.description.settings
    try:
        from intarsia.recipe import Recipe
        from intarsia.runs.uses import settings_of, used_otherwise
    except ModuleNotFoundError as error:
        raise BundleError(
            f"changing predict.* keys needs the package {error.name}",
            where=bundle.path,
            hint="pip install pydantic pyyaml, or export it with these keys",
        ) from error
    try:
        stored = Recipe.model_validate(bundle.recipe)
    except ValueError as error:
        raise BundleError(
            "its recipe is of another version of Intarsia: predict.* keys cannot be changed",
            where=bundle.path,
            hint="export the run again, with these keys",
        ) from error
    changed = used_otherwise(stored, assignments)
    before, after = stored.predict.model_dump(), changed.predict.model_dump()
    keys = {key for key, value in after.items() if value != before[key]}
    value = changed.predict.temperature
    if "temperature" in keys and isinstance(value, str):
        raise RecipeError(
            "a bundle has the temperature that it was exported with, and no other fitted one",
            where=bundle.path,
            expected="predict.temperature as a number",
        )
    other = settings_of(changed.predict, temperature=1.0 if isinstance(value, str) else value)
    known = set(other.__dataclass_fields__)
    if keys - known:
        raise RecipeError(
            f"predict.{min(keys - known)} chooses another network than the bundle holds",
            where=bundle.path,
            hint="export the run again with it",
        )
    settings = replace(bundle.description.settings, **{key: getattr(other, key) for key in keys})
    check_scales(settings, bundle.description.size)
    return settings


def check_scales(settings: Settings, size: tuple[int, int] | None) -> None:
    """Raises RecipeError where copies of other sizes are asked of a network that takes one size."""
    if size is not None and settings.scales != (1.0,):
        raise RecipeError(
            f"the network takes {size[0]}x{size[1]} px only, no copies at other scales",
            where="predict.scales",
            hint="predict.scales=1",
        )
