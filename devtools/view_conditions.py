"""Conditions of views: they compare no purchase type and no status with a name.

What may be done, and what a purchase type has, is decided in Python and read from a field of the
record: a view that decides it again is one more place to know of, and a new type has to be told
to it. What a list is filtered by is no decision.
"""

import ast
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

# Attributes of views and of templates that decide.
CONDITIONS = frozenset({'invisible', 'column_invisible', 'readonly', 'required', 't-if', 't-elif'})
# Mails, in `data`, are for whoever edits them.
_FOLDERS = ('reports', 'views', 'wizards')
# How views that inherit change an attribute.
_CHANGES = ('add', 'remove')
# Fields of Odoo's models that the addon adds, and of its own models.
STATUSES = re.compile(r'(\w+_)?purchase_type|(\w+_)?status')
OWN_STATUSES = re.compile(rf'{STATUSES.pattern}|(\w+_)?state')


def find_problems(addon: Path) -> list[str]:
    """Return which conditions of an addon's views name a purchase type or a status.

    :param addon: The folder of the addon.
    :return: A line for each condition.
    """
    return [
        f"{(Path(addon.name) / path.relative_to(addon)).as_posix()}: “{condition}” compares {field}"
        " with a name; ask a computed field"
        for folder in _FOLDERS
        for path in sorted((addon / folder).rglob('*.xml'))
        for condition, statuses in _read_conditions(ElementTree.parse(path).getroot())
        for field in _find_compared(condition, statuses)
    ]


def _read_conditions(root: ElementTree.Element) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the conditions of a file, and which fields none of them may compare.

    :param root: The root of the file.
    """
    of_own_models = {
        id(element)
        for record in root.iter('record')
        if any((field.text or '').startswith('billpro.') for field in _get_models(record))
        for element in record.iter()
    }
    for element in root.iter():
        statuses = OWN_STATUSES if id(element) in of_own_models else STATUSES
        for name, value in element.attrib.items():
            if name in CONDITIONS:
                yield value, statuses
            elif name.startswith('decoration-'):  # A badge may show the states of one model.
                yield value, STATUSES
        if element.tag == 'attribute' and element.get('name') in CONDITIONS:
            for change in (*map(element.get, _CHANGES), element.text):
                if change and change.strip():
                    yield change.strip(), statuses


def _get_models(record: ElementTree.Element) -> list[ElementTree.Element]:
    return [field for field in record.findall('field') if field.get('name') == 'model']


def _find_compared(condition: str, statuses: re.Pattern[str]) -> list[str]:
    """Return the statuses that a condition compares with texts.

    :param condition: The condition, an expression of Python.
    :param statuses: The names of fields that are statuses.
    """
    try:
        tree = ast.parse(condition.strip(), mode='eval')
    except SyntaxError:  # Odoo says so when it loads the view.
        return []
    return [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for name in sorted(_get_names(node))
        if statuses.fullmatch(name) and _has_text(node)
    ]


def _get_names(comparison: ast.Compare) -> set[str]:
    return {
        side.attr if isinstance(side, ast.Attribute) else side.id
        for side in (comparison.left, *comparison.comparators)
        if isinstance(side, ast.Attribute | ast.Name)
    }


def _has_text(comparison: ast.Compare) -> bool:
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str)
        for node in ast.walk(comparison)
    )
