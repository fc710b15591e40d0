import pytest

from devtools import lint, locks, node_environment, paths, python_environment


@pytest.fixture(scope='module')
def programs():
    with locks.exclusive(paths.cache_directory() / 'setup.lock'):
        return python_environment.prepare(python_environment.LINT_REQUIREMENTS) / 'bin'


@pytest.fixture(scope='module')
def eslint():
    with locks.exclusive(paths.cache_directory() / 'setup.lock'):
        return node_environment.prepare()


@pytest.mark.parametrize(
    ('line', 'is_foreign'),
    [
        # In two parts, as the check reads this file, too.
        ("--index-url https:" + "//registry.invalid/simple", True),
        ("deb http:" + "//mirror.invalid/debian sid main", True),
        ("address = f'http://{HOST}:{port}'", False),
        ("curl http://127.0.0.1:8069/web", False),
        ("website = https://aurora.example.com", False),
    ],
)
def test_hosts_to_fetch_from_are_found(line, is_foreign):
    assert bool(lint.FOREIGN_ADDRESS.search(line)) == is_foreign


def test_wrong_types_are_found(programs, tmp_path):
    environment = python_environment.prepare(python_environment.ODOO_REQUIREMENTS)

    def check(name, text):
        # A file of its own for each: mypy takes one of the same size and second for unchanged.
        file = tmp_path / name
        file.write_text(text)
        return lint.check_types(programs, environment, file)

    assert check('right.py', "def double(number: int) -> int:\n    return 2 * number\n") == ""
    wrong = check('wrong.py', "def double(number: int) -> str:\n    return 2 * number\n")
    assert "[return-value]" in wrong
    untyped = check('untyped.py', "def double(number):\n    return 2 * number\n")
    assert "[no-untyped-def]" in untyped


def test_wrong_javascript_is_found(eslint, tmp_path):
    file = tmp_path / 'sums.js'
    file.write_text("export const double = (number) => 2 * number;\n")
    assert lint.check_javascript(eslint, tmp_path) == ""
    file.write_text("export const double = (number) => 2 * amount;\n")
    problems = lint.check_javascript(eslint, tmp_path)
    assert "no-undef" in problems
    assert "no-unused-vars" in problems


def test_npm_packages_come_from_where_the_machine_says():
    assert '"resolved"' not in node_environment.LOCK_FILE.read_text()


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs/selling.md').write_text(
        "# Selling\n\n## What it doesn't *do*\n\n```sh\n# no heading\n```\n"
        "[up](../README.md) [here](#what-it-doesnt-do) [site](https://example.com/#a)\n"
    )
    readme = tmp_path / 'README.md'
    readme.write_text("[Selling](docs/selling.md#what-it-doesnt-do) [docs](docs)\n")
    assert lint.check_links(tmp_path) == ""
    readme.write_text(
        "[a](docs/selling.md#no-heading)\n"
        "[b](docs/buying.md), ![c](docs/c.png)\n"
        '<img src="docs/d.png"> [e](#selling)\n'
    )
    assert lint.check_links(tmp_path).splitlines() == [
        "README.md:1: leads nowhere: docs/selling.md#no-heading",
        "README.md:2: leads nowhere: docs/buying.md",
        "README.md:2: leads nowhere: docs/c.png",
        "README.md:3: leads nowhere: docs/d.png",
        "README.md:3: leads nowhere: #selling",
    ]
