import os
import subprocess

import pytest

from devtools import databases


@pytest.fixture
def ended():
    """The id of a process that has ended."""
    with subprocess.Popen(['true']) as process:
        pass
    return process.pid


def test_databases_of_processes_that_were_killed_are_left_over(ended):
    assert databases.is_leftover(f'billpro_test_{ended}')
    # That of a worker of pytest.
    assert databases.is_leftover(f'billpro_test_{ended}-gw1')
    assert not databases.is_leftover(f'billpro_test_{os.getpid()}')
    templates = ('billpro_addon_0123456789ab', 'billpro_addon_054839715315')
    for other in (*templates, 'billpro_run', 'billpro_run_stripe', 'postgres'):
        assert not databases.is_leftover(other)


def test_files_of_the_same_content_have_the_same_age(tmp_path):
    ages = []
    for name, content in (('a', 'one'), ('b', 'one'), ('c', 'two')):
        (tmp_path / name).mkdir()
        path = tmp_path / name / 'style.scss'
        path.write_text(content)
        databases.age_by_content(tmp_path / name)
        ages.append(path.stat().st_mtime)
    assert ages[0] == ages[1] != ages[2]


def test_tests_have_the_indexes_that_refuse_something(odoo):
    every = databases.Databases(odoo)
    query = (
        "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'payment_transaction'::regclass"
    )
    installed = set(odoo.cluster.query(query, every.addon_template()))
    left = set(odoo.cluster.query(query, every.tests_template()))
    assert left < installed
    # A unique one, one of texts, and one that only finds rows faster.
    assert 'payment_transaction_reference_uniq' in left
    assert 'payment_transaction__state_index' in left
    assert 'payment_transaction__company_id_index' in installed - left
