import pytest

from devtools import postgresql


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Return a function that installs PostgreSQL's programs."""
    monkeypatch.setattr(postgresql, 'SYSTEM_PROGRAMS', tmp_path)

    def install(version, program='initdb'):
        (tmp_path / version / 'bin').mkdir(parents=True)
        (tmp_path / version / 'bin' / program).touch()
        return tmp_path / version / 'bin'

    return install


def test_the_newest_of_the_machine_is_used(installed, tmp_path):
    installed('9.6')
    installed('14')
    newest = installed('15')
    # Its client alone.
    installed('17', 'psql')
    assert postgresql.find_programs(tmp_path) == (newest, 15)


def test_a_machine_without_one_uses_the_embedded_one(installed, tmp_path):
    programs, version = postgresql.find_programs(tmp_path)
    assert programs.is_relative_to(tmp_path)
    assert version == postgresql.EMBEDDED_VERSION


def test_one_that_is_too_old_for_odoo_is_not_used(installed, tmp_path):
    installed('12')
    assert postgresql.find_programs(tmp_path)[1] == postgresql.EMBEDDED_VERSION
