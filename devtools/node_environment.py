"""What checks our JavaScript and our pages: exact versions, verified by their hashes.

To take newer ones, write them into package.json and run `npm install --package-lock-only` there.
"""

import hashlib
import shutil
from pathlib import Path

from devtools import console, debian_packages, locks, paths

DEFINITION = paths.CHECKOUT / 'devtools/eslint'
LOCK_FILE = DEFINITION / 'package-lock.json'


def prepare() -> Path:
    """Install eslint and axe, if they are not in the cache yet.

    :return: The folder that they are installed in.
    :rtype: Path
    :raise Failure: If a package can't be fetched or isn't the one that was locked.
    """
    # Node may well be there from elsewhere, which Debian's list of packages doesn't tell.
    if not (shutil.which('node') and shutil.which('npm')):
        debian_packages.install_missing(['nodejs', 'npm'])
    lock_hash = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    directory = paths.cache_directory() / f'eslint-{lock_hash[:12]}'
    if not locks.is_finished(directory, lock_hash):
        with locks.build(directory, lock_hash), console.step("Installing eslint and axe"):
            for file in (DEFINITION / 'package.json', LOCK_FILE):
                shutil.copy(file, directory)
            console.run(
                ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'],
                "The locked npm packages can't be installed",
                "Look at the network and npm's settings, then run the command again.",
                cwd=directory,
            )
    return directory


def axe_script(directory: Path) -> Path:
    """Return the script that finds in a page what keeps people from using it.

    :param Path directory: The folder that axe is installed in.
    :rtype: Path
    """
    return directory / 'node_modules/axe-core/axe.min.js'


def eslint_command(directory: Path) -> list[str | Path]:
    """Return the command that checks all JavaScript of the folder it is run in.

    :param Path directory: The folder that eslint is installed in.
    :rtype: list
    """
    modules = directory / 'node_modules'
    return [
        *('env', f'NODE_PATH={modules}', modules / '.bin/eslint'),
        *('--config', DEFINITION / 'eslint.config.mjs', '.'),
    ]
