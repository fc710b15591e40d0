"""The databases: a template with what the addon depends on, and those made from it."""

import ast
import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from devtools import console, locks, paths

# Odoo's Demo payment provider: no dependency of the addon, but what it is tried with.
EXTRA_MODULES = ['payment_demo']


class Databases:
    """The databases of this checkout."""

    def __init__(self, odoo):
        """Keep what databases are made with.

        :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
        """
        self.odoo = odoo
        self.cluster = odoo.cluster

    def exists(self, name):
        """Tell whether there is a database.

        :param str name: The name of the database.
        :rtype: bool
        """
        return bool(self.cluster.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))

    def drop(self, name):
        """Remove a database with its attachments and settings.

        :param str name: The name of the database.
        """
        self.cluster.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(self.odoo.filestore(name), ignore_errors=True)
        (paths.state_directory() / f'{name}.conf').unlink(missing_ok=True)

    def copy(self, source, name):
        """Make a database from another one that nothing is connected to.

        :param str source: The name of the database to copy.
        :param str name: The name of the new database.
        """
        self.drop(name)
        self.cluster.query(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        # Odoo never writes into an attachment's file, so copies can share them.
        shutil.copytree(
            self.odoo.filestore(source), self.odoo.filestore(name), copy_function=os.link
        )

    def dependencies_template(self):
        """Return the database that has the addon's dependencies installed, made if it is missing.

        :rtype: str
        """
        modules = sorted([*manifest()['depends'], *EXTRA_MODULES])
        key = json.dumps([*self.odoo.key(), modules])
        name = f'billpro_deps_{hashlib.sha256(key.encode()).hexdigest()[:12]}'
        with locks.exclusive(paths.state_directory() / 'template.lock'):
            if not self.exists(name):
                for outdated in self.cluster.query(
                    "SELECT datname FROM pg_database WHERE datname LIKE 'billpro_deps_%'"
                ):
                    self.drop(outdated)
                self._make_template(name, modules)
        return name

    def _make_template(self, name, modules):
        """Make a database with modules installed.

        :param str name: The name of the database.
        :param list modules: The names of the modules.
        """
        unfinished = f'{name}_unfinished'
        self.drop(unfinished)
        # From template0, as Odoo itself would make it.
        self.cluster.query(f'CREATE DATABASE "{unfinished}" TEMPLATE template0 ENCODING \'UTF8\'')
        configuration = self.odoo.write_configuration(unfinished)
        with console.step(f"Installing {', '.join(modules)}"):
            self.odoo.update(configuration, install=modules)
        configuration.unlink()
        shutil.rmtree(self.odoo.filestore(name), ignore_errors=True)
        self.odoo.filestore(unfinished).rename(self.odoo.filestore(name))
        # Last, as the name is what tells that the template is finished.
        self.cluster.query(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')

    def set_address(self, name, address):
        """Set the address in links, and the one that PDF documents fetch their styles from.

        :param str name: The name of the database.
        :param str address: The server's address.
        """
        for parameter, value in {
            'web.base.url': address,
            'web.base.url.freeze': 'True',
            'report.url': address,
        }.items():
            self.cluster.query(
                "INSERT INTO ir_config_parameter (key, value)"
                f" VALUES ('{parameter}', '{value}')"
                " ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
                name,
            )

    def keep_from_vacuum(self, name):
        """Keep autovacuum away from a database whose tests roll back what they make.

        Between two tests it would find the tables without rows, and note that. By such statistics
        PostgreSQL joins what the next test makes row by row, which takes minutes.

        :param str name: The name of the database.
        """
        self.cluster.query(
            "DO $$ DECLARE name text; BEGIN"
            " FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP"
            " EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name);"
            " END LOOP; END $$",
            name,
        )

    @contextmanager
    def temporary(self, source, purpose):
        """Have a copy of a database that is dropped at the end.

        :param str source: The name of the database to copy.
        :param str purpose: What it is for, as part of its name.
        :return: Its name, which no other process uses.
        :rtype: str
        """
        self._drop_leftovers()
        name = f'billpro_{purpose}_{os.getpid()}'
        self.copy(source, name)
        try:
            yield name
        finally:
            self.drop(name)

    def _drop_leftovers(self):
        """Remove what processes left that were killed, and the logs of those that ended."""
        for database in self.cluster.query('SELECT datname FROM pg_database'):
            if _is_leftover(database):
                self.drop(database)
        for log in paths.log_directory().iterdir():
            if _is_leftover(log.stem):
                log.unlink()


def _is_leftover(name):
    """Tell whether a name is that of a temporary database whose process has ended.

    :param str name: The name of a database, or of a log without its suffix.
    :rtype: bool
    """
    match = re.fullmatch(r'billpro_(?:test|native|pot|torture|bench|uninstall|update)_(\d+)', name)
    return bool(match) and not Path('/proc', match[1]).exists()


def manifest():
    """Return the addon's manifest.

    :rtype: dict
    """
    path = paths.ADDON / '__manifest__.py'
    if not path.exists():
        raise console.Failure(f"The addon is missing: {path}", "Is this checkout complete?")
    return ast.literal_eval(path.read_text())


def addon_hash():
    """Return a hash of the addon's files, which changes whenever the addon needs an upgrade.

    :rtype: str
    """
    digest = hashlib.sha256()
    for path in sorted(paths.ADDON.rglob('*')):
        relative = path.relative_to(paths.ADDON)
        if path.is_file() and '__pycache__' not in relative.parts and relative.parts[0] != 'tests':
            digest.update(f'{relative}\0'.encode() + path.read_bytes() + b'\0')
    return digest.hexdigest()
