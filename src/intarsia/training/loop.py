"""The training loop: plain, interruptible at any moment, bit-identical when resumed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from intarsia.backends.device import peak_memory
from intarsia.datasets import Dataset
from intarsia.environment import record_environment
from intarsia.evaluation import evaluate
from intarsia.file_cache import FileCache
from intarsia.metrics import mean_dice, miou, pixel_accuracy
from intarsia.recipe import Recipe
from intarsia.runs import Run
from intarsia.runs.checkpoint import (
    BEST,
    BEST_RAW,
    load_training_state,
    save_training_state,
    save_weights,
)
from intarsia.runs.lock import RunLock
from intarsia.runs.temperatures import forget_temperatures
from intarsia.training.folder import (
    begun,
    compare_data,
    compare_recipes,
    make_folder,
    refuse_taken,
    remove_unfinished_files,
    stored_run,
)
from intarsia.training.interruption import Interruption
from intarsia.training.optimisation import ends_cycle
from intarsia.training.picture import write_picture
from intarsia.training.plan import calibrate, fitting_epochs
from intarsia.training.progress import Row, epoch_line, progress_line
from intarsia.training.setup import Setup, checked, choose_classes, prepare
from intarsia.training.step import Stepper
from intarsia.training.validation import Validation, validate

_SAVE_SECONDS = 120.0  # a kill loses at most this much work, and a long epoch is not lost whole
_SAY_SECONDS = 30.0
_WARM_UP_STEPS = 5

_log = logging.getLogger("intarsia")


def train(
    data: Dataset,
    recipe: Recipe,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    check: bool = True,
    on_epoch: Callable[[Row], None] | None = None,
    cache: FileCache | None = None,
) -> Run:
    """Checks the data, trains, evaluates the best epoch on val, and leaves a run folder.

    `on_epoch` is called with each row of the log. What happens meanwhile is said through the
    logger `intarsia`. With `resume=True` an interrupted training goes on from its last
    checkpoint; weights, metrics and log are those of an uninterrupted one (on the CPU: same
    machine, versions and thread count). `cache` spares the check the files that it knows;
    `check=False` is for data that were checked just now.

    Raises:
        DataError: the check found errors; nothing was written.
        RecipeError, ModelError: the recipe does not fit; nothing was written.
        RunError: the folder exists (and `resume` is not given), is taken, or belongs to another
            recipe or other data.
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
    """
    path = Path(out)
    stored = stored_run(path, resume)
    if stored is not None:
        compare_recipes(stored, recipe)
        if stored.finished:
            _log.info("%s is finished: nothing to resume", path)
            return stored
        recipe = stored.recipe
    with ExitStack() as held:
        if stored is not None:
            held.enter_context(RunLock(path))
        data = checked(data, recipe, cache) if check else choose_classes(data, recipe)
        setup = prepare(data, recipe, device, weights=stored is None or not begun(stored))
        for note in setup.said:
            _log.info("%s", note)
        state = None
        if stored is None:
            if recipe.train.time is not None:
                setup = setup.with_epochs(fitting_epochs(setup, calibrate(setup)))
                # as in a resumed training, which does not calibrate
                torch.manual_seed(setup.recipe.train.seed)
            make_folder(path)
            held.enter_context(RunLock(path))
            refuse_taken(path)
            run = Run.create(
                path,
                recipe=setup.recipe,
                data=setup.data,
                preprocessing=setup.preprocessing,
                environment=record_environment(setup.device),
            )
        else:
            run = stored
            compare_data(run.manifest, setup.data)
            state = load_training_state(run.checkpoints)
        remove_unfinished_files(path)
        forget_temperatures(run.path)  # they are of other weights
        training = _Training(run, setup, on_epoch)
        training.go(state)
        # from here on Ctrl-C loses nothing either: --resume evaluates again
        evaluate(run, data, split="val", device=device)
        run.finish(training.summary())
    return run


def _finite(value: float) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if math.isfinite(value) else None


class _Training:
    """One training under way: what its checkpoint holds besides the stepper's own state."""

    def __init__(self, run: Run, setup: Setup, on_epoch: Callable[[Row], None] | None) -> None:
        self.run = run
        self.setup = setup
        self.on_epoch = on_epoch
        self.stepper = Stepper(setup, setup.model)
        self.history: list[Row] = []
        self.best_epoch = 0
        self.best_figure = -math.inf
        self.stopped_because = ""
        self._spent = 0.0  # seconds of this epoch before an interruption
        self._saved = time.perf_counter()

    def go(self, state: dict[str, Any] | None) -> None:
        """Trains from the beginning or from a state to the end."""
        first_epoch, first_step = 1, 0
        if state is not None:
            first_epoch, first_step = self._restore(state)
            _log.info("going on at epoch %d, step %d", first_epoch, first_step)
        self.run.write_log(self.history)
        if state is None:
            self._picture(0)
        with Interruption() as interruption:
            for epoch in range(first_epoch, self.setup.recipe.train.epochs + 1):
                if self.stopped_because:
                    break
                self._epoch(epoch, first_step, interruption)
                first_step = 0
        if self.stopped_because:
            _log.info("stopped after epoch %d: %s", len(self.history), self.stopped_because)
        self.stopped_because = self.stopped_because or "all epochs done"

    def _epoch(self, epoch: int, first_step: int, interruption: Interruption) -> None:
        stepper, batches = self.stepper, self.setup.batches
        train = self.setup.recipe.train
        if first_step == 0:
            stepper.begin_epoch()
        begun = said = time.perf_counter()
        before = (epoch - 1) * batches.steps
        # resumed behind the last step of an epoch, no step sets it
        rate = max(float(group["lr"]) for group in stepper.optimizer.param_groups)
        for number, batch in enumerate(batches.epoch(epoch, first_step), first_step):
            rate = stepper.step(batch, before + number, stepper.schedule.factor(before + number))
            done = number + 1 - first_step
            now = time.perf_counter()
            warm = epoch == 1 and done == _WARM_UP_STEPS
            if warm or now - said > _SAY_SECONDS:
                self._say_progress(epoch, number + 1, (now - begun) / done)
                said = now
            if interruption.signal is not None:
                self._stop(interruption, epoch, number + 1, now - begun)
            if now - self._saved > _SAVE_SECONDS:
                self._save(epoch, number + 1, now - begun)
        training_seconds = self._spent + time.perf_counter() - begun
        validation, validation_seconds = None, 0.0
        if epoch % train.validate_every == 0 or epoch == train.epochs:
            validation = self._validate(interruption)
            validation_seconds = time.perf_counter() - begun + self._spent - training_seconds
            if validation is None:
                self._stop(interruption, epoch, batches.steps, time.perf_counter() - begun)
        self._finish_epoch(epoch, rate, training_seconds, validation, validation_seconds)
        interruption.check(self.run.path)

    def _validate(self, interruption: Interruption) -> Validation | None:
        return validate(
            self.setup.network(self.stepper.predicting),
            self.setup.data,
            self.setup.validation_samples,
            self.setup.preprocessing,
            self.setup.recipe.predict,
            self.setup.loss,
            interrupted=lambda: interruption.signal is not None,
        )

    def _finish_epoch(
        self,
        epoch: int,
        rate: float,
        training_seconds: float,
        validation: Validation | None,
        validation_seconds: float,
    ) -> None:
        stepper, train = self.stepper, self.setup.recipe.train
        matrix = stepper.matrix.numpy()
        row: Row = {
            "epoch": epoch,
            "train_loss": stepper.mean_loss,
            "train_miou": miou(matrix),
            "train_pixel_accuracy": pixel_accuracy(matrix),
            "train_mean_dice": mean_dice(matrix),
            "val_loss": _finite(validation.loss) if validation else None,
            "val_miou": validation.miou if validation else None,
            "val_pixel_accuracy": validation.pixel_accuracy if validation else None,
            "val_mean_dice": validation.mean_dice if validation else None,
            "lr": rate,
            "images_per_second": len(self.setup.batches.pairs) / training_seconds,
            "seconds": training_seconds + validation_seconds,
            "validation_seconds": validation_seconds,
            "peak_memory_bytes": peak_memory(self.setup.device),
        }
        self.history.append(row)
        if train.keep == "every":
            self._keep(f"epoch-{epoch:04d}.safetensors")
        schedule = self.setup.recipe.schedule
        if schedule.name == "snapshot":
            number = ends_cycle(epoch, train.epochs, schedule.cycles)
            if number is not None:
                self._keep(f"snapshot-{number:02d}.safetensors")
        if validation is not None:
            self._judge(epoch, validation)
        self._spent = 0.0
        # best before last: killed between the two, the epoch is done again and both agree
        self._save(epoch + 1, 0, 0.0)
        self.run.write_log(self.history)
        self._picture(epoch)
        _log.info("%s", epoch_line(row, train.epochs, best=epoch == self.best_epoch))
        if self.on_epoch is not None:
            self.on_epoch(row)

    def _judge(self, epoch: int, validation: Validation) -> None:
        train = self.setup.recipe.train
        figure = validation.figure(train.metric)
        self.stepper.schedule.observe(figure)
        lonely = validation.only_class
        if lonely is not None:
            _log.warning(
                'epoch %d: every validation pixel is predicted as "%s"; if this goes on, lower '
                "--lr, or weigh the classes (loss.class_weights=frequency)",
                epoch,
                self.setup.data.labels.names[lonely],
            )
        if not math.isfinite(validation.loss):
            _log.warning("epoch %d: the validation loss is %s", epoch, validation.loss)
        if figure > self.best_figure or self.best_epoch == 0:
            self.best_epoch, self.best_figure = epoch, figure
            if self.stepper.average is not None:
                save_weights(self.run.checkpoints / BEST_RAW, self.stepper.model.state_dict())
            self._keep(BEST)
        if train.stop_at is not None and self._reached(figure, train.stop_at):
            self.stopped_because = f"{train.metric} reached {train.stop_at}"
        elif train.patience and epoch - self.best_epoch >= train.patience:
            self.stopped_because = f"no gain in {epoch - self.best_epoch} epochs"

    def _keep(self, name: str) -> None:
        save_weights(self.run.checkpoints / name, self.stepper.predicting.state_dict())

    def _reached(self, figure: float, target: float) -> bool:
        return figure >= (-target if self.setup.recipe.train.metric == "loss" else target)

    def _save(self, epoch: int, step: int, seconds: float) -> None:
        save_training_state(
            self.run.checkpoints,
            {
                "schema": 1,
                "epoch": epoch,
                "step": step,
                "seconds": self._spent + seconds,
                "random": torch.get_rng_state(),
                "history": self.history,
                "best_epoch": self.best_epoch,
                "best_figure": self.best_figure,
                "stopped_because": self.stopped_because,
                "stepper": self.stepper.state(),
            },
        )
        self._saved = time.perf_counter()

    def _restore(self, state: dict[str, Any]) -> tuple[int, int]:
        torch.set_rng_state(state["random"])
        self.history = state["history"]
        self.best_epoch = state["best_epoch"]
        self.best_figure = state["best_figure"]
        self.stopped_because = state["stopped_because"]
        self._spent = state["seconds"]
        self.stepper.restore(state["stepper"])
        return state["epoch"], state["step"]

    def _stop(self, interruption: Interruption, epoch: int, step: int, seconds: float) -> None:
        self._save(epoch, step, seconds)
        interruption.check(self.run.path)

    def _picture(self, epoch: int) -> None:
        if self.setup.recipe.train.pictures:
            network = self.setup.network(self.stepper.predicting)
            write_picture(self.run, self.setup, network, epoch)

    def _say_progress(self, epoch: int, step: int, per_step: float) -> None:
        steps = self.setup.batches.steps
        _log.info(
            "%s",
            progress_line(
                self.setup.recipe.train,
                self.history,
                place=(epoch, step, steps),
                per_step=per_step,
                images_per_second=len(self.setup.batches.pairs) / steps / per_step,
                loss=self.stepper.mean_loss,
            ),
        )

    def summary(self) -> dict[str, Any]:
        """What the report and the comparison quote."""
        model = self.stepper.model
        figure = self.best_figure
        metric = self.setup.recipe.train.metric
        return {
            "parameters": sum(p.numel() for p in model.parameters()),
            "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "metric": metric,
            "best_epoch": self.best_epoch,
            "best_metric": -figure if metric == "loss" else figure,
            "epochs": len(self.history),
            "stopped_because": self.stopped_because,
            "training_seconds": sum(r["seconds"] for r in self.history),
            "peak_memory_bytes": max(r["peak_memory_bytes"] for r in self.history),
        }
