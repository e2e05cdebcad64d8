"""Several runs on the same images: figures with intervals, paired differences, verdicts, costs."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia.comparison.contender import Contender
from intarsia.comparison.cost import Cost
from intarsia.comparison.manifests import listed
from intarsia.comparison.remark import Remark
from intarsia.errors import DataError, did_you_mean
from intarsia.evaluation import Evaluation
from intarsia.labels import LabelMap
from intarsia.statistics import Difference, Estimand, Estimate

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Entry:
    """One contender and what was measured of it.

    `matrices` has one array (N, K, P) a repeat: the confusion matrix of each image, rows truth; of
    a second annotator P is K + 1, the last column what they left out. `estimates` are by metric
    (`miou`, `micro_iou`, `mean_dice`, `pixel_accuracy`), `class_estimates` the IoU of each class.
    `primary` is the figure that runs are ranked by. `leaks` says how the split that it was trained
    with leaks, as far as `leaks_checked`: the data may be gone. `chosen_on` is how many of the
    images chose its checkpoint, `test_looks` how often it was measured on a test split.
    """

    contender: Contender
    matrices: tuple[NDArray[np.integer], ...]
    sheets: tuple[Evaluation, ...]
    primary: Estimate
    estimates: Mapping[str, Estimate]
    class_estimates: tuple[Estimate, ...]
    cost: Cost
    leaks: tuple[str, ...] = ()
    leaks_checked: bool = True
    chosen_on: int = 0
    test_looks: int = 0

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def title(self) -> str:
        """The name, and where it is a person that it is one."""
        return f"{self.name} (annotator)" if self.contender.annotator else self.name

    @property
    def recipe(self) -> str:
        """The network in a word; "second annotator" where there is none."""
        runs = self.contender.runs
        return runs[0].recipe.model.name if runs else "second annotator"

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(K, P) of all images and repeats."""
        return np.asarray(sum(m.sum(axis=0, dtype=np.int64) for m in self.matrices))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; n/a is None."""
        value, interval = self.primary.value, self.primary.interval
        return {
            "name": self.name,
            "recipe": self.recipe,
            "folders": [run.path.as_posix() for run in self.contender.runs]
            or [str(self.contender.annotator)],
            "seeds": [run.recipe.train.seed for run in self.contender.runs],
            "repeats": len(self.matrices),
            "failures": list(self.contender.failures),
            "value": value,
            "miou": self.estimates["miou"].value,
            "interval": interval and interval.to_json(),
            "estimates": {name: each.to_json() for name, each in self.estimates.items()},
            "primary": self.primary.to_json(),
            "classes": [each.to_json() for each in self.class_estimates],
            **self.cost.to_json(),
            "trained_on": listed(run.manifest for run in self.contender.runs),
            "leaks": list(self.leaks) if self.leaks_checked else None,
            "chosen_on": self.chosen_on,
            "test_looks": self.test_looks,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found. `entries` are in the order they were given, `ranking` the best first.

    `files` are the N images, `groups` the group of each (its own name where it is one of its own),
    made by the rule `group_by` where they are not the data's own,
    `estimand` what the runs are ranked by, `declared` whether the data say so, `primary_late`
    whether they did so after a training only, `pairs` every paired difference with its verdict.
    `failed` are contenders of which no training succeeded, `given` the names of all in their order.
    `settings` are the budget and repeats of trainings that the comparison began. `remarks` are
    sentences for whoever reads the table.
    """

    data: str
    split: str
    labels: LabelMap
    files: tuple[str, ...]
    groups: tuple[str, ...]
    estimand: Estimand
    declared: bool
    margin: float
    level: float
    entries: tuple[Entry, ...]
    pairs: tuple[Difference, ...]
    failed: tuple[Contender, ...] = ()
    remarks: tuple[Remark, ...] = ()
    settings: Mapping[str, Any] | None = None
    given: tuple[str, ...] = ()
    group_by: str | None = None
    primary_late: bool = False

    @property
    def ranking(self) -> tuple[Entry, ...]:
        """The best first; what has no figure comes last."""
        return tuple(
            sorted(
                self.entries,
                key=lambda e: -math.inf if e.primary.value is None else e.primary.value,
                reverse=True,
            )
        )

    @property
    def images(self) -> int:
        return len(self.files)

    @property
    def unit(self) -> str:
        """What was resampled: `group` or `image`."""
        return "image" if len(set(self.groups)) == len(self.files) else "group"

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise DataError(
            f'"{name}" takes no part', hint=did_you_mean(name, [e.name for e in self.entries])
        )

    def pair(self, a: str, b: str) -> Difference:
        """The difference of two contenders, in either order as it was measured: see its `a`."""
        for pair in self.pairs:
            if {pair.a, pair.b} == {a, b}:
                return pair
        raise DataError(f'"{a}" and "{b}" are no pair of this comparison')

    def to_json(self) -> dict[str, Any]:
        """What `comparison.json` holds; n/a is None."""
        return {
            "schema": SCHEMA,
            "data": self.data,
            "split": self.split,
            "images": self.images,
            "groups": len(set(self.groups)),
            "unit": self.unit,
            "classes": self.labels.names,
            "primary": {
                "metric": self.estimand.metric,
                "classes": self.estimand.classes and list(self.estimand.classes),
                "name": self.metric_name,
                "declared": self.declared,
                "late": self.primary_late,
            },
            "margin": self.margin,
            "level": self.level,
            "settings": None if self.settings is None else dict(self.settings),
            "runs": [entry.to_json() for entry in self.entries],
            "ranking": [entry.name for entry in self.ranking],
            "pairs": [pair.to_json() for pair in self.pairs],
            "failed": [
                {"name": each.name, "failures": list(each.failures)} for each in self.failed
            ],
            "remarks": [remark.to_json() for remark in self.remarks],
        }

    @property
    def metric_name(self) -> str:
        """The primary figure in words, its class by name."""
        classes = self.estimand.classes
        if classes is not None and len(classes) == 1:
            return self.estimand.name.replace(f"class {classes[0]}", self.labels.names[classes[0]])
        return self.estimand.name

    def headline(self) -> str:
        """One line: on what the runs were compared."""
        units = len(set(self.groups))
        unit = "" if self.unit == "image" else f" in {units} group{'s' * (units != 1)}"
        images = f"{self.images} image{'s' * (self.images != 1)}"
        return f"{self.data}, {self.split}: {images}{unit}; {self.metric_name}"

    def __str__(self) -> str:
        width = max(len("run"), *(len(entry.title) for entry in self.entries))
        interval = f"{100 * self.level:g} % interval"
        lines = [self.headline(), ""]
        lines.append(
            f"{'run':<{width}}  {'value':>6}  {interval:>16}"
            f"  {'repeats':>7}  {'params':>8}  {'training':>9}  {'ms/image':>8}"
        )
        for entry in self.ranking:
            cost = entry.cost
            lines.append(
                f"{entry.title:<{width}}  {_ratio(entry.primary.value):>6}  "
                f"{_interval(entry.primary):>16}  {len(entry.matrices):>7}  "
                f"{_millions(cost.parameters):>8}  {_minutes(cost.training_seconds):>9}  "
                f"{_number(cost.milliseconds_per_image):>8}"
            )
        lines += [f"{each.name:<{width}}  failed: {each.failures[-1]}" for each in self.failed]
        lines.append("")
        lines += [str(pair) for pair in self.pairs]
        if self.remarks:
            lines += ["", *self._remarks()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(entry.name)}</td><td>{_ratio(entry.primary.value)}</td>"
            f"<td>{_interval(entry.primary)}</td><td>{len(entry.matrices)}</td></tr>"
            for entry in self.ranking
        )
        said = "".join(f"<p>{html.escape(text)}</p>" for text in self._sentences())
        return (
            f"<h4>{html.escape(self.headline())}</h4><table><tr><th>run</th><th>value</th>"
            f"<th>interval</th><th>repeats</th></tr>{rows}</table>{said}"
        )

    def _sentences(self) -> Sequence[str]:
        return [*(str(pair) for pair in self.pairs), *self._remarks()]

    def _remarks(self) -> list[str]:
        """Leaks stand out: nothing else makes a figure as wrong."""
        return ["LEAK: " * (r.kind == "leak") + r.text for r in self.remarks]


def _ratio(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _interval(estimate: Estimate) -> str:
    found = estimate.interval
    return "n/a" if found is None else f"{found.low:.4f} to {found.high:.4f}"


def _millions(value: int | None) -> str:
    return "n/a" if value is None else f"{value / 1e6:.2f} M"


def _minutes(seconds: float | None) -> str:
    return "n/a" if seconds is None else f"{seconds / 60:.1f} min"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}"
