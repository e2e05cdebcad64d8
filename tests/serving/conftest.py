from __future__ import annotations

from collections.abc import Iterator

import pytest
from served import Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One service for the tests of a file that leave it as they found it."""
    with serving(max_body=200_000, max_pixels=50_000) as running:
        yield running
