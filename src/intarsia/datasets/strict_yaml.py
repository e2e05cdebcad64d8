"""YAML that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from intarsia.errors import DataError

_MOST_FAULTS = 20


def read_yaml(path: Path) -> object:
    """The content of a YAML file; no double keys, no aliases, no tags that make objects.

    Raises:
        DataError: the file cannot be read, or is not such YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content: object = yaml.load(text, Loader=_StrictLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=path) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"not valid YAML: {_one_line(error)}", where=path) from error
    return content


def faulty(faults: list[str], path: Path) -> DataError:
    """One error that lists every fault of a file, a line each."""
    if len(faults) == 1:
        return DataError(faults[0], where=path)
    lines = "".join(f"\n  - {fault}" for fault in faults[:_MOST_FAULTS])
    more = f"\n  and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
    return DataError(f"{path.name} has {len(faults)} faults:{lines}{more}", where=path)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without double keys and without aliases (which can be nested into a bomb)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed")
        return super().compose_node(parent, index)


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark
        at = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        return f"{error.problem}{at}"
    return " ".join(str(error).split())
