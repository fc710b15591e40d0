"""Names that the addon adds to classes of Odoo's, and that a module beside it uses as well.

Odoo makes one class of all classes that extend a model, and one of all controllers that begin with
the same one, whichever modules they stand in. A module that the addon doesn't depend on and that
adds the same name replaces what the addon has added, or is replaced by it: with Odoo's Purchase app
a page of sales would be made by the method that makes those of purchases. What a dependency defines
already is no new name: to define it again is how one extends it.
"""

import ast
import functools
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools.class_definitions import DefiningClass, Definition, UnreadableModel, read_class

# What a new name of a controller begins with: the next module to be written isn't known yet.
CONTROLLER_PREFIX = 'billpro_'
# What a new private name of a model of Odoo's has in it, for the same reason.
METHOD_MARKS = ('billing', 'billpro')
# Where no mark is needed: who extends these knows them.
OWN_MODELS = 'billpro.'
# Run once, by the test runner, or in the browser.
_FOREIGN_FOLDERS = frozenset({'migrations', 'populate', 'static', 'tests', 'upgrades'})
# What a class says that it is.
_IDENTITY = re.compile(
    r'\b_(?:name|inherits?)\s*=\s*(\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|[\'"][\w.]+[\'"])'
    r'|^class (\w+)\(.*Model\)',
    re.MULTILINE,
)
# A class that has several parents, or another record that its fields are read from.
_SEVERAL_PARENTS = re.compile(r'\b_inherits?\s*=\s*[\[({]')
_TEXT = re.compile(r'[\'"]([\w.]+)[\'"]')
# What every model has.
_BASE_MODEL = Path('odoo/orm/models.py')
# Where the classes of controllers begin.
_CONTROLLER = 'Controller'
_WORD = re.compile(r'\w+')


@dataclass
class SourceFile:
    """A Python file of a module."""

    module: str
    shown: str
    text: str
    is_controller: bool
    models: frozenset[str] = field(init=False)
    _classes: list[DefiningClass] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Find the models that the file may be about, which tell whether it is worth reading."""
        models = set()
        for names, class_name in _IDENTITY.findall(self.text):
            models.update(_TEXT.findall(names))
            # As Odoo names a model whose class doesn't.
            models.add(re.sub(r'(?<=[^_])([A-Z])', r'.\1', class_name).lower())
        self.models = frozenset(models)

    def has_any_word(self, words: set[str]) -> bool:
        """Tell whether the file has one of some words.

        :param words: The words.
        """
        return not words.isdisjoint(_WORD.findall(self.text))

    def classes(self) -> list[DefiningClass]:
        """Return the classes of models and controllers, as far as the source names them."""
        if self._classes is None:
            self._classes = []
            for node in ast.parse(self.text).body:
                if isinstance(node, ast.ClassDef):
                    try:
                        found = read_class(node, self.shown, set())
                    except UnreadableModel:
                        continue  # None that the addon extends.
                    found.parents = [*found.parents, *_get_delegated(node)]
                    self._classes.append(found)
        return self._classes


def find_problems(addon: Path, odoo: Path, folders: Sequence[Path]) -> list[str]:
    """Return which names an addon adds that a module of Odoo's adds as well.

    :param addon: The folder of the addon.
    :param odoo: The folder that holds the Python package `odoo`.
    :param folders: The folders of Odoo's modules.
    :return: A line for each name.
    """
    modules = find_modules(addon, folders)
    closure = find_dependencies(addon, modules)
    own = read_module(addon)
    others = [file for folder in modules.values() for file in read_module(folder)]
    [base_model] = [
        node
        for node in ast.parse((odoo / _BASE_MODEL).read_text(encoding='utf-8')).body
        if isinstance(node, ast.ClassDef) and node.name == 'BaseModel'
    ]
    of_every_model = {
        found.name for found in read_class(base_model, str(_BASE_MODEL), set()).definitions
    }
    return [
        *_compare_models(own, others, closure, of_every_model, _read_stored_names(addon)),
        *_compare_controllers(own, others, closure),
    ]


# === READING === #


def find_modules(addon: Path, folders: Iterable[Path]) -> dict[str, Path]:
    """Return the folders of all modules but an addon, by their names.

    :param addon: The folder of the addon.
    :param folders: The folders that hold modules.
    """
    return {
        path.parent.name: path.parent
        for folder in folders
        for path in folder.glob('*/__manifest__.py')
        if path.parent.name != addon.name
    }


def find_dependencies(addon: Path, modules: dict[str, Path]) -> set[str]:
    """Return the modules that are there wherever an addon is.

    :param addon: The folder of the addon.
    :param modules: The folders of all other modules by their names.
    :return: Their names.
    """
    closure = {'base', 'web'}
    folders = [addon]
    while folders:
        manifest = ast.literal_eval((folders.pop() / '__manifest__.py').read_text(encoding='utf-8'))
        new = {name for name in manifest.get('depends', []) if name in modules} - closure
        closure |= new
        folders += [modules[name] for name in new]
    return closure


@functools.cache
def read_module(folder: Path) -> list[SourceFile]:
    """Return the Python files of a module that are there when Odoo runs.

    Read once, as several addons are compared with the same modules.

    :param folder: The folder of the module.
    """
    return list(_read_files(folder))


def _read_files(folder: Path) -> Iterator[SourceFile]:
    """Yield the Python files of a module that are there when Odoo runs.

    :param folder: The folder of the module.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _FOREIGN_FOLDERS)
        for name in sorted(name for name in names if name.endswith('.py')):
            path = Path(parent, name)
            inside = path.relative_to(folder)
            text = path.read_text(encoding='utf-8')
            shown = (Path(folder.name) / inside).as_posix()
            is_controller = any(part.startswith('controller') for part in inside.parts)
            yield SourceFile(folder.name, shown, text, is_controller)


def _read_stored_names(addon: Path) -> set[str]:
    """Return the words of an addon's data: databases keep it, and templates that people edited.

    :param addon: The folder of the addon.
    """
    return {
        word
        for path in addon.glob('data/*.xml')
        for word in _WORD.findall(path.read_text(encoding='utf-8'))
    }


def _get_delegated(node: ast.ClassDef) -> list[str]:
    """Return the models whose fields a model has as its own.

    :param node: The class of the model.
    """
    return [
        key.value
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict)
        if any(isinstance(name, ast.Name) and name.id == '_inherits' for name in statement.targets)
        for key in statement.value.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]


# === MODELS === #


def _compare_models(
    own: Sequence[SourceFile],
    others: Sequence[SourceFile],
    closure: set[str],
    of_every_model: set[str],
    stored: set[str],
) -> Iterator[str]:
    """Yield the names that the addon adds to models, or to models of its own by Odoo's mixins.

    Private names of Odoo's models have to carry a mark as well, unless the addon's data call them.

    :param own: The files of the addon.
    :param others: The files of all other modules.
    :param closure: The modules that the addon depends on.
    :param of_every_model: What every model defines.
    :param stored: The words of the addon's data.
    """
    added: defaultdict[str, list[Definition]] = defaultdict(list)
    for found in (found for file in own for found in file.classes() if found.model):
        added[str(found.model)] += [
            definition for definition in found.definitions if definition.name not in of_every_model
        ]
    foreign = set().union(*(file.models for file in others)) & set(added)
    families = _find_families(set(added), [*own, *others])
    names = {definition.name for definitions in added.values() for definition in definitions}
    defined = _find_definitions(others, set().union(*families.values()), names)
    for model, definitions in sorted(added.items()):
        for definition in definitions:
            clashes: dict[str, Definition] = {}
            for relative in sorted(families[model]):
                clashes |= defined[relative, definition.name]
            if not closure.isdisjoint(clashes):
                continue
            is_own = model.startswith(OWN_MODELS) or model not in foreign
            if not is_own and definition.name not in stored and _is_unmarked(definition):
                yield f"{definition}: {model}.{definition.name} lacks the mark {METHOD_MARKS[0]}"
            for module, place in sorted(clashes.items()):
                yield _describe(definition, f"{model}.{definition.name}", module, place)


def _is_unmarked(definition: Definition) -> bool:
    name = definition.name
    is_private = name.startswith('_') and not name.endswith('_idx')  # The database's own names.
    return is_private and not any(mark in name for mark in METHOD_MARKS)


def _find_definitions(
    files: Sequence[SourceFile], models: set[str], names: set[str]
) -> defaultdict[tuple[str, str], dict[str, Definition]]:
    """Return where names are defined, the first place in each module, by model and name.

    :param files: The files to look into.
    :param models: The models whose definitions are looked for.
    :param names: The names that are looked for.
    """
    defined: defaultdict[tuple[str, str], dict[str, Definition]] = defaultdict(dict)
    for file in files:
        if file.models.isdisjoint(models) or not file.has_any_word(names):
            continue
        for found in file.classes():
            if found.model in models:
                for definition in found.definitions:
                    defined[found.model, definition.name].setdefault(file.module, definition)
    return defined


def _find_families(models: set[str], files: Sequence[SourceFile]) -> dict[str, set[str]]:
    """Return for each model those that share its names: its ancestors and its descendants.

    :param models: The models.
    :param files: The files of all modules.
    """
    parents: defaultdict[str, set[str]] = defaultdict(set)
    children: defaultdict[str, set[str]] = defaultdict(set)
    candidates = [file for file in files if _SEVERAL_PARENTS.search(file.text)]
    known: set[str] = set()
    new = set(models)
    while new:
        known |= new
        for file in candidates:
            if not file.models.isdisjoint(new) and (
                # Where mixins begin is enough to find those that they have themselves.
                known == models or any(f"_name = '{model}'" in file.text for model in new)
            ):
                for found in file.classes():
                    if found.model in new or not new.isdisjoint(found.parents):
                        for parent in {*found.parents} - {found.model}:
                            parents[str(found.model)].add(parent)
                            children[parent].add(str(found.model))
        # Upwards only: what has a mixin shares nothing with what has it elsewhere.
        new = set().union(*(parents[model] for model in known)) - known
    return {model: _follow(model, parents) | _follow(model, children) | {model} for model in models}


def _follow(model: str, edges: dict[str, set[str]]) -> set[str]:
    """Return all models that can be reached from one.

    :param model: The model.
    :param edges: The models that each is next to.
    """
    reached: set[str] = set()
    new = set(edges.get(model, ()))
    while new:
        reached |= new
        new = set().union(*(edges.get(one, set()) for one in new)) - reached
    return reached


# === CONTROLLERS === #


def _compare_controllers(
    own: Sequence[SourceFile], others: Sequence[SourceFile], closure: set[str]
) -> Iterator[str]:
    """Yield the new names of controllers that lack the prefix, or that another module has.

    Classes of one name count as one, and a name may stand in any controller of another module.

    :param own: The files of the addon.
    :param others: The files of all other modules.
    :param closure: The modules that the addon depends on.
    """
    mine = [found for file in own if file.is_controller for found in file.classes()]
    names = {definition.name for found in mine for definition in found.definitions}
    controllers = [
        (file.module, found)
        for file in others
        if file.is_controller and (file.module in closure or file.has_any_word(names))
        for found in file.classes()
        if not found.model
    ]
    required = [found for module, found in controllers if module in closure]
    for found in mine:
        ancestors = _get_ancestors(found, [*mine, *required])
        inherited = {
            definition.name
            for one in required
            if one.name in ancestors
            for definition in one.definitions
        }
        for definition in found.definitions:
            name = definition.name
            if name in inherited:
                continue
            if not name.lstrip('_').startswith(CONTROLLER_PREFIX):
                yield f"{definition}: {name} of a controller lacks the prefix {CONTROLLER_PREFIX}"
            for module, other in controllers:
                for place in other.definitions:
                    if place.name == name:
                        yield _describe(definition, f"{name} of a controller", module, place)


def _get_ancestors(found: DefiningClass, classes: Iterable[DefiningClass]) -> set[str]:
    """Return the names of the classes that a class inherits from.

    :param found: The class.
    :param classes: The classes that it may inherit from.
    """
    bases: defaultdict[str, set[str]] = defaultdict(set)
    for one in classes:
        bases[one.name].update(one.bases)
    return {_CONTROLLER}.union(found.bases, *(_follow(base, bases) for base in found.bases))


def _describe(definition: Definition, name: str, module: str, place: Definition) -> str:
    """Return the line that names a clash.

    :param definition: Where the addon defines a name.
    :param name: The name.
    :param module: The module that has it, too.
    :param place: Where.
    """
    return f"{definition}: {name} is also defined by {module}, in {place}"
