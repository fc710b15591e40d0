"""The Python environments: exact versions from the lock files, verified by their hashes."""

import hashlib
import os
import sys
from pathlib import Path

from devtools import console, locks, paths

LOCKED_PYTHON = (3, 11)
# Debian's own is built with what profiles of it have shown; others, such as pyenv's, usually are
# not, and take a third longer for the same tests.
SYSTEM_PYTHON = Path('/usr/bin/python3.11')
ODOO_REQUIREMENTS = 'requirements'
LINT_REQUIREMENTS = 'lint-requirements'
# How pip installs what a lock file has, and nothing else.
VERIFIED = (
    *('--require-hashes', '--no-deps'),
    # A source would be built with whatever build tools are newest.
    *('--only-binary', ':all:'),
    *('--disable-pip-version-check', '--no-input', '--progress-bar', 'off'),
)


def lock_file(name: str) -> Path:
    """Return the lock file of an environment.

    :param name: `ODOO_REQUIREMENTS` or `LINT_REQUIREMENTS`.
    """
    return paths.CHECKOUT / 'devtools' / f'{name}.lock'


def prepare(name: str) -> Path:
    """Make the environment of a lock file, if it is not in the cache yet.

    :param name: `ODOO_REQUIREMENTS` or `LINT_REQUIREMENTS`.
    :return: The folder of the environment.
    :raise Failure: If a package can't be fetched or isn't the one that was locked, or there is no
        Python that the packages are for.
    """
    interpreter = find_interpreter()
    lock_hash = hashlib.sha256(lock_file(name).read_bytes()).hexdigest()
    directory = paths.cache_directory() / f'{name}-{lock_hash[:12]}'
    key = [lock_hash, str(interpreter)]
    if not locks.is_finished(directory, key):
        with locks.build(directory, key), console.step(f"Installing Python packages ({name})"):
            console.run(
                [interpreter, '-m', 'venv', directory],
                "The Python environment can't be made",
            )
            console.run(
                [
                    directory / 'bin/python',
                    *('-m', 'pip', 'install', *VERIFIED),
                    *('--requirement', lock_file(name)),
                ],
                "The locked Python packages can't be installed",
                "Look at the network and pip's settings, then run the command again.",
            )
    return directory


def find_interpreter() -> Path:
    """Return the Python that environments are made with.

    :raise Failure: If there is none that the packages are for.
    """
    if SYSTEM_PYTHON.exists():
        return SYSTEM_PYTHON
    if sys.version_info[:2] != LOCKED_PYTHON:
        raise console.Failure(
            f"The locked packages are for Python 3.11; this is {sys.version.split()[0]}.",
            "Run it with the other Python: python3.11 dev ...",
        )
    return Path(sys.base_prefix) / 'bin/python3.11'


def site_packages(environment: Path) -> Path:
    """Return the folder that an environment's packages are in.

    :param environment: The folder of the environment.
    """
    return environment / 'lib/python3.11/site-packages'


def search_path(environment: Path) -> str:
    """Return the `PATH` for a program that runs in an environment.

    :param environment: The folder of the environment.
    """
    # First, so that Odoo finds this wkhtmltopdf and not one without the patched Qt.
    pdf_programs = site_packages(environment) / 'pydf/bin'
    others = os.environ.get('PATH', os.defpath)
    return os.pathsep.join([str(pdf_programs), str(environment / 'bin'), others])


def write_locks() -> None:
    """Choose the newest versions that `*requirements.in` allow, and write the lock files."""
    tools = prepare(LINT_REQUIREMENTS)
    for name in (ODOO_REQUIREMENTS, LINT_REQUIREMENTS):
        with console.step(f"Locking {name}"):
            console.run(
                [
                    *(tools / 'bin/uv', 'pip', 'compile', '--upgrade', '--generate-hashes'),
                    *('--no-header', '--no-annotate', '--python-version', '3.11'),
                    # num2words needs it for its command line only, and it has no wheel.
                    *('--no-emit-package', 'docopt'),
                    *('--output-file', lock_file(name), lock_file(name).with_suffix('.in')),
                ],
                f"{name} can't be locked",
            )
