"""The templates of the addons' translations, which Odoo exports from installed addons.

The translations follow their template, and have all that customers read (`customer_terms.py`).
"""

from __future__ import annotations

from pathlib import Path

from devtools import console, databases, paths
from devtools.odoo_server import Odoo

CHANGING_HEADERS = ('"POT-Creation-Date:', '"PO-Revision-Date:')


def template_of(addon: Path) -> Path:
    """Return the file that is the template of an addon.

    :param Path addon: The folder of the addon.
    :rtype: Path
    """
    return addon / f'i18n/{addon.name}.pot'


def export(odoo: Odoo, addon: Path) -> str:
    """Export the template from an addon as it is.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path addon: The folder of the addon.
    :return: The template.
    :rtype: str
    """
    every = databases.Databases(odoo)
    if addon == paths.ADDON:
        source = every.addon_template()
    else:
        source = every.glue_template(paths.glue_addons())
    with every.temporary(source, 'pot') as database:
        exported = paths.state_directory() / f'{database}.pot'
        with console.step(f"Exporting the terms of {addon.name} to translate"):
            configuration = odoo.write_configuration(database)
            odoo.run(
                configuration,
                *('i18n', 'export', f'--output={exported}', addon.name),
                failure="Odoo can't export the terms to translate",
            )
        template: str = exported.read_text()
        exported.unlink()
    return template


def write(odoo: Odoo, tools: Path) -> None:
    """Bring the templates in the addons up to date, and have the translations follow them.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path tools: The Python environment of the checking tools.
    """
    for addon in paths.addons():
        template = export(odoo, addon)
        if not _is_current(addon, template):
            template_of(addon).parent.mkdir(exist_ok=True)
            template_of(addon).write_text(template)
            print(f"Written: {template_of(addon).relative_to(paths.CHECKOUT)}")
    _run_on_templates(tools, 'refresh')


def find_problems(tools: Path) -> str:
    """Return what customers would read in English, and which translations lost parts of a text.

    :param Path tools: The Python environment of the checking tools.
    :rtype: str
    """
    return _run_on_templates(tools, 'check')


def _run_on_templates(tools: Path, command: str) -> str:
    """Run `customer_terms.py`, whose library is among the tools only.

    :param Path tools: The Python environment of the checking tools.
    :param str command: What to do with the translations.
    :return: What it prints.
    :rtype: str
    """
    templates = [template_of(addon) for addon in paths.addons()]
    return console.run(
        [tools / 'bin/python', '-m', 'devtools.customer_terms', command, *templates],
        "The translations can't be read",
        cwd=paths.CHECKOUT,
    )


def check(odoo: Odoo, addon: Path = paths.ADDON) -> str:
    """Return what is wrong with the template in an addon.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path addon: The folder of the addon.
    :rtype: str
    """
    if _is_current(addon, export(odoo, addon)):
        return ""
    return (
        f"{template_of(addon).relative_to(paths.CHECKOUT)} is out of date; `./dev pot` writes it."
    )


def _is_current(addon: Path, template: str) -> bool:
    """Tell whether the template in an addon equals another one but for its dates.

    :param Path addon: The folder of the addon.
    :param str template: The other template.
    :rtype: bool
    """
    path = template_of(addon)
    return path.exists() and _lasting_lines(path.read_text()) == _lasting_lines(template)


def _lasting_lines(template: str) -> list[str]:
    """Return the lines of a template that don't change with every export.

    :param str template: The template.
    :rtype: list
    """
    return [line for line in template.splitlines() if not line.startswith(CHANGING_HEADERS)]
