"""Odoo 19: where it is, its settings, and its commands."""

import configparser
import hashlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devtools import console, debian_packages, paths, postgresql, python_environment

HOST = '127.0.0.1'
# Where tests listen: not where Linux has the ports of connections.
FIRST_FREE_PORT = 20_000
FREE_PORTS = 10_000
SECONDS_TO_START = 120
SECONDS_TO_STOP = 15
# Over a few rows each order of joins is as good as another one: to weigh all of them takes
# PostgreSQL half of the time that it spends on Odoo's long ones.
JOINS_AS_WRITTEN = '-c join_collapse_limit=1'


class Odoo:
    """An Odoo 19 with its Python environment and PostgreSQL cluster."""

    def __init__(self, source: Path, environment: Path, cluster: postgresql.Cluster) -> None:
        """Keep what is needed to run Odoo.

        :param source: The folder that holds the Python package `odoo`.
        :param environment: The folder of the Python environment.
        :param cluster: The PostgreSQL cluster, which must run before Odoo does.
        """
        self.source = source
        self.environment = environment
        self.cluster = cluster
        # A folder of packages that stand before those of the environment.
        self.overlay: Path | None = None
        # Whether its databases have but a few rows, and nobody measures how quick it is.
        self.has_few_rows = False
        self.data = paths.state_directory() / 'odoo'

    def key(self) -> list[str]:
        """Return what a database depends on, apart from its modules."""
        release = (self.source / 'odoo/release.py').read_bytes()
        lock = python_environment.lock_file(python_environment.ODOO_REQUIREMENTS).read_bytes()
        return [str(self.source), *(hashlib.sha256(part).hexdigest() for part in (release, lock))]

    def addons_path(self) -> list[Path]:
        """Return the folders that Odoo finds modules in."""
        return [self.source / 'addons', self.source / 'odoo/addons', paths.CHECKOUT]

    def addons_path_with(self, addons: list[Path]) -> str:
        """Return the setting by which Odoo finds some addons besides its usual ones.

        :param addons: The folders of the addons.
        """
        usual = self.addons_path()
        others = sorted({addon.parent for addon in addons} - set(usual))
        return ','.join(str(path) for path in [*usual, *others])

    def filestore(self, database: str) -> Path:
        """Return the folder of a database's attachments.

        :param database: The name of the database.
        """
        return self.data / 'filestore' / database

    def write_configuration(self, database: str, **settings: Any) -> Path:
        """Write the settings that Odoo works on a database with.

        :param database: The name of the database.
        :param settings: Settings besides the usual ones, or instead of them.
        :return: The configuration file.
        """
        options = {
            'addons_path': ','.join(str(path) for path in self.addons_path()),
            'admin_passwd': secrets.token_urlsafe(32),
            'data_dir': self.data,
            'db_host': self.cluster.socket,
            'db_user': postgresql.ROLE,
            'db_name': database,
            'dbfilter': f'^{database}$',
            'http_interface': HOST,
            'list_db': False,
            'max_cron_threads': 1,
            'workers': 0,
            'screenshots': paths.log_directory() / 'screenshots',
            **settings,
        }
        parser = configparser.RawConfigParser()
        parser['options'] = {name: str(value) for name, value in options.items()}
        self.data.mkdir(parents=True, exist_ok=True)
        path = paths.state_directory() / f'{database}.conf'
        with open(path, 'w', opener=_open_private, encoding='utf-8') as configuration:
            parser.write(configuration)
        return path

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of one of Odoo's commands.

        :param arguments: The arguments of `odoo`.
        """
        return [str(self.environment / 'bin/python'), '-m', 'odoo', *arguments]

    def variables(self) -> dict[str, str]:
        """Return the environment variables that Odoo runs with."""
        inherited = self.cluster.variables()
        # Images of machines often set it. Each of the many processes of a test run would compile
        # two thousand modules anew, which takes as long as all else that it needs to start.
        inherited.pop('PYTHONDONTWRITEBYTECODE', None)
        if self.has_few_rows:
            inherited['PGOPTIONS'] = JOINS_AS_WRITTEN
        return {
            **inherited,
            # pytest-odoo calls PostgreSQL's programs.
            'PATH': os.pathsep.join(
                [
                    str(paths.program_directory()),
                    python_environment.search_path(self.environment),
                    str(self.cluster.programs),
                ]
            ),
            'PYTHONPATH': os.pathsep.join(
                str(path)
                for path in (self.overlay, self.source, paths.CHECKOUT, paths.FAKE_GATEWAY)
                if path
            ),
        }

    def run(self, configuration: Path, *arguments: str, failure: str, **options: Any) -> str:
        """Run one of Odoo's commands to its end.

        :param configuration: The configuration file.
        :param arguments: The command's arguments.
        :param failure: What to say if it fails.
        :param options: Further arguments of `subprocess.run`.
        :return: What the command printed.
        :raise Failure: If the command fails.
        """
        return console.run(
            self.command(*arguments, f'--config={configuration}'),
            failure,
            env=self.variables(),
            **options,
        )

    def update(
        self, configuration: Path, *, install: Iterable[str] = (), upgrade: Iterable[str] = ()
    ) -> str:
        """Install or upgrade modules.

        :param configuration: The configuration file.
        :param install: The names of modules to install.
        :param upgrade: The names of modules to upgrade.
        :return: Odoo's log.
        :raise Failure: If that fails.
        """
        return self.run(
            configuration,
            *('server', '--no-http', '--stop-after-init'),
            *([f'--init={",".join(install)}'] if install else []),
            *([f'--update={",".join(upgrade)}'] if upgrade else []),
            failure=f"Odoo can't install {', '.join([*install, *upgrade])}",
        )

    def execute(self, configuration: Path, script: str) -> str:
        """Execute Python in Odoo's shell.

        :param configuration: The configuration file.
        :param script: The Python code; `env` is the superuser's environment.
        :return: What Odoo printed, its log included.
        :raise Failure: If the code raises.
        """
        return self.run(
            configuration,
            *('shell', '--no-http'),
            failure="A script failed in Odoo's shell",
            stdin=None,
            input=script,
        )

    @contextmanager
    def serving(
        self, configuration: Path, port: int, log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Have the server run while the block is executed.

        :param configuration: The configuration file.
        :param port: The port that it listens on.
        :param log: The file that takes its log.
        :return: The server's process.
        """
        with log.open('w') as log_file:
            # In a session of its own, so that Ctrl-C reaches ./dev only, which then stops it.
            server = subprocess.Popen(
                self.command('server', f'--config={configuration}', f'--http-port={port}'),
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield server
            finally:
                _stop(server)


def _open_private(path: str, flags: int) -> int:
    """Open a file that nobody else may read."""
    return os.open(path, flags, mode=0o600)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server, by force if it doesn't stop by itself.

    :param server: The server's process.
    """
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def find_source() -> Path:
    """Return the Odoo 19 to use: `ODOO_HOME`, or else the one from Debian.

    :return: The folder that holds the Python package `odoo`.
    :raise Failure: If `ODOO_HOME` is no Odoo 19, or Debian's can't be had.
    """
    own = os.environ.get('ODOO_HOME')
    if not own:
        return debian_packages.fetch_odoo()
    source = Path(own).resolve()
    release = source / 'odoo/release.py'
    if not release.exists() or 'version_info = (19, 0' not in release.read_text():
        raise console.Failure(
            f"ODOO_HOME is no checkout of Odoo 19: {source}",
            "Point it at the folder that holds odoo-bin, or unset it.",
        )
    return source


def free_port() -> int:
    """Return a port that nothing listens on.

    It isn't one of those that Linux gives to connections (32768 and above): one of them, or the
    next one, could be taken before it is listened on.
    """
    while True:
        port = FIRST_FREE_PORT + secrets.randbelow(FREE_PORTS)
        with socket.socket() as listener:
            try:
                listener.bind((HOST, port))
            except OSError:
                continue
        return port


def check_port(port: int) -> None:
    """Check that nothing listens on a port.

    :param port: The port.
    :raise Failure: If something does.
    """
    with socket.socket() as listener:
        # As Odoo does, so that a connection of an earlier server that lingers is no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise console.Failure(
                f"Port {port} can't be used: {error.strerror}.", "Choose another: --port N"
            ) from error


def wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server answers.

    :param server: The server's process.
    :param port: The port that it listens on.
    :param log: Its log.
    :raise Failure: If it stops, or doesn't answer in time.
    """
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        # Not urllib, which would ask a configured proxy for this machine's own address.
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request('GET', '/web/health')
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except (http.client.HTTPException, OSError):
            time.sleep(0.2)
        finally:
            connection.close()
    last_lines = "\n".join(log.read_text(errors='replace').splitlines()[-15:])
    raise console.Failure(f"Odoo doesn't answer on port {port}:\n{last_lines}", f"Its log: {log}")
