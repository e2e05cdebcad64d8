"""How large the splits are to be, as a person writes it."""

from __future__ import annotations

from intarsia.errors import DataError

_NAMES = ("train", "val", "test")


def parse_ratio(text: str) -> dict[str, float]:
    """The share of each split of "70/15/15", or of "80/20" for train and val.

    Raises:
        DataError: not two or three numbers above 0, or they do not add up to 100 (or to 1).

    >>> parse_ratio("70/15/15")
    {'train': 0.7, 'val': 0.15, 'test': 0.15}
    >>> parse_ratio("0.8/0.2")
    {'train': 0.8, 'val': 0.2}
    """
    expected = "two or three numbers that add up to 100: train/val/test, such as 70/15/15"
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) not in (2, 3) or not all(0 < part <= 100 for part in parts):
        raise DataError(
            f'"{text}" is no ratio',
            where="ratio",
            expected=expected,
            hint="for a split without test write two numbers" if "0" in text.split("/") else None,
        )
    total = sum(parts)
    whole = next((w for w in (100.0, 1.0) if abs(total - w) < 1e-6 * w), None)
    if whole is None:
        raise DataError(f"{text} adds up to {total:g}", where="ratio", expected=expected)
    return {name: part / whole for name, part in zip(_NAMES, parts, strict=False)}
