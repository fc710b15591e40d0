"""What a business has sold before it installs the addon: executed inside Odoo, not by pytest."""

from odoo import Command

SALES = ('draft', 'sent', 'sale', 'cancel')
INVOICES = ('draft', 'posted', 'cancel')


def create(env):
    """Fill a database without the addon with sales orders, invoices, payments and a card.

    :param odoo.api.Environment env: The superuser's environment.
    """
    company = env.ref('base.main_company')
    company.country_id = env.ref('base.us')
    env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)
    customer, unreachable = env['res.partner'].create(
        [{'name': "Anna Peeters", 'email': 'anna@customer.example.com'}, {'name': "No Address"}]
    )
    product = env['product.product'].create({'name': "Advice", 'list_price': 80.0})
    provider = env.ref('payment.payment_provider_demo')
    provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})
    orders = env['sale.order']
    for state in SALES:
        for partner in (customer, unreachable):
            orders += _create_order(env, partner, product, state)
    # The newest, for which a new mail template is rendered.
    orders += env['sale.order'].create({'partner_id': unreachable.id})
    for record in (*orders, *_create_invoices(env, customer, product)):
        record._portal_ensure_token()
    _create_payments(env, provider, orders[0], customer)


def _create_order(env, partner, product, state):
    order = env['sale.order'].create(
        {
            'partner_id': partner.id,
            'order_line': [
                Command.create({'product_id': product.id, 'product_uom_qty': 2}),
                Command.create({'display_type': 'line_note', 'name': "A note"}),
            ],
        }
    )
    if state == 'sent':
        order.action_quotation_sent()
    elif state == 'sale':
        order.action_confirm()
    elif state == 'cancel':
        order._action_cancel()
    return order


def _create_invoices(env, partner, product):
    invoices = env['account.move']
    for state in INVOICES:
        invoice = invoices.create(
            {
                'move_type': 'out_invoice',
                'partner_id': partner.id,
                'invoice_line_ids': [Command.create({'product_id': product.id})],
            }
        )
        if state == 'posted':
            invoice.action_post()
        elif state == 'cancel':
            invoice.button_cancel()
        invoices += invoice
    return invoices


def _create_payments(env, provider, order, partner):
    """Create payments of every state and kind, each of an order, an invoice or nothing."""
    transactions = env['payment.transaction']
    token = env['payment.token'].create(
        {
            'provider_id': provider.id,
            'payment_method_id': provider.payment_method_ids[:1].id,
            'partner_id': partner.id,
            'provider_ref': 'demo',
            'payment_details': '4242',
        }
    )
    for state in transactions._fields['state'].get_values(env):
        for operation in transactions._fields['operation'].get_values(env):
            transactions.create(
                {
                    'provider_id': provider.id,
                    'payment_method_id': provider.payment_method_ids[:1].id,
                    'amount': 80.0,
                    'currency_id': env.company.currency_id.id,
                    'partner_id': partner.id,
                    'token_id': token.id if operation == 'online_token' else False,
                    'operation': operation,
                    'state': state,
                    'reference': f'{state}-{operation}',
                    'is_post_processed': True,
                    'sale_order_ids': [Command.set(order.ids if state == 'done' else [])],
                }
            )


def pages(env):
    """Return what a server should answer to customers.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The HTTP status by path.
    :rtype: dict
    """
    records = (*env['sale.order'].search([]), *env['account.move'].search([]))
    return {record.get_portal_url(): 200 for record in records}
