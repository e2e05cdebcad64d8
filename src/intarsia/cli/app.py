"""The verbs together, and what becomes of their errors."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from intarsia import __version__
from intarsia.cli import (
    check,
    compare,
    convert,
    demo,
    env,
    evaluate,
    export,
    predict,
    recipes,
    reproduce,
    runs,
    serve,
    split,
    train,
)
from intarsia.errors import IntarsiaError, Interrupted, nearest
from intarsia.memory import is_out_of_memory

USER_FAULT = 2
OUR_FAULT = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
TERMINATED = 143  # 128 + SIGTERM

# Plain help: rich would cost more than the whole budget of `intarsia --help`.
app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    epilog="Begin with `intarsia demo`. Each command has --help with an example.",
)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("split")(split.split)
app.command("convert")(convert.convert)
app.command("recipes")(recipes.recipes)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("reproduce")(reproduce.reproduce)
app.command("runs")(runs.runs)
app.command("env")(env.env)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"intarsia {__version__}")
        raise typer.Exit


@app.callback()
def intarsia(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """From a folder of images and masks to a segmentation model you can trust."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; `arguments` is `sys.argv[1:]` unless given. Returns the exit code.

    0 done, 1 a fault of ours, 2 a fault of the user's, 130 interrupted, 143 terminated.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Threads that spin while they wait make a training several times slower beside other work;
    # those that sleep at once make it slower alone. So they spin for some microseconds; those of
    # a service for longer, as they step back for all others anyway.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "30000" if words[:1] == ["serve"] else "3000")
    if arguments is None:
        # `finally` blocks and locks are left in order; a training puts its own handler on top.
        signal.signal(signal.SIGTERM, _terminate)
    try:
        result = get_command(app).main(args=words, prog_name="intarsia", standalone_mode=False)
    except typer.TyperException as error:
        return _usage_fault(error, words)
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        return _fault(error, verbose="--verbose" in words)
    code = result if isinstance(result, int) else 0
    if code == INTERRUPTED:
        # typer turns Ctrl-C into this code without a word
        _stopped("interrupted", words)
    return code


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    _stopped("terminated", sys.argv[1:])
    sys.exit(TERMINATED)


def _stopped(what: str, words: list[str]) -> None:
    """Say that a command was stopped where it has no handler of its own, and how it goes on."""
    resumes = bool(words) and words[0] in ("train", "reproduce")
    # of finished runs there is nothing to resume
    resumes |= words[:1] == ["compare"] and any(w.startswith("--recipes") for w in words)
    again = "do: the same command with --resume goes on" if resumes else ""
    _say(what, "nothing that was written before is lost", again)


def _fault(error: Exception, *, verbose: bool) -> int:
    """Say what went wrong; the exit code."""
    if verbose:
        traceback.print_exception(error)
    if isinstance(error, Interrupted):
        _say(str(error))
        return TERMINATED if error.signal_name == "SIGTERM" else INTERRUPTED
    if isinstance(error, IntarsiaError):
        _say(str(error))
        return USER_FAULT
    if isinstance(error, ModuleNotFoundError) and not _ours(error.name):
        _say(
            f'the package "{error.name}" is not installed',
            "do: pip install intarsia, with all it needs; without torch only a bundle predicts",
        )
        return USER_FAULT
    if isinstance(error, OSError):
        # permissions, a full disk, a folder where a file was expected: never our bug
        _say(error.strerror or str(error), f"where: {error.filename}" if error.filename else "")
        return USER_FAULT
    if is_out_of_memory(error):
        _say("out of memory", "do: try a smaller --batch-size or --image-size")
        return USER_FAULT
    _say(
        f"unexpected {type(error).__name__}: {error}",
        "this is a fault of Intarsia, not yours",
        "" if verbose else "do: run it again with --verbose and report the traceback",
    )
    return OUR_FAULT


def _ours(module: str | None) -> bool:
    return (module or "intarsia").partition(".")[0] == "intarsia"


def _usage_fault(error: typer.TyperException, words: Sequence[str]) -> int:
    """A mistake in the command line itself: say it in our form, with the nearest valid word."""
    if not words:
        typer.echo(error.format_message())
        return USER_FAULT
    context: Any = getattr(error, "ctx", None)
    verbs = [str(command.name) for command in app.registered_commands]
    # the parser says of an option without its value not which command it belongs to
    named = f"intarsia {words[0]}" if words[0] in verbs else "intarsia"
    command = context.command_path if context else named
    option = getattr(error, "option_name", None)
    hint = ""
    if option and context and "no such option" in error.format_message().casefold():
        what = f'no such option "{option}"'
        valid = [o for p in context.command.params for o in p.opts if o.startswith("--")]
        key = _recipe_key(option) if context.info_name == "train" else None
        close = f"--set {key}=VALUE" if key else nearest(option, [*valid, "--help"])
        dashed = next((w for w in words if w[:1] == "-" and Path(w).exists()), None)
        close = f"./{dashed}, the path" if dashed else close
        hint = f"did you mean {close}? " if close else ""
    elif context and context.parent is None and words and words[0] not in context.command.commands:
        close = nearest(words[0], verbs)
        what = f'no command "{words[0]}"'
        hint = f"did you mean `intarsia {close}`? " if close else ""
    else:
        what = error.format_message().replace("Value error, ", "").rstrip(".")
    _say(what, f"where: {command}", f"do: {hint}see {command} --help")
    return USER_FAULT


def _recipe_key(option: str) -> str | None:
    """The recipe's dotted key that ends like an unknown flag: `--optimizer` is train.optimizer."""
    from intarsia.recipe import Recipe

    wanted = option.lstrip("-").replace("-", "_")
    return next((k for k in Recipe().flat() if k.rpartition(".")[2] == wanted), None)


def _say(what: str, *details: str) -> None:
    """Print a fault on stderr: the first line says what, the others where and what to do."""
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo("\n".join([what, *(f"  {detail}" for detail in details if detail)]), err=True)
