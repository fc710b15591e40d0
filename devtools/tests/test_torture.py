import random
import re
import subprocess
import sys

from devtools import paths
from devtools.torture import plan


def test_each_event_is_charged_once_whatever_happens():
    completed = subprocess.run(
        [sys.executable, paths.CHECKOUT / 'dev', 'torture', '--events', '1000', '--seed', '1'],
        capture_output=True,
        text=True,
        timeout=2700,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert re.search(r"^1000 events: ", completed.stdout, re.MULTILINE)
    paid = re.search(
        r"^Paid: (\d+) instalment, (\d+) metered, (\d+) subscription; (\d+) final invoices$",
        completed.stdout,
        re.MULTILINE,
    )
    assert paid, completed.stdout
    assert all(int(count) > 0 for count in paid.groups())
    cells = len(plan.matrix(random.Random(1)))
    assert re.search(rf"^{cells} cells, ", completed.stdout, re.MULTILINE), completed.stdout
    assert re.search(r"^\d{3,} webhooks, \d{2,} repeated, ", completed.stdout, re.MULTILINE)
    assert " 0 double, 0 lost, 0 stuck, 0 wrong in all" in completed.stdout
