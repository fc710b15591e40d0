"""One definition of a method, field or attribute for a model, and for controllers.

Odoo makes one class of all classes that extend a model, and one of all that extend a controller.
Of two definitions of a name in the same addon the one that is imported last wins and calls the
other by `super()`: what the code does would depend on the order of its imports. Across addons the
dependencies decide, so another addon's definitions are none of this.
"""

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from devtools.class_definitions import (
    DefiningClass,
    Definition,
    UnreadableModel,
    get_foreign_names,
    read_class,
)

# Run once, or by the test runner.
_FOREIGN_FOLDERS = frozenset({'migrations', 'tests'})


def find_problems(addon: Path) -> list[str]:
    """Return which names an addon defines more than once for a model or for controllers.

    :param addon: The folder of the addon.
    :return: A line for each name, with the places of its definitions.
    """
    models: defaultdict[str, list[DefiningClass]] = defaultdict(list)
    controllers = []
    problems = []
    for path in sorted(addon.rglob('*.py')):
        inside = path.relative_to(addon)
        if _FOREIGN_FOLDERS.intersection(inside.parts):
            continue
        shown = (Path(addon.name) / inside).as_posix()
        tree = ast.parse(path.read_text(encoding='utf-8'))
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            try:
                found = read_class(node, shown, get_foreign_names(tree))
            except UnreadableModel as error:
                problems.append(f"{shown}:{node.lineno}: write {error} of {node.name} out")
                continue
            if found.model:
                models[found.model].append(found)
            elif inside.parts[0] == 'controllers':
                controllers.append(found)
    for model, classes in sorted(models.items()):
        problems += _compare_model(model, classes, models)
    return [*problems, *_compare_controllers(controllers)]


# === COMPARING === #


def _compare_model(
    model: str, classes: list[DefiningClass], models: Mapping[str, list[DefiningClass]]
) -> Iterator[str]:
    """Yield what the classes of one model define more than once.

    Mixins of the class that begins the model stand behind all that extends it, whatever the order
    of the imports. Those that one extension brings along are compared with the other extensions.

    :param model: The model.
    :param classes: Its classes.
    :param models: The classes of all models of the addon.
    """
    own = _group_by_name(definition for found in classes for definition in found.definitions)
    extensions = [
        _group_by_name(_collect(found, models)) for found in classes if model in found.parents
    ]
    for name in sorted(set(own).union(*extensions)):
        brought = [extension[name] for extension in extensions if name in extension]
        places = own.get(name, set())
        if len(places) < 2 <= len(brought):
            places = places.union(*brought)
        if len(places) > 1:
            yield _describe(f"{model}.{name}", places)


def _collect(found: DefiningClass, models: Mapping[str, list[DefiningClass]]) -> set[Definition]:
    """Return what an extension defines, with the mixins that it brings along.

    :param found: The class.
    :param models: The classes of all models of the addon.
    """
    mixins = {parent for parent in found.parents if parent != found.model}
    return set(found.definitions).union(
        *(_collect(mixin, models) for name in mixins for mixin in models.get(name, ()))
    )


def _compare_controllers(controllers: list[DefiningClass]) -> Iterator[str]:
    """Yield what controllers define more than once, unless one of them inherits from the other.

    All count as one: what other addons' controllers have in common can't be seen here.

    :param controllers: The controllers of the addon.
    """
    places: defaultdict[str, set[Definition]] = defaultdict(set)
    pairs = [(found, definition) for found in controllers for definition in found.definitions]
    for (one, first), (other, second) in itertools.combinations(pairs, 2):
        is_inherited = other.name in _get_ancestors(one, controllers) or (
            one.name in _get_ancestors(other, controllers)
        )
        if first.name == second.name and not is_inherited:
            places[first.name] |= {first, second}
    for name in sorted(places):
        yield _describe(f"{name} of the controllers", places[name])


def _get_ancestors(found: DefiningClass, classes: list[DefiningClass]) -> set[str]:
    """Return the names of the classes that a class inherits from.

    :param found: The class.
    :param classes: The classes of the addon that it may inherit from.
    """
    ancestors: set[str] = set()
    names = set(found.bases)
    while names:
        ancestors |= names
        names = {base for one in classes if one.name in names for base in one.bases} - ancestors
    return ancestors


def _group_by_name(definitions: Iterable[Definition]) -> dict[str, set[Definition]]:
    """Return definitions by what they define."""
    grouped: defaultdict[str, set[Definition]] = defaultdict(set)
    for definition in definitions:
        grouped[definition.name].add(definition)
    return dict(grouped)


def _describe(name: str, places: set[Definition]) -> str:
    """Return the line that names a problem.

    :param name: What is defined more than once.
    :param places: Where.
    """
    *others, last = map(str, sorted(places, key=lambda place: (place.path, place.line)))
    everyone = "both" if len(others) == 1 else "all"
    return f"{', '.join(others)} and {last} {everyone} define {name}"
