"""The addons' tests travel without this checkout, and none of their files needs another."""

import ast

import pytest

from devtools import paths


def find_breaches(name, text):
    """Return what a file of the addon has that its tests may not have.

    :param str name: The file's path from the addon's folder on.
    :param str text: What is in it.
    :rtype: list[str]
    """
    nodes = list(ast.walk(ast.parse(text)))
    imported = {part for node in nodes for part in _imported_parts(node)}
    breaches = []
    if 'devtools' in imported:
        breaches.append(f"{name} imports devtools")
    folder, _slash, file_name = name.rpartition('/')
    if folder.split('/')[0] != 'tests' or file_name == '__init__.py':
        return breaches
    breaches += [f"{name} imports {part}" for part in imported if part.startswith('test_')]
    if file_name.startswith('test_'):
        breaches += [
            f"{name} has {node.name}"
            for node in nodes
            if isinstance(node, ast.ClassDef) and node.name.endswith('Common')
        ]
    return breaches


def _imported_parts(node):
    """Return the names of the packages and modules that a statement imports, and from which."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or '', *(alias.name for alias in node.names)]
    else:
        names = []
    return [part for name in names for part in name.split('.')]


def test_files_of_the_addons():
    files = [(addon, path) for addon in paths.addons() for path in addon.rglob('*.py')]
    assert files
    assert not [
        breach
        for addon, path in files
        for breach in find_breaches(path.relative_to(addon).as_posix(), path.read_text())
    ]


@pytest.mark.parametrize(
    ('name', 'text', 'breach'),
    [
        ('tests/test_a.py', "class TestA:\n    class PartCommon: pass", "has PartCommon"),
        ('tests/test_a.py', "class ACommon(B): pass", "has ACommon"),
        ('tests/test_a.py', "from .test_b import MANY", "imports test_b"),
        ('tests/test_a.py', "from . import test_b", "imports test_b"),
        ('tests/test_a.py', "import odoo.addons.billpro_portal.tests.test_b", "imports test_b"),
        ('tests/common/a.py', "from ..test_b import MANY", "imports test_b"),
        ('tests/test_a.py', "from devtools.bench import lists", "imports devtools"),
        ('tests/common/a.py', "import devtools", "imports devtools"),
        ('models/a.py', "def a():\n    from devtools import paths", "imports devtools"),
    ],
)
def test_what_is_not_allowed_is_found(name, text, breach):
    assert find_breaches(name, text) == [f"{name} {breach}"]


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('tests/common/a.py', "class ACommon: pass"),
        ('tests/test_a.py', "from .common.b import BCommon, latest_b"),
        ('tests/__init__.py', "from . import test_a"),
    ],
)
def test_what_is_allowed_is_not_found(name, text):
    assert not find_breaches(name, text)
