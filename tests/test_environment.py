"""The idle GPU and the CPU's features, on made-up machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from intarsia.environment import (
    MENDING_COMMAND,
    Gpu,
    TorchBuild,
    backends,
    cpu_features,
    cpu_name,
    idle_gpu,
    nvidia_gpus,
    torch_build,
    usable_cores,
)

T4 = (Gpu("NVIDIA T4", "470.57"),)


def _build(
    *, cuda: str | None = None, works: bool = False, complaint: str | None = None
) -> TorchBuild:
    return TorchBuild("2.15.0", cuda, None, works, False, 2, complaint)


def test_no_gpu_or_one_that_works_is_no_reason_to_warn() -> None:
    assert idle_gpu(_build(), ()) is None
    assert idle_gpu(_build(cuda="13.2", works=True), T4) is None


def test_a_cpu_build_beside_a_gpu_is_said_with_the_mending_command() -> None:
    said = idle_gpu(_build(), T4)
    assert said is not None
    assert "NVIDIA T4" in said
    assert "CPU only build" in said
    assert MENDING_COMMAND in said


def test_a_driver_too_old_names_both_versions_and_what_torch_said() -> None:
    said = idle_gpu(_build(cuda="13.2", complaint="driver is too old (found 11040)"), T4)
    assert said is not None
    assert "CUDA 13.2" in said
    assert "470.57" in said
    assert "found 11040" in said


def test_a_hidden_gpu_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    said = idle_gpu(_build(cuda="13.2"), T4)
    assert said is not None
    assert "CUDA_VISIBLE_DEVICES" in said


def test_gpus_are_found_without_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus(tmp_path) == ()
    card = tmp_path / "gpus" / "0000:01:00.0"
    card.mkdir(parents=True)
    (card / "information").write_text("Model: \t NVIDIA GeForce RTX 3060\nIRQ: 1\n")
    (tmp_path / "version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\n"
    )
    assert nvidia_gpus(tmp_path) == (Gpu("NVIDIA GeForce RTX 3060", "550.54.14"),)


def test_gpus_are_found_by_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text('#!/bin/sh\necho "NVIDIA H200, 580.95.05"\necho "NVIDIA H200, 580.95.05"\n')
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert nvidia_gpus(tmp_path) == (Gpu("NVIDIA H200", "580.95.05"),) * 2


def test_a_failing_nvidia_smi_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\nexit 9\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert nvidia_gpus(tmp_path) == ()


def test_cpu_features_come_from_the_kernel_and_may_be_missing(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    assert cpu_features(info) == ()
    info.write_text("model name\t: Xeon\nflags\t\t: fpu avx2 avx512f amx_bf16\n")
    assert cpu_features(info) == ("AVX2", "AVX-512", "AMX bf16")
    assert cpu_name(info) == "Xeon"


def test_this_machine_can_be_described() -> None:
    build = torch_build()
    assert build.device in ("cpu", "cuda", "mps")
    assert build.threads >= 1
    assert usable_cores() >= 1
    assert backends()["torch"].startswith(build.version.split("+")[0])
