"""Metered orders whose periods close while records arrive: made, filled and judged inside Odoo."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg2

from odoo import Command, fields
from odoo.api import Environment

METER = 'torture'
# One record in so many is taken back after it came.
VOID_SHARE = 7
BATCH = 10
DAYS_BEGUN = 10
TRIES = 50
NewEnvironment = Callable[[], AbstractContextManager[Environment]]


def create(env: Environment, orders: int, now: datetime) -> None:
    """Create live orders with a period each day, whose first one was to close days ago.

    A unit costs one: what is billed of an order is what was counted.

    :param odoo.api.Environment env: The superuser's environment, prepared.
    :param int orders: How many.
    :param datetime.datetime now: The time of the workers.
    """
    company = env.company
    meter = env['billpro.usage.meter'].create({'name': "Calls", 'code': METER})
    charge = env['billpro.usage.charge'].create(
        {
            'name': "Calls",
            'meter_id': meter.id,
            'currency_id': company.currency_id.id,
            'unit_price': 1,
        }
    )
    product = env['product.product'].create(
        {
            'name': "Calls",
            'list_price': 1,
            'type': 'service',
            'taxes_id': [Command.clear()],
            'purchase_type': 'metered',
            'billing_interval_count': 1,
            'billing_interval_unit': 'day',
        }
    )
    product.billing_charge_id = charge
    token = env['payment.token'].search([], order='id', limit=1)
    created = env['sale.order'].create(
        [
            {
                'partner_id': token.partner_id.id,
                'user_id': env.ref('base.user_admin').id,
                'billing_token_id': token.id,
                'billing_initial_amount': 0,
                'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': 1})],
            }
            for _number in range(orders)
        ]
    )
    anchor = now.date() - timedelta(days=DAYS_BEGUN)
    created.write({'state': 'sale', 'billing_status': 'active', 'billing_anchor_date': anchor})
    for order in created:
        env['billpro.usage.period']._open_first(order)


def send(new_environment: NewEnvironment, numbers: Random, records: int) -> None:
    """Send all records in disorder, and take some back, as one of several clients does.

    What a record says follows from its number alone: all clients send the same.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    :param random.Random numbers: Where the disorder comes from.
    :param int records: How many each order has.
    """
    with new_environment() as env:
        orders = _find_orders(env).sorted('id')
        names = orders.mapped('name')
        anchor = fields.Datetime.to_datetime(orders[:1].billing_anchor_date)
    every = [
        {
            'id': str(number),
            'meter': METER,
            'order': name,
            # Within the days that were over when the torture began.
            'timestamp': (
                anchor + timedelta(seconds=number * 7919 % ((DAYS_BEGUN - 1) * 86400))
            ).isoformat(),
            'quantity': number,
        }
        for name in names
        for number in range(1, records + 1)
    ]
    for sent in (every, [one for one in every if int(one['id']) % VOID_SHARE == 0]):
        numbers.shuffle(sent)
        for first in range(0, len(sent), BATCH):
            _insist(new_environment, sent[first : first + BATCH], is_void=sent is not every)


def _insist(new_environment: NewEnvironment, batch: list[dict[str, Any]], is_void: bool) -> None:
    """Send a batch until it is answered, as clients do."""
    for _try in range(TRIES):
        try:
            with new_environment() as env:
                Record = env['billpro.usage.record'].with_user(env.ref('base.user_admin'))
                if is_void:
                    records = [
                        {name: one[name] for name in ('id', 'meter', 'order')} for one in batch
                    ]
                    answers = Record.void(records, "Torture")
                else:
                    answers = Record.ingest(batch)
        except psycopg2.OperationalError:
            continue  # Odoo would repeat the request.
        wrong = [one for one in answers if one['status'] in {'refused', 'unattributed'}]
        if wrong:
            raise AssertionError(f"Not taken in: {wrong}")
        return
    raise AssertionError("A batch was never answered")


def count_payments(env: Environment) -> int:
    """Return how many payments bill usage.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: int
    """
    return len(_find_orders(env).billing_event_ids)


def judge(env: Environment, records: int) -> list[str]:
    """Return what is wrong: each record is billed once, and each line by one payment.

    :param odoo.api.Environment env: The superuser's environment.
    :param int records: How many records each order has.
    :rtype: list[str]
    """
    problems = []
    numbers = range(1, records + 1)
    expected = Decimal(sum(number for number in numbers if number % VOID_SHARE))
    for order in _find_orders(env):
        sent = env['billpro.usage.record'].search_count([('order_id', '=', order.id)])
        if sent != records:
            problems.append(f"{order.name}: {sent} records of {records} are kept")
        lines = order.billing_usage_period_ids.line_ids
        billed = sum((_exact(line.amount) for line in lines), Decimal(0))
        # What people left out was given away: it isn't credited on top.
        has_waived = {'skipped', 'cancelled'} & set(order.billing_event_ids.mapped('status'))
        if billed != expected and not (has_waived and billed > expected):
            problems.append(f"{order.name}: {billed} is billed of {expected}")
        for event in order.billing_event_ids:
            of_event = sum((_exact(line.amount) for line in event.usage_line_ids), Decimal(0))
            if event.number and _exact(event.amount) != of_event:
                problems.append(f"{event.display_name}: {event.amount} bills {of_event}")
        numbers_of_periods = order.billing_usage_period_ids.mapped('number')
        if numbers_of_periods != list(range(len(numbers_of_periods))):
            problems.append(f"{order.name}: periods {numbers_of_periods}")
    return problems


def _find_orders(env: Environment) -> Any:
    """Return the orders whose usage is charged."""
    return env['sale.order'].search([('order_line.billing_charge_id.meter_id.code', '=', METER)])


def _exact(amount: float) -> Decimal:
    """Return an amount of a field as the decimal that it is."""
    return Decimal(repr(amount))
