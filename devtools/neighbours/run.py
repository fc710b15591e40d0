"""`./dev neighbours`: the addon beside everything that shops have, both ways round."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devtools import addon_log, console, databases, odoo_server, paths
from devtools.neighbours import state, templates

# Odoo prints its log, too: this tells the answer apart.
ANSWER = 'walked: '
WALK = f"""
import json
from devtools.neighbours import walk
print({ANSWER!r} + json.dumps(walk.walk(env, is_long=True)))
"""
# Where the modules keep what was done with the sales, besides `state.TABLES`.
FURTHER_TABLES = (
    'account_payment',
    'crm_lead',
    'delivery_carrier',
    'event_registration',
    'loyalty_card',
    'loyalty_program',
    'product_product',
    'project_project',
    'project_task',
    'purchase_order',
    'purchase_order_line',
    'res_partner',
    'stock_move',
    'stock_picking',
)
# Installing makes the administrators billing managers, and Odoo notes a change of their groups as
# one of their partners, too.
ADMINISTRATORS = "SELECT partner_id FROM res_users WHERE login IN ('__system__', 'admin')"
PROBLEM = re.compile(r"^[\d-]+ [\d:,]+ \d+ (?:WARNING|ERROR|CRITICAL) \S+ (?P<logger>\S+): .*$")
# They say that Odoo's own services can't be reached, which they aren't to be.
NETWORK_LOGGERS = (
    'odoo.addons.iap.',
    'odoo.addons.partner_autocomplete.',
    'odoo.tools.translate.',
)


def run(odoo: odoo_server.Odoo) -> int:
    """Walk where the addon was there first, and where the other modules were.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :return: The exit code.
    """
    every = databases.Databases(odoo)
    count = 0
    for title, source, prepare in (
        ("modules first", templates.everything(every), _install_addon),
        ("addon first", every.addon_template(), _install_modules),
    ):
        with every.temporary(source, 'neighbours') as database:
            course = _Course(odoo, database)
            course.go(prepare)
        count += len(course.problems)
        for problem in course.problems:
            print(f"{title}: {problem}")
        print(f"{title}: {len(course.companies)} companies, {course.documents} documents")
    print(f"{count} problems", flush=True)
    return 1 if count else 0


class _Course:
    """The way of one database."""

    def __init__(self, odoo: odoo_server.Odoo, database: str) -> None:
        self.odoo = odoo
        self.database = database
        self.configuration: Path = odoo.write_configuration(
            database, max_cron_threads=0, http_port=odoo_server.free_port()
        )
        self.companies: list[str] = []
        self.documents = 0
        self.problems: list[str] = []

    def go(self, prepare: Callable[[_Course], None]) -> None:
        """Walk, uninstall the addon, and install it again.

        :param prepare: Has the addon and the other modules installed.
        """
        prepare(self)
        self.walk()
        self.unchanged("uninstall", self.uninstall)
        self.unchanged("install again", self.install_addon)

    def walk(self) -> None:
        """Walk in each company."""
        with console.step("Walking in each company"):
            output = self.odoo.execute(self.configuration, WALK)
        self.note("walk", output)
        line = next(line for line in output.splitlines() if line.startswith(ANSWER))
        result: dict[str, Any] = json.loads(line.removeprefix(ANSWER))
        self.companies, self.documents = result['companies'], result['documents']
        self.problems += result['failures']

    def install_addon(self) -> None:
        """Install the addon."""
        with console.step("Installing the addon"):
            output = self.odoo.update(self.configuration, install=[paths.ADDON_NAME])
        self.note("install the addon", output)

    def uninstall(self) -> None:
        """Uninstall the addon."""
        with console.step("Uninstalling the addon"):
            output = self.odoo.run(
                self.configuration,
                *('module', 'uninstall', paths.ADDON_NAME),
                failure="Odoo can't uninstall the addon",
            )
        self.note("uninstall the addon", output)

    def note(self, step: str, log: str) -> None:
        """Note the problems that a step has logged.

        :param step: What was done.
        :param log: Odoo's log.
        """
        self.problems += [f"{step}: {line}" for line in problems_in(log)]

    def unchanged(self, step: str, act: Callable[[], None]) -> None:
        """Do something that must leave the rows of tables as they are, but for the addon's columns.

        :param step: What is done.
        :param act: Does it.
        """
        names, before = self._rows()
        act()
        names_after, after = self._rows()
        common = {table: set(names[table]) & set(names_after[table]) for table in names}
        for rows in (before, after):
            for (table, _id), row in rows.items():
                for name in row.keys() - common[table]:
                    del row[name]
        administrators = {
            ('res_partner', int(partner), 'write_date')
            for partner in self.odoo.cluster.query(ADMINISTRATORS, self.database)
        }
        self.problems += [
            f"{step}: changed: {change}"
            for change in state.changes(before, after)
            if change[:3] not in administrators
        ]

    def _rows(self) -> tuple[dict[str, list[str]], state.Rows]:
        """Return the columns and the rows of the tables that are compared."""
        tables = (*state.TABLES, *FURTHER_TABLES)
        names = state.columns(self.odoo.cluster, self.database, tables)
        rows = state.rows(self.odoo.cluster, self.database, names)
        unquoted = {
            table: [name.strip('"') for name in columns] for table, columns in names.items()
        }
        return unquoted, rows


def _install_addon(course: _Course) -> None:
    """Install the addon where the modules are, with what was sold by them."""
    course.unchanged("install", course.install_addon)


def _install_modules(course: _Course) -> None:
    """Install the modules where the addon is, and sell."""
    templates.install_everything(course.odoo, course.database, course.note)


def problems_in(log: str) -> list[str]:
    """Return the warnings and errors in Odoo's log, but for those about its own services.

    :param log: Odoo's log.
    """
    matches = filter(None, map(PROBLEM.match, log.splitlines()))
    found = [
        match[0] for match in matches if not (match['logger'] + '.').startswith(NETWORK_LOGGERS)
    ]
    return [*found, *addon_log.warnings(log)]
