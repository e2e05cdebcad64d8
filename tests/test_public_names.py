"""`ia.train` is the function, before and after any submodule was imported."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import types

import pytest

import intarsia as ia

MODULES = ("draw", "errors")


def _submodules() -> list[str]:
    return [
        m.name for m in pkgutil.walk_packages(ia.__path__, "intarsia.") if "__main__" not in m.name
    ]


@pytest.mark.parametrize("name", ia.__all__)
def test_each_public_name_is_there_twice_and_stays_after_every_submodule(name: str) -> None:
    first = getattr(ia, name)
    assert getattr(ia, name) is first
    for module in _submodules():
        importlib.import_module(module)
    assert getattr(ia, name) is first
    assert isinstance(first, types.ModuleType) == (name in MODULES)
    assert name in dir(ia)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        ia.trian  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    "module",
    ["intarsia", "intarsia.cli", "intarsia.conversion", "intarsia.datasets", "intarsia.doctor",
     "intarsia.draw", "intarsia.images", "intarsia.inference", "intarsia.labels",
     "intarsia.metrics", "intarsia.transforms"],
)  # fmt: skip
def test_the_light_rooms_import_nothing_heavy(module: str) -> None:
    heavy = "{'torch', 'timm', 'matplotlib', 'segmentation_models_pytorch'}"
    code = f"import sys, {module}; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
