from devtools.odoo_own_tests import Outcome, report

ONE, TWO, THREE = (f'sale.tests.test_a.A.test_{number}' for number in ('one', 'two', 'three'))


def test_what_fails_with_the_addon_only_is_reported(capsys):
    without = Outcome({ONE, TWO, THREE}, {THREE: 'FAIL'})
    with_addon = Outcome({ONE, TWO, THREE}, {TWO: 'ERROR', THREE: 'FAIL'})
    assert report(['sale'], without, with_addon) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "sale without the addon: 2 passed, 1 failed, 0 skipped",
        "sale with the addon: 1 passed, 2 failed, 0 skipped",
    ]
    assert lines[-2:] == [
        f"Passes without the addon, ERROR with it: {TWO}",
        "1 passed, 1 lost",
    ]


def test_what_is_not_run_with_the_addon_is_reported(capsys):
    assert report(['sale'], Outcome({ONE}, {}), Outcome(set(), {})) == 1
    assert f"Passes without the addon, not run with it: {ONE}" in capsys.readouterr().out


def test_the_same_passes_are_enough():
    outcome = Outcome({ONE, TWO}, {TWO: 'skipped'})
    assert report(['sale'], outcome, outcome) == 0


def test_a_run_without_tests_fails():
    assert report(['sale'], Outcome(set(), {}), Outcome(set(), {})) == 1
