"""What keeping freed memory is worth: a training step with and without `keep_freed_memory`.

    python benchmarks/allocator.py

The setting holds for a whole process, so each measurement is a process of its own, in turn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS, STEPS, BATCH, SIZE = 3, 5, 6, (192, 256)

STEP = f"""
import sys, time, torch
from intarsia.memory import keep_freed_memory
from intarsia.models import build_model
if sys.argv[1] == "kept":
    keep_freed_memory()
torch.manual_seed(0)
model = build_model("unet-mobilenetv2", classes=11).to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(model.parameters(), fused=True)
images = torch.randn({BATCH}, 3, *{SIZE}).to(memory_format=torch.channels_last)
masks = torch.randint(0, 11, ({BATCH}, *{SIZE}))
for step in range({STEPS} + 2):
    begun = time.perf_counter()
    torch.nn.functional.cross_entropy(model(images), masks).backward()
    optimizer.step()
    optimizer.zero_grad()
    if step >= 2:
        print(time.perf_counter() - begun)
"""


def seconds(side: str) -> list[float]:
    told = subprocess.run(
        [sys.executable, "-c", STEP, side], capture_output=True, text=True, check=True
    )
    return [float(line) for line in told.stdout.split()]


def main() -> None:
    sides: dict[str, list[float]] = {"returned": [], "kept": []}
    for _ in range(ROUNDS):
        for side, found in sides.items():
            found += seconds(side)
    medians = {side: statistics.median(found) for side, found in sides.items()}
    for side, median in medians.items():
        print(f"freed memory {side}: {median:.3f} s a step, {BATCH / median:.2f} images/s")
    print(f"ratio of medians: {medians['returned'] / medians['kept']:.2f}")


if __name__ == "__main__":
    main()
