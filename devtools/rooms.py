"""The rooms of the addon's models, and that calls between them go one way.

Odoo makes one class of all that extend a model, so imports say little: a method of one room is
called from another by its name alone. Here calls are followed by name. A method that several rooms
define is declared by the lowest of them, and the others answer.
"""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools import foreign_names, paths
from devtools.class_definitions import UnreadableModel, get_foreign_names, read_class

# What stands above all rooms: it calls, and nothing of the models calls it.
ABOVE = ('reports', 'wizards', 'controllers')
DOCUMENT = paths.CHECKOUT / 'docs/architecture.md'
_BEGIN, _END = '<!-- rooms: written by ./dev rooms -->', '<!-- end of rooms -->'
# What rooms below call without knowing what comes of it: a notice is queued; an order that goes on
# with another one is agreed to.
HOOKS = frozenset({'_billing_succeed', '_queue', '_queue_all'})

# Providers that are named in files of theirs alone.
PROVIDERS = (
    r'stripe(?!d\b)',  # What is striped is a layout of Odoo.
    'adyen',
    r'authorize[_.]net',
    'flutterwave',
    'mercado[_ ]pago',
    'razorpay',
    'worldline',
    'xendit',
)
# Where it stands nevertheless, and why.
NAMED = {
    'models/__init__.py': "the room is imported",
    'models/providers/__init__.py': "the files are imported",
    'controllers/__init__.py': "the controller is imported",
    'log_redaction.py': "the logs of the provider's library are redacted with all others",
    'billing/declines.py': "codes of card networks are quoted from the documentation",
    'static/src/interactions/payment_authentication.js': "the script of the one provider that can"
    " confirm a payment in the browser",
}
_WRITTEN = frozenset({'.py', '.xml', '.csv', '.js', '.scss'})


@dataclass(frozen=True)
class Call:
    """A method that calls one of another room."""

    caller: str
    callee: str
    place: str
    name: str


def read_rooms(addon: Path) -> dict[str, str]:
    """Return what lives in each room, the one that calls no other first.

    :param addon: The folder of the addon.
    :return: The first paragraph of the docstring of each room, by its name.
    """
    tree = ast.parse((addon / 'models/__init__.py').read_text(encoding='utf-8'))
    names = [
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return {
        name: ast.get_docstring(
            ast.parse((addon / 'models' / name / '__init__.py').read_text(encoding='utf-8'))
        )
        or ''
        for name in names
    }


def find_problems(addon: Path, foreign: frozenset[str] = frozenset()) -> list[str]:
    """Return which calls run from a room to one above it.

    :param addon: The folder of the addon.
    :param foreign: Names that Odoo's own classes define: to call them is to call Odoo.
    :return: A line for each call.
    """
    levels = _get_levels(addon)
    return [
        f"{call.place} calls {call.name} of {call.callee}, which stands above {call.caller}"
        for call in find_calls(addon, foreign)
        if levels[call.caller] < levels[call.callee]
    ]


def find_calls(addon: Path, foreign: frozenset[str]) -> list[Call]:
    """Return the calls between rooms.

    :param addon: The folder of the addon.
    :param foreign: Names that Odoo's own classes define.
    """
    levels = _get_levels(addon)
    homes: defaultdict[str, set[str]] = defaultdict(set)
    methods = list(_read_methods(addon))
    for room, _place, method in methods:
        homes[method.name].add(room)
    return [
        Call(room, home, f"{place}:{method.name}", name)
        for room, place, method in methods
        for name in sorted(_get_called_names(method) - foreign - HOOKS)
        if name in homes and room not in homes[name]
        for home in [min(homes[name], key=levels.__getitem__)]
    ]


@functools.cache
def read_foreign_names(addon: Path, odoo: Path) -> frozenset[str]:
    """Return the names that Odoo's own classes define for the models that the addon extends.

    :param addon: The folder of the addon.
    :param odoo: The folder that holds the Python package `odoo`, and maybe the folder `addons`.
    """
    modules = foreign_names.find_modules(addon, (odoo / 'addons', odoo / 'odoo/addons'))
    models = {
        str(found.model)
        for file in foreign_names.read_module(addon)
        for found in file.classes()
        if found.model and not found.model.startswith('billpro.')
    }
    return frozenset(
        definition.name
        for module in foreign_names.find_dependencies(addon, modules)
        for file in foreign_names.read_module(modules[module])
        if not file.models.isdisjoint(models)
        for found in file.classes()
        if found.model in models
        for definition in found.definitions
    )


# === PROVIDERS === #


def find_provider_words(addon: Path, exceptions: Mapping[str, str] = NAMED) -> list[str]:
    """Return where the core names a provider, which is for the provider's own files.

    These have its name in theirs or in that of their folder.

    :param addon: The folder of the addon.
    :param exceptions: The files that name one nevertheless, and why.
    :return: A line for each file, and for each exception that isn't needed any more.
    """
    words = '|'.join(PROVIDERS)
    named = {
        inside: line
        for path in sorted(addon.rglob('*'))
        if path.suffix in _WRITTEN
        for inside in [path.relative_to(addon).as_posix()]
        if not inside.startswith(('tests/', 'static/tests/', 'migrations/', '__manifest__'))
        if not re.search(words, inside)
        for line in [_find_line(words, path.read_text(encoding='utf-8'))]
        if line
    }
    return [
        *(
            f"{file}:{line} names a provider"
            for file, line in named.items()
            if file not in exceptions
        ),
        *(f"{file} names no provider any more" for file in exceptions if file not in named),
    ]


def _find_line(words: str, text: str) -> int:
    """Return the number of the first line that has one of the words; 0 if none has."""
    found = re.search(words, text, re.IGNORECASE)
    return text.count('\n', 0, found.start()) + 1 if found else 0


# === THE MAP === #


def draw_map(addon: Path, foreign: frozenset[str]) -> str:
    """Return the rooms as a table, the highest first: what lives there, and which they call.

    :param addon: The folder of the addon.
    :param foreign: Names that Odoo's own classes define.
    """
    called: defaultdict[str, set[str]] = defaultdict(set)
    for call in find_calls(addon, foreign):
        called[call.caller].add(call.callee)
    rooms = read_rooms(addon)
    order = list(rooms)
    lines = ['| room | what lives there | calls |', '|---|---|---|']
    for name in reversed(order):
        others = ', '.join(f'`{other}`' for other in reversed(order) if other in called[name])
        about = ' '.join(rooms[name].split('\n\n')[0].split())
        lines.append(f'| `{name}` | {about} | {others or "–"} |')
    return '\n'.join(lines)


def check_map(document: Path, drawn: str) -> str:
    """Return what is wrong with the map in the document.

    :param document: The document.
    :param drawn: The map as it must be.
    """
    text = document.read_text(encoding='utf-8')
    if _replace_map(text, drawn) != text:
        return f"The map in {document.name} is out of date; `./dev rooms` writes it."
    return ""


def write_map(document: Path, drawn: str) -> None:
    """Write the map into the document.

    :param document: The document.
    :param drawn: The map.
    """
    text = document.read_text(encoding='utf-8')
    document.write_text(_replace_map(text, drawn), encoding='utf-8')


def _replace_map(text: str, drawn: str) -> str:
    """Return the text of a document with another map."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}\n\n{drawn}\n\n{_END}{rest.partition(_END)[2]}"


# === READING === #


def _get_levels(addon: Path) -> dict[str, int]:
    """Return how high each room stands."""
    return {name: level for level, name in enumerate([*read_rooms(addon), *ABOVE])}


def _read_methods(addon: Path) -> Iterator[tuple[str, str, ast.FunctionDef]]:
    """Yield the methods of models and controllers: their room, their file and their source."""
    for folder, is_room in (*((addon / name, False) for name in ABOVE), (addon / 'models', True)):
        for path in sorted(folder.rglob('*.py')):
            inside = path.relative_to(addon)
            room = inside.parts[1] if is_room else inside.parts[0]
            tree = ast.parse(path.read_text(encoding='utf-8'))
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and (not is_room or _is_model(node, tree)):
                    for method in node.body:
                        if isinstance(method, ast.FunctionDef):
                            yield room, inside.as_posix(), method


def _is_model(node: ast.ClassDef, tree: ast.Module) -> bool:
    """Tell whether a class is one of a model."""
    try:
        return bool(read_class(node, '', get_foreign_names(tree)).model)
    except UnreadableModel:
        return True


def _get_called_names(method: ast.FunctionDef) -> set[str]:
    """Return the names of the methods that one calls, but for the ones that it extends."""
    return {
        node.func.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and not ast.unparse(node.func.value).startswith('super(')
    }
