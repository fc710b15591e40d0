"""Many orders and invoices where the addon isn't installed yet: inside Odoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odoo import Command

from devtools.bench import row_copies

if TYPE_CHECKING:
    from odoo.api import Environment

PARTNERS = 1000


def fill(env: Environment, count: int) -> None:
    """Fill a database of the addon's dependencies.

    An order that was invoiced is copied by SQL with its lines, its invoice, the entries in
    accounting, and its payment.

    :param odoo.api.Environment env: The superuser's environment.
    :param int count: How many orders, and how many invoices.
    """
    company = env.ref('base.main_company')
    company.country_id = env.ref('base.us')
    env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)
    partner = env['res.partner'].create({'name': "Customer", 'email': 'one@existing.example.com'})
    products = env['product.product'].create(
        [{'name': name, 'list_price': 80.0, 'type': 'service'} for name in ("Advice", "Repair")]
    )
    order = env['sale.order'].create(
        {
            'partner_id': partner.id,
            'order_line': [Command.create({'product_id': product.id}) for product in products],
        }
    )
    order.action_confirm()
    order.order_line.qty_delivered = 1
    invoice = order._create_invoices()
    invoice.action_post()
    provider = env.ref('payment.payment_provider_demo')
    provider.state = 'test'
    transaction = env['payment.transaction'].create(
        {
            'provider_id': provider.id,
            'payment_method_id': provider.payment_method_ids[:1].id,
            'amount': order.amount_total,
            'currency_id': order.currency_id.id,
            'partner_id': partner.id,
            'reference': order.name,
            'state': 'done',
            'is_post_processed': True,
        }
    )
    env.flush_all()
    partners = row_copies.copy(
        env,
        partner,
        PARTNERS,
        name="'Customer ' || n",
        complete_name="'Customer ' || n",
        commercial_partner_id=f'{partner.id} + n',
    )
    partner_id = f'{partners} + 1 + n % {PARTNERS}'
    orders = row_copies.copy(env, order, count, name="'EXISTING/' || n", partner_id=partner_id)
    for line in order.order_line:
        row_copies.copy(env, line, count, order_id=f'{orders} + n')
    invoices = row_copies.copy(
        env,
        invoice,
        count,
        name="'EXISTING/' || n",
        sequence_prefix="'EXISTING/'",
        sequence_number='n',
        partner_id=partner_id,
    )
    for line in invoice.line_ids:
        row_copies.copy(env, line, count, move_id=f'{invoices} + n', move_name="'EXISTING/' || n")
    row_copies.copy(env, transaction, count, reference="'EXISTING-' || n", partner_id=partner_id)
    env.cr.commit()
    env.invalidate_all()
