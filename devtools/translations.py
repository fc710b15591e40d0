"""The template of the addon's translations, which Odoo exports from an installed addon."""

from __future__ import annotations

from devtools import console, databases, paths
from devtools.odoo_server import Odoo

TEMPLATE = paths.ADDON / f'i18n/{paths.ADDON_NAME}.pot'
CHANGING_HEADERS = ('"POT-Creation-Date:', '"PO-Revision-Date:')


def export(odoo: Odoo) -> str:
    """Export the template from the addon as it is.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :return: The template.
    :rtype: str
    """
    every = databases.Databases(odoo)
    with every.temporary(every.addon_template(), 'pot') as database:
        exported = paths.state_directory() / f'{database}.pot'
        with console.step("Exporting the terms to translate"):
            configuration = odoo.write_configuration(database)
            odoo.run(
                configuration,
                *('i18n', 'export', f'--output={exported}', paths.ADDON_NAME),
                failure="Odoo can't export the terms to translate",
            )
        template: str = exported.read_text()
        exported.unlink()
    return template


def write(odoo: Odoo) -> None:
    """Bring the template in the addon up to date.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    """
    template = export(odoo)
    if not _is_current(template):
        TEMPLATE.parent.mkdir(exist_ok=True)
        TEMPLATE.write_text(template)
        print(f"Written: {TEMPLATE.relative_to(paths.CHECKOUT)}")


def check(odoo: Odoo) -> str:
    """Return what is wrong with the template in the addon.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :rtype: str
    """
    if _is_current(export(odoo)):
        return ""
    return f"{TEMPLATE.relative_to(paths.CHECKOUT)} is out of date; `./dev pot` writes it."


def _is_current(template: str) -> bool:
    """Tell whether the template in the addon equals another one but for its dates.

    :param str template: The other template.
    :rtype: bool
    """
    return TEMPLATE.exists() and _lasting_lines(TEMPLATE.read_text()) == _lasting_lines(template)


def _lasting_lines(template: str) -> list[str]:
    """Return the lines of a template that don't change with every export.

    :param str template: The template.
    :rtype: list
    """
    return [line for line in template.splitlines() if not line.startswith(CHANGING_HEADERS)]
