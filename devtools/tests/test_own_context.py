"""Context keys and memory of the addon are named in one file, and each is still needed."""

import ast
import re

from devtools import paths

_FILE = paths.ADDON / 'models/rights/own_context.py'
# Where a key is set or asked for, by what stands around it.
_KEYS = re.compile(
    r"""\b(billing_\w+)=(?:INSIDE|Answers\(|FixedTaxes\(|repeated\b)"""
    r"""|'(billing_\w+)':\s*INSIDE"""
    r"""|is_inside\([^()]*,\s*'(billing_\w+)'\)"""
    r"""|context\.get\('(billing_\w+)'\)"""
)
_MEMORY = re.compile(r"""(?:precommit\.data|\bmemory)(?:\.\w+\(|\[)'(billing_\w+)'""")


def read_declared(name):
    """Return the keys of one of the tables in the file."""
    for node in ast.parse(_FILE.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{name} isn't there")


def find_used(pattern):
    """Return the keys that the code of the addons uses."""
    return {
        next(filter(None, found.groups()))
        for addon in (paths.ADDON, *paths.glue_addons())
        for path in addon.rglob('*.py')
        if 'tests' not in path.parts
        for found in pattern.finditer(path.read_text(encoding='utf-8'))
    }


def test_context_keys_are_explained():
    assert find_used(_KEYS) == read_declared('KEYS')


def test_memory_is_explained():
    assert find_used(_MEMORY) == read_declared('MEMORY')
