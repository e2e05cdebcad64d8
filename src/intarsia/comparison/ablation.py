"""What each free gain of a run brings, and what it costs."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from intarsia.comparison.switches import Switch
from intarsia.statistics import Difference, Estimate, Verdict

SCHEMA = 1
_WIDTH = 100
_SHORT: Mapping[Verdict, str] = {"no detectable difference": "not detected"}


@dataclass(frozen=True)
class Use:
    """One use of the run: its mIoU, its time from pixels to the mask of one image, its ECE.

    None is n/a; the calibration error is there for the temperature only.
    """

    setting: str
    miou: float | None
    milliseconds: float
    calibration_error: float | None = None


@dataclass(frozen=True)
class FreeGain:
    """A switch that was measured: always `with_` against `without`, whichever the recipe has.

    `difference` is that of their mIoU, `a` with it; None where both give the same masks (the
    temperature).
    """

    switch: Switch
    without: Use
    with_: Use
    difference: Difference | None
    remark: str = ""

    @property
    def name(self) -> str:
        return self.switch.gain

    @property
    def change(self) -> str:
        """From without to with; the star is at what the run has."""
        stars = ("", "*") if self.switch.has else ("*", "")
        return f"{self.without.setting}{stars[0]} → {self.with_.setting}{stars[1]}"

    @property
    def value(self) -> float | None:
        """What the gain adds to the mIoU."""
        return 0.0 if self.difference is None else self.difference.value

    @property
    def verdict(self) -> Verdict | None:
        """On the gain; None where both uses give the same masks."""
        return None if self.difference is None else self.difference.verdict

    @property
    def milliseconds(self) -> float:
        """What the gain adds to the time of an image."""
        return self.with_.milliseconds - self.without.milliseconds

    @property
    def ratio(self) -> float:
        """How many times as long an image takes with it."""
        return self.with_.milliseconds / self.without.milliseconds

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; n/a is None."""
        found = self.difference
        return {
            "name": self.name,
            "without": asdict(self.without),
            "with": asdict(self.with_),
            "recipe": "with" if self.switch.has else "without",
            "settings": list(self.switch.settings),
            "miou_difference": self.value,
            "interval": found and found.interval and found.interval.to_json(),
            "p_adjusted": found and found.p_adjusted,
            "verdict": self.verdict,
            "same_masks": found is None,
            "milliseconds_difference": self.milliseconds,
            "latency_ratio": self.ratio,
            "difference": found and found.to_json(),
            "remark": self.remark,
        }


@dataclass(frozen=True, eq=False)
class Ablation:
    """What `ablate` found. `base` is the run as it is, `base_milliseconds` its time for an image.

    `gains` were measured, `absent` are the free gains that this run does not have, with their
    reasons. `remarks` are sentences for whoever reads the table.
    """

    run: str
    data: str
    split: str
    device: str
    images: int
    groups: int
    base: Estimate
    base_milliseconds: float
    margin: float
    level: float
    gains: tuple[FreeGain, ...]
    absent: tuple[Switch, ...] = ()
    remarks: tuple[str, ...] = ()
    test_looks: int = 0

    def __getitem__(self, name: str) -> tuple[FreeGain, ...]:
        """The rows of one gain; the overlap may have several."""
        return tuple(gain for gain in self.gains if gain.name == name)

    def headline(self) -> str:
        """One line: what was measured on what."""
        unit = "" if self.groups == self.images else f" in {_count(self.groups, 'group')}"
        return f"{self.run} on {self.data}, {self.split}: {_count(self.images, 'image')}{unit}"

    def to_json(self) -> dict[str, Any]:
        """What `ablation.json` holds; n/a is None."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "data": self.data,
            "split": self.split,
            "device": self.device,
            "images": self.images,
            "groups": self.groups,
            "margin": self.margin,
            "level": self.level,
            "base": self.base.to_json(),
            "base_milliseconds": self.base_milliseconds,
            "gains": [gain.to_json() for gain in self.gains],
            "absent": [{"name": each.gain, "reason": each.reason} for each in self.absent],
            "test_looks": self.test_looks,
            "remarks": list(self.remarks),
        }

    def __str__(self) -> str:
        lines = textwrap.wrap(self.headline(), _WIDTH)
        lines += [f"as its recipe uses it: mIoU {self._base()}", ""]
        rows = [self.columns(), *(self.cells(gain) for gain in self.gains)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        widths[0] = max(widths[0], *(len(each.gain) for each in self.absent), 0)
        for row in rows:
            texts = [
                f"{cell:<{width}}" if place < 2 else f"{cell:>{width}}"
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(texts).rstrip())
        for each in self.absent:
            lines += _wrapped(f"{each.gain:<{widths[0]}}  n/a: {each.reason}", widths[0] + 2)
        lines.append("")
        for sentence in self.sentences():
            lines += _wrapped(sentence, 2)
        return "\n".join(lines).rstrip()

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            inside = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
            return f"<tr>{inside}</tr>"

        body = "".join(row(self.cells(gain), "td") for gain in self.gains)
        absent = [f"{each.gain}: n/a, {each.reason}" for each in self.absent]
        said = "".join(f"<p>{html.escape(text)}</p>" for text in [*absent, *self.sentences()])
        return (
            f"<h4>{html.escape(self.headline())}</h4>"
            f"<p>as its recipe uses it: mIoU {html.escape(self._base())}</p>"
            f"<table>{row(self.columns(), 'th')}{body}</table>{said}"
        )

    def columns(self) -> tuple[str, ...]:
        interval = f"{100 * self.level:g} % interval"
        return ("gain", "change", "Δ mIoU", interval, "p", "verdict", "Δ ms", "ratio")

    def cells(self, gain: FreeGain) -> tuple[str, ...]:
        """The row of one gain as people read it."""
        found = gain.difference
        interval = None if found is None else found.interval
        between = "n/a" if interval is None else f"{interval.low:+.4f} to {interval.high:+.4f}"
        verdict = "same masks" if gain.verdict is None else _SHORT.get(gain.verdict, gain.verdict)
        return (
            gain.name,
            gain.change,
            "n/a" if gain.value is None else f"{gain.value:+.4f}",
            between,
            _p_value(None if found is None else found.p_adjusted),
            verdict,
            f"{gain.milliseconds:+.1f}",
            f"{gain.ratio:.2f}x",
        )

    def sentences(self) -> list[str]:
        """What must be said beside the table."""
        own = [f"{gain.name}, {gain.change}: {gain.remark}" for gain in self.gains if gain.remark]
        return [
            "* marks what the run has. Δ is always with the gain minus without it; p is corrected "
            "over all rows (Holm).",
            *own,
            *self.remarks,
        ]

    def _base(self) -> str:
        value, interval = self.base.value, self.base.interval
        text = "n/a" if value is None else f"{value:.4f}"
        if interval is not None:
            text += f" ({100 * self.level:g} %: {interval.low:.4f} to {interval.high:.4f})"
        return f"{text}, {self.base_milliseconds:.1f} ms an image on {self.device}"


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * indent, drop_whitespace=True)


def _p_value(value: float | None) -> str:
    if value is None:
        return "n/a"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
