"""`intarsia env`."""

from __future__ import annotations

import platform

import typer

from intarsia.cli.arguments import VerboseOption


def env(verbose: VerboseOption = False) -> None:
    """Device, torch build, threads; warns of an idle GPU.

    \b
    Example: intarsia env
    """
    from intarsia import __version__, environment
    from intarsia.backends.device import native_bf16

    build = environment.torch_build()
    gpus = environment.nvidia_gpus()
    features = environment.cpu_features()
    lines = {
        "intarsia": __version__,
        "python": f"{platform.python_version()} on {platform.platform(terse=True)}",
        "torch": f"{build.version} ({build.kind})",
        "device": build.device,
        "GPU": ", ".join(f"{g.name} (driver {g.driver})" for g in gpus) or "no NVIDIA GPU",
        "CPU": environment.cpu_name(),
        "features": ", ".join(features) or "unknown",
        "bf16": "in hardware" if native_bf16(build.device) else "not in hardware: fp32 is used",
        "threads": f"{build.threads} of torch on {environment.usable_cores()} cores",
    }
    for name, version in environment.backends().items():
        lines.setdefault(name, version)
    width = max(len(name) for name in lines)
    for name, value in lines.items():
        typer.echo(f"{name:<{width}}  {value}")
    _warn(environment.idle_gpu(build, gpus))


def warn_of_idle_gpu() -> None:
    """The warning alone, for verbs that would leave the GPU idle."""
    from intarsia import environment

    _warn(environment.idle_gpu(environment.torch_build(), environment.nvidia_gpus()))


def _warn(warning: str | None) -> None:
    if warning:
        typer.secho("WARNING: ", fg="yellow", bold=True, nl=False, err=True)
        typer.echo(warning, err=True)
