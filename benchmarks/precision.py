"""A training step in fp32, under bf16 autocast, and as we train in bf16, in turn.

    python benchmarks/precision.py

Ours keeps the depthwise convolutions in fp32 for which bf16 has no fast gradient. Random images,
AdamW, channels-last; images a second from the median of four steps after one.
Worth something only where the processor computes bf16 (`intarsia env`).
"""

from __future__ import annotations

import copy
import statistics
import time

import torch

from intarsia.losses import build_loss
from intarsia.memory import keep_freed_memory
from intarsia.models import build_model
from intarsia.training.depthwise import keep_depthwise_fp32

CLASSES, STEPS = 12, 5
# name, encoder, height, width, batch
ROWS = (
    ("deeplabv3plus", "mobilenetv2_100", 192, 256, 6),
    ("unet-mobilenetv2", None, 192, 256, 6),
    ("unet-resnet34", None, 128, 128, 16),
    ("deeplabv3-xception", None, 128, 128, 16),
    ("resnet18-deconv-skip", None, 360, 480, 4),
    ("mobilenetv2-pix2pix-unet", None, 128, 128, 16),
    ("inception-unet", None, 64, 64, 16),
)


def measure(name: str, encoder: str | None, height: int, width: int, batch: int) -> list[float]:
    """Images a second in fp32, in bf16 and in bf16 as we train."""
    torch.manual_seed(0)
    plain = build_model(name, classes=CLASSES, encoder=encoder).train()
    plain = plain.to(memory_format=torch.channels_last)
    ours = copy.deepcopy(plain)
    keep_depthwise_fp32(ours)
    loss = build_loss("cross-entropy", classes=CLASSES, ignore_index=255)
    images = torch.randn(batch, 3, height, width).to(memory_format=torch.channels_last)
    masks = torch.randint(0, CLASSES, (batch, height, width))
    ways = [
        (model, half, torch.optim.AdamW(model.parameters(), 1e-3))
        for model, half in ((plain, False), (plain, True), (ours, True))
    ]
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(STEPS):
        for (model, half, optimizer), times in zip(ways, seconds, strict=True):
            begun = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                logits = model(images)
            torch.autograd.backward(loss(logits, masks))
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.perf_counter() - begun)
    return [batch / statistics.median(times[1:]) for times in seconds]


def main() -> None:
    keep_freed_memory()
    print("| network | sample | fp32, images/s | bf16 | ours | ours / fp32 | ours / bf16 |")
    print("|---|---|---|---|---|---|---|")
    for name, encoder, height, width, batch in ROWS:
        full, half, ours = measure(name, encoder, height, width, batch)
        called = name if encoder is None else f"{name}, {encoder}"
        print(
            f"| {called} | {height}x{width} | {full:.1f} | {half:.1f} | {ours:.1f} | "
            f"{ours / full:.2f} | {ours / half:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
