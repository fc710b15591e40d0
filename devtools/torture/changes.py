"""Subscriptions that are changed and paid early while processes die: made, changed, and judged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from random import Random
from typing import Any

from odoo import Command
from odoo.api import Environment

from devtools.torture import staff
from devtools.torture.verdict import PAID

NewEnvironment = Callable[[], AbstractContextManager[Environment]]
SEAT = 'torture-seat'
PRICE = 10
# The running period begins so many days ago, and the one before it was paid at the checkout.
DAYS_BEGUN = 10
# One customer in so many pays the next payment early instead of changing something.
EARLY_SHARE = 6


def create(env: Environment, orders: int, now: datetime) -> None:
    """Create live subscriptions of a seat whose running period is due, with one more to come.

    :param odoo.api.Environment env: The superuser's environment, prepared.
    :param int orders: How many.
    :param datetime.datetime now: The time of the workers.
    """
    product = env['product.product'].create(
        {
            'name': "Seat",
            'default_code': SEAT,
            'list_price': PRICE,
            'type': 'service',
            'taxes_id': [Command.clear()],
            'purchase_type': 'subscription',
            'billing_interval_count': 30,
            'billing_interval_unit': 'day',
        }
    )
    token = env['payment.token'].search([], order='id', limit=1)
    created = env['sale.order'].create(
        [
            {
                'partner_id': token.partner_id.id,
                'user_id': env.ref('base.user_admin').id,
                'billing_token_id': token.id,
                'billing_cycles': 3,
                'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': 1})],
            }
            for _number in range(orders)
        ]
    )
    anchor = now.date() - timedelta(days=30 + DAYS_BEGUN)
    created.write({'state': 'sale', 'billing_status': 'active', 'billing_anchor_date': anchor})
    env['billpro.billing.event'].create(
        [values for order in created for values in order._get_purchase()._prepare_event(order, 1)]
    )


def confirm(new_environment: NewEnvironment, numbers: Random) -> None:
    """Confirm something on each order, as its page does.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    :param random.Random numbers: Where order and choices come from.
    """
    with new_environment() as env:
        order_ids = _find_orders(env).ids
    numbers.shuffle(order_ids)
    for order_id in order_ids:
        is_early = numbers.randrange(EARLY_SHARE) == 0
        staff.attempt(new_environment, _pay_early if is_early else _add_seat, order_id)


def _add_seat(env: Environment, order_id: int) -> None:
    order, Change = env['sale.order'].browse(order_id), env['billpro.change']
    line = order.order_line[:1]
    terms = line, line.product_id, line.product_uom_qty + 1, 'now'
    rows = Change.new(Change._propose(order, *terms))._get_rows()
    change = order._billing_change(*terms, _text(rows))
    env['billpro.billing.run']._collect_change(change)


def _pay_early(env: Environment, order_id: int) -> None:
    order = env['sale.order'].browse(order_id)
    event = order._billing_pay_early('next', _text(order._billing_get_early_rows('next')))
    env['billpro.billing.run']._collect_early(event)


def _text(rows: list[Any]) -> str:
    """Return what is agreed to."""
    agreement: Any = sys.modules['odoo.addons.billpro_portal.billing.agreement']
    return str(agreement.agreement_text(rows))


def count_payments(env: Environment) -> tuple[int, int, int]:
    """Return how many payments the orders have, how many changes are done, and paid early.

    :param odoo.api.Environment env: The superuser's environment.
    """
    orders = _find_orders(env)
    events = orders.billing_event_ids
    done = orders.billing_change_ids.filtered(lambda change: change.state == 'done')
    return len(events), len(done), len(events.filtered('early_done_date'))


def judge(env: Environment) -> list[str]:
    """Return what is wrong: what is paid is changed, and nothing else.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: list[str]
    """
    problems = []
    for order in _find_orders(env):
        changes = order.billing_change_ids
        problems += [
            f"{order.name}: a change is {change.state}, its payment {change.event_ids.status}"
            for change in changes
            if change.state == 'under_way'
            or (change.state == 'done') != (change.event_ids.status in PAID)
        ]
        done = changes.filtered(lambda change: change.state == 'done')
        seats = int(order.order_line[:1].product_uom_qty)
        if seats != 1 + len(done):
            problems.append(f"{order.name}: {seats} seats after {len(done)} changes")
        for event in order.billing_event_ids.filtered('is_early'):
            is_paid = event.status in PAID
            if is_paid != bool(event.merged_event_ids) or (
                not is_paid and event.status != 'cancelled'
            ):
                problems.append(f"{event.display_name}: paid early, and {event.status}")
        periods = order.billing_event_ids.filtered(lambda event: event.status in PAID)._get_leaves()
        numbers = periods.filtered('number').sorted('number').mapped('number')
        if numbers != [2, 3]:
            problems.append(f"{order.name}: periods {numbers} are paid")
    return problems


def _find_orders(env: Environment) -> Any:
    """Return the orders whose seats are changed."""
    return env['sale.order'].search([('order_line.product_id.default_code', '=', SEAT)])
