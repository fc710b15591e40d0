"""What the classes of an addon define, read from its source: models and controllers."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# What a class is, not what it defines.
_IDENTITY = frozenset({'_name', '_inherit'})
_MODEL_BASES = frozenset({'Model', 'AbstractModel', 'TransientModel'})
_ACCESSORS = frozenset({'setter', 'getter', 'deleter'})


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


def get_foreign_names(tree: ast.Module) -> set[str]:
    """Return what a file imports from elsewhere than its own addon.

    :param tree: The file.
    """
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for alias in node.names
    }


def read_class(node: ast.ClassDef, path: str, foreign: set[str]) -> DefiningClass:
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
