"""The ``townsend`` command: its name space, and how a problem becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from townsend.cli import (
    ask,
    change,
    data,
    graph,
    look,
    mapping,
    match,
    privacy,
    quarantine,
    serve,
    start,
    sync,
)
from townsend.cli.remote import answer_of_server
from townsend.problem import Problem

__all__ = ["app", "main", "run"]

STOPPED = 130

app = typer.Typer(
    name="townsend",
    help="A real-time customer data platform for companies that sell to companies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (start, data, sync, mapping, quarantine, ask, look, graph, match, change, privacy, serve):
    module.register(app)


def run() -> None:
    """Run the command of this process, or have the project's server run it, and leave with its exit code."""
    sys.exit(main(sys.argv[1:], answer_of_server))


def main(words: list[str], elsewhere: Callable[[list[str]], int | None] = lambda _: None) -> int:
    """Run a command.

    Args:
        elsewhere: runs it where the project is served, and gives the exit code; None if nobody serves it.

    Returns:
        0 done, 1 failed, 2 wrong use or settings, 3 done with rows or deliveries refused, 130 stopped.
    """
    try:
        answered = elsewhere(words)
        if answered is not None:
            return answered
        app(words, prog_name="townsend")
    except SystemExit as ended:
        # Typer turns Ctrl-C into this code, and says nothing.
        if ended.code == STOPPED:
            return _stopped()
        return ended.code if isinstance(ended.code, int) else 1
    except Problem as problem:
        _say(problem, as_json="--json" in words)
        return problem.exit_code
    except KeyboardInterrupt:
        return _stopped()
    except RuntimeError as error:
        from townsend.store.facts_errors import interrupted

        if not interrupted(error):
            raise
        return _stopped()
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stderr.close()
    return 0


def _stopped() -> int:
    sys.stderr.write("\ntownsend: stopped; what was accepted is kept, the same command goes on from there\n")
    return STOPPED


def _say(problem: Problem, as_json: bool) -> None:
    if as_json:
        import json

        body = {"error": {"code": problem.code, "message": problem.text, "facts": problem.facts}}
        sys.stderr.write(json.dumps(body, ensure_ascii=False, default=str) + "\n")
    else:
        sys.stderr.write(f"townsend: {problem.text}  [{problem.code}]\n")
