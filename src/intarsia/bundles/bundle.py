"""An exported model as it was read from its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from intarsia.bundles.archive import parse_json, unpack
from intarsia.bundles.description import Description
from intarsia.bundles.onnx_file import check_self_contained
from intarsia.bundles.self_test import SelfTest, read_self_tests
from intarsia.errors import BundleError

SUFFIX = ".intarsia"
NETWORK, RECIPE, CARD, CARD_TEXT, GATE = (
    "model.onnx",
    "recipe.json",
    "card.json",
    "card.md",
    "gate.json",
)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle, whole and checked, in memory.

    `network` is an ONNX file from float32 (B, C, H, W) to logits (B, K, H, W). `recipe` is that of
    the training, `card` the model card, `gate` what the comparison with the run found before the
    export was allowed, all as JSON. `tests` are images with the masks that it must give.
    """

    path: Path
    description: Description
    network: bytes
    recipe: Mapping[str, Any]
    card: Mapping[str, Any]
    gate: Mapping[str, Any]
    tests: tuple[SelfTest, ...]

    def __repr__(self) -> str:
        return f"Bundle({str(self.path)!r})"

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Bundle:
        """Reads a bundle; nothing is written or run.

        Raises:
            BundleError: missing, empty, cut short, changed, damaged, of another schema, or with a
                network that refers to other files.
        """
        file = Path(path)
        content, members = unpack(file)
        description = Description.from_json(content, file)
        missing = [name for name in (NETWORK, RECIPE, CARD, CARD_TEXT, GATE) if name not in members]
        if missing:
            raise BundleError(f"no {', '.join(missing)} in the bundle", where=file)
        network = members.pop(NETWORK)
        check_self_contained(network, file)
        del members[CARD_TEXT]
        recipe, card, gate = (
            parse_json(members.pop(name), file, name) for name in (RECIPE, CARD, GATE)
        )
        tests = read_self_tests(members, file)
        if members:
            raise BundleError(
                f"the bundle holds something unknown: {', '.join(sorted(members)[:3])}",
                where=file,
                hint="it was written by another version of Intarsia: upgrade, or export again",
            )
        return cls(file, description, network, recipe, card, gate, tests)
