import random
import re
import subprocess
import sys
from typing import Any

import pytest

from devtools import paths
from devtools.torture import plan, verdict
from devtools.torture.adversary import STRANGER
from fake_gateway.ledger import Ledger, Movement

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


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize(('choice', 'count'), [('cover', 2), ('all', len(plan.FAULTS))])
def test_returns_are_at_each_boundary_and_meet_faults(choice, count, seed):
    cells = plan.returns(random.Random(seed), choice)
    assert all(cell.is_return and cell.spoiled_charges == 1 for cell in cells)
    without_fault = [cell.boundary for cell in cells if cell.fault == plan.NO_FAULT]
    assert sorted(without_fault) == sorted(plan.RETURN_BOUNDARIES)
    faults = {cell.fault for cell in cells if cell.fault != plan.NO_FAULT}
    assert len(faults) == count == len(cells) - len(without_fault)
    assert faults <= set(plan.FAULTS)


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('count', [0, 100])
def test_adversary_does_everything_before_anything_twice(seed, count):
    acts = plan.adversary(random.Random(seed), count)
    every = {plan.Act(kind, way) for kind, ways in plan.ADVERSARY.items() for way in ways}
    assert set(acts[: len(every)]) == every
    assert len(acts) == max(count, len(every))
    assert acts == plan.adversary(random.Random(seed), count)


def _charge(ledger, reference, amount=12100, kind='charge', **metadata):
    number = f'pi_{len(ledger.movements())}'
    charge = Movement(
        id=number,
        kind=kind,
        amount=amount,
        currency='usd',
        payment_intent=number,
        charge=number,
        time=0,
        description=reference,
        metadata=metadata,
    )
    ledger.append([charge])


def _attempt(reference, **values):
    return {
        'reference': reference,
        'state': 'done',
        'operation': 'online_direct',
        'amount': 12100,
        'is_on_account': False,
        'booked': 12100,
        **values,
    }


def _judge_checkout(*attempts, charged, **values):
    """Return of which kinds of wrong an order is that was to be paid at the checkout."""
    ledger = Ledger()
    for reference in charged:
        _charge(ledger, reference)
    _charge(ledger, 'S1-P1', 99, **STRANGER)
    checkout: Any = {
        'name': 'S1',
        'status': 'complete',
        'attempts': list(attempts),
        'by_hand': 0,
        'paid': 12100,
        'invoices': [{'total': 12100, 'residual': 0}],
        'activities': [],
        **values,
    }
    return set(verdict.judge([], [checkout], ledger)[1])


def test_a_checkout_that_was_paid_once_is_right():
    given_up = _attempt('S1-P1', state='cancel', booked=0)
    assert not _judge_checkout(given_up, _attempt('S1-P2'), charged=['S1-P2'])


def test_what_came_twice_is_right_where_staff_know_it():
    twice = [_attempt('S1-P1'), _attempt('S1-P2', is_on_account=True)]
    charged = ['S1-P1', 'S1-P2']
    assert not _judge_checkout(*twice, charged=charged, activities=["Refund it"])
    assert _judge_checkout(*twice, charged=charged) == {'untold'}


@pytest.mark.parametrize(
    ('attempts', 'charged', 'values', 'kinds'),
    [
        ([_attempt('S1-P1'), _attempt('S1-P2')], ['S1-P1', 'S1-P2'], {}, {'double_charge'}),
        ([_attempt('S1-P1')], ['S1-P1'] * 2, {}, {'double_charge', 'amount'}),
        ([_attempt('S1-P1')], ['S1-P1'], {'by_hand': 12100}, {'double_charge'}),
        (
            [_attempt('S1-P1', state='cancel', booked=0)],
            ['S1-P1'],
            {'status': 'pending'},
            {'lost_charge', 'amount'},
        ),
        ([_attempt('S1-P1')], [], {}, {'paid_without_charge', 'amount'}),
        ([_attempt('S1-P1')], ['S1-P1'], {'status': 'pending'}, {'not_begun'}),
        ([_attempt('S1-P1', state='pending', booked=0)], [], {'status': 'pending'}, {'stuck'}),
    ],
)
def test_what_is_wrong_at_a_checkout_is_found(attempts, charged, values, kinds):
    assert _judge_checkout(*attempts, charged=charged, **values) == kinds


def _judge_returned(status, states, residual, charged):
    """Return of which kinds of wrong an event is whose first debit was returned."""
    ledger = Ledger()
    for reference in charged:
        _charge(ledger, reference)
    _charge(ledger, 'S1-E2', kind='dispute')
    attempts = [
        {'reference': f'S1-E2{suffix}', 'state': state, 'amount': 12100, 'returns': returns}
        for (state, returns), suffix in zip(states, ('', '-1'), strict=False)
    ]
    paid = {'amount': 12100, 'is_reconciled': True, 'state': 'paid'}
    event: Any = {
        'id': 1,
        'name': 'S1-E2',
        'type': 'subscription',
        'status': status,
        'message': '',
        'amount': 12100,
        'attempts': [{**one, 'is_on_account': False} for one in attempts],
        'payments': [paid for one in attempts if one['state'] == 'done'],
        'by_hand': 0,
        'invoice': {
            'state': 'posted',
            'payment_state': 'not_paid' if residual else 'paid',
            'total': 12100,
            'residual': residual,
        },
    }
    return set(verdict.judge([event], [], ledger)[1])


@pytest.mark.parametrize(
    ('status', 'states', 'residual', 'charged', 'kinds'),
    [
        ('soft_declined', [('error', 1)], 12100, ['S1-E2'], set()),
        ('recovered', [('error', 1), ('done', 0)], 0, ['S1-E2', 'S1-E2-1'], set()),
        # Nobody has noticed it.
        ('completed', [('done', 0)], 0, ['S1-E2'], {'return', 'paid_without_charge'}),
        ('soft_declined', [('error', 2)], 12100, ['S1-E2'], {'return'}),
        ('soft_declined', [('error', 1)], 0, ['S1-E2'], {'not_owed'}),
        (
            'recovered',
            [('error', 1), ('done', 0)],
            0,
            ['S1-E2', 'S1-E2-1', 'S1-E2-1'],
            {'double_charge', 'amount'},
        ),
    ],
)
def test_a_returned_debit_is_owed_again_and_collected_once(
    status, states, residual, charged, kinds
):
    assert _judge_returned(status, states, residual, charged) == kinds


@pytest.mark.parametrize(
    ('values', 'kinds'),
    [
        ({}, set()),
        ({'status': 'review'}, {'not_complete'}),
        # The last payment was paid by hand while it was charged: staff are to pay it back.
        (
            {
                'status': 'review',
                'paid': 400,
                'balance': -100,
                'receivable': -100,
                'on_account': 100,
            },
            set(),
        ),
        (
            {'paid': 400, 'balance': -100, 'receivable': -100},
            {'order_sums', 'receivable', 'instalments'},
        ),
    ],
)
def test_the_sums_of_instalments(values, kinds):
    order: Any = {
        'name': 'S1',
        'type': 'instalment',
        'status': 'complete',
        'events': [('completed', 100)] * 3,
        'total': 300,
        'tax': 50,
        'paid': 300,
        'balance': 0,
        'invoices': [
            {'total': 100, 'tax': tax, 'is_final': is_final}
            for tax, is_final in ((17, False), (17, False), (16, True))
        ],
        'receivable': 0,
        'on_account': 0,
        'owed_again': 0,
        **values,
    }
    assert {kind for kind, _problem in verdict._order_problems(order)} == kinds


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
    usage = re.search(
        r"^720 records of usage billed by (\d+) payments, \d+ workers died closing, 0 wrong$",
        completed.stdout,
        re.MULTILINE,
    )
    assert usage, completed.stdout
    assert re.search(rf"^{EVENTS + int(usage[1])} events: ", completed.stdout, re.MULTILINE)
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
    adversary = re.search(
        r"^adversary: (\d+) returns, (\d+) messages, (\d+) tabs, (\d+) writes, (\d+) invoices; ",
        completed.stdout,
        re.MULTILINE,
    )
    assert adversary, completed.stdout
    done = [int(count) for count in adversary.groups()]
    assert all(
        count >= len(ways) for count, ways in zip(done, plan.ADVERSARY.values(), strict=True)
    )
    assert " 0 double, 0 lost, 0 stuck, 0 wrong in all" in completed.stdout
