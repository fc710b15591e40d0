from devtools import addon_log, native_run

LOG = """\
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_a: Starting A.test_one ... 
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_a: Starting A.test_two ... 
2026-01-02 03:04:05,678 9 ERROR db odoo.addons.billpro_portal.tests.test_a: FAIL: A.test_two
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_b: Starting B.test_one ... 
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_b: skipped B.test_one : no
2026-01-02 03:04:05,678 9 INFO db odoo.addons.sale.tests.test_c: Starting C.test_one ... 
2026-01-02 03:04:05,678 9 WARNING db odoo.addons.billpro_portal.models.sale_order: Too late
2026-01-02 03:04:05,678 9 ERROR db odoo.addons.billpro_portal_website_sale.models.x: Too dear
2026-01-02 03:04:05,678 9 WARNING db odoo.addons.billpro_portal_more.models.x: Not ours
2026-01-02 03:04:05,678 9 WARNING ? odoo.addons.sale.models.x: Not ours either
"""  # noqa: W291

A_ONE = 'billpro_portal.tests.test_a.A.test_one'
A_TWO = 'billpro_portal.tests.test_a.A.test_two'
B_ONE = 'billpro_portal.tests.test_b.B.test_one'


def test_log_tells_the_outcome_of_each_test():
    started, outcomes = native_run.read(LOG)
    assert started == {A_ONE, A_TWO, B_ONE}
    assert outcomes == {A_TWO: 'FAIL', B_ONE: 'skipped'}


def test_only_warnings_of_the_addons_count():
    assert addon_log.warnings(LOG) == [
        "Logged by the addon, WARNING: Too late",
        "Logged by the addon, ERROR: Too dear",
    ]


def test_failures_skips_and_warnings_are_reported(tmp_path, capsys):
    log = tmp_path / 'odoo.log'
    log.write_text(LOG)
    assert native_run.report(1, log) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"FAIL: {A_TWO}",
        f"skipped: {B_ONE}",
        f"Odoo's own test run failed, exit code 1. Its log: {log}",
        "Logged by the addon, WARNING: Too late",
        "Logged by the addon, ERROR: Too dear",
        "1 passed, 2 failed",
    ]


def test_a_run_without_tests_fails(tmp_path, capsys):
    log = tmp_path / 'odoo.log'
    log.write_text('')
    assert native_run.report(0, log) == 1
    assert f"Odoo's runner ran no test. Its log: {log}" in capsys.readouterr().out
