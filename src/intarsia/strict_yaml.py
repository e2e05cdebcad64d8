"""YAML that says what is wrong with it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from intarsia.errors import IntarsiaError


def parse_yaml(text: str, *, where: object, error: type[IntarsiaError]) -> object:
    """The content of YAML text: safe, no double keys, no aliases; 1e-4 is a number.

    Raises:
        IntarsiaError: of the kind `error`, where the text is not such YAML.

    >>> parse_yaml("lr: 1e-4", where="a.yaml", error=IntarsiaError)
    {'lr': 0.0001}
    """
    try:
        content: object = yaml.load(text, Loader=_StrictLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise error(f"not valid YAML: {_one_line(fault)}", where=where) from fault
    return content


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without double keys and without aliases (which can be nested into a bomb)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f'the key "{key.value}" stands twice', key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed")
        return super().compose_node(parent, index)


def _read_number(loader: _StrictLoader, node: yaml.ScalarNode) -> float:
    return float(node.value)


# PyYAML follows YAML 1.1, where a number needs a dot before its exponent
_StrictLoader.add_implicit_resolver(
    "!number", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)
_StrictLoader.add_constructor("!number", _read_number)


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark
        at = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        return f"{error.problem}{at}"
    return " ".join(str(error).split())
