"""`./dev lint`: every check that needs no test run."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools import (
    console,
    foreign_names,
    locks,
    method_definitions,
    node_environment,
    paths,
    rooms,
    translations,
    view_conditions,
)
from devtools.odoo_server import Odoo

# Where to fetch from is the machine's own setting.
FOREIGN_ADDRESS = re.compile(r"https?://(?!\{|localhost|127\.0\.0\.1|([\w-]+\.)*example\.com)")
FETCHING_FILES = re.compile(
    r"dev|pyproject\.toml|\.ci/[^/]+|devtools/[^/]+|devtools/eslint/(?!package-lock)[^/]+"
)

# Of pictures, too.
LINK = re.compile(r'(?:\]\(|(?:href|src)=")([^)"\s]+)')
HEADING = re.compile(r'^#+ (.+)$', re.MULTILINE)
CODE_BLOCK = re.compile(r'^ *```.*?^ *```', re.MULTILINE | re.DOTALL)

# Not in pyproject.toml, where pylint would have "enable" win over them.
UNFIT_PYLINT_CHECKS = [
    # One file a concern, though several extend the same model.
    'consider-merging-classes-inherited',
    # The author is no member of OCA, and the readme is that of the repository.
    'manifest-required-author',
    'missing-readme',
    # Asks for it where the method that is extended returns nothing.
    'missing-return',
]
# Odoo itself writes XML in other ways than these two ask for.
UNFIT_MODULE_CHECKS = ['xml-header-wrong', 'xml-tag-position']


def run(odoo: Odoo, tools: Path) -> int:
    """Run all checks and show their results.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path tools: The Python environment of the checking tools.
    :return: The exit code.
    :rtype: int
    """
    with locks.exclusive(paths.cache_directory() / 'setup.lock'):
        eslint = node_environment.prepare()
    programs = tools / 'bin'
    addons = [addon.name for addon in paths.addons()]
    checks: dict[str, Callable[[], str]] = {
        "ruff": lambda: _output(programs / 'ruff', 'check', '--output-format=concise', '.', 'dev'),
        "ruff format": lambda: _output(programs / 'ruff', 'format', '--diff', '.', 'dev'),
        "mypy": lambda: check_types(programs, odoo.environment),
        "eslint": lambda: check_javascript(eslint),
        "pylint-odoo": lambda: _output(
            programs / 'pylint', f'--disable={",".join(UNFIT_PYLINT_CHECKS)}', *addons
        ),
        "OCA module checks": lambda: _output(
            programs / 'oca-checks-odoo-module',
            f'--disable={",".join(UNFIT_MODULE_CHECKS)}',
            *addons,
        ),
        "OCA translation checks": lambda: check_translations(programs),
        "texts for customers": lambda: translations.find_problems(tools),
        "XML": check_xml,
        "addresses and paths": check_addresses,
        "links of documents": check_links,
        "one definition of a method": lambda: "\n".join(
            problem
            for addon in paths.addons()
            for problem in method_definitions.find_problems(addon)
        ),
        "conditions of views": lambda: "\n".join(
            problem for addon in paths.addons() for problem in view_conditions.find_problems(addon)
        ),
        "names of other modules": lambda: check_names(odoo),
        "rooms": lambda: check_rooms(odoo),
    }
    # The others are made beside the one that takes longest.
    beside = ThreadPoolExecutor(max_workers=1)
    try:
        made = {name: beside.submit(_make, name, check) for name, check in checks.items()}
        template_is_right = _make("translation template", lambda: translations.check(odoo))
        failed = [name for name, check in made.items() if not check.result()]
    finally:
        beside.shutdown(cancel_futures=True)
    if not template_is_right:
        failed.append("translation template")
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def _make(name: str, check: Callable[[], str]) -> bool:
    """Make a check and show its result.

    :param str name: What the check is called.
    :param Callable check: The check, which returns what is wrong.
    :return: Whether nothing is wrong.
    :rtype: bool
    """
    problems = _explained(check).strip()
    # On a terminal, over the line of a step that is under way.
    start = '\r\x1b[K' if sys.stdout.isatty() else ''
    result = f"{name}: {'failed' if problems else 'passed'}"
    print(f"{start}{result}\n{problems}" if problems else f"{start}{result}", flush=True)
    return not problems


def _output(*command: str | Path, folder: Path = paths.CHECKOUT) -> str:
    """Return what a tool says, or nothing if it is content.

    :param command: The command and its arguments.
    :param Path folder: The folder to run it in.
    :rtype: str
    """
    completed = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
    )
    if not completed.returncode:
        return ""
    return completed.stdout.strip() or f"Exit code {completed.returncode}."


def _explained(check: Callable[[], str]) -> str:
    """Return what a check says, or why it could not be made.

    :param check: The check.
    :rtype: str
    """
    try:
        return check()
    except console.Failure as failure:
        return f"{failure.problem}\n{failure.advice}"


def check_types(programs: Path, environment: Path, *files: Path) -> str:
    """Return where types contradict each other or are missing.

    :param Path programs: The folder of the checking tools.
    :param Path environment: The Python environment that has the libraries.
    :param files: What to check; without, what pyproject.toml names.
    :rtype: str
    """
    return _output(
        programs / 'mypy',
        # The libraries' own types are there, and not among the tools.
        f'--python-executable={environment / "bin/python"}',
        # Shared by all checkouts: a file counts by what is in it.
        f'--cache-dir={paths.cache_directory() / "mypy"}',
        *files,
    )


def check_javascript(eslint: Path, folder: Path = paths.CHECKOUT) -> str:
    """Return what is wrong with JavaScript.

    :param Path eslint: The folder that eslint is installed in.
    :param Path folder: The folder to check, with all that are in it.
    :rtype: str
    """
    return _output(*node_environment.eslint_command(eslint), folder=folder)


def check_translations(programs: Path) -> str:
    """Return what is wrong with the translations.

    :param Path programs: The folder of the checking tools.
    :rtype: str
    """
    translated = sorted(
        str(path) for addon in paths.addons() for path in (addon / 'i18n').glob('*.po*')
    )
    if not translated:
        return ""
    # Odoo's own export is not formatted as this check wants it.
    return _output(programs / 'oca-checks-po', '--disable=po-pretty-format', *translated)


def check_names(odoo: Odoo) -> str:
    """Return which names the addons add to Odoo's classes that another module adds as well.

    :param Odoo odoo: Odoo.
    :rtype: str
    """
    folders = [odoo.source / 'addons', odoo.source / 'odoo/addons']
    problems = foreign_names.find_problems(paths.ADDON, odoo.source, folders)
    for addon in paths.glue_addons():
        # The addon is one that they depend on, and two of them are beside each other.
        problems += foreign_names.find_problems(addon, odoo.source, [*folders, paths.CHECKOUT])
    return "\n".join(problems)


def check_rooms(odoo: Odoo) -> str:
    """Return what is wrong with the rooms: calls that run back, an old map, providers' words.

    :param Odoo odoo: Odoo, whose own methods are nobody's room.
    :rtype: str
    """
    foreign = rooms.read_foreign_names(paths.ADDON, odoo.source)
    drawn = rooms.draw_map(paths.ADDON, foreign)
    problems = [
        *rooms.find_problems(paths.ADDON, foreign),
        *rooms.find_provider_words(paths.ADDON),
    ]
    return "\n".join([*problems, rooms.check_map(rooms.DOCUMENT, drawn)])


def check_xml() -> str:
    """Return which XML files are not well-formed.

    :rtype: str
    """
    problems = []
    for path in _project_files():
        if path.suffix in {'.xml', '.svg'}:
            try:
                ElementTree.parse(paths.CHECKOUT / path)
            except ElementTree.ParseError as error:
                problems.append(f"{path}: {error}")
    return "\n".join(problems)


def check_addresses() -> str:
    """Return where files name a host to fetch from, or a folder of this machine.

    :rtype: str
    """
    folders = [str(paths.CHECKOUT), f'{Path.home()}/']
    problems = []
    for path in _project_files():
        try:
            lines = (paths.CHECKOUT / path).read_text().splitlines()
        except UnicodeDecodeError:
            continue
        fetching = FETCHING_FILES.fullmatch(str(path))
        for number, line in enumerate(lines, start=1):
            if any(folder in line for folder in folders):
                problems.append(f"{path}:{number}: names a folder of this machine")
            if fetching and FOREIGN_ADDRESS.search(line):
                problems.append(f"{path}:{number}: names a host")
    return "\n".join(problems)


def check_links(folder: Path = paths.CHECKOUT) -> str:
    """Return which links of the documents lead to no file, or to no heading of one.

    :param Path folder: The folder that has the documents, and others under docs/.
    :rtype: str
    """
    problems = []
    for document in sorted([*folder.glob('*.md'), *folder.glob('docs/**/*.md')]):
        for number, line in enumerate(document.read_text().splitlines(), start=1):
            for link in LINK.findall(line):
                path, _, anchor = link.partition('#')
                target = document.parent / path if path else document
                if ':' not in link and not (
                    target.exists() and (not anchor or anchor in _anchors(target))
                ):
                    name = document.relative_to(folder)
                    problems.append(f"{name}:{number}: leads nowhere: {link}")
    return "\n".join(problems)


def _anchors(document: Path) -> set[str]:
    """Return by which names the headings of a document can be linked to.

    :param Path document: The document.
    :rtype: set
    """
    headings = HEADING.findall(CODE_BLOCK.sub('', document.read_text()))
    return {re.sub(r'[^\w -]', '', text).lower().replace(' ', '-') for text in headings}


def _project_files() -> list[Path]:
    """Return the files that are or would be committed, relative to the checkout.

    :rtype: list
    """
    listing = console.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        "git can't list the files",
        "This check needs git, and a checkout made by it.",
        cwd=paths.CHECKOUT,
    )
    files = [Path(name) for name in listing.split('\0') if name]
    return [path for path in files if (paths.CHECKOUT / path).is_file()]
