"""Metered orders with usage, and what looking at it and billing it costs: inside Odoo."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from odoo import Command, fields
from odoo.api import Environment
from odoo.tools import SQL

from devtools import demo_data, demo_payments

TIMES = 5
METER = 'api_calls'


def prepare(env: Environment) -> dict[str, Any]:
    """Make a live metered order whose usage is counted, and a key to send it.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The number of the order, the code of the meter, and the key.
    :rtype: dict
    """
    demo_data.create(env, demo_payments.DemoPayments(env))
    order = env['sale.order'].search(
        [
            ('purchase_type', '=', 'metered'),
            ('billing_status', '=', 'active'),
            ('order_line.billing_charge_id', '=', False),
        ],
        limit=1,
    )
    meter = env['billpro.usage.meter'].create(
        {'name': "API calls", 'code': METER, 'company_id': order.company_id.id}
    )
    charge = env['billpro.usage.charge'].create(
        {
            'name': "API calls",
            'meter_id': meter.id,
            'company_id': order.company_id.id,
            'currency_id': order.currency_id.id,
            'unit_price': 0.02,
            'allowance': 100,
        }
    )
    order.order_line[:1].billing_charge_id = charge
    order.billing_anchor_date = fields.Date.today() - timedelta(days=10)
    user = env.ref('base.user_admin')
    user.company_ids |= order.company_id
    user.company_id = order.company_id
    expires = fields.Datetime.now() + timedelta(days=1)
    key = env['res.users.apikeys'].with_user(user)._generate('rpc', "Bench", expires)
    env.cr.commit()
    return {'order': order.name, 'meter': METER, 'key': key}


def fill(env: Environment, records: int) -> None:
    """Let the order have so many records more, within the last ten days.

    :param odoo.api.Environment env: The superuser's environment.
    :param int records: How many.
    """
    line = _find_line(env)
    env.cr.execute(
        SQL(
            """
            INSERT INTO billpro_usage_record
                        (order_id, meter_id, sender_id, moment, received_date, quantity)
                 SELECT %s, %s, 'fill-' || n, %s::timestamp - n * (interval '10 days' / %s), %s, 1.5
                   FROM generate_series(1, %s) AS n
            """,
            line.order_id.id,
            line.billing_charge_id.meter_id.id,
            fields.Datetime.now(),
            records,
            fields.Datetime.now(),
            records,
        )
    )
    _settle(env)


def fill_others(env: Environment, rows: int) -> None:
    """Let other orders have so many records, of the last year, in no order.

    :param odoo.api.Environment env: The superuser's environment.
    :param int rows: How many.
    """
    line = _find_line(env)
    others = env['sale.order'].search([('id', '!=', line.order_id.id)])
    env.cr.execute(
        SQL(
            """
            INSERT INTO billpro_usage_record
                        (order_id, meter_id, sender_id, moment, received_date, quantity)
                 SELECT (%s)[1 + n %% %s], %s, md5(n::text),
                        %s::timestamp - random() * interval '1 year', %s, 1.5
                   FROM generate_series(1, %s) AS n
            """,
            others.ids,
            len(others),
            line.billing_charge_id.meter_id.id,
            fields.Datetime.now(),
            fields.Datetime.now(),
            rows,
        )
    )
    _settle(env)


def measure(env: Environment) -> dict[str, Any]:
    """Return what it costs to look at the running period of the order.

    :param odoo.api.Environment env: The superuser's environment.
    :return: Records of the order, how many of them came by HTTP and the sum of these, milliseconds
             (the best of some) and queries.
    :rtype: dict
    """
    line = _find_line(env)
    best, queries = float('inf'), 0
    for _time in range(TIMES):
        env.invalidate_all()
        before, started = env.cr.sql_log_count, time.perf_counter()
        line.mapped('billing_usage_estimate')
        best = min(best, time.perf_counter() - started)
        queries = env.cr.sql_log_count - before
    env.cr.execute(
        SQL(
            """
            SELECT count(*), count(*) FILTER (WHERE NOT starts_with(sender_id, 'fill-')),
                   sum(quantity) FILTER (WHERE NOT starts_with(sender_id, 'fill-'))
              FROM billpro_usage_record
             WHERE order_id = %s
            """,
            line.order_id.id,
        )
    )
    count, *sent = env.cr.fetchone()
    return {'records': count, 'sent': sent, 'ms': round(best * 1000, 1), 'queries': queries}


def close(env: Environment, orders: int, records: int) -> dict[str, Any]:
    """Return what it costs to rate and invoice a period that is over, of many orders at once.

    :param odoo.api.Environment env: The superuser's environment.
    :param int orders: How many orders.
    :param int records: How many records each of them has in its period.
    :return: The orders, their records, seconds and how many of them Odoo was at work, queries and
             invoices.
    :rtype: dict
    """
    line = _find_line(env)
    first = line.order_id
    env = env(context={**env.context, 'allowed_company_ids': first.company_id.ids})
    line.product_id.with_company(first.company_id).billing_charge_id = line.billing_charge_id
    created = env['sale.order'].create(
        [
            {
                'partner_id': first.partner_id.id,
                'company_id': first.company_id.id,
                'billing_token_id': first.billing_token_id.id,
                'order_line': [
                    Command.create({'product_id': line.product_id.id, 'product_uom_qty': 1})
                ],
            }
            for _number in range(orders)
        ]
    )
    anchor = fields.Date.today() - timedelta(days=40)
    created.write({'state': 'sale', 'billing_status': 'active', 'billing_anchor_date': anchor})
    for order in created:
        env['billpro.usage.period']._open_first(order)
    env.flush_all()
    env.cr.execute(
        SQL(
            """
            INSERT INTO billpro_usage_record
                        (order_id, meter_id, sender_id, moment, received_date, quantity)
                 SELECT p.order_id, %s, 'close-' || n, p.start_date + n * interval '1 minute',
                        p.start_date, 1.5
                   FROM billpro_usage_period p, generate_series(1, %s) AS n
                  WHERE p.order_id = ANY(%s)
            """,
            line.billing_charge_id.meter_id.id,
            records,
            created.ids,
        )
    )
    _settle(env)
    env.invalidate_all()
    before, started, busy = env.cr.sql_log_count, time.perf_counter(), time.process_time()
    env['billpro.billing.run']._bill_usage()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    return {
        'orders': orders,
        'records': orders * records,
        'seconds': round(seconds, 1),
        'busy': round(busy, 1),
        'queries': env.cr.sql_log_count - before,
        'invoices': len(created.billing_event_ids.invoice_id),
    }


def _settle(env: Environment) -> None:
    """Commit, and do what the database does by itself some time later."""
    env.cr.commit()
    env.cr._cnx.autocommit = True
    env.cr.execute('VACUUM ANALYZE billpro_usage_record')
    env.cr._cnx.autocommit = False


def _find_line(env: Environment) -> Any:
    """Return the line whose usage is counted."""
    return env['sale.order.line'].search([('billing_charge_id.meter_id.code', '=', METER)])
