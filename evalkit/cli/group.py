"""The command line: a click group that loads a command's file when that command is used."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.endings import INTERRUPTED, exit_code, handle_like_ctrl_c
from evalkit.cli.examples import examples
from evalkit.core import RunError, UsageError
from evalkit.core.distribution import NAME
from evalkit.core.installed import pack_folders
from evalkit.core.stream_encoding import prepare_streams
from evalkit.core.terminal import say

if TYPE_CHECKING:
    from evalkit.plugins.index import PluginEntry

USAGE, RUN_ERROR, PIPE_CLOSED = 2, 3, 141
_NAMES = 14
"""Width of the column of commands' names: the longest, quantize-check."""

# What each command is for, one line each, so that `evalkit --help` imports no command.
SECTIONS = {
    "Start": {
        "quickstart": "Evaluate the embedded model on toy sets.",
        "init": "Create a project, or a CI gate, in a folder.",
        "list": "List tasks, models, judges, metrics and more.",
        "doctor": "Show what this machine can run.",
    },
    "Evaluate": {
        "run": "Evaluate models on tasks.",
        "score": "Score responses made outside evalkit.",
        "rescore": "Score a run again from its stored replies.",
        "judge": "Let a model judge answers, and audit it.",
        "check": "Check a task's gold answers, or a model.",
    },
    "Read results": {
        "show": "Show runs, scores and single samples.",
        "watch": "Open the page of a run while it runs.",
        "view": "Search, tag and compare all runs.",
        "report": "Write a page, Markdown, CSV or JSON.",
        "leaderboard": "Rank the models of many runs.",
        "history": "Show scores over time and where they changed.",
        "push": "Send runs to MLflow or Weights & Biases.",
    },
    "Compare and decide": {
        "compare": "Compare two runs, sample by sample.",
        "gate": "Fail a CI job when a model regresses.",
        "baseline": "Save the scores that a gate compares with.",
        "quantize-check": "Measure what quantization costs a model.",
    },
    "Maintain": {
        "cache": "Show or clear the response cache.",
    },
}
COMMANDS = {name: summary for section in SECTIONS.values() for name, summary in section.items()}


def own_commands() -> dict[str, PluginEntry]:
    """The commands in the commands/ of the current folder and of installed packs; none of their files is run.

    One that cannot be loaded, or has the name of another or of one of evalkit's, is left out: `evalkit list commands`
    says why.
    """
    # As a rule there are none, and `evalkit --help` then needs nothing of what reads them.
    if not Path("commands").is_dir() and not pack_folders():
        return {}
    from evalkit.plugins.index import entries

    found = entries("command")
    names = [entry.name for entry in found]
    return {e.name: e for e in found if not e.problem and names.count(e.name) == 1 and e.name not in COMMANDS}


class LazyGroup(click.Group):
    """Commands by name, each imported when it is asked for: the module evalkit.cli.commands.<name>, or a file in the
    user's commands/."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *own_commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return self._own_command(cmd_name)
        module = importlib.import_module(f"evalkit.cli.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def _own_command(self, name: str) -> click.Command:
        from evalkit.core.spec import unknown
        from evalkit.plugins.index import entries
        from evalkit.plugins.load import load

        found = [entry.name for entry in entries("command")]
        if name not in found:
            raise unknown("command", name, [*COMMANDS, *found])
        command = load("command", name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                # The same column in every section, and in that of the user's own commands.
                formatter.write_dl([(name.ljust(_NAMES), summary) for name, summary in commands.items()])
        own = own_commands()
        if own:
            with formatter.section("Your commands"):
                formatter.write_dl([(name.ljust(_NAMES), entry.summary) for name, entry in own.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("evalkit quickstart", "evalkit run mmlu --model hf/./my-model --limit 200", "evalkit run --help"),
)
@click.version_option(package_name=NAME)
@click.pass_context
def cli(context: click.Context) -> None:
    """Evaluate language models and trust the number.

    `evalkit COMMAND --help` explains a command.
    """
    if context.invoked_subcommand is None:
        from evalkit.cli.rendering.first_steps import show_first_steps

        show_first_steps()


def main() -> None:
    """Run the command line; a mistake of the user's ends with its message and no traceback."""
    prepare_streams()
    handle_like_ctrl_c()
    try:
        code = _run()
        _leave(code if isinstance(code, int) else 0)
    except UsageError as error:
        _complain(str(error), USAGE)
    except click.NoSuchOption as error:
        _complain(_no_such_option(error), USAGE)
    except click.ClickException as error:
        error.show()
        _leave(USAGE)
    except RunError as error:
        _complain(str(error), RUN_ERROR)
    except (KeyboardInterrupt, click.Abort) as error:
        _complain(_interrupted(error), INTERRUPTED)
    except BrokenPipeError:
        _reader_gone()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            _unexpected(error)
        _complain(f"cannot write: {error.strerror}\n  try:   free some space; records are kept", RUN_ERROR)
    except Exception as error:  # noqa: BLE001 (it is raised again under EVALKIT_DEBUG)
        _unexpected(error)


def _run() -> object:
    """The command's exit code. Raises BrokenPipeError where the reader of stdout went away."""
    try:
        return cli.main(prog_name="evalkit", standalone_mode=False)
    except SystemExit as error:
        # click itself ends a command whose pipe broke, with code 1, which is a gate's FAIL.
        if error.code == 1 and "_EVALKIT_COMPLETE" not in os.environ:
            raise BrokenPipeError from None
        raise


def _unexpected(error: Exception) -> None:
    if os.environ.get("EVALKIT_DEBUG"):
        raise error
    _complain(
        f"unexpected {type(error).__name__}: {error}\n  try:   EVALKIT_DEBUG=1 shows where; records are kept",
        RUN_ERROR,
    )


def _reader_gone() -> None:
    """End as a program does whose reader (head, less) went away: nothing more can be said on stdout. The code is the
    shell's 128 + SIGPIPE, so that a gate whose verdict nobody read is not a pass."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os._exit(PIPE_CLOSED)


def _no_such_option(error: click.NoSuchOption) -> str:
    from evalkit.core.spec import nearest

    command, context = "", error.ctx
    while context is not None and context.parent is not None:
        command, context = f" {context.info_name}{command}", context.parent
    command = f"evalkit{command}"
    known = [name for option in (error.ctx.command.params if error.ctx else ()) for name in option.opts]
    close = nearest(error.option_name, known)
    fix = f"did you mean {close!r}?" if close else f"{command} --help"
    return str(UsageError(f"{command} has no option {error.option_name!r}", fix=fix))


def _interrupted(error: BaseException) -> str:
    # click turns a KeyboardInterrupt into an Abort, whose cause knows the run's folder.
    folder = getattr(error, "folder", None) or getattr(error.__cause__, "folder", None)
    if folder is None:
        return "interrupted"
    return f"interrupted; every finished sample is kept\n  continue: evalkit run --resume {folder}"


def _complain(message: str, code: int) -> None:
    say(f"evalkit: {message}", err=True)
    _leave(code)


def _leave(code: int) -> None:
    """Exit without waiting for a worker thread that is in the middle of a batch nobody needs any more."""
    sys.stdout.flush()
    sys.stderr.flush()
    if code in (INTERRUPTED, RUN_ERROR):
        os._exit(exit_code(code))
    sys.exit(code)
