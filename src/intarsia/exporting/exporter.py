"""From a run to the file that others predict with."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intarsia.bundles import SUFFIX, Bundle, Description, Precision, Runtime, SelfTest, pack
from intarsia.bundles.bundle import CARD, CARD_TEXT, GATE, NETWORK, RECIPE
from intarsia.bundles.self_test import write_self_tests
from intarsia.datasets import Dataset, Sample
from intarsia.environment import installed_version
from intarsia.errors import DataError
from intarsia.exporting.card import card_text, model_card
from intarsia.exporting.formats import (
    intermediate_representation,
    with_metadata,
    write_representation,
)
from intarsia.exporting.gate import MAX_DIFFERENCE, Gate, judge, refusal
from intarsia.exporting.images import run_dataset, spread, validation_images
from intarsia.exporting.parity import (
    SizeParity,
    measure_parity,
    measure_raw,
    raw_agrees,
    raw_shapes,
)
from intarsia.exporting.request import Format, check_arguments, check_packages, only_size, tile_size
from intarsia.images import write_atomic
from intarsia.inference import Network
from intarsia.prediction.bundled import check_scales, installed_runtime
from intarsia.prediction.footprint import measure_footprint
from intarsia.runs import Run
from intarsia.transforms import Pixels

if TYPE_CHECKING:
    from intarsia.exporting.graph import Graph
    from intarsia.inference import Inference

SELF_TESTS = 3
_CALIBRATION = 100  # samples of the train split that int8 is fitted to
_TIMED = 3
_LARGEST_TEST = 1400  # pixels a side

_log = logging.getLogger("intarsia")

# which runtimes can compute in a precision, the one that is proven first
_RUNTIMES: dict[Precision, tuple[Runtime, ...]] = {
    "fp32": ("onnxruntime", "openvino"),
    "bf16": ("openvino",),
    "int8": ("openvino",),
}


def export(
    run: Run | str | Path,
    out: str | Path,
    data: Dataset | str | Path | None = None,
    *,
    format: Format = "bundle",
    precision: Precision = "fp32",
    max_difference: float = MAX_DIFFERENCE,
    tile: int | None = None,
    license: str = "",
    self_tests: int = SELF_TESTS,
    footprint: bool = True,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Gate:
    """Writes a run as a file that predicts without torch, if it does what the run does.

    `bundle` is the file that `Predictor` opens, `onnx` a plain ONNX file for other programs,
    `openvino` a folder of OpenVINO's own format. Before it is kept, run and export predict the
    validation images of `data` (by default the data of the training) through the same inference,
    and the raw network is tried at other sizes; see `Gate`. A file that was at `out` is replaced
    by a better one only.

    Args:
        run: a run with trained weights, or its folder; the export predicts as `run.setting` says.
        out: the file to write; for `openvino` a new folder.
        data: where the validation images are.
        format: bundle, onnx or openvino.
        precision: fp32; bf16, in which OpenVINO computes; int8, calibrated on train images.
        max_difference: of the mIoU between run and export.
        tile: export for images of this height and width alone, which others are cut into.
        license: of the model, a name or a text.
        self_tests: how many validation images go into a bundle for it to test itself on.
        footprint: measure memory and start in processes of their own.
        device: where the run's network computes for the comparison.
        progress: called with (images compared, all of them).

    Raises:
        ExportError: the network cannot be exported, a package is missing, or the gate is not
            passed; nothing is written then.
        DataError: no validation images, or not those of the run; `out` cannot be written.
        RunError: the run has no weights yet, or is damaged.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    target = Path(out)
    check_arguments(target, format, precision, max_difference, tile, self_tests)
    check_packages(format, precision)
    dataset = run_dataset(opened, data)
    split, samples = validation_images(dataset, opened)
    exporting = _Export(opened, format, precision, tile, license, device)
    gate = exporting.compare(dataset, split, samples, max_difference, progress)
    if not gate.passed:
        raise refusal(gate, target)
    tests: tuple[SelfTest, ...] = ()
    if format == "bundle":
        tests = exporting.self_tests(dataset, samples, self_tests)
    if footprint and format == "bundle":
        gate = exporting.with_footprints(gate, dataset.read_image(samples[0]))
    exporting.write(target, gate, tests)
    return gate


class _Export:
    """One run on its way out."""

    def __init__(
        self,
        run: Run,
        format: Format,
        precision: Precision,
        tile: int | None,
        license: str,
        device: str,
    ) -> None:
        from intarsia.backends.device import select_device
        from intarsia.backends.torch_backend import torch_network
        from intarsia.exporting.graph import (
            LOGITS,
            PROBABILITIES,
            Probabilities,
            export_graph,
            logits_of,
            whole_network,
        )

        self.run, self.format, self.precision = run, format, precision
        self.device = select_device(device)
        settings = run.used_as
        settings.check(run.labels)
        model = whole_network(run.load_models())
        plain = format != "bundle"
        if plain:
            model = Probabilities(model).eval()
        preprocessing = run.preprocessing
        size = preprocessing.size if tile is None else tile_size(preprocessing, tile)
        self.graph: Graph = export_graph(
            model,
            channels=len(preprocessing.mean),
            size=size,
            fixed=tile is not None,
            output=PROBABILITIES if plain else LOGITS,
        )
        check_scales(settings, self.graph.size)
        self._raw = torch_network(model, device=self.device)
        self._logits = logits_of if plain else _as_it_is
        self.described = Description(
            name=run.name,
            data=str(run.manifest["name"]),
            labels=run.labels,
            preprocessing=only_size(preprocessing, self.graph.size),
            settings=settings,
            channel_names=tuple(run.manifest.get("channel_names", ())),
            page=run.manifest.get("page"),
            suffixes=tuple(sorted(run.suffixes)),
            precision=precision,
            runtimes=_RUNTIMES[precision],
            size=self.graph.size,
            license=license,
            version=installed_version("intarsia"),
        )
        self.data = self.graph.data
        self._representation: dict[str, bytes] = {}

    def compare(
        self,
        data: Dataset,
        split: str,
        samples: Sequence[Sample],
        max_difference: float,
        progress: Callable[[int, int], None] | None,
    ) -> Gate:
        """Quantises where asked for, and compares with the run."""
        from intarsia.comparison.cost import time_in_turn  # takes torch, and seconds, to load

        run, described = self.run, self.described
        reference = self._logits(self._raw)
        runs_way = described.settings.inference(reference, run.preprocessing, run.labels)
        same = described.preprocessing == run.preprocessing
        twin = runs_way if same else replace(runs_way, preprocessing=described.preprocessing)
        if self.precision == "int8":
            self.data = self._quantised(data, twin)
        networks = self._networks()
        runtime, raw = next(iter(networks.items()))
        ours = replace(twin, network=self._logits(raw))
        shown = [data.read_image(sample) for sample in spread(samples, _TIMED)]
        sizes, proven = self._raw_parity(networks, shown)
        parity = measure_parity(runs_way, ours, twin, data, samples, progress=progress)
        times = time_in_turn({"run": runs_way, "export": ours}, shown)
        self.described = replace(described, runtimes=proven)
        self._inference = ours
        return judge(
            parity,
            sizes,
            data=data.name,
            split=split,
            names=tuple(run.labels.names),
            precision=self.precision,
            runtime=runtime,
            size=self.graph.size,
            max_difference=max_difference,
            milliseconds=(times["run"], times["export"]),
        )

    def _networks(self) -> dict[Runtime, Network]:
        """The exported network in each runtime that is to be proven and is installed here."""
        from intarsia.backends.onnx_backend import onnx_network
        from intarsia.backends.openvino_backend import openvino_network

        if self.format == "openvino":
            self._representation = intermediate_representation(self.data)
            model, weights = self._representation.values()
            network = openvino_network(model, weights, precision=self.precision)
            return {"openvino": network}
        wanted = ("onnxruntime",) if self.format == "onnx" else _RUNTIMES[self.precision]
        found: dict[Runtime, Network] = {}
        for name in wanted:
            if installed_runtime((name,)) is None:
                continue
            found[name] = (
                onnx_network(self.data, device="cpu")
                if name == "onnxruntime"
                else openvino_network(self.data, precision=self.precision)
            )
        return found

    def _raw_parity(
        self, networks: dict[Runtime, Network], images: Sequence[Pixels]
    ) -> tuple[tuple[SizeParity, ...], tuple[Runtime, ...]]:
        """The raw network in each runtime, and the runtimes that may be named.

        The first is judged by the gate; another one that does something else is left out.
        """
        from intarsia.exporting.graph import TRACED

        preprocessing, fixed = self.described.preprocessing, self.graph.size
        shapes = raw_shapes(fixed or preprocessing.size, None if fixed else TRACED)
        found: dict[Runtime, tuple[SizeParity, ...]] = {}
        for name, network in networks.items():
            rows = measure_raw(name, self._raw, network, images, preprocessing, shapes)
            if found and not raw_agrees(rows):
                _log.warning("%s does something else with this network: it is left out", name)
                continue
            found[name] = rows
        return tuple(row for rows in found.values() for row in rows), tuple(found)

    def _quantised(self, data: Dataset, inference: Inference) -> bytes:
        from intarsia.exporting.quantisation import network_inputs, quantise

        train = data.split("train") if "train" in data.splits else ()
        if not train:
            raise DataError("int8 is calibrated on train images, and there are none")
        images = (data.read_image(sample) for sample in spread(train, _CALIBRATION))
        inputs = network_inputs(inference, images, classes=len(self.run.labels), most=_CALIBRATION)
        return quantise(self.graph.data, inputs)

    def self_tests(
        self, data: Dataset, samples: Sequence[Sample], count: int
    ) -> tuple[SelfTest, ...]:
        """Some of the images, of large ones a part, with the masks that the export gives."""
        images = (data.read_image(sample) for sample in spread(samples, count))
        parts = (image[:_LARGEST_TEST, :_LARGEST_TEST] for image in images)
        return tuple(SelfTest(part, self._inference.mask(part)) for part in parts)

    def with_footprints(self, gate: Gate, image: Pixels) -> Gate:
        """The gate with what run and bundle need in processes of their own."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"model{SUFFIX}"
            path.write_bytes(self._packed(gate, ()))
            footprints = (
                measure_footprint(
                    self.run.path, image, device=self.device, settings=self.run.assignments
                ),
                measure_footprint(path, image, device="cpu"),
            )
        return replace(gate, footprints=footprints)

    def write(self, target: Path, gate: Gate, tests: tuple[SelfTest, ...]) -> None:
        """Replaces `target`, at once."""
        if self.format == "bundle":
            data = self._packed(gate, tests)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / target.name
                path.write_bytes(data)
                Bundle.open(path)  # as strict as everybody's reader will be
            write_atomic(target, data)
        elif self.format == "onnx":
            write_atomic(target, with_metadata(self.data, self.described))
        else:
            files = {**self._representation, **self._texts(gate)}
            write_representation(target, self.described, files)

    def _packed(self, gate: Gate, tests: tuple[SelfTest, ...]) -> bytes:
        recipe = self.run.recipe.model_dump(mode="json", by_alias=True)
        return pack(
            self.described.to_json(),
            {
                NETWORK: self.data,
                RECIPE: _json(recipe),
                **self._texts(gate),
                **write_self_tests(tests),
            },
        )

    def _texts(self, gate: Gate) -> dict[str, bytes]:
        card = model_card(self.run, self.described, gate)
        return {
            CARD: _json(card),
            CARD_TEXT: card_text(card, gate).encode(),
            GATE: _json(gate.to_json()),
        }


def _as_it_is(network: Network) -> Network:
    return network


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
