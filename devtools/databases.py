"""The databases: templates with what the addons depend on and with them, and copies of them."""

import ast
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devtools import addon_log, console, paths
from devtools.odoo_server import Odoo
from devtools.template_cache import TemplateCache, link_tree

# Odoo's Demo payment provider, wire transfers and their QR codes: no dependencies of the addon, but
# what it is tried with.
EXTRA_MODULES = ['account_qr_code_sepa', 'payment_custom', 'payment_demo']
DEPENDENCIES_PREFIX = 'billpro_deps'
ADDON_PREFIX = 'billpro_addon'
TESTS_PREFIX = 'billpro_tests'
GLUE_PREFIX = 'billpro_glue'
NEIGHBOURS_PREFIX = 'billpro_neighbours'
PROVIDERS_PREFIX = 'billpro_providers'
# What the tests of glue addons find besides what these depend on.
GLUE_NEIGHBOURS = {
    'billpro_portal_sale_stock': ['stock_delivery'],
    'billpro_portal_website_sale': ['website_sale_loyalty'],
}
# In seconds since 1970: before the first file of this project.
EARLIEST_AGE = 1_700_000_000
# What the databases of tests hold besides the addon.
PREPARE_TESTS = """
from devtools import test_database
test_database.{prepare}(env)
env.cr.commit()
"""
# Not unique ones, nor those of texts: they refuse what is too long for them. What Odoo is made of
# stands in tables with thousands of rows.
SEARCH_INDEXES = """
SELECT indexrelid::regclass
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
 WHERE relnamespace = 'public'::regnamespace
   AND NOT indisunique
   AND NOT relname LIKE 'ir\\_%'
   AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indexrelid AND attlen = -1)
"""


class Databases:
    """The databases of this checkout."""

    def __init__(self, odoo: Odoo) -> None:
        """Keep what databases are made with.

        :param odoo: Odoo and its PostgreSQL cluster, which must run.
        """
        self.odoo = odoo
        self.cluster = odoo.cluster
        self.cache = TemplateCache(odoo.cluster)

    def exists(self, name: str) -> bool:
        """Tell whether there is a database.

        :param name: The name of the database.
        """
        return bool(self.cluster.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))

    def drop(self, name: str) -> None:
        """Remove a database with its attachments and settings.

        :param name: The name of the database.
        """
        self.cluster.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(self.odoo.filestore(name), ignore_errors=True)
        (paths.state_directory() / f'{name}.conf').unlink(missing_ok=True)

    def copy(self, source: str, name: str) -> None:
        """Make a database from another one that nothing is connected to.

        :param source: The name of the database to copy.
        :param name: The name of the new database.
        """
        self.drop(name)
        self.cluster.query(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        link_tree(self.odoo.filestore(source), self.odoo.filestore(name))

    # === TEMPLATES === #

    def dependencies_template(self) -> str:
        """Return the database that has the addon's dependencies, made if it is missing."""
        modules = sorted([*manifest()['depends'], *EXTRA_MODULES])

        def install(database: str) -> None:
            # From template0, as Odoo itself would make it.
            self._create_empty(database)
            configuration = self.odoo.write_configuration(database)
            with console.step(f"Installing {', '.join(modules)}"):
                self.odoo.update(configuration, install=modules)

        return self.provide(DEPENDENCIES_PREFIX, [*self.odoo.key(), modules], install)

    def addon_template(self) -> str:
        """Return the database that has the addon installed, made if it is missing."""

        def install(database: str) -> None:
            self.copy(self.dependencies_template(), database)
            configuration = self.odoo.write_configuration(database, max_cron_threads=0)
            with console.step("Installing the addon"):
                self._install(configuration, [paths.ADDON_NAME])

        return self.provide(ADDON_PREFIX, self._addon_key(), install)

    def tests_template(self) -> str:
        """Return the database that tests are made from, made if it is missing.

        It has the addon installed, and what all tests need.
        """

        def prepare(database: str) -> None:
            self.copy(self.addon_template(), database)
            configuration = self.odoo.write_configuration(database, max_cron_threads=0)
            with console.step("Preparing what all tests need"):
                self.odoo.execute(configuration, PREPARE_TESTS.format(prepare='prepare'))
            self.keep_from_vacuum(database)
            self.drop_search_indexes(database)

        age_by_content(paths.ADDON / 'static')
        return self.provide(TESTS_PREFIX, self._tests_key(), prepare)

    def providers_template(self) -> str:
        """Return the database that the tests of other providers are made from, made if missing.

        It has what all tests need, and Odoo's modules of those providers.
        """
        addon = paths.OTHER_PROVIDERS

        def install(database: str) -> None:
            self.copy(self.tests_template(), database)
            configuration = self.odoo.write_configuration(
                database, max_cron_threads=0, addons_path=self.odoo.addons_path_with([addon])
            )
            with console.step("Installing Odoo's other providers"):
                self._install(configuration, [addon.name])
            # Those of the new tables.
            self.keep_from_vacuum(database)
            self.drop_search_indexes(database)

        return self.provide(PROVIDERS_PREFIX, [*self._tests_key(), addon_hash(addon)], install)

    def glue_template(self, addons: list[Path]) -> str:
        """Return the database that the tests of glue addons are made from, made if it is missing.

        It has the addon, the modules beside it and the glue addons, and what their tests need.

        :param addons: The folders of the glue addons.
        """
        modules = [paths.ADDON_NAME, *(addon.name for addon in addons)]

        def install(database: str) -> None:
            self.copy(self.neighbours_template(addons), database)
            configuration = self.odoo.write_configuration(
                database, max_cron_threads=0, addons_path=self.odoo.addons_path_with(addons)
            )
            with console.step(f"Installing {', '.join(modules)}"):
                self._install(configuration, modules)
            with console.step("Preparing what the tests need"):
                self.odoo.execute(configuration, PREPARE_TESTS.format(prepare='prepare_glue'))
            self.keep_from_vacuum(database)
            self.drop_search_indexes(database)

        for folder in (paths.ADDON, *addons):
            age_by_content(folder / 'static')
        key = [
            *self._addon_key(),
            *(modules, neighbours_of(addons), *map(addon_hash, addons)),
            hash_of_files(_test_preparation()),
        ]
        return self.provide(f'{GLUE_PREFIX}{short_name(addons)}', key, install)

    def neighbours_template(self, addons: list[Path]) -> str:
        """Return the database that glue addons are installed into, made if it is missing.

        It has what changes with Odoo only, so that a change of the addons needs no other one.

        :param addons: The folders of the glue addons.
        """
        modules = neighbours_of(addons)

        def install(database: str) -> None:
            self.copy(self.dependencies_template(), database)
            configuration = self.odoo.write_configuration(database, max_cron_threads=0)
            with console.step(f"Installing {', '.join(modules)}"):
                self.odoo.update(configuration, install=modules)

        key = [*self.odoo.key(), manifest()['depends'], EXTRA_MODULES, modules]
        return self.provide(f'{NEIGHBOURS_PREFIX}{short_name(addons)}', key, install)

    def _install(self, configuration: Path, modules: list[str]) -> None:
        """Install the addon, or what goes with it.

        :param configuration: The configuration file.
        :param modules: The names of the modules.
        :raise Failure: If the addon warns of anything.
        """
        log = self.odoo.update(configuration, install=modules)
        if problems := addon_log.warnings(log):
            raise console.Failure("\n".join(problems), "Installing the addon must not warn.")

    def _addon_key(self) -> list[Any]:
        """Return what the database with the addon depends on."""
        return [*self.odoo.key(), EXTRA_MODULES, addon_hash()]

    def _tests_key(self) -> list[Any]:
        """Return what the database that tests are made from depends on."""
        return [*self._addon_key(), hash_of_files(_test_preparation())]

    def provide(self, prefix: str, key: list[Any], make: Callable[[str], None]) -> str:
        """Return a template: the one of this checkout, else a dump's, else made anew.

        :param prefix: What its name begins with; of each only the newest is kept here.
        :param key: What it depends on, as JSON can hold it.
        :param make: Makes the database of a given name.
        """
        name = f'{prefix}_{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]}'
        with self.cache.lock(name):
            if self.exists(name):
                return name
            for outdated in self.cluster.query(
                f"SELECT datname FROM pg_database WHERE datname LIKE '{prefix}\\_%'"
            ):
                self.drop(outdated)
            unfinished = f'{name}_unfinished'
            self._create_empty(unfinished)
            filestore = self.odoo.filestore(unfinished)
            if not self.cache.restore(name, unfinished, filestore):
                self.drop(unfinished)
                make(unfinished)
                self.cache.save(name, unfinished, filestore)
            (paths.state_directory() / f'{unfinished}.conf').unlink(missing_ok=True)
            shutil.rmtree(self.odoo.filestore(name), ignore_errors=True)
            filestore.rename(self.odoo.filestore(name))
            # Last, as the name is what tells that the template is finished.
            self.cluster.query(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
        return name

    def _create_empty(self, name: str) -> None:
        """Make an empty database, as Odoo itself would.

        :param name: The name of the database.
        """
        self.drop(name)
        self.cluster.query(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING \'UTF8\'')

    # === SETTINGS === #

    def set_address(self, name: str, address: str) -> None:
        """Set the address in links, and the one that PDF documents fetch their styles from.

        :param name: The name of the database.
        :param address: The server's address.
        """
        self.set_parameters(
            name,
            {'web.base.url': address, 'web.base.url.freeze': 'True', 'report.url': address},
        )

    def set_parameters(self, name: str, parameters: dict[str, str]) -> None:
        """Set system parameters.

        :param name: The name of the database, which no server has open.
        :param parameters: Their values by their keys.
        """
        for parameter, value in parameters.items():
            self.cluster.query(
                "INSERT INTO ir_config_parameter (key, value)"
                f" VALUES ('{parameter}', '{value}')"
                " ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
                name,
            )

    def keep_from_vacuum(self, name: str) -> None:
        """Keep autovacuum away from a database whose tests roll back what they make.

        Between two tests it would find the tables without rows, and note that. By such statistics
        PostgreSQL joins what the next test makes row by row, which takes minutes.

        :param name: The name of the database.
        """
        self.cluster.query(
            "DO $$ DECLARE name text; BEGIN"
            " FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP"
            " EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name);"
            " END LOOP; END $$",
            name,
        )

    def drop_search_indexes(self, name: str) -> None:
        """Remove the indexes that only find rows faster, from a database whose tests have a few.

        For each query PostgreSQL weighs each index of each table, of which some have thirty: a
        fourth of the time of tests. What a query answers doesn't depend on them.

        :param name: The name of the database.
        """
        if names := self.cluster.query(SEARCH_INDEXES, name):
            self.cluster.query(f"DROP INDEX {', '.join(names)}", name)

    # === COPIES === #

    @contextmanager
    def temporary(self, source: str, purpose: str) -> Iterator[str]:
        """Have a copy of a database that is dropped at the end.

        :param source: The name of the database to copy.
        :param purpose: What it is for, as part of its name.
        :return: Its name, which no other process uses.
        """
        self._drop_leftovers()
        name = f'billpro_{purpose}_{os.getpid()}'
        self.copy(source, name)
        try:
            yield name
        finally:
            self.drop(name)

    def _drop_leftovers(self) -> None:
        """Remove what processes left that were killed, and the logs of those that ended."""
        for database in self.cluster.query('SELECT datname FROM pg_database'):
            if is_leftover(database):
                self.drop(database)
        for log in paths.log_directory().iterdir():
            if is_leftover(log.stem):
                log.unlink()


def is_leftover(name: str) -> bool:
    """Tell whether a name is that of a temporary database whose process has ended.

    :param name: The name of a database, or of a log without its suffix.
    """
    # A template's twelve digits of a hash may all be decimal; processes have seven at most.
    match = re.fullmatch(r'billpro_(?!run)[a-z]+_(\d{1,7})(?:-gw\d+)?', name)
    return match is not None and not Path('/proc', match[1]).exists()


def neighbours_of(addons: list[Path]) -> list[str]:
    """Return the modules that are installed before glue addons and the addon are.

    :param addons: The folders of the glue addons.
    """
    modules: list[str] = []
    for addon in addons:
        modules += [name for name in manifest(addon)['depends'] if name != paths.ADDON_NAME]
        modules += GLUE_NEIGHBOURS.get(addon.name, [])
    return modules


def short_name(addons: list[Path]) -> str:
    """Return what tells glue addons, for the prefixes of their databases.

    :param addons: The folders of the glue addons.
    """
    return ''.join(addon.name.removeprefix(paths.ADDON_NAME).replace('_', '') for addon in addons)


def manifest(addon: Path = paths.ADDON) -> dict[str, Any]:
    """Return an addon's manifest.

    :param addon: The addon's folder.
    :raise Failure: If there is none.
    """
    path = addon / '__manifest__.py'
    if not path.exists():
        raise console.Failure(f"The addon is missing: {path}", "Is this checkout complete?")
    found: dict[str, Any] = ast.literal_eval(path.read_text())
    return found


def addon_hash(addon: Path = paths.ADDON) -> str:
    """Return a hash of an addon's files, which changes whenever the addon needs an upgrade.

    :param addon: The addon's folder.
    """
    files = (path for path in addon.rglob('*') if path.relative_to(addon).parts[0] != 'tests')
    return hash_of_files(files)


def _test_preparation() -> Iterable[Path]:
    """Return the files that decide what all tests find."""
    return [
        *(paths.ADDON / 'tests/common').rglob('*.py'),
        paths.CHECKOUT / 'devtools/asset_bundles.py',
        paths.CHECKOUT / 'devtools/databases.py',
        paths.CHECKOUT / 'devtools/test_database.py',
    ]


def age_by_content(folder: Path) -> None:
    """Give files the same age in every checkout, unless their contents differ.

    The version of a bundle of scripts and styles depends on the age of its files: a bundle that was
    made in one checkout would be made again in the next one.

    :param folder: The folder of the files.
    """
    for path in folder.rglob('*'):
        if path.is_file():
            seconds = int.from_bytes(hashlib.sha256(path.read_bytes()).digest()[:3])
            os.utime(path, (EARLIEST_AGE + seconds, EARLIEST_AGE + seconds))


def hash_of_files(files: Iterable[Path]) -> str:
    """Return a hash of the names and contents of files.

    :param files: The files, in the checkout.
    """
    digest = hashlib.sha256()
    for path in sorted(files):
        if path.is_file() and '__pycache__' not in path.parts:
            name = path.relative_to(paths.CHECKOUT)
            digest.update(f'{name}\0'.encode() + path.read_bytes() + b'\0')
    return digest.hexdigest()
