"""Pages: a template and its values become HTML, escaped unless marked as safe."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("intarsia.html", "templates"),
        # every template, whatever its ending: a class may be called "<script>"
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, values: Mapping[str, object]) -> str:
    """The page of `templates/<template>` with these values.

    A value is escaped unless it is `markupsafe.Markup`; a name that the template uses and
    `values` lacks raises `jinja2.UndefinedError`.

    >>> "<script>" in render("page.html", {"title": "<script>"})
    False
    """
    return _environment().get_template(template).render(dict(values))
