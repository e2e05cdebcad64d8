"""What every command has in common: help, errors, exit codes."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intarsia.cli import main
from intarsia.cli.app import INTERRUPTED, OUR_FAULT, TERMINATED, USER_FAULT, app
from intarsia.errors import DataError, Interrupted

VERBS = [
    "demo", "check", "split", "convert", "recipes", "train", "evaluate", "compare", "predict",
    "export", "serve", "reproduce", "runs", "env",
]  # fmt: skip


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `intarsia env` fail with `error`."""

    def describe() -> None:
        raise error

    monkeypatch.setattr("intarsia.environment.torch_build", describe)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"Example: intarsia {verb}" in capsys.readouterr().out


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in VERBS)
    assert "..." not in out.partition("Commands:")[2]  # no summary is cut


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from intarsia.cli import main; main(['--help']);"
        "print({'torch', 'numpy', 'rich', 'pydantic', 'yaml', 'PIL', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.slow
def test_help_answers_at_once() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "intarsia", "--help"], capture_output=True, check=True
        )
        return time.perf_counter() - start

    assert min(seconds() for _ in range(10)) < 0.3


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("intarsia 0.")


def test_nothing_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == USER_FAULT
    shown = capsys.readouterr()
    assert "Commands:" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["trian"], "intarsia train"),
        (["train", "data", "--epoch", "3"], "--epochs"),
        (["train", "data", "--optimizer", "sgd"], "--set train.optimizer=VALUE"),
        (["check", "data", "--jsn", "x"], "--json"),
        (["--hlp"], "--help"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest(
    words: list[str], offered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == USER_FAULT
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(
        "error: no such option" if len(words) > 1 or "--" in words[0] else "error: no command"
    )
    assert f"did you mean {offered}" in shown.err.replace("`", "")
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict"], "Missing argument"),
        (["train", "x", "--epochs", "many"], "--epochs"),
        (["check", "--images", "x"], "both --images DIR and --masks DIR"),
        (["check", "x", "--images", "x", "--masks", "x"], "which data set?"),
        (["check"], "which data set?"),
        (["check", ".", "--masks", "."], "error: which data set?"),
        (["check", ".", "--json"], "where: intarsia check"),
        (["recipes", "mini-unett"], 'did you mean "mini-unet"?'),
    ],
)
def test_wrong_words_are_the_users_fault(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == USER_FAULT
    assert said in capsys.readouterr().err


def test_an_error_is_said_in_four_parts_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, DataError("no masks", where="x/", expected="masks/", hint="add them"))
    assert main(["env"]) == USER_FAULT
    assert capsys.readouterr().err == (
        "error: no masks\n  where: x/\n  expected: masks/\n  do: add them\n"
    )


def test_verbose_adds_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, DataError("no masks"))
    assert main(["env", "--verbose"]) == USER_FAULT
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_is_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "run/last.pt"))
    assert main(["env"]) == USER_FAULT
    assert "where: run/last.pt" in capsys.readouterr().err


def test_a_bug_of_ours_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, TypeError("oops"))
    assert main(["env"]) == OUR_FAULT
    shown = capsys.readouterr().err
    assert "unexpected TypeError: oops" in shown
    assert "Traceback" not in shown


def test_a_package_that_is_not_installed_is_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert main(["env"]) == USER_FAULT
    assert 'the package "torch" is not installed' in capsys.readouterr().err
    _failing(monkeypatch, ModuleNotFoundError("No module named 'x'", name="intarsia.x"))
    assert main(["env"]) == OUR_FAULT


def test_without_its_packages_the_command_says_which() -> None:
    code = "import sys; sys.modules['typer'] = None; from intarsia.cli import main; exit(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == USER_FAULT
    assert done.stderr.startswith("error: the command line needs the package typer")


def test_ctrl_c_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, KeyboardInterrupt())
    assert main(["env"]) == INTERRUPTED
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert "--resume" not in said


def test_a_training_stopped_before_its_own_handler_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("intarsia.recipe.Recipe.load", stop)
    assert main(["train", "x"]) == INTERRUPTED
    assert "do: the same command with --resume goes on" in capsys.readouterr().err


def test_a_path_that_looks_like_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "-plain").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["check", "-plain"]) == USER_FAULT
    assert "did you mean ./-plain, the path?" in capsys.readouterr().err


def test_an_interrupted_training_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing(monkeypatch, Interrupted("stopped", hint="the same command with --resume"))
    assert main(["env"]) == INTERRUPTED
    assert "--resume" in capsys.readouterr().err


def test_a_terminated_training_has_the_code_of_sigterm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = Interrupted("stopped")
    error.signal_name = "SIGTERM"
    _failing(monkeypatch, error)
    assert main(["env"]) == TERMINATED


def test_sigterm_ends_with_its_own_code() -> None:
    code = (
        "import intarsia.environment as e, time, sys\n"
        "def wait():\n    print('ready', flush=True); time.sleep(60)\n"
        "e.torch_build = wait\n"
        "sys.argv = ['intarsia', 'env']\n"
        "from intarsia.cli import main; sys.exit(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == TERMINATED


def test_the_env_verb_describes_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env"]) == 0
    out = capsys.readouterr().out
    for word in ("torch", "device", "threads", "bf16", "OpenVINO"):
        assert word in out


def test_the_env_verb_warns_loudly_of_an_idle_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from intarsia.environment import Gpu, TorchBuild

    build = TorchBuild("2.15.0+cpu", None, None, False, False, 2, None)
    monkeypatch.setattr("intarsia.environment.torch_build", lambda: build)
    monkeypatch.setattr("intarsia.environment.nvidia_gpus", lambda: (Gpu("NVIDIA T4", "550"),))
    assert main(["env"]) == 0
    shown = capsys.readouterr().err
    assert shown.startswith("WARNING: NVIDIA T4 would sit idle")
    assert "--torch-backend=auto" in shown


def test_recipes_lists_all_and_prints_one_that_can_be_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from intarsia.recipe import Recipe, recipe_names

    historical = {name for name in recipe_names() if Recipe.load(name).reference}
    assert {"unet-resnet34", "campus-mini", "inception-unet-snapshot"} <= historical
    assert main(["recipes"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed == set(recipe_names()) - historical
    assert main(["recipes", "--all"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed == set(recipe_names())
    assert main(["recipes", "mini-unet"]) == 0
    mine = tmp_path / "mine.yaml"
    mine.write_text(capsys.readouterr().out)
    assert Recipe.load(mine) == Recipe.load("mini-unet")


def test_the_verbs_are_these() -> None:
    assert [command.name for command in app.registered_commands] == VERBS
