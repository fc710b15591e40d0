from devtools import test_run

NATIVE_LOG = """\
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_a: Starting A.test_one ... 
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_a: Starting A.test_two ... 
2026-01-02 03:04:05,678 9 ERROR db odoo.addons.billpro_portal.tests.test_a: FAIL: A.test_two
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_b: Starting B.test_one ... 
2026-01-02 03:04:05,678 9 INFO db odoo.addons.billpro_portal.tests.test_b: skipped B.test_one : no
2026-01-02 03:04:05,678 9 INFO db odoo.addons.sale.tests.test_c: Starting C.test_one ... 
2026-01-02 03:04:05,678 9 WARNING db odoo.addons.billpro_portal.models.sale_order: Too late
2026-01-02 03:04:05,678 9 WARNING db odoo.addons.billpro_portal_more.models.x: Not ours
2026-01-02 03:04:05,678 9 WARNING ? odoo.addons.sale.models.x: Not ours either
"""  # noqa: W291

REPORT = """\
<testsuites><testsuite>
<testcase classname="billpro_portal.tests.test_a.A" name="test_one"/>
<testcase classname="billpro_portal.tests.test_a.A" name="test_two"><failure/></testcase>
<testcase classname="billpro_portal.tests.test_b.B" name="test_one"><skipped/></testcase>
<testcase classname="" name="billpro_portal.tests.test_broken"><error/></testcase>
</testsuite></testsuites>
"""

A_ONE = 'billpro_portal.tests.test_a.A.test_one'
A_TWO = 'billpro_portal.tests.test_a.A.test_two'
B_ONE = 'billpro_portal.tests.test_b.B.test_one'
BROKEN = 'billpro_portal.tests.test_broken'


def test_native_log_tells_the_outcome_of_each_test():
    results = test_run.read_native_log(NATIVE_LOG)
    assert results.tests == {A_ONE, A_TWO, B_ONE}
    assert results.failed == {A_TWO}
    assert results.skipped == {B_ONE}


def test_report_of_pytest_tells_the_outcome_of_each_test(tmp_path):
    path = tmp_path / 'report.xml'
    path.write_text(REPORT)
    results = test_run.read_report(path)
    assert results.tests == {A_ONE, A_TWO, B_ONE, BROKEN}
    assert results.failed == {A_TWO, BROKEN}
    assert results.skipped == {B_ONE}


def test_only_warnings_of_the_addon_count():
    warnings = test_run.addon_warnings(NATIVE_LOG)
    assert warnings == ["Logged by the addon, WARNING: Too late"]


def test_both_runners_share_the_test_files():
    files = test_run.native_files()
    assert files[0] == test_run.FIRST_NATIVE_FILE
    assert 'test_webhook.py' in files
    assert 'test_booking.py' not in files


def test_what_odoos_runner_reports_counts():
    of_pytest = test_run.Results({A_ONE}, set(), set())
    native = test_run.Results({A_TWO, B_ONE}, {A_TWO}, {B_ONE})
    problems: list[str] = []
    merged = test_run.merge(of_pytest, native, problems)
    assert merged.tests == {A_ONE, A_TWO, B_ONE}
    assert merged.failed == {A_TWO}
    assert merged.skipped == {B_ONE}
    assert problems == [
        f"Failed under Odoo's runner: {A_TWO}",
        f"Skipped by Odoo's runner, which counts as a failure: {B_ONE}",
    ]
