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


def test_tests_that_one_runner_misses_are_named():
    of_pytest = test_run.Results({A_ONE, A_TWO, 'devtools.tests.test_x.test_y'}, set(), set())
    native = test_run.Results({A_ONE, B_ONE}, {A_ONE}, set())
    problems = []
    test_run.compare(of_pytest, native, problems)
    assert problems == [
        f"Run by pytest only (is it in tests/__init__.py?): {A_TWO}",
        f"Run by Odoo's runner only: {B_ONE}",
        f"Failed under Odoo's runner only: {A_ONE}",
    ]
