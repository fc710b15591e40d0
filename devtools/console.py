"""What the developer sees: progress of long steps, and failures that say what to do."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from devtools import paths

# The parts of a command line.
Command = Sequence[str | Path]

SECONDS_TO_STOP = 15


class Failure(Exception):
    """A step that could not be done, in words for the person at the terminal."""

    def __init__(self, problem: str, advice: str = "") -> None:
        """Keep what failed and what to do about it.

        :param problem: What failed.
        :param advice: What the developer can do.
        """
        super().__init__(problem)
        self.problem = problem
        self.advice = advice


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show one line for a long step: its title, and the seconds it has taken.

    :param title: What is being done.
    """
    start = time.monotonic()
    finished = threading.Event()
    on_terminal = sys.stdout.isatty()

    def line(suffix: str = "") -> str:
        return f"{title} ... {time.monotonic() - start:.0f} s{suffix}"

    def keep_line_current() -> None:
        while not finished.wait(1):
            print(f"\r{line()}", end='', flush=True)

    ticker = threading.Thread(target=keep_line_current, daemon=True)
    if on_terminal:
        print(line(), end='', flush=True)
        ticker.start()
    outcome = ", failed"
    try:
        yield
        outcome = ""
    finally:
        finished.set()
        if on_terminal:
            ticker.join()
        print(f"\r{line(outcome)}" if on_terminal else line(outcome), flush=True)


def run(command: Command, failure: str, advice: str = "", **options: Any) -> str:
    """Run a command with its output kept in a log, and shown only if it fails.

    :param command: The command and its arguments.
    :param failure: What to say if the command fails.
    :param advice: What the developer can then do.
    :param options: Further arguments of `subprocess.run`.
    :return: What the command printed.
    :raise Failure: If the command can't be started or exits with another code than 0.
    """
    options = {'stdin': subprocess.DEVNULL, 'text': True, 'errors': 'replace', **options}
    try:
        completed: subprocess.CompletedProcess[str] = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **options,
        )
    except OSError as error:
        raise Failure(f"{failure}: {error}", advice) from error
    if completed.returncode:
        log = paths.log_directory() / 'failed-command.log'
        log.write_text(completed.stdout)
        last_lines = "\n".join(completed.stdout.strip().splitlines()[-15:])
        raise Failure(f"{failure}:\n{last_lines}", f"{advice}\nThe whole output: {log}".strip())
    return completed.stdout


def run_attached(command: Command, **options: Any) -> int:
    """Run a program whose output goes where ours goes, and let it finish if it is interrupted.

    :param command: The command and its arguments.
    :param options: Further arguments of `subprocess.Popen`.
    :return: The exit code.
    """
    with subprocess.Popen([str(part) for part in command], **options) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # Ctrl-C reaches the program as well; a signal to ./dev alone does not.
            if not sys.stdin.isatty():
                process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_TO_STOP)
            raise
        finally:
            process.kill()


def run_interactive(command: Command, **options: Any) -> int:
    """Run a program that the person talks to, and that Ctrl-C is meant for.

    :param command: The command and its arguments.
    :param options: Further arguments of `subprocess.Popen`.
    :return: The exit code.
    """
    with subprocess.Popen([str(part) for part in command], **options) as process:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
            process.kill()
