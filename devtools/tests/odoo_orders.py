"""Orders of every purchase type and their books: executed inside Odoo, not by pytest."""

from odoo import Command, fields

from devtools import demo_data
from devtools.demo_payments import DemoPayments

PRODUCTS = {
    'instalment': ("Course", 300.0, {'billing_instalment_count': 3, 'billing_deposit': 30.0}),
    'metered': ("Water", 2.5, {'billing_initial_amount': 10.0}),
}


def create(env):
    """Fill a new database with orders that were paid, declined, refunded and charged again.

    :param odoo.api.Environment env: The superuser's environment.
    """
    payments = DemoPayments(env)
    demo_data.create(env, payments)
    customer = env['res.partner'].search([('name', '=', "Anna Peeters")])
    for purchase_type, (name, price, terms) in PRODUCTS.items():
        product = env['product.product'].create(
            {'name': name, 'list_price': price, 'purchase_type': purchase_type, **terms}
        )
        order = _create_order(env, customer, product)
        order._billing_mark_link_sent("The link was copied.")
        payments.pay(order)
        if purchase_type == 'metered':
            env['billpro.billing.event'].create(
                {
                    'order_id': order.id,
                    'number': 1,
                    'due_date': fields.Datetime.now(),
                    'amount': 17.43,
                }
            )
        env['billpro.billing.run']._run_events(order.billing_event_ids[:1])
    ordinary_product = env['product.product'].create({'name': "Advice", 'list_price': 80.0})
    _create_order(env, customer, ordinary_product).action_confirm()


def _create_order(env, customer, product):
    return env['sale.order'].create(
        {
            'partner_id': customer.id,
            'user_id': env.ref('base.user_admin').id,
            'order_line': [Command.create({'product_id': product.id})],
        }
    )


def books(env):
    """Return what Odoo's own models say about orders, invoices and payments.

    :param odoo.api.Environment env: The superuser's environment.
    :return: Rows of each model, in an order that doesn't change.
    :rtype: dict
    """
    return _read(
        env,
        {
            'sale.order': ('name', 'state', 'amount_total', 'invoice_status'),
            'account.move': ('name', 'state', 'payment_state', 'amount_total', 'amount_residual'),
            'account.payment': ('name', 'state', 'amount', 'is_reconciled'),
            'payment.transaction': ('reference', 'state', 'amount', 'operation'),
            'payment.token': ('payment_details', 'active'),
        },
    )


def billing(env):
    """Return what the addon says about orders: their terms, schedule, cards and notices.

    :param odoo.api.Environment env: The superuser's environment.
    :return: Rows of each model, in an order that doesn't change.
    :rtype: dict
    """
    return _read(
        env,
        {
            'sale.order': (
                *('purchase_type', 'billing_status', 'access_token', 'billing_anchor_date'),
                *('billing_interval_count', 'billing_interval_unit', 'billing_instalment_count'),
                *('billing_deposit', 'billing_initial_amount', 'billing_paid'),
                *('billing_refunded', 'billing_credited', 'billing_balance'),
            ),
            'billpro.billing.event': (
                *('number', 'due_date', 'amount', 'status', 'period_start', 'period_end'),
            ),
            'billpro.notification': ('kind', 'channel', 'fact', 'state'),
            'payment.token': ('card_brand', 'card_expiry_date'),
            'res.company': ('billing_terms_url', 'billing_retry_days', 'billing_cancel_mode'),
        },
    )


def _read(env, models):
    return {
        model: [
            [record[name] for name in names]
            for record in env[model].with_context(active_test=False).search([], order='id')
        ]
        for model, names in models.items()
    }


def pages(env):
    """Return what a server should answer to customers.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The HTTP status by path.
    :rtype: dict
    """
    orders = env['sale.order'].search([('purchase_type', '!=', False)])
    return {'/web/login': 200, **{order._billing_get_order_link(): 200 for order in orders}}
