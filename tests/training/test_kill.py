"""A real training, killed at random moments and resumed, ends bit for bit as if left alone."""

import random
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from intarsia.runs import Run

FLAGS = [
    *("--weights", "none", "--epochs", "6", "--image-size", "32x64", "--batch-size", "2"),
    *("--set", "train.ema=0.5", "--device", "cpu"),
]
VOLATILE = ("seconds", "validation_seconds", "images_per_second", "peak_memory_bytes")
KILLS = 3


def command(data, out, *more):
    return [sys.executable, "-m", "intarsia", "train", str(data), "--out", str(out), *FLAGS, *more]


def wait_for(path, seconds=120):
    """Until the training writes its first file, so that a kill hits work and not imports."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists()


@pytest.mark.slow
def test_kill_minus_nine_at_random_moments(shapes, tmp_path):
    started = time.monotonic()
    subprocess.run(command(shapes, tmp_path / "whole"), check=True, capture_output=True)
    whole = Run.open(tmp_path / "whole")
    spent = sum(row["seconds"] for row in whole.log)
    assert time.monotonic() - started > spent

    out = tmp_path / "killed"
    chance = random.Random()
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(shapes, out, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_for(out / "recipe.yaml")
        time.sleep(chance.uniform(0, spent))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
    assert killed > 0, "every training ended before it was killed"
    last = subprocess.run(
        command(shapes, out, "--resume"), check=True, capture_output=True, text=True
    )
    assert "damaged" not in last.stderr

    run = Run.open(out)
    assert strip(run) == strip(whole)
    ours, theirs = (load_file(r.checkpoints / "best.safetensors") for r in (run, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    sheets = [r.evaluations["shapes-val"]["confusion_matrix"] for r in (run, whole)]
    assert sheets[0] == sheets[1]


def strip(run):
    return [{k: v for k, v in row.items() if k not in VOLATILE} for row in run.log]


@pytest.mark.slow
def test_a_cross_validation_survives_kills_at_random_moments(cells, tmp_path):
    flags = [
        *("--folds", "--weights", "none", "--epochs", "4", "--image-size", "32x48"),
        *("--set", "model.name=unet", "--set", "model.encoder=test_resnet", "--device", "cpu"),
    ]

    def folds(out, *more):
        words = ["train", str(cells), "--out", str(out), *flags, *more]
        return [sys.executable, "-m", "intarsia", *words]

    begun = time.monotonic()
    subprocess.run(folds(tmp_path / "whole"), check=True, capture_output=True)
    spent = time.monotonic() - begun
    out = tmp_path / "killed"
    chance = random.Random()
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            folds(out, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_for(out / "folds.json")
        time.sleep(chance.uniform(0, 0.6 * spent))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
    assert killed > 0, "every training ended before it was killed"
    subprocess.run(folds(out, "--resume"), check=True, capture_output=True)
    one, two = Run.open(out), Run.open(tmp_path / "whole")
    for ours, theirs in zip(one.folds, two.folds, strict=True):
        assert strip(ours) == strip(theirs)
    sheets = [r.evaluations["cells-out-of-fold"]["confusion_matrix"] for r in (one, two)]
    assert sheets[0] == sheets[1]
    assert (out / "report.html").is_file()
    assert (out / "fold-1" / "report.html").is_file()
