"""The models that a service predicts with: its own, and one other run at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from intarsia.errors import IntarsiaError
from intarsia.inference import Inference
from intarsia.serving.inspection import accepted_formats
from intarsia.serving.refusal import Refusal

if TYPE_CHECKING:
    from intarsia.prediction import Predictor

Beat = Callable[[], None]
Load = Callable[[str], "Predictor"]


@dataclass(frozen=True, eq=False)
class Model:
    """A predictor whose network says before each pass that it is still at work."""

    name: str
    predictor: Predictor
    inference: Inference
    accepted: tuple[str, ...]

    @classmethod
    def of(cls, name: str, predictor: Predictor, beat: Beat) -> Model:
        network = predictor.inference.network

        def beating(batch: NDArray[Any]) -> NDArray[Any]:
            beat()
            return network(batch)

        inference = replace(predictor.inference, network=beating)
        return cls(name, predictor, inference, accepted_formats(predictor.suffixes))


class Models:
    """The service's own model, always there, and of `others` one at a time, loaded when asked for.

    One, so that the bound on memory holds: while somebody's image goes through another run, a
    third one has to wait.
    """

    def __init__(self, own: Model, beat: Beat, load: Load | None = None) -> None:
        self.own = own
        self._beat = beat
        self._load = load
        self._lock = threading.Lock()
        self._other: Model | None = None
        self._made_of: tuple[Path, int] | None = None
        self._users = 0

    def take(self, name: str, path: Path) -> Model:
        """The model of another run, until `give_back`; loaded anew where its weights are newer.

        Raises:
            Refusal: 404 where none may be loaded, 422 where it cannot predict, 503 while another
                one is in use.
        """
        if self._load is None:
            raise Refusal(404, "not-found", "this service has one model alone")
        wanted = path, _newest_weights(path)
        with self._lock:
            if self._other is None or self._made_of != wanted:
                if self._users:
                    raise Refusal(
                        503,
                        "queue-full",
                        "another run is in use; one at a time is loaded",
                        retry_after=5,
                    )
                self._other = None  # before the next one takes its memory
                try:
                    predictor = self._load(str(path))
                except IntarsiaError as error:
                    raise Refusal(
                        422, "unfit", f"the run cannot predict: {error.what}", hint=error.hint
                    ) from error
                self._other, self._made_of = Model.of(name, predictor, self._beat), wanted
            self._users += 1
            return self._other

    def give_back(self, model: Model) -> None:
        if model is not self.own:
            with self._lock:
                self._users -= 1


def _newest_weights(run: Path) -> int:
    """When a run, or a fold of it, was last given better weights."""
    return max((file.stat().st_mtime_ns for file in run.rglob("*.safetensors")), default=0)
