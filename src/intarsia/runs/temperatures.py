"""`temperature.json` of a run: what was fitted, one for each way of using its network."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from intarsia.errors import RunError
from intarsia.metrics import Temperature
from intarsia.recipe import PredictSection
from intarsia.runs.json_files import SCHEMA, read_json, write_json

TEMPERATURES = "temperature.json"

# what comes after the probabilities that a temperature is fitted to
_AFTERWARDS = {"temperature", "threshold", "soft", "portrait", "portrait_blur"}


def stored_temperatures(run: Path) -> list[dict[str, Any]]:
    """What was fitted for the run in this folder; see `keep_temperature`.

    Raises:
        RunError: the file is damaged.
    """
    path = run / TEMPERATURES
    if not path.is_file():
        return []
    fits = read_json(path).get("fits")
    needed = {"predict", "value", "at_limit"}
    if not isinstance(fits, list) or not all(
        isinstance(fit, dict) and needed <= fit.keys() for fit in fits
    ):
        raise RunError(
            "the temperatures are damaged",
            where=path,
            hint="delete the file, and fit them again: intarsia evaluate RUN --details",
        )
    return fits


def keep_temperature(
    run: Path, fitted: Temperature, predict: PredictSection, *, data: str, split: str, images: int
) -> None:
    """Stores a temperature, in the place of an earlier one for the same use of the network.

    Each stands with the `predict.*` keys that it is for (those that are not the defaults), the
    mean negative log-likelihood and the ECE before and after, and what it was fitted on.
    """
    new = {
        "predict": _use(predict),
        **asdict(fitted),
        "data": data,
        "split": split,
        "images": images,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    others = [fit for fit in stored_temperatures(run) if fit["predict"] != new["predict"]]
    write_json(run / TEMPERATURES, {"schema": SCHEMA, "fits": [*others, new]})


def forget_temperatures(run: Path) -> None:
    """Where the weights are going to change."""
    (run / TEMPERATURES).unlink(missing_ok=True)


def stored_fit(run: Path, predict: PredictSection) -> dict[str, Any] | None:
    """What `keep_temperature` stored for this use of the network; None where nothing is.

    Raises:
        RunError: the file is damaged.
    """
    return next((f for f in stored_temperatures(run) if f["predict"] == _use(predict)), None)


def fitted_temperature(run: Path, predict: PredictSection) -> float | None:
    """The temperature for this use of the network; None where none was fitted.

    Raises:
        RunError: the file is damaged, or the likelihood had no highest value.
    """
    fit = stored_fit(run, predict)
    if fit is None:
        return None
    if fit["at_limit"]:
        raise RunError(
            f"no best temperature was found: the likelihood still rises at "
            f"{float(fit['value']):.3g}",
            where=run / TEMPERATURES,
            hint="there was hardly any error, or hardly anything else, to fit it on: "
            "leave predict.temperature out, or give a number",
        )
    return float(fit["value"])


def _use(predict: PredictSection) -> dict[str, Any]:
    """The keys, as JSON holds them, that probabilities depend on before any temperature."""
    return predict.model_dump(mode="json", exclude=_AFTERWARDS, exclude_defaults=True)
