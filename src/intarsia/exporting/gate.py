"""Whether an exported network may take the place of its run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from intarsia import metrics
from intarsia.errors import ExportError
from intarsia.exporting.parity import MAX_APART, MIN_AGREEMENT, Parity, SizeParity, raw_agreement
from intarsia.prediction.footprint import Footprint
from intarsia.statistics import MIOU, Difference, Estimate, count_groups, estimate
from intarsia.statistics import measure_difference as measure

MAX_DIFFERENCE = 0.01  # of mIoU


@dataclass(frozen=True)
class ClassParity:
    """The IoU of one class by both; None is n/a."""

    name: str
    run: float | None
    bundle: float | None

    @property
    def difference(self) -> float | None:
        if self.run is None or self.bundle is None:
            return None
        return self.bundle - self.run

    @property
    def change(self) -> float:
        """How far the two are apart; 1 where a class appears in the masks of one alone."""
        if self.difference is None:
            return float(self.run is not self.bundle)
        return abs(self.difference)

    def __str__(self) -> str:
        if self.difference is None:
            return f"{self.name} {_ratio(self.run)} to {_ratio(self.bundle)}"
        return f"{self.name} {self.difference:+.3f}"


@dataclass(frozen=True, eq=False)
class Gate:
    """What a run and its export gave for the same images, and whether that is close enough.

    `precision` fp32 must give the same class to 99.99 % of all pixels, on the images and on the
    raw network at other sizes; every precision must keep the mIoU within `max_difference`.
    `size` is the only one that the network takes, None for any. `milliseconds` an image, from
    pixels to mask, were measured in turn; `footprints` in a process each, None where not asked.
    """

    data: str
    split: str
    precision: str
    runtime: str
    size: tuple[int, int] | None
    max_difference: float
    parity: Parity
    sizes: tuple[SizeParity, ...]
    run: Estimate
    bundle: Estimate
    difference: Difference
    classes: tuple[ClassParity, ...]
    milliseconds: tuple[float, float]
    footprints: tuple[Footprint, Footprint] | None = None

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[str, ...]:
        """What is not as it must be, a sentence each."""
        found = []
        for row in self.sizes:
            if row.fault:
                found.append(f"{row.runtime} at {_shape(row)}: {row.fault}.")
        if self.precision == "fp32":
            shares = {"images": self.parity.agreement}
            if not found:
                shares["raw network"] = raw_agreement(self.sizes)
            for what, share in shares.items():
                if share < MIN_AGREEMENT:
                    found.append(
                        f"Only {_percent(share)} of the pixels of the {what} get the same class "
                        f"(expected: {_percent(MIN_AGREEMENT)})."
                    )
            # where one class is everywhere, classes agree whatever the logits are
            found += [
                f"{row.runtime} at {_shape(row)}: its logits are {row.apart:.1g} deviations away."
                for row in self.sizes
                if row.apart is not None and row.apart > MAX_APART
            ]
        value = self.difference.value
        if value is None:
            found.append("No pixel of these images has a class: their mIoU is n/a.")
        elif abs(value) > self.max_difference:
            broken = ", ".join(map(str, self.broken))
            found.append(
                f"The mIoU differs by {value:+z.4f} (allowed: {self.max_difference:g})."
                + (f" Classes: {broken}." if broken else "")
            )
        return tuple(found)

    @property
    def broken(self) -> list[ClassParity]:
        """The classes whose IoU differs by more than is allowed of the mean, worst first."""
        rows = [row for row in self.classes if row.change > self.max_difference]
        return sorted(rows, key=lambda row: -row.change)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; n/a is None."""
        file, share = self.parity.worst
        return {
            "schema": 1,
            "passed": self.passed,
            "failures": list(self.failures),
            "data": self.data,
            "split": self.split,
            "images": len(self.parity.files),
            "pixels": int(self.parity.pixels.sum()),
            "precision": self.precision,
            "runtime": self.runtime,
            "size": None if self.size is None else list(self.size),
            "max_difference": self.max_difference,
            "agreement": self.parity.agreement,
            "worst_image": {"file": file, "agreement": share},
            "miou": {"run": self.run.to_json(), "bundle": self.bundle.to_json()},
            "difference": self.difference.to_json(),
            "classes": [{**asdict(row), "difference": row.difference} for row in self.classes],
            "sizes": [asdict(row) for row in self.sizes],
            "milliseconds_per_image": {
                "run": self.milliseconds[0],
                "bundle": self.milliseconds[1],
            },
            "footprints": None
            if self.footprints is None
            else {
                "run": asdict(self.footprints[0]),
                "bundle": asdict(self.footprints[1]),
            },
        }

    def __str__(self) -> str:
        file, share = self.parity.worst
        images = len(self.parity.files)
        size = "any size" if self.size is None else f"only {self.size[0]}x{self.size[1]} px"
        lines = [
            f"export gate: {'passed' if self.passed else 'FAILED'}",
            f"  {'on':<16}{self.data}, {self.split}: {images} images",
            f"  {'network':<16}{self.precision} in {self.runtime}, {size}",
            f"  {'same class':<16}{_percent(self.parity.agreement)} of the pixels; "
            f"least: {_percent(share)} ({file})",
            f"  {'mIoU':<16}{_ratio(self.run.value)} run, {_ratio(self.bundle.value)} export, "
            f"difference {self._difference()}",
            "",
            f"  {'raw network':<28}{'same class':>12}{'logits apart':>16}",
        ]
        for row in self.sizes:
            name = f"{row.runtime} {_shape(row)}"
            apart = "failed" if row.apart is None else f"{row.apart:.1g} sd"
            lines.append(f"  {name:<28}{_percent(row.agreement):>12}{apart:>16}")
        lines += ["", f"  {'':<28}{'run':>12}{'export':>16}"]
        for label, run, bundle in self._costs():
            lines.append(f"  {label:<28}{run:>12}{bundle:>16}")
        lines += ["", *(f"  {text}" for text in self.failures)] if self.failures else []
        return "\n".join(lines)

    def _difference(self) -> str:
        if self.difference.value is None:
            return "n/a"
        text = f"{self.difference.value:+z.4f}"
        between = self.difference.interval
        if between is not None:
            text += f" ({100 * between.level:g} %: {between.low:+z.4f} to {between.high:+z.4f})"
        return text

    def _costs(self) -> list[tuple[str, str, str]]:
        rows = [("ms an image", f"{self.milliseconds[0]:.1f}", f"{self.milliseconds[1]:.1f}")]
        if self.footprints is not None:
            run, bundle = self.footprints
            rows += [
                ("start to first mask", f"{run.seconds:.2f} s", f"{bundle.seconds:.2f} s"),
                ("peak memory", _megabytes(run.peak_bytes), _megabytes(bundle.peak_bytes)),
            ]
        return rows


def judge(
    parity: Parity,
    sizes: tuple[SizeParity, ...],
    *,
    data: str,
    split: str,
    names: tuple[str, ...],
    precision: str,
    runtime: str,
    size: tuple[int, int] | None,
    max_difference: float,
    milliseconds: tuple[float, float],
) -> Gate:
    """The gate of what was measured; intervals are over the groups of the images."""
    run, bundle = (count_groups(m, parity.groups) for m in (parity.run, parity.bundle))
    rows = [
        metrics.class_metrics(matrices.sum(axis=0), names)
        for matrices in (parity.run, parity.bundle)
    ]
    return Gate(
        data=data,
        split=split,
        precision=precision,
        runtime=runtime,
        size=size,
        max_difference=max_difference,
        parity=parity,
        sizes=sizes,
        run=estimate(run, MIOU, names=names),
        bundle=estimate(bundle, MIOU, names=names),
        difference=measure(
            bundle,
            run,
            MIOU,
            names=("export", "run"),
            margin=max_difference,
            class_names=names,
        ),
        classes=tuple(
            ClassParity(one.name, one.iou, other.iou) for one, other in zip(*rows, strict=True)
        ),
        milliseconds=milliseconds,
    )


def _shape(row: SizeParity) -> str:
    return f"{row.batch} x {row.height}x{row.width}"


def _percent(share: float) -> str:
    """A share that says 100 % only where it is.

    >>> _percent(1.0), _percent(0.9999999), _percent(0.99991)
    ('100 %', '99.9999 %', '99.9910 %')
    """
    return "100 %" if share == 1 else f"{min(100 * share, 99.9999):.4f} %"


def _ratio(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _megabytes(size: int | None) -> str:
    return "n/a" if size is None else f"{size / 1e6:.0f} MB"


def refusal(gate: Gate, target: Path) -> ExportError:
    """Why a file is not kept, and what to do, with the whole gate as a note."""
    error = ExportError(
        " ".join(gate.failures),
        where=target,
        expected="masks like those of the run; nothing was written",
        hint=_way_out(gate),
    )
    error.add_note(str(gate))
    return error


def _way_out(gate: Gate) -> str:
    if gate.precision != "fp32":
        return "--precision fp32, or a larger --max-difference"
    if gate.size is not None and gate.parity.agreement >= MIN_AGREEMENT:
        return (
            "the network is the same, but it was used on whole images and sees tiles now: a larger "
            "--tile or data.image_size, or a larger --max-difference"
        )
    return "report it: this network and its export compute something else"
