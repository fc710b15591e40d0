"""One definition of a method, field or attribute for a model, and for controllers.

Odoo makes one class of all classes that extend a model, and one of all that extend a controller.
Of two definitions of a name in the same addon the one that is imported last wins and calls the
other by `super()`: what the code does would depend on the order of its imports. Across addons the
dependencies decide, so another addon's definitions are none of this.
"""

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What a class is, not what it defines.
_IDENTITY = frozenset({'_name', '_inherit'})
_MODEL_BASES = frozenset({'Model', 'AbstractModel', 'TransientModel'})
_ACCESSORS = frozenset({'setter', 'getter', 'deleter'})
# Run once, or by the test runner.
_FOREIGN_FOLDERS = frozenset({'migrations', 'tests'})


@dataclass(frozen=True)
class Definition:
    """Where a class defines a name."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass
class DefiningClass:
    """A class that Odoo merges with others.

    `bases` are those that it may have in this addon. A model has its name and those that it
    inherits from; a controller has none.
    """

    name: str
    bases: list[str]
    definitions: list[Definition]
    model: str | None = None
    parents: list[str] = field(default_factory=list)


class UnreadableModel(Exception):
    """What a model's class says it is, in words that only running it would tell."""


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
                found = _read_class(node, shown, _get_foreign_names(tree))
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


# === READING === #


def _get_foreign_names(tree: ast.Module) -> set[str]:
    """Return what a file imports from elsewhere than its own addon.

    :param tree: The file.
    """
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for alias in node.names
    }


def _read_class(node: ast.ClassDef, path: str, foreign: set[str]) -> DefiningClass:
    """Return what a class is and defines.

    :param node: The class.
    :param path: The path of its file, as it is shown.
    :param foreign: What the file imports from elsewhere.
    :raise UnreadableModel: If it is a model whose name is not written out.
    """
    identity = {
        target.id: statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id in _IDENTITY
    }
    bases = [ast.unparse(base).split('.') for base in node.bases]
    found = DefiningClass(
        node.name,
        [base[-1] for base in bases if base[0] not in foreign],
        list(_read_definitions(node.body, path)),
    )
    if identity or any(base[-1] in _MODEL_BASES for base in bases):
        inherit = _read_text('_inherit', identity.get('_inherit'))
        name = _read_text('_name', identity.get('_name'))
        found.parents = [inherit] if isinstance(inherit, str) else inherit
        # As Odoo names a model whose class doesn't.
        by_class = re.sub(r'(?<=[^_])([A-Z])', r'.\1', node.name).lower()
        found.model = next(n for n in (name, inherit, by_class) if n and isinstance(n, str))
    return found


def _read_text(attribute: str, value: ast.expr | None) -> str | list[str]:
    """Return a text or a list of texts as it is written in the source; nothing if it isn't there.

    :param attribute: The name of the class attribute.
    :param value: What it is set to.
    :raise UnreadableModel: If it is anything else.
    """
    if value is None:
        return []
    try:
        text = ast.literal_eval(value)
        return text if isinstance(text, str) else list(text)
    except (TypeError, ValueError):
        raise UnreadableModel(attribute) from None


def _read_definitions(body: Iterable[ast.stmt], path: str) -> Iterator[Definition]:
    """Yield what a class defines: methods, fields, constraints, constants.

    :param body: The body of the class.
    :param path: The path of its file, as it is shown.
    """
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                # The other accessors of a property are parts of one definition.
                if not any(_is_accessor(decorator) for decorator in statement.decorator_list):
                    yield Definition(path, statement.lineno, statement.name)
            case ast.Assign(targets=targets):
                for name in _get_names(targets) - _IDENTITY:
                    yield Definition(path, statement.lineno, name)
            case ast.AnnAssign(target=target):
                for name in _get_names([target]) - _IDENTITY:
                    yield Definition(path, statement.lineno, name)


def _get_names(targets: list[ast.expr]) -> set[str]:
    """Return the names to which an assignment gives a value."""
    nodes = (node for target in targets for node in ast.walk(target))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _is_accessor(decorator: ast.expr) -> bool:
    """Return whether a decorator adds to a property: `@name.setter`."""
    return isinstance(decorator, ast.Attribute) and decorator.attr in _ACCESSORS


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
