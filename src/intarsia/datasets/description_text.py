"""dataset.yaml as text: some of its keys replaced, every other line kept as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from intarsia.datasets.description import SCHEMA


def edit_description(text: str, values: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text with these top-level keys set, None for a key to be taken out, and what was lost.

    Comments inside of what is replaced are lost; where the whole file is one `{...}`, all are.

    >>> edit_description("classes: [a, b]  # two\\nsplits: old.txt\\n", {"splits": "new.csv"})
    ('classes: [a, b]  # two\\nsplits: new.csv\\n', [])
    """
    if not text.strip():
        text = f"schema: {SCHEMA}\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:  # nothing but comments
        kept = text if text.endswith("\n") else text + "\n"
        return kept + f"schema: {SCHEMA}\n" + "".join(_line(k, values[k]) for k in values), []
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        content = {**yaml.safe_load(text), **values}
        plain = {key: value for key, value in content.items() if value is not None}
        lost = ["the comments of dataset.yaml"] if "#" in text else []
        return "".join(_line(key, value) for key, value in plain.items()), lost
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    lost = []
    missing = dict(values)
    for key, value in reversed(root.value):
        if key.value not in values:
            continue
        first, last = key.start_mark.line, _last_line(value)
        if any("#" in line for line in lines[first : last + 1]):
            lost.append(f"the comments in {key.value}:")
        new = missing.pop(key.value)
        lines[first : last + 1] = [] if new is None else [_line(key.value, new)]
    lines += [_line(key, value) for key, value in missing.items() if value is not None]
    return "".join(lines), lost[::-1]


def _line(key: str, value: Any) -> str:
    flow = None if isinstance(value, (list, dict)) else False  # PyYAML puts {...} round a scalar
    return yaml.safe_dump(
        {key: value}, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=10**6
    )


def _last_line(node: yaml.Node) -> int:
    """The last line with something of a node: a block ends where the next token begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    ends_before = mark.column == 0 and mark.line > node.start_mark.line
    return int(mark.line - 1 if ends_before else mark.line)
