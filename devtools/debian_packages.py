"""What comes from Debian: system packages, and Odoo 19 itself.

System packages are installed on the machine. Odoo 19 is only in Debian's unstable suite, which
must not be mixed into the machine: apt fetches and verifies it under a private state folder, and
it is unpacked into the cache.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devtools import console, locks, paths, python_environment

KEYRING = Path('/usr/share/keyrings/debian-archive-keyring.gpg')

# What the bundled wkhtmltopdf loads, and a font for it to draw with.
PDF_PACKAGES = [
    'fonts-dejavu-core',
    'libfontconfig1',
    'libfreetype6',
    'libstdc++6',
    'libx11-6',
    'libxext6',
    'libxrender1',
    'zlib1g',
]
BASE_PACKAGES = ['ca-certificates', 'debian-archive-keyring', 'gpgv', 'python3-venv', *PDF_PACKAGES]
BROWSER_PACKAGES = ['chromium-headless-shell']

# Debian replaces some of Odoo's assets by links into these packages.
ODOO_PACKAGES = {
    'sid': [
        'odoo-19',
        'fonts-glyphicons-halflings',
        'fonts-montserrat',
        'fonts-ocr-b',
        'fonts-roboto-unhinted',
        'libjs-jquery',
        'libjs-jquery-form',
        'libjs-underscore',
    ],
    # Later releases moved the files that Odoo's links point at.
    'bookworm': ['fonts-font-awesome', 'fonts-inconsolata'],
}

# Debian leaves these out for their licence, but Odoo's asset bundles still name them and report
# an error on every page of the back office without them. The blurred background of video calls,
# which needs this one, stays off with an empty file.
REMOVED_ASSETS = ['mail/static/lib/selfie_segmentation/selfie_segmentation.js']

ODOO_ADVICE = (
    "Look at the machine's network and apt sources and run the command again, or set ODOO_HOME"
    " to an Odoo 19 checkout of your own."
)


def install_missing(packages: Iterable[str]) -> None:
    """Install the system packages that are not there yet.

    :param packages: Names of Debian packages.
    :raise Failure: If they can't be installed.
    """
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    install = ['apt-get', 'install', '--yes', '--no-install-recommends', *missing]
    advice = f"As root, run `{' '.join(install)}`, then this command again."
    prefix = _as_root(f"Installing {', '.join(missing)}", advice)
    with console.step(f"Installing {' '.join(missing)}"):
        _update_lists(prefix)
        console.run([*prefix, *install], "apt-get can't install what is missing", advice)


def provide_browser() -> None:
    """Let Odoo find the headless Chromium under the first of the names that it looks for.

    The whole Chromium draws a window that nobody sees, which takes twice the time.
    """
    link = paths.program_directory() / 'google-chrome'
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    # Not the script of that name, which would be ended in place of its Chromium.
    link.symlink_to('/usr/lib/chromium/chromium-headless-shell')


def _as_root(purpose: str, advice: str) -> list[str]:
    """Return the start of a command that runs as root and asks no questions later on.

    :param purpose: What needs root.
    :param advice: What to do if root can't be had.
    :raise Failure: If there is no apt, or no way to become root.
    """
    if not shutil.which('apt-get'):
        raise console.Failure(f"{purpose} needs apt-get: ./dev works on Debian 12.", advice)
    without_questions = ['env', 'DEBIAN_FRONTEND=noninteractive']
    if os.geteuid() == 0:
        return without_questions
    # sudo asks for the password here, where the person sees it, not inside a logged command.
    if not shutil.which('sudo') or subprocess.run(['sudo', '--validate'], check=False).returncode:
        raise console.Failure(f"{purpose} needs root or sudo.", advice)
    return ['sudo', *without_questions]


def _update_lists(prefix: list[str]) -> None:
    """Bring the machine's own package lists up to date.

    :param prefix: The start of a command that runs as root.
    :raise Failure: If they can't be had.
    """
    console.run(
        [*prefix, 'apt-get', 'update'],
        "apt-get update failed",
        "Look at the machine's network and apt sources.",
    )


def _is_installed(package: str) -> bool:
    """Tell whether the machine has a package.

    :param package: The name of a Debian package.
    """
    if package == 'python3-venv':
        # A Python from elsewhere may well have it.
        return not subprocess.run(
            [python_environment.find_interpreter(), '-c', 'import ensurepip'],
            check=False,
            capture_output=True,
        ).returncode
    if not shutil.which('dpkg-query'):
        return False
    query = subprocess.run(
        ['dpkg-query', '--show', '--showformat=${db:Status-Status}', package],
        check=False,
        capture_output=True,
        text=True,
    )
    return query.stdout == 'installed'


def fetch_odoo() -> Path:
    """Fetch Odoo 19 and its assets, if they are not in the cache yet.

    :return: The folder that holds the Python package `odoo`.
    :raise Failure: If Odoo can't be fetched, verified or unpacked.
    """
    directory = paths.cache_directory() / 'odoo-19'
    if not locks.is_finished(directory, ODOO_PACKAGES):
        with locks.build(directory, ODOO_PACKAGES):
            apt = _private_apt(directory / 'apt')
            with console.step("Fetching Debian's list of packages"):
                console.run([*apt, 'update'], "Debian's package lists can't be had", ODOO_ADVICE)
            with console.step("Fetching Odoo 19 (130 MB)"):
                console.run(
                    [*apt, 'download', *_apt_names()],
                    "Odoo 19 can't be fetched",
                    ODOO_ADVICE,
                    cwd=directory / 'apt',
                )
            with console.step("Unpacking Odoo 19 (1.3 GB)"):
                for package in sorted((directory / 'apt').glob('*.deb')):
                    console.run(
                        ['dpkg', '--extract', package, directory],
                        f"{package.name} can't be unpacked",
                        "Look whether the disk is full.",
                    )
                _check_links(directory)
            shutil.rmtree(directory / 'apt')
    python_path = directory / 'usr/lib/python3/dist-packages'
    for asset in REMOVED_ASSETS:
        stub = python_path / 'odoo/addons' / asset
        stub.parent.mkdir(parents=True, exist_ok=True)
        # Its age is part of the version of the bundles that it is in.
        if not stub.exists():
            stub.touch()
    return python_path


def _apt_names() -> list[str]:
    """Return what to fetch, as apt wants packages of a suite named."""
    return [f'{name}/{suite}' for suite, names in ODOO_PACKAGES.items() for name in names]


def _private_apt(directory: Path) -> list[str]:
    """Prepare an apt of our own, which leaves the machine's as it is.

    :param directory: The folder for its state.
    :return: The command that every call starts with.
    """
    mirror = _debian_mirror()
    (directory / 'lists/partial').mkdir(parents=True)
    (directory / 'cache/archives/partial').mkdir(parents=True)
    sources = directory / 'sources.list'
    sources.write_text(
        ''.join(f'deb [signed-by={KEYRING}] {mirror} {suite} main\n' for suite in ODOO_PACKAGES)
    )
    options = {
        'Dir::Etc::SourceList': sources,
        'Dir::Etc::SourceParts': '-',
        'Dir::Etc::Preferences': '-',
        'Dir::Etc::PreferencesParts': '-',
        'Dir::State': directory,
        'Dir::State::Lists': directory / 'lists',
        'Dir::State::Status': '/var/lib/dpkg/status',
        'Dir::Cache': directory / 'cache',
        'Acquire::Languages': 'none',
        'Acquire::Retries': '3',
        # Unstable's lists expire within days, and a mirror may lag; the signatures still count.
        'Acquire::Check-Valid-Until': 'false',
        # apt's own user can't write to the cache of ours.
        'APT::Sandbox::User': 'root',
    }
    return ['apt-get', '--quiet', *(f'-o{name}={value}' for name, value in options.items())]


def _debian_mirror() -> str:
    """Return the address that the machine itself fetches Debian's packages from.

    :raise Failure: If it has none.
    """
    mirror = _listed_debian_mirror()
    if not mirror:
        # The name of a source's origin comes with its lists, which a new machine lacks.
        with console.step("Updating the machine's package lists"):
            _update_lists(_as_root("apt-get update", ODOO_ADVICE))
        mirror = _listed_debian_mirror()
    if not mirror:
        raise console.Failure("None of the machine's apt sources is Debian's.", ODOO_ADVICE)
    return mirror


def _listed_debian_mirror() -> str | None:
    """Return the address of Debian's main archive among the machine's apt sources."""
    fields = '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)'
    listing = console.run(
        ['apt-get', 'indextargets', '--format', fields, 'Created-By: Packages'],
        "apt doesn't tell its sources",
        ODOO_ADVICE,
    )
    for line in listing.splitlines():
        # Backports and security updates carry labels of their own.
        if line.startswith('Debian|Debian|main|'):
            return line.rpartition('|')[2]
    return None


def _check_links(directory: Path) -> None:
    """Check that every asset which Debian replaced by a link is there.

    :param directory: The folder that the packages are unpacked in.
    :raise Failure: If a link leads nowhere: Odoo would answer every page with an error.
    """
    dangling = [path for path in directory.rglob('*') if path.is_symlink() and not path.exists()]
    if dangling:
        names = "\n".join(str(path.relative_to(directory)) for path in dangling[:10])
        raise console.Failure(
            f"Debian's packages of Odoo 19 no longer fit together; links lead nowhere:\n{names}",
            "Set ODOO_HOME to an Odoo 19 checkout of your own.",
        )
