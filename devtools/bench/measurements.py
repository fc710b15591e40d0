"""The three ways to collect due payments, each measured: executed inside Odoo."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict, TypeVar

from odoo import Command, sql_db
from odoo.api import Environment

from devtools.torture import orders

BATCH = 200
PHASES = ('open', 'charge', 'book')


Result = TypeVar('Result')


class Cost(TypedDict):
    """What one event takes."""

    ms: float
    queries: float


class Costs(TypedDict):
    """What events take on the average, by phase."""

    events: int
    phases: dict[str, Cost]


class RunCosts(Costs):
    """What events take in the charge run, and how many it collects in a minute."""

    per_minute: int


class Phases:
    """Time and queries by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.queries: dict[str, int] = {}

    def measure(self, phase: str, function: Callable[[], Result]) -> Result:
        """Call a function and add what it took to a phase.

        :param str phase: The name of the phase.
        :param Callable function: What to call.
        :return: What it returns.
        """
        queries, began = sql_db.sql_counter, time.perf_counter()
        try:
            return function()
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0) + time.perf_counter() - began
            self.queries[phase] = self.queries.get(phase, 0) + sql_db.sql_counter - queries

    def report(self, events: int) -> Costs:
        """Return milliseconds and queries per event for each phase and in all.

        :param int events: How many events there were.
        :rtype: dict
        """
        result: dict[str, Cost] = {
            phase: {
                'ms': round(1000 * seconds / events, 1),
                'queries': round(self.queries[phase] / events, 1),
            }
            for phase, seconds in self.seconds.items()
        }
        result['all'] = {
            'ms': round(1000 * sum(self.seconds.values()) / events, 1),
            'queries': round(sum(self.queries.values()) / events, 1),
        }
        return {'events': events, 'phases': result}


def prepare(env: Environment, gateway: str, key: str) -> None:
    """Set up what the orders need.

    :param odoo.api.Environment env: The superuser's environment.
    :param str gateway: The URL of the fake gateway.
    :param str key: Its secret key.
    """
    orders.prepare(env, gateway, key)


def charge_run(env: Environment, events: int, workers: int) -> RunCosts:
    """Create orders, and collect what is due of them as the scheduled action does.

    :param odoo.api.Environment env: The superuser's environment.
    :param int events: How many payments are due.
    :param int workers: How many charges are under way at once.
    :return: Milliseconds and queries per event.
    :rtype: dict
    """
    orders.create(env, events, declined_share=None)
    env['ir.config_parameter'].set_param('billpro_portal.charge_workers', workers)
    env.cr.commit()
    env.invalidate_all()
    run = env['billpro.billing.run']
    due = env['billpro.billing.event'].search(run._get_due_domain())
    phases = Phases()
    model = env.registry['billpro.billing.run']
    originals = {phase: getattr(model, f'_{phase}') for phase in PHASES}
    for phase, method in originals.items():
        setattr(model, f'_{phase}', _measured(phases, phase, method))
    began, queries = time.perf_counter(), sql_db.sql_counter
    try:
        run._cron_run()
    finally:
        for phase, method in originals.items():
            setattr(model, f'_{phase}', method)
    seconds = time.perf_counter() - began
    phases.seconds['other'] = seconds - sum(phases.seconds.values())
    phases.queries['other'] = sql_db.sql_counter - queries - sum(phases.queries.values())
    _check_paid(due)
    return {**phases.report(len(due)), 'per_minute': round(60 * len(due) / seconds)}


def _measured(phases: Phases, phase: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the charge run that adds to a phase what it takes."""

    def measured(run: Any, *arguments: Any) -> Any:
        def call() -> Any:
            result = method(run, *arguments)
            run.env.flush_all()  # What a phase changed is a part of it.
            return result

        return phases.measure(phase, call)

    return measured


def one_by_one(env: Environment, count: int, first_number: int = 0) -> Costs:
    """Collect payments the way stock Odoo does, each on its own.

    :param odoo.api.Environment env: The superuser's environment.
    :param int count: How many payments.
    :param int first_number: What their references are counted from.
    :return: Milliseconds and queries per event.
    :rtype: dict
    """
    phases = Phases()
    all_orders = _live_orders(env)
    for number in range(first_number, first_number + count):
        order = all_orders[number % len(all_orders)]
        phases.measure('all by one', partial(_collect_one, order, number))
        env.invalidate_all()  # Each would be a request of its own.
    return phases.report(count)


def _collect_one(order: Any, number: int) -> None:
    """Create and post an invoice, charge its card, post-process, commit."""
    env = order.env
    invoice = env['account.move'].create(_invoice_values(order))
    invoice.action_post()
    token = order.billing_token_id
    tx = env['payment.transaction'].create(
        {
            'provider_id': token.provider_id.id,
            'payment_method_id': token.payment_method_id.id,
            'token_id': token.id,
            'operation': 'offline',
            'reference': f'STOCK-{number}',
            'amount': invoice.amount_total,
            'currency_id': invoice.currency_id.id,
            'partner_id': invoice.partner_id.id,
            'invoice_ids': [Command.set(invoice.ids)],
        }
    )
    tx._charge_with_token()
    tx._post_process()
    env.cr.commit()
    if invoice.payment_state not in {'paid', 'in_payment'}:
        raise ValueError(f"{invoice.name} was not paid")


def batched(env: Environment, count: int) -> Costs:
    """Make the documents of payments in batches with nothing but Odoo's own calls.

    No card is charged: this is what the documents alone cost.

    :param odoo.api.Environment env: The superuser's environment.
    :param int count: How many payments.
    :return: Milliseconds and queries per event.
    :rtype: dict
    """
    phases = Phases()
    all_orders = _live_orders(env)
    for start in range(0, count, BATCH):
        batch = [
            all_orders[number % len(all_orders)]
            for number in range(start, min(start + BATCH, count))
        ]
        _collect_batch(env, batch, phases)
        env.invalidate_all()
    return phases.report(count)


def _collect_batch(env: Environment, batch: list[Any], phases: Phases) -> None:
    """Create and post invoices and payments, and reconcile them."""

    def create_invoices() -> Any:
        created = env['account.move'].create([_invoice_values(order) for order in batch])
        env.flush_all()
        return created

    def post(records: Any) -> None:
        records.action_post()
        env.flush_all()

    def create_payments() -> Any:
        provider = batch[0].billing_token_id.provider_id
        journal = provider.journal_id
        line = journal.inbound_payment_method_line_ids.filtered(
            lambda line: line.payment_provider_id == provider
        )
        created = env['account.payment'].create(
            [
                {
                    'amount': invoice.amount_total,
                    'payment_type': 'inbound',
                    'partner_type': 'customer',
                    'partner_id': invoice.partner_id.id,
                    'currency_id': invoice.currency_id.id,
                    'journal_id': journal.id,
                    'payment_method_line_id': line.id,
                    'invoice_ids': [Command.set(invoice.ids)],
                }
                for invoice in invoices
            ]
        )
        env.flush_all()
        return created

    def reconcile() -> None:
        env['account.move.line']._reconcile_plan(
            [
                (payment.move_id.line_ids + invoice.line_ids).filtered(
                    lambda line, payment=payment: (
                        line.account_id == payment.destination_account_id and not line.reconciled
                    )
                )
                for invoice, payment in zip(invoices, payments, strict=True)
            ]
        )
        env.cr.commit()

    invoices = phases.measure('create invoices', create_invoices)
    phases.measure('post invoices', lambda: post(invoices))
    payments = phases.measure('create payments', create_payments)
    phases.measure('post payments', lambda: post(payments))
    phases.measure('reconcile', reconcile)
    _check_invoices(invoices)


def _invoice_values(order: Any) -> dict[str, Any]:
    """Return an invoice of an order's recurring lines, as its events have."""
    values = order._prepare_invoice()
    lines = []
    for line in order._get_recurring_lines():
        line_values = line._prepare_invoice_line(quantity=line.product_uom_qty)
        line_values.pop('sale_line_ids')
        lines.append(Command.create(line_values))
    return {**values, 'invoice_line_ids': lines}


def _live_orders(env: Environment) -> Any:
    """Return the orders that are charged to a card, whose caches are empty."""
    found = env['sale.order'].search([('billing_token_id', '!=', False)], order='id')
    env.invalidate_all()
    return found


def _check_paid(events: Any) -> None:
    """Refuse to report a run that has not collected everything."""
    events.invalidate_recordset()
    if set(events.mapped('status')) != {'completed'}:
        raise ValueError(f"Not all were collected: {set(events.mapped('status'))}")
    _check_invoices(events.invoice_id)


def _check_invoices(invoices: Any) -> None:
    """Refuse to report documents that are not what they should be."""
    if any(move.payment_state not in {'paid', 'in_payment'} for move in invoices):
        raise ValueError("Not all invoices were paid.")
