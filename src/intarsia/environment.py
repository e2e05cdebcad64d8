"""The machine a training runs on: device, torch build, threads, and whether a GPU sits idle."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

# uv looks at the driver and picks the build of torch that fits it, on Linux and on Windows.
MENDING_COMMAND = (
    "pip install uv && uv pip install --reinstall torch torchvision --torch-backend=auto"
)
_CPU_FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX-512 bf16",
    "amx_bf16": "AMX bf16",
    "asimd": "NEON",
    "bf16": "NEON bf16",
}
_BACKENDS = {"torch": "torch", "ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU as its driver reports it."""

    name: str
    driver: str


@dataclass(frozen=True)
class TorchBuild:
    """What this torch can drive. `cuda` and `hip` are versions, None where not built in."""

    version: str
    cuda: str | None
    hip: str | None
    cuda_works: bool
    mps_works: bool
    threads: int
    complaint: str | None

    @property
    def kind(self) -> str:
        if self.cuda:
            return f"CUDA {self.cuda}"
        return f"ROCm {self.hip}" if self.hip else "CPU only"

    @property
    def device(self) -> str:
        """The device that `auto` means here."""
        if self.cuda_works:
            return "cuda"
        return "mps" if self.mps_works else "cpu"


def torch_build() -> TorchBuild:
    """What the installed torch can do, and what it says about a GPU that it cannot use."""
    import torch

    # torch tells about an old driver by a warning; it is kept here and said by `idle_gpu`
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        works = torch.cuda.is_available()
    return TorchBuild(
        version=str(torch.__version__),
        cuda=torch.version.cuda,
        hip=torch.version.hip,
        cuda_works=works,
        mps_works=torch.backends.mps.is_available(),
        threads=torch.get_num_threads(),
        complaint=str(said[0].message).split("\n")[0] if said else None,
    )


def nvidia_gpus(proc: Path = Path("/proc/driver/nvidia")) -> tuple[Gpu, ...]:
    """The NVIDIA GPUs of this machine, whatever torch thinks of them.

    Asks `nvidia-smi`; where that is missing or fails, the driver's files under `proc`.
    """
    smi = shutil.which("nvidia-smi")
    if smi:
        try:
            answer = subprocess.run(
                [smi, "--query-gpu=name,driver_version", "--format=csv,noheader"],
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            answer = ""
        rows = [line.rpartition(",") for line in answer.splitlines() if "," in line]
        if rows:
            return tuple(Gpu(name.strip(), driver.strip()) for name, _, driver in rows)
    return tuple(
        Gpu(_field(path.read_text(), "Model") or "NVIDIA GPU", _kernel_driver(proc))
        for path in sorted(proc.glob("gpus/*/information"))
    )


def _kernel_driver(proc: Path) -> str:
    path = proc / "version"
    words = path.read_text().split() if path.is_file() else []
    return next((w for w in words if w.count(".") >= 1 and w[0].isdigit()), "unknown")


def _field(text: str, name: str) -> str | None:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def idle_gpu(build: TorchBuild, gpus: tuple[Gpu, ...]) -> str | None:
    """Why a GPU of this machine would sit idle and the command that mends it; None if none does.

    >>> build = TorchBuild("2.15.0+cpu", None, None, False, False, 2, None)
    >>> print(idle_gpu(build, (Gpu("NVIDIA T4", "550.54"),)))
    NVIDIA T4 would sit idle: torch 2.15.0+cpu is a CPU only build
      do: pip install uv && uv pip install --reinstall torch torchvision --torch-backend=auto
    """
    if not gpus or build.cuda_works:
        return None
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return f"{gpus[0].name} would sit idle: CUDA_VISIBLE_DEVICES hides it\n  do: unset it"
    if build.cuda is None:
        why = f"torch {build.version} is a {build.kind} build"
    else:
        why = (
            f"torch {build.version} is built for CUDA {build.cuda}, which driver "
            f"{gpus[0].driver} does not serve"
        )
        if build.complaint:
            why += f" ({build.complaint})"
    names = ", ".join(dict.fromkeys(gpu.name for gpu in gpus))
    return f"{names} would sit idle: {why}\n  do: {MENDING_COMMAND}"


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """The instruction sets that decide how fast a CPU trains; empty where nobody says."""
    try:
        text = cpuinfo.read_text(errors="replace")
    except OSError:
        return ()
    flags = (_field(text, "flags") or _field(text, "Features") or "").split()
    return tuple(name for flag, name in _CPU_FEATURES.items() if flag in flags)


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        name = _field(cpuinfo.read_text(errors="replace"), "model name")
    except OSError:
        name = None
    return name or platform.processor() or platform.machine()


def usable_cores() -> int:
    """The cores that this process may use, which in a container can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def backends() -> dict[str, str]:
    """What can run a network here: name to version, `not installed` where it is missing."""
    found = {}
    for name, module in _BACKENDS.items():
        try:
            found[name] = version(module) if find_spec(module) else "not installed"
        except PackageNotFoundError:
            found[name] = "installed, version unknown"
    return found


def record_environment(device: str) -> dict[str, object]:
    """What a run remembers of the machine that trained it: versions, commit, device, threads."""
    import torch

    packages = ("torch", "torchvision", "timm", "segmentation-models-pytorch", "numpy", "pillow")
    versions = {"intarsia": installed_version("intarsia"), "python": platform.python_version()}
    versions |= {
        name: installed_version(name) for name in (*packages, "opencv-python-headless", "tifffile")
    }
    versions["torch"] = torch.__version__  # with the build, which the package's version lacks
    return {
        "versions": versions,
        "git_commit": _git_commit(),
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
    }


def installed_version(package: str) -> str:
    """The version of a package, or `not installed`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _git_commit() -> str | None:
    """The commit of the folder the training was started in, `-dirty` where files differ."""
    git = shutil.which("git")
    if git is None:
        return None
    told = subprocess.run(
        [git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or None
