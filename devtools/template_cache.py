"""Dumps of template databases with their attachments, which every checkout of the user shares."""

import os
import shutil
from pathlib import Path

from devtools import console, locks, paths
from devtools.postgresql import Cluster

# How many dumps of a kind are kept: those of the branches that somebody works on.
KEPT_DUMPS = 6
JOBS = '2'


class TemplateCache:
    """The dumps, as far as this PostgreSQL can read them."""

    def __init__(self, cluster: Cluster) -> None:
        """Keep where databases are.

        :param cluster: The PostgreSQL cluster, which must run.
        """
        self._cluster = cluster
        self._directory = paths.cache_directory() / f'templates-postgresql-{cluster.version}'

    def lock(self, name: str) -> locks.Lock:
        """Return a lock that keeps two checkouts from making the same template at the same time.

        :param name: The name of the template.
        """
        return locks.exclusive(self._directory / f'{name}.lock')

    def save(self, name: str, database: str, filestore: Path) -> None:
        """Keep a dump of a database.

        :param name: The name of the template.
        :param database: The name of the database.
        :param filestore: The folder of its attachments.
        """
        directory = self._directory / name
        with locks.build(directory, name):
            console.run(
                [
                    *(self._cluster.programs / 'pg_dump', '--format=directory'),
                    *('--compress=1', f'--jobs={JOBS}', f'--file={directory / "dump"}', database),
                ],
                f"The database {database} can't be dumped",
                "Look whether the disk is full.",
                env=self._cluster.variables(),
            )
            link_tree(filestore, directory / 'filestore')
        self._drop_outdated(name.rpartition('_')[0])

    def restore(self, name: str, database: str, filestore: Path) -> bool:
        """Fill an empty database from a dump.

        :param name: The name of the template.
        :param database: The name of the database.
        :param filestore: The folder for its attachments.
        :return: Whether there was a dump that could be read.
        """
        directory = self._directory / name
        if not locks.is_finished(directory, name):
            return False
        try:
            console.run(
                [
                    *(self._cluster.programs / 'pg_restore', '--exit-on-error', '--no-owner'),
                    *(f'--jobs={JOBS}', f'--dbname={database}', directory / 'dump'),
                ],
                f"The database {name} can't be restored",
                env=self._cluster.variables(),
            )
        except console.Failure:
            # Whatever is wrong with it, a new one can be made.
            shutil.rmtree(directory)
            return False
        shutil.rmtree(filestore, ignore_errors=True)
        link_tree(directory / 'filestore', filestore)
        # The age by which the outdated ones are found.
        directory.touch()
        return True

    def _drop_outdated(self, prefix: str) -> None:
        """Remove the dumps of a kind that were not used for longest.

        One checkout at a time: what another one is removing can't be looked at.

        :param prefix: What the names of their templates begin with.
        """
        with locks.exclusive(self._directory / f'{prefix}.dropping'):
            dumps = [path for path in self._directory.glob(f'{prefix}_*') if path.is_dir()]
            dumps.sort(key=lambda path: path.stat().st_mtime, reverse=True)
            for dump in dumps[KEPT_DUMPS:]:
                shutil.rmtree(dump)
                (self._directory / f'{dump.name}.lock').unlink(missing_ok=True)


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder of attachments: as Odoo never writes into their files, copies share them.

    :param source: The folder to copy.
    :param target: The new folder.
    """
    shutil.copytree(source, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    """Make a file that shares its content with another one, or a copy on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
