"""The driver's end of `host.py`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from devtools import console
from devtools.odoo_server import Odoo


class OdooHost:
    """A process with Odoo loaded, which forks others."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        """Keep the process.

        :param subprocess.Popen process: The process, with pipes.
        :param Path log: Its log.
        """
        # Both are pipes.
        self._questions = cast(IO[str], process.stdin)
        self._answers = cast(IO[str], process.stdout)
        self._log = log

    def __getattr__(self, command: str) -> Callable[..., Any]:
        """Return a command of `host.Host`."""
        return lambda **arguments: self._ask(command, arguments)

    def _ask(self, command: str, arguments: dict[str, Any]) -> Any:
        """Let the host do something.

        :param str command: The name of a method of `host.Host`.
        :param dict arguments: Its arguments.
        :return: Its answer.
        :raise Failure: If it fails.
        """
        self._questions.write(json.dumps([command, arguments]) + '\n')
        self._questions.flush()
        answer = json.loads(self._answers.readline() or '{"error": "Odoo has ended."}')
        if 'error' in answer:
            raise console.Failure(f"{command}: {answer['error']}", f"Odoo's log: {self._log}")
        return answer['answer']


@contextmanager
def running(odoo: Odoo, configuration: Path, database: str, log: Path) -> Iterator[OdooHost]:
    """Have a host run while the block is executed.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path configuration: The configuration file.
    :param str database: The database, which has the addons installed.
    :param Path log: The file that takes the log of the host and its processes.
    :rtype: OdooHost
    """
    with (
        log.open('w') as log_file,
        subprocess.Popen(
            [
                *(str(odoo.environment / 'bin/python'), '-m', 'devtools.torture.host'),
                *(f'--config={configuration}', f'--database={database}'),
            ],
            env=odoo.variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
        ) as process,
    ):
        try:
            yield OdooHost(process, log)
        finally:
            process.kill()
