"""Where a network runs, and in which precision."""

from __future__ import annotations

import torch

from intarsia.environment import cpu_features
from intarsia.errors import RecipeError, did_you_mean
from intarsia.memory import peak_memory as resident_peak

DEVICES = ("auto", "cpu", "cuda", "mps")


def select_device(name: str = "auto") -> str:
    """A device that is there: `auto` prefers cuda, then mps.

    Where it is cuda, what says fp32 computes in fp32 from then on, and not in TF32.

    Raises:
        RecipeError: an unknown name, or a device that torch cannot use here.
    """
    if name not in DEVICES:
        raise RecipeError(f'no device "{name}"', hint=did_you_mean(name, DEVICES))
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        raise RecipeError(
            f'device "{name}" is not available here',
            expected=", ".join(d for d, there in available.items() if there),
            hint="`intarsia env` says why",
        )
    if name == "cuda":
        # torch's default for convolutions has 10 bits of 23: no mask would be that of an export
        torch.backends.cudnn.allow_tf32 = False
    return name


def native_bf16(device: str) -> bool:
    """True where bfloat16 is computed by the hardware; emulated, it is many times slower."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    # a CPU's own bfloat16 instructions, by the names that `environment` gives them
    return any(feature.endswith("bf16") for feature in cpu_features())


def precision_for(device: str, wanted: str = "auto") -> str:
    """`auto` resolved to fp32, bf16 or fp16 for this device."""
    if wanted != "auto":
        return wanted
    if native_bf16(device):
        return "bf16"
    return "fp16" if device == "cuda" else "fp32"


def peak_memory(device: str) -> int:
    """The highest memory of this process in bytes: of the GPU on cuda, else resident."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resident_peak()
