from pathlib import Path
from typing import Any

from devtools import databases, test_run

REPORT = """\
<testsuites><testsuite>
<testcase classname="billpro_portal.tests.test_a.A" name="test_one"
 file="billpro_portal/tests/test_a.py"/>
<testcase classname="billpro_portal.tests.test_a.A" name="test_two"
 file="billpro_portal/tests/test_a.py"><failure/></testcase>
<testcase classname="billpro_portal.tests.test_b.B" name="test_one"
 file="billpro_portal/tests/test_b.py"><skipped/></testcase>
<testcase classname="devtools.tests.test_c" name="test_case[1]"
 file="devtools/tests/test_c.py"/>
<testcase classname="devtools.tests.test_c" name="test_unclean" file="devtools/tests/test_c.py"/>
<testcase classname="devtools.tests.test_c" name="test_unclean"
 file="devtools/tests/test_c.py"><error/></testcase>
<testcase classname="" name="billpro_portal.tests.test_broken"><error/></testcase>
</testsuite></testsuites>
"""

A = 'billpro_portal/tests/test_a.py::A'
B = 'billpro_portal/tests/test_b.py::B'
C = 'devtools/tests/test_c.py'

# What stands in for the runs and the databases asks nothing of it.
NO_ODOO: Any = None


def test_report_of_pytest_tells_the_outcome_of_each_test(tmp_path):
    path = tmp_path / 'report.xml'
    path.write_text(REPORT)
    results = test_run.read_report(path)
    assert results.passed == {f'{A}::test_one', f'{C}::test_case[1]'}
    assert results.failed == {
        f'{A}::test_two',
        f'{C}::test_unclean',
        'billpro_portal.tests.test_broken',
    }
    assert results.skipped == {f'{B}::test_one'}


class Again:
    """Stands in for the runs of pytest: what fails alone, and what was run with which log."""

    def __init__(self, directory, failing):
        self.directory = directory
        self.failing = failing
        self.runs = []

    def __call__(self, _odoo, database, arguments):
        [test] = arguments
        self.runs.append(test)
        log = self.directory / f'{database}.log'
        log.write_text(test)
        if test in self.failing:
            return test_run.Results(failed={test}, log=log)
        return test_run.Results(passed={test}, log=log)


class Copies:
    """Stands in for the databases."""

    def __init__(self, _odoo):
        self.context = None

    def temporary(self, _template, _purpose):
        return self

    def __enter__(self):
        return 'billpro_again_1'

    def __exit__(self, *_exception):
        return False


def test_what_failed_is_run_again_alone(monkeypatch, tmp_path):
    again = Again(tmp_path, failing={f'{A}::test_two'})
    monkeypatch.setattr(test_run, 'run_pytest', again)
    monkeypatch.setattr(databases, 'Databases', Copies)
    first = test_run.Results(
        failed={f'{A}::test_one', f'{A}::test_two'}, log=Path('billpro_test_1.log')
    )
    found = test_run.run_failed_again(NO_ODOO, 'template', first)
    one = tmp_path / 'alone-test_a.py.A.test_one.log'
    two = tmp_path / 'alone-test_a.py.A.test_two.log'
    passed_alone, failed_alone = found
    assert passed_alone == (
        f"Order or load: {A}::test_one failed among the others and passed alone."
        f" Logs: billpro_test_1.log and {one}"
    )
    assert failed_alone == f"Failed, also alone: {A}::test_two. Logs: billpro_test_1.log and {two}"
    assert (one.read_text(), two.read_text()) == (f'{A}::test_one', f'{A}::test_two')


def test_not_everything_is_run_again(monkeypatch, tmp_path):
    failed = {f'{A}::test_{number:02}' for number in range(test_run.MOST_RUN_AGAIN + 3)}
    again = Again(tmp_path, failing=failed)
    monkeypatch.setattr(test_run, 'run_pytest', again)
    monkeypatch.setattr(databases, 'Databases', Copies)
    found = test_run.run_failed_again(NO_ODOO, 'template', test_run.Results(failed=failed))
    assert again.runs == sorted(failed)[: test_run.MOST_RUN_AGAIN]
    assert found[-1] == "3 more failed tests were not run again."
