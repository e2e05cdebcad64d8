"""How a trained network is used on images, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from intarsia.errors import RecipeError, did_you_mean
from intarsia.inference.inference import Inference
from intarsia.inference.probabilities import Network
from intarsia.inference.refinement import crf_refinement
from intarsia.labels import LabelMap
from intarsia.transforms import Preprocessing


@dataclass(frozen=True)
class Settings:
    """The keys `predict.*` of a recipe but those that choose the network; docs/predict.md.

    A run has them from its recipe, an exported model from its own description, where no recipe
    can be read.

    >>> Settings(threshold=0.3).check(LabelMap.of(["sky", "road", "car"]))
    Traceback (most recent call last):
    intarsia.errors.RecipeError: a threshold decides between two classes; the model has 3
      where: predict.threshold
      do: leave predict.threshold out
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    overlap: float = 0.5
    max_pixels: int = 2_000_000
    temperature: float = 1.0
    threshold: float | None = None
    soft: bool = False
    portrait: tuple[str, ...] = ()
    portrait_blur: float = 0.02
    crf: bool = False
    crf_iterations: int = 5
    crf_weights: tuple[float, float] = (2.0, 1.0)
    crf_sizes: tuple[float, float, float] = (15.0, 6.0, 1.0)

    def check(self, labels: LabelMap) -> None:
        """Raises RecipeError where the settings do not fit the classes."""
        if self.threshold is not None and len(labels) != 2:
            raise RecipeError(
                f"a threshold decides between two classes; the model has {len(labels)}",
                where="predict.threshold",
                hint="leave predict.threshold out",
            )
        if self.soft and len(labels) != 2:
            raise RecipeError(
                f"a soft mask shows the second of two classes; the model has {len(labels)}",
                where="predict.soft",
                hint="leave predict.soft out; --probabilities writes those of all classes",
            )
        for name in self.portrait:
            if name not in labels.names:
                raise RecipeError(
                    f'no class "{name}"',
                    where="predict.portrait",
                    hint=did_you_mean(name, labels.names),
                )

    def inference(
        self, network: Network, preprocessing: Preprocessing, labels: LabelMap
    ) -> Inference:
        """The network used so.

        Raises:
            RecipeError: the settings do not fit the classes, or a CRF is asked for where SciPy is
                not installed.
        """
        self.check(labels)
        refine = None
        if self.crf:
            if find_spec("scipy") is None:
                raise RecipeError(
                    "the CRF needs the package scipy",
                    where="predict.crf",
                    hint="pip install scipy, or predict.crf=false",
                )
            refine = crf_refinement(
                iterations=self.crf_iterations, weights=self.crf_weights, sizes=self.crf_sizes
            )
        return Inference(
            network,
            preprocessing,
            flip=self.flip,
            scales=self.scales,
            overlap=self.overlap,
            max_pixels=self.max_pixels,
            threshold=self.threshold,
            refine=refine,
            temperature=self.temperature,
        )
