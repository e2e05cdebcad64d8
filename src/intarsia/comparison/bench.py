"""The images that every use of a run is measured on, and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from intarsia.comparison.cost import time_in_turn
from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.sheets import judged_sheet, matrices_of
from intarsia.errors import RunError
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.images import read_header
from intarsia.runs import CrossValidation, Run
from intarsia.statistics import GroupCounts, count_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from intarsia.inference import Inference, Network

TIMED = 3  # images, evenly spaced


@dataclass(frozen=True, eq=False)
class Measured:
    """One use of the run: its counts by group, its mIoU, and what is timed of it."""

    counts: GroupCounts
    miou: float | None
    timed: Run


class Bench:
    """The images that every use of a run is measured on, and its networks, loaded once."""

    def __init__(self, base: Run, judged: JudgedImages, device: str) -> None:
        from intarsia.backends.device import select_device

        self.base, self.judged = base, judged
        self.device = select_device(device)
        self._networks: dict[tuple[Path, bool, bool], Network] = {}

    def measure(self, runs: Sequence[Run]) -> Measured:
        """A use of the run; several runs are single folds, of which the mean counts."""
        sheets = [judged_sheet(run, self.judged, self.device) for run in runs]
        matrices = [
            matrices_of(sheet, self.judged, run) for sheet, run in zip(sheets, runs, strict=True)
        ]
        known = [sheet.miou for sheet in sheets if sheet.miou is not None]
        return Measured(
            count_groups(matrices, self.judged.groups),
            fmean(known) if len(known) == len(sheets) else None,
            self.timed(runs[0]),
        )

    def timed(self, run: Run) -> Run:
        """The run whose networks see one image."""
        if isinstance(run, CrossValidation) and self.judged.split == OUT_OF_FOLD:
            return run.folds[0]
        return run

    def time(self, uses: Sequence[Measured]) -> list[float]:
        """Milliseconds of each use from pixels to the mask, taken in turn."""
        places = {int(i) for i in np.linspace(0, len(self.judged.samples) - 1, TIMED).round()}
        data, samples = self.judged.data, self.judged.samples
        images = [data.read_image(samples[place]) for place in sorted(places)]
        uses_by_name = {str(place): self._inference(use.timed) for place, use in enumerate(uses)}
        return list(time_in_turn(uses_by_name, images).values())

    @cached_property
    def tiled(self) -> int:
        """How many of the images go through overlapping tiles."""
        if not self.base.preprocessing.native:
            return 0
        inference = self.base.inference(_no_network)
        page = self.judged.data.page
        headers = (read_header(sample.image, page=page) for sample in self.judged.samples)
        return sum(inference.tiles(header.height, header.width) for header in headers)

    def _inference(self, run: Run) -> Inference:
        from intarsia.backends.torch_backend import torch_network

        use = run.recipe.predict
        key = run.path, use.ensemble, use.ema
        if key not in self._networks:
            self._networks[key] = torch_network(*run.load_models(), device=self.device)
        return run.inference(self._networks[key])


def _no_network(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    raise RunError("this inference has no network")
