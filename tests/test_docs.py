"""The pages say what is so: commands, flags, keys, links and files."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from pydantic import BaseModel
from typer.main import get_command

import intarsia as ia
from intarsia.cli.app import app
from intarsia.datasets.description import Description
from intarsia.doctor.findings import CODES
from intarsia.recipe import Recipe
from intarsia.reproduction import SYSTEMS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
EVERYWHERE = {"--help", "-h", "--verbose"}
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def _flags(verb: str) -> set[str]:
    options = {o for p in COMMANDS[verb].params for o in p.opts if o.startswith("-")}
    return options - EVERYWHERE


def _shell_lines(page: Path) -> list[str]:
    text = "\n".join(_blocks(page, "bash")).replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_page_of_commands_is_the_public_surface() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    block = page.partition("```\n")[2].partition("```")[0]
    entries = re.split(r"^intarsia ", block, flags=re.M)[1:]
    said = {
        entry.split()[0]: set(re.findall(r"(?<!\w)--?[a-z][a-z-]*", entry)) for entry in entries
    }
    assert list(said) == list(COMMANDS)
    # said once for all verbs: -o is --out, and two folders can stand for DATA
    assert "`-o` is `--out`" in page
    apart = {"check", "convert", "train", "evaluate", "compare"}
    for verb, flags in said.items():
        extra = {"--images", "--masks"} if verb in apart else set()
        extra |= {"-o"} if "--out" in flags else set()
        assert flags | extra == _flags(verb), verb


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_documented_command_can_be_typed(page: Path) -> None:
    for line in _shell_lines(page):
        words = shlex.split(re.split(" > | &", line)[0], comments=True)
        if words and words[0].endswith("intarsia"):
            verb, *arguments = words[1:]
            try:
                COMMANDS[verb].make_context(verb, arguments)
            except typer.TyperException as error:
                pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_documented_python_is_python_of_the_public_names(page: Path) -> None:
    for block in _blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "ia" or node.attr in ia.__all__, node.attr


def test_the_file_tree_of_the_readme_is_the_tree() -> None:
    tree = (ROOT / "README.md").read_text().partition("```\nsrc/intarsia/")[2].partition("```")[0]
    said = set(re.findall(r"^  (\w+(?:\.py|/))", tree, re.M))
    package = ROOT / "src" / "intarsia"
    there = {p.name for p in package.glob("*.py")} | {
        f"{p.name}/" for p in package.iterdir() if p.is_dir() and p.name != "__pycache__"
    }
    # recipes/ is named in the line of recipe.py
    assert said == there - {"__init__.py", "__main__.py", "recipes/"}
    for first in re.findall(r"`([\w/]+\.py)`", (ROOT / "README.md").read_text()):
        assert (package / first).is_file(), first


def test_every_key_of_a_recipe_is_documented_with_its_default() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| `([^`]*)` \|", (ROOT / "docs/recipes.md").read_text(), re.M
    )
    assert dict(rows) == {key: json.dumps(value) for key, value in Recipe().flat().items()}


def test_the_documented_recipe_is_one() -> None:
    (text,) = _blocks(ROOT / "docs" / "recipes.md", "yaml")
    assert Recipe.parse(text, where="docs/recipes.md").data.image_size == (256, 320)


def _tiny(folder: Path, names: list[str], values: int) -> None:
    """Pairs of 24 x 40 pixels in photos/ and drawn/, with every value in every mask."""
    for kind in ("photos", "drawn"):
        (folder / kind).mkdir()
    for number, name in enumerate(names):
        mask = (np.indices((24, 40)).sum(axis=0) // 8 + number) % values
        Image.fromarray(mask.astype(np.uint8)).save(folder / "drawn" / f"{name}.png")
        pixels = np.stack([mask * 60, mask * 20 + number, mask], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{name}.png")


def test_the_documented_dataset_yaml_is_one(tmp_path: Path) -> None:
    (text,) = _blocks(ROOT / "docs" / "data.md", "yaml")
    names = [f"photo_{n}" for n in range(10)]
    _tiny(tmp_path, names, 2)
    (tmp_path / "dataset.yaml").write_text(text)
    (tmp_path / "train.txt").write_text("\n".join(set(names) - {"photo_7", "photo_9"}))
    data = ia.Dataset.open(tmp_path)
    assert data.labels.names == ["sky", "road"]
    assert data.labels["road"].color == (128, 64, 0)
    assert {split: len(samples) for split, samples in data.splits.items()} == {"train": 8, "val": 2}


def test_the_dataset_yaml_of_the_readme_is_one(tmp_path: Path) -> None:
    (text,) = _blocks(ROOT / "README.md", "yaml")
    _tiny(tmp_path, [f"photo_{n}" for n in range(10)], 2)
    (tmp_path / "photos").rename(tmp_path / "images")
    (tmp_path / "drawn").rename(tmp_path / "masks")
    (tmp_path / "dataset.yaml").write_text(text)
    assert ia.Dataset.open(tmp_path).labels.names == ["background", "cell"]


def test_every_key_of_dataset_yaml_is_documented() -> None:
    page = (ROOT / "docs" / "data.md").read_text()
    for name, field in Description.model_fields.items():
        assert f"`{field.alias or name}" in page or name == "schema_", name
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for key in model.model_fields:
                assert f"`{name}.{key}`" in page, key


def test_every_finding_is_documented_with_its_severity() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\w+) \| ([^|]+) \|", (ROOT / "docs/check.md").read_text(), re.M
    )
    assert {code: (severity, means) for code, severity, means in rows} == CODES


def test_the_documented_layers_are_the_contract() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    (contract,) = tool["importlinter"]["contracts"]
    page = (ROOT / "DEVELOPERS.md").read_text()
    block = page.partition("```\ncli ")[2].partition("```")[0]
    said = ["cli", *block.splitlines()[1:]]
    assert said == contract["layers"]


def test_the_constraints_pin_every_direct_dependency_and_hold_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[><=~!\[]", text)[0].strip().lower() for text in wanted}
    lines = [x for x in (ROOT / "constraints.txt").read_text().splitlines() if x[:1] != "#"]
    assert {line.partition("==")[0] for line in lines} == names
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)


def test_the_page_of_the_reference_systems_is_that_of_the_kept_results(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    script = runpy.run_path("benchmarks/reference_systems.py")
    sections = [script["section"](s, Path("../shared/data"), Path("work")) for s in SYSTEMS]
    assert "\n".join([script["HEAD"], *sections]) == script["PAGE"].read_text(encoding="utf-8")
