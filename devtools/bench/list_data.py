"""Many orders and payments, copied by SQL from a few that were made as usual: inside Odoo."""

from __future__ import annotations

import time
from typing import Any

from dateutil.relativedelta import relativedelta

from odoo import fields, sql_db
from odoo.api import Environment

from odoo.addons.billpro_portal.tests.common.list_requests import LISTS, REPORTS, ViewRequest

from devtools import demo_data, demo_payments
from devtools.bench import row_copies

PARTNERS = 1000
# Of so many orders one is pending, one failed, one suspended and one paused; the rest is active.
CYCLE = 20
PERIODS = 11
TIMES = 5


def fill(env: Environment, orders: int, events: int) -> None:
    """Fill a new database.

    A subscription that was paid twice is copied by SQL with its line, its payments, attempts,
    invoices, entries in accounting and notices. The periods of each copy lie one month apart, the
    last one ahead of today.

    :param odoo.api.Environment env: The superuser's environment.
    :param int orders: How many orders.
    :param int events: How many scheduled payments they have in all.
    """
    demo_data.create(env, demo_payments.DemoPayments(env))
    template = env['sale.order'].search([('client_order_ref', '=', "Active subscription")])
    env['billpro.billing.run']._run_events(template.billing_event_ids)
    env.flush_all()
    copies = _Copies(env, orders, events, template)
    for step in (
        copies.partners,
        copies.orders_and_lines,
        copies.events,
        copies.invoices_and_payments,
        copies.attempts,
        copies.notices,
    ):
        step()
    env.cr.commit()
    env.invalidate_all()


class _Copies:
    """Copies of the rows of an order; the copy `n` of a row has the id `base + n`."""

    def __init__(self, env: Environment, orders: int, events: int, template: Any) -> None:
        self.env = env
        self.order_count, self.event_count = orders, events
        self.template = template
        self.paid = template.billing_event_ids.filtered(lambda event: event.status == 'completed')
        self.tx = self.paid.transaction_ids
        first_day = fields.Date.today() - relativedelta(months=PERIODS - 1)
        self.anchor = first_day + relativedelta(days=9)
        self.bases: dict[str, int] = {}

    def _copy(self, record: Any, count: int, **values: str) -> None:
        """Copy a row, see `row_copies.copy`.

        :param odoo.models.Model record: The row.
        :param int count: How many times.
        :param values: SQL expressions in which `n` is the number of the copy, from 1.
        """
        self.bases[record._table] = row_copies.copy(self.env, record, count, **values)

    def partners(self) -> None:
        base = self.env['res.partner'].search([], order='id desc', limit=1).id
        self._copy(
            self.template.partner_id,
            PARTNERS,
            name="'Customer ' || n",
            complete_name="'Customer ' || n",
            commercial_partner_id=f'{base} + n',
        )

    def orders_and_lines(self) -> None:
        self._copy(
            self.template,
            self.order_count,
            name="'B' || n",
            partner_id=f'{self.bases["res_partner"]} + 1 + n % {PARTNERS}',
            billing_anchor_date=f"DATE '{self.anchor}'",
            order_link_sent_date=f"NOW() AT TIME ZONE 'UTC' - n % {CYCLE} * INTERVAL '1 day'",
            billing_status=(
                f"CASE n % {CYCLE} WHEN 0 THEN 'pending' WHEN 1 THEN 'failed'"
                " WHEN 2 THEN 'suspended' WHEN 3 THEN 'paused' ELSE 'active' END"
            ),
        )
        for line in self.template.order_line:
            self._copy(line, self.order_count, order_id=f'{self.bases["sale_order"]} + n')

    def events(self) -> None:
        order = f'(1 + (n - 1) % {self.order_count})'
        number = f'(2 + (n - 1) / {self.order_count})'
        start = f"(DATE '{self.anchor}' + make_interval(months => {number} - 1))"
        # How the latest payment went decides the status of the order.
        declined = f'{number} = {PERIODS - 1} AND {order} % {CYCLE}'
        self._copy(
            self.paid,
            self.event_count,
            order_id=f'{self.bases["sale_order"]} + {order}',
            partner_id=f'{self.bases["res_partner"]} + 1 + {order} % {PARTNERS}',
            number=number,
            period_start=start,
            period_end=f"{start} + INTERVAL '1 month' - INTERVAL '1 day'",
            due_date=f"{start} + INTERVAL '9 hours'",
            completed_date=f"{start} + INTERVAL '9 hours'",
            status=(
                f"CASE WHEN {number} = {PERIODS} THEN 'scheduled'"
                f" WHEN {declined} = 1 THEN 'soft_declined'"
                f" WHEN {declined} = 2 THEN 'hard_declined'"
                f" WHEN n % 30 = 0 THEN 'recovered' ELSE 'completed' END"
            ),
            retry_verdict=f"CASE WHEN {declined} = 1 THEN 'exhausted' END",
            decline_class=(
                f"CASE WHEN {declined} = 1 THEN 'soft' WHEN {declined} = 2 THEN 'hard' END"
            ),
        )

    def invoices_and_payments(self) -> None:
        invoice = self.paid.invoice_id
        count = self.event_count
        order = f'{self.bases["sale_order"]} + 1 + (n - 1) % {self.order_count}'
        month = f'(1 + (n - 1) / {self.order_count})'
        date = f"DATE '{self.anchor}' + make_interval(months => {month})"
        self._copy(invoice, count, name="'BENCH/' || n", billing_order_id=order, date=date)
        for line in invoice.invoice_line_ids:
            self._copy(line, count, move_id=f'{self.bases["account_move"]} + n')
        self._copy(self.tx.payment_id, count, name="'BENCH/P/' || n", date=date)
        self.env.cr.execute(
            'UPDATE billpro_billing_event SET invoice_id = %s + id - %s'
            " WHERE id > %s AND status != 'scheduled'",
            [
                self.bases['account_move'],
                self.bases['billpro_billing_event'],
                self.bases['billpro_billing_event'],
            ],
        )

    def attempts(self) -> None:
        event = f'{self.bases["billpro_billing_event"]} + n'
        values = {
            'billing_event_id': event,
            'billing_order_id': f'{self.bases["sale_order"]} + 1 + (n - 1) % {self.order_count}',
            'payment_id': f'{self.bases["account_payment"]} + n',
        }
        # One in thirty was declined first, and all that lie ahead are not tried yet.
        tried = self.event_count * (PERIODS - 2) // (PERIODS - 1)
        declined = {
            **values,
            'state': "'error'",
            'billing_decline_class': "'soft'",
            'payment_id': 'NULL',
            'reference': "'BENCH-D' || n",
        }
        for name, step in (('billing_event_id', 30), ('billing_order_id', 30)):
            declined[name] = declined[name].replace('n', f'(n * {step})')
        self._copy(self.tx, tried // 30, **declined)
        self._copy(self.tx, tried, reference="'BENCH-' || n", **values)

    def notices(self) -> None:
        notice = self.env['billpro.notification'].search([], limit=1)
        self._copy(
            notice,
            2 * self.order_count,
            order_id=f'{self.bases["sale_order"]} + 1 + (n - 1) % {self.order_count}',
            kind=f"CASE WHEN n > {self.order_count} THEN 'order_reminder' ELSE 'order_ready' END",
            channel="'mail'",
            state="'sent'",
            fact="'bench-' || n",
            event_id='NULL',
            transaction_id='NULL',
        )


def measure(env: Environment) -> dict[str, Any]:
    """Open each list and report as a billing manager, several times.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The median of milliseconds, the queries and the rows of the model, by view.
    :rtype: dict
    """
    user_env = env(user=env.ref('base.user_admin').id, su=False)
    result = {
        'orders': env['sale.order'].search_count([('purchase_type', '!=', False)]),
        'events': env['billpro.billing.event'].search_count([]),
        'views': {},
    }
    for action, modes in {**LISTS, **REPORTS}.items():
        for mode in modes:
            request = ViewRequest(user_env, action, mode)
            request.send()  # What is looked up once and then known.
            milliseconds = []
            for _time in range(TIMES):
                env.invalidate_all()
                queries, began = sql_db.sql_counter, time.perf_counter()
                request.send()
                milliseconds.append(1000 * (time.perf_counter() - began))
                queries = sql_db.sql_counter - queries
            result['views'][f'{action.removeprefix("action_")} {mode}'] = {
                'ms': round(sorted(milliseconds)[TIMES // 2]),
                'queries': queries,
            }
    return result
