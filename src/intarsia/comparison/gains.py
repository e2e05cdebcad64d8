"""Measuring what each free gain of a run brings, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from intarsia.comparison.ablation import Ablation, FreeGain, Use
from intarsia.comparison.bench import TIMED, Bench, Measured
from intarsia.comparison.contender import contender_of
from intarsia.comparison.judged_images import JudgedImages
from intarsia.comparison.measurement import MARGIN, check_margin, check_runs, in_their_classes
from intarsia.comparison.seen import check_unseen, chosen_on
from intarsia.comparison.switches import Switch, find_switches
from intarsia.datasets import Dataset
from intarsia.errors import DataError, ImageError, RunError
from intarsia.evaluation import evaluate
from intarsia.runs import CrossValidation, Run
from intarsia.runs.temperatures import fitted_temperature, stored_fit
from intarsia.statistics import MIOU, Difference, correct_together, estimate, measure_difference


def ablate(
    run: Run | str | Path,
    data: Dataset | str | Path | None = None,
    split: str = "val",
    *,
    group_by: str | None = None,
    margin: float = MARGIN,
    level: float = 0.95,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Ablation:
    """Switches the free gains of a finished run one at a time and says what each of them brings.

    Free of training, that is: flip, scales, tiling overlap, CRF, averaged weights, the ensemble of
    snapshots or of folds, temperature. The base is the run as its recipe (or `Run.setting`) uses
    it. A gain that it lacks is added, one that it has is taken away, and each difference is that of
    with minus without, on the same images, corrected for all of them together (Holm). Latencies
    are taken in turn. What does not apply is listed with its reason.

    `data` is by default that of the training. Of a cross-validation the splits are `out-of-fold`,
    where each image is measured by the fold that was not trained on it, and `test`, where the
    ensemble is, and where single folds can be told from it. Intervals are over the data's groups,
    or those that `group_by` makes. Sheets that the run has of these very images are used; the
    others are measured and kept under the names of their settings, each a look where the split is
    `test`. A run without a fitted temperature gets one, on its val. `progress` is called with
    (uses measured, all of them).

    Raises:
        DataError: no such split, other classes, or images that the run was trained on.
        RunError: not one run, or one that is not finished or cannot be read.
    """
    check_margin(margin)
    base = _one_run(run, split)
    judged = JudgedImages.of(in_their_classes(data, base, None), split, group_by)
    check_unseen(base, judged)
    bench = Bench(base, judged, device)
    switches = [
        _with_temperature(switch, bench) for switch in find_switches(base, split, bench.tiled)
    ]
    there = [switch for switch in switches if switch.reason is None]

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, 1 + len(there))

    plain = bench.measure([base])
    tell(1)
    others = []
    for place, switch in enumerate(there):
        others.append(_other_use(bench, plain, switch))
        tell(2 + place)
    times = bench.time([plain, *others])
    gains = _gains(bench, there, plain, others, times, margin, level)
    names = tuple(judged.data.labels.names)
    return Ablation(
        run=base.name,
        data=judged.data.name,
        split=split,
        device=bench.device,
        images=len(judged.samples),
        groups=len(set(judged.groups)),
        base=estimate(plain.counts, MIOU, level=level, names=names),
        base_milliseconds=times[0],
        margin=margin,
        level=level,
        gains=gains,
        absent=tuple(switch for switch in switches if switch.reason is not None),
        remarks=_remarks(bench, gains),
        test_looks=base.test_looks,
    )


def _one_run(run: Run | str | Path, split: str) -> Run:
    """The finished run, used as it was given."""
    runs = contender_of(run).runs
    if len(runs) != 1:
        raise RunError(
            f"{len(runs) or 'no'} runs are in this folder",
            where=run,
            expected="one run, or the folder of a cross-validation",
            hint="name one of its sub-folders" if runs else None,
        )
    check_runs(runs, split)
    return runs[0]


def _with_temperature(switch: Switch, bench: Bench) -> Switch:
    """The switch of a temperature with its value, which is fitted on val where there is none."""
    base, data = bench.base, bench.judged.data
    if switch.gain != "temperature" or switch.has:
        return switch
    try:
        fitted = base.setting(switch.settings)
        known = fitted_temperature(base.path, base.recipe.predict) is not None
        if not known and not isinstance(base, CrossValidation):
            own = data if data.known_to(base.manifest) else None
            evaluate(base, own, "val", details=True, device=bench.device)
        value = f"{fitted.temperature:.2f}"
    except (DataError, ImageError, RunError) as error:
        return replace(switch, reason=error.what)  # the other gains do not need it
    return replace(switch, with_=value, names=(f"temperature {value}", "temperature 1"))


def _other_use(bench: Bench, plain: Measured, switch: Switch) -> Measured:
    """What the run does not have, or does without."""
    base = bench.base
    if isinstance(base, CrossValidation) and switch.gain == "folds":
        return bench.measure(base.folds)
    other = base.setting(switch.settings)
    if switch.gain == "temperature" and base.recipe.predict.threshold is None:
        # the most probable class stays what it is
        return replace(plain, timed=bench.timed(other))
    return bench.measure([other])


def _gains(
    bench: Bench,
    switches: Sequence[Switch],
    plain: Measured,
    others: Sequence[Measured],
    times: Sequence[float],
    margin: float,
    level: float,
) -> tuple[FreeGain, ...]:
    differences = _differences(bench, switches, plain, others, margin, level)
    found = []
    for place, (switch, other) in enumerate(zip(switches, others, strict=True)):
        ours = plain.miou, times[0]
        theirs = other.miou, times[1 + place]
        with_, without = (ours, theirs) if switch.has else (theirs, ours)
        before, after, remark = _calibration(bench.base, switch)
        found.append(
            FreeGain(
                switch,
                Use(switch.without, *without, before),
                Use(switch.with_, *with_, after),
                differences.get(place),
                remark,
            )
        )
    return tuple(found)


def _differences(
    bench: Bench,
    switches: Sequence[Switch],
    plain: Measured,
    others: Sequence[Measured],
    margin: float,
    level: float,
) -> dict[int, Difference]:
    """With minus without, by the place of the switch; none where the masks are the same."""
    tested = [place for place, other in enumerate(others) if other.counts is not plain.counts]
    found = []
    for place in tested:
        switch, other = switches[place], others[place]
        with_, without = (plain, other) if switch.has else (other, plain)
        found.append(
            measure_difference(
                with_.counts,
                without.counts,
                MIOU,
                names=switch.names,
                margin=margin,
                level=level,
                class_names=tuple(bench.judged.data.labels.names),
                tests=len(tested),
            )
        )
    return dict(zip(tested, correct_together(found), strict=True))


def _calibration(base: Run, switch: Switch) -> tuple[float | None, float | None, str]:
    """The ECE without and with a temperature, and what to say of it; n/a for other gains."""
    if switch.gain != "temperature":
        return None, None, ""
    same = "" if base.recipe.predict.threshold else "No mask changes: Δ is 0 by construction. "
    fit = stored_fit(base.path, base.recipe.predict)
    fitted = base.recipe.predict.temperature == "fitted" or not switch.has
    if fit is None or not fitted or fit.get("ece_after") is None:
        return None, None, f"{same}Its ECE is n/a: it was not fitted by this run.".strip()
    before, after = float(fit["ece_before"]), float(fit["ece_after"])
    told = f"ECE {before:.3f} → {after:.3f} on {fit['data']}, {fit['split']}, where it was fitted."
    return before, after, same + told


def _remarks(bench: Bench, gains: Sequence[FreeGain]) -> tuple[str, ...]:
    """The choice by this table, what chose the checkpoint, times, then the statistics'."""
    base = bench.base
    remarks = []
    if bench.judged.split == "test":
        remarks.append(
            "The test is for the last look: its figure is too good for a use that was chosen by "
            f"it. Choose on val. Looks at the test split so far: {base.test_looks}."
        )
    else:
        remarks.append("A use chosen by this table is to be judged on other images: once, on test.")
    if chosen_on(base, bench.judged):
        remarks.append(
            "These images chose the checkpoint, as the training's validation used it (best epoch, "
            "averaged weights where there are some, no flip): other uses are a little better than "
            "they look here."
        )
    if 0 < bench.tiled < len(bench.judged.samples):
        remarks.append(f"{bench.tiled} of {len(bench.judged.samples)} images go through tiles.")
    remarks.append(
        f"Times are medians over {min(TIMED, len(bench.judged.samples))} images, the uses in turn; "
        "on a busy machine they are noisy."
    )
    remarks += [text for gain in gains if gain.difference for text in gain.difference.remarks]
    return tuple(dict.fromkeys(remarks))
