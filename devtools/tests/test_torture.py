import random
import re
import subprocess
import sys

import pytest

from devtools import paths
from devtools.torture import plan

SEEDS = range(3)
EVENTS = 220
PHASES = {**plan.FIRST_CHARGE_PHASES, **plan.INQUIRY_PHASES}
EVERY_FAULT = {plan.REFUSED, *plan.FAULTS}


def _cover(seed):
    return plan.cover(random.Random(seed))


@pytest.mark.parametrize('seed', SEEDS)
def test_cover_has_each_cell_once_and_only_cells_of_the_matrix(seed):
    cells = _cover(seed)
    assert len(set(cells)) == len(cells)
    assert set(cells) < set(plan.matrix(random.Random(seed)))


@pytest.mark.parametrize('seed', SEEDS)
def test_cover_has_each_boundary_without_a_fault(seed):
    boundaries = {cell.boundary for cell in plan.matrix(random.Random(seed))}
    without_fault = {cell.boundary for cell in _cover(seed) if cell.fault == plan.NO_FAULT}
    # A death during the call needs a gateway that hangs.
    assert without_fault == boundaries - set(plan.DURING_CALL)
    during_call = [cell for cell in _cover(seed) if cell.boundary in plan.DURING_CALL]
    assert {cell.boundary for cell in during_call} == set(plan.DURING_CALL)
    assert {cell.fault for cell in during_call} == set(plan.HANGS)


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('phase', PHASES)
def test_cover_has_each_fault_in_each_phase(seed, phase):
    faults = [
        cell.fault
        for cell in _cover(seed)
        if cell.boundary in PHASES[phase] and cell.fault != plan.NO_FAULT
    ]
    assert len(faults) == len(EVERY_FAULT)
    assert set(faults) == EVERY_FAULT


@pytest.mark.parametrize('seed', SEEDS)
def test_cover_breaks_the_gateway_at_each_boundary(seed):
    broken = {cell.boundary for cell in _cover(seed) if cell.fault != plan.NO_FAULT}
    everywhere = {boundary for boundaries in PHASES.values() for boundary in boundaries}
    assert broken == everywhere | set(plan.DURING_CALL)


def test_phases_have_all_boundaries_of_the_matrix_that_a_fault_can_be_at():
    broken = {cell for cell in plan.matrix(random.Random(1)) if cell.fault != plan.NO_FAULT}
    expected = {
        plan.Cell(boundary, fault)
        for boundaries in PHASES.values()
        for boundary in boundaries
        for fault in EVERY_FAULT
    }
    expected |= {plan.Cell(one, fault) for one in plan.DURING_CALL for fault in plan.HANGS}
    assert broken == expected


def test_seeds_cover_different_pairs_and_together_the_matrix():
    assert _cover(1) == _cover(1)
    assert set(_cover(1)) != set(_cover(2))
    covered = {cell for seed in range(200) for cell in _cover(seed)}
    assert covered == set(plan.matrix(random.Random(1)))


def test_cover_does_first_charges_before_inquiries():
    are_inquiries = [cell.is_inquiry for cell in _cover(1)]
    assert are_inquiries == sorted(are_inquiries)


def test_each_event_is_charged_once_whatever_happens():
    completed = subprocess.run(
        [
            *(sys.executable, paths.CHECKOUT / 'dev', 'torture', '--cells', 'cover'),
            *('--events', str(EVENTS), '--seed', '1'),
        ],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert re.search(rf"^{EVENTS} events: ", completed.stdout, re.MULTILINE)
    paid = re.search(
        r"^Paid: (\d+) instalment, (\d+) metered, (\d+) subscription; (\d+) final invoices$",
        completed.stdout,
        re.MULTILINE,
    )
    assert paid, completed.stdout
    assert all(int(count) > 0 for count in paid.groups())
    cells = len(_cover(1))
    assert re.search(rf"^{cells} cells, ", completed.stdout, re.MULTILINE), completed.stdout
    assert re.search(r"^\d{3,} webhooks, \d{2,} repeated, ", completed.stdout, re.MULTILINE)
    assert " 0 double, 0 lost, 0 stuck, 0 wrong in all" in completed.stdout
