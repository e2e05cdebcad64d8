"""How long threads spin before they sleep: training steps, alone and beside other work, in turn.

    python benchmarks/waiting.py

`GOMP_SPINCOUNT` is read when a process begins, so that each row of a round has its own. Random
images, the default network, 192x256, batch of 6, bf16 where the processor computes it; images a
second from the median of 20 steps after four, then the median of the rounds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

SPINS, ROUNDS, BUSY = ("0", "3000", "30000", "300000"), 3, 2
WARM_UP, STEPS, BATCH = 4, 20, 6


def steps() -> float:
    """Images a second in this process."""
    import torch

    from intarsia.backends.device import precision_for
    from intarsia.losses import build_loss
    from intarsia.memory import keep_freed_memory
    from intarsia.models import build_model
    from intarsia.training.depthwise import keep_depthwise_fp32

    keep_freed_memory()
    torch.manual_seed(0)
    half = precision_for("cpu", "auto") == "bf16"
    model = build_model("deeplabv3plus", classes=12, encoder="mobilenetv2_100").train()
    model = model.to(memory_format=torch.channels_last)
    if half:
        keep_depthwise_fp32(model)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    loss = build_loss("cross-entropy+dice", classes=12, ignore_index=255)
    images = torch.randn(BATCH, 3, 192, 256).to(memory_format=torch.channels_last)
    masks = torch.randint(0, 12, (BATCH, 192, 256))
    seconds = []
    for _ in range(WARM_UP + STEPS):
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = model(images)
        torch.autograd.backward(loss(logits, masks))
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - begun)
    return BATCH / statistics.median(seconds[WARM_UP:])


def measure(spin: str) -> float:
    environment = {**os.environ, "GOMP_SPINCOUNT": spin}
    command = [sys.executable, __file__, "steps"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    print(f"| GOMP_SPINCOUNT | alone, images/s | beside {BUSY} busy processes |")
    print("|---|---|---|")
    rates: dict[str, list[list[float]]] = {spin: [[], []] for spin in SPINS}
    for beside in (0, BUSY):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(beside)]
        try:
            for _ in range(ROUNDS):
                for spin in SPINS:
                    rates[spin][beside > 0].append(measure(spin))
        finally:
            for process in busy:
                process.kill()
    for spin, (alone, shared) in rates.items():
        print(f"| {spin} | {statistics.median(alone):.1f} | {statistics.median(shared):.1f} |")


if __name__ == "__main__":
    if sys.argv[1:] == ["steps"]:
        print(steps())
    else:
        main()
