"""The subscriptions that are charged: made inside Odoo."""

import requests
from dateutil.relativedelta import relativedelta

from odoo import Command, fields

EVENTS_PER_ORDER = 5
PARTNERS = 10
APPROVED_CARD = 'pm_card_visa'
# One order in so many has a card that can be saved but not charged.
DECLINED_CARD = 'pm_card_chargeCustomerFail'
DECLINED_SHARE = 8
PRODUCT = "Gym membership"
PRICE = 20.0


def prepare(env, gateway, key):
    """Set up what orders need: the company, customers with two stored cards each, a product.

    :param odoo.api.Environment env: The superuser's environment.
    :param str gateway: The URL of the fake gateway.
    :param str key: Its secret key.
    """
    prepare_company(env, gateway, key)
    for number in range(PARTNERS):
        _create_tokens(env, gateway, key, number)
    env['product.product'].create(
        {
            'name': PRODUCT,
            'list_price': PRICE,
            'type': 'service',
            'taxes_id': [Command.set(_create_tax(env).ids)],
            'purchase_type': 'subscription',
        }
    )


def create(env, events, declined_share=DECLINED_SHARE):
    """Create live subscriptions with missed periods.

    :param odoo.api.Environment env: The superuser's environment, prepared.
    :param int events: How many payments are to be due.
    :param int|None declined_share: One order in so many has a card that is declined.
    """
    product = env['product.product'].search([('name', '=', PRODUCT)])
    tokens = env['payment.token'].search([], order='id')
    sizes = [EVENTS_PER_ORDER] * (events // EVENTS_PER_ORDER)
    if events % EVENTS_PER_ORDER:
        sizes.append(events % EVENTS_PER_ORDER)
    values_list = []
    for number, size in enumerate(sizes):
        is_declined = bool(declined_share) and number % declined_share == 0
        # Of each customer, the second card is the one that is declined.
        token = tokens[2 * (number % PARTNERS) + is_declined]
        values_list.append(
            {
                'partner_id': token.partner_id.id,
                'user_id': env.ref('base.user_admin').id,
                'billing_token_id': token.id,
                # The first period was paid at the checkout; after the missed ones it ends.
                'billing_cycles': size + 1,
                'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': 1})],
            }
        )
    orders = env['sale.order'].create(values_list)
    anchor = fields.Date.today() - relativedelta(months=EVENTS_PER_ORDER + 1)
    orders.write({'state': 'sale', 'billing_status': 'active', 'billing_anchor_date': anchor})
    purchase = orders[:1]._get_purchase()
    env['billpro.billing.event'].create(
        [
            values
            for order, size in zip(orders, sizes, strict=True)
            for number in range(1, size + 1)
            for values in purchase._prepare_event(order, number)
        ]
    )


def prepare_company(env, gateway, key):
    """Set up the company, its chart of accounts, and Stripe as the fake gateway answers it.

    :param odoo.api.Environment env: The superuser's environment.
    :param str gateway: The URL of the fake gateway.
    :param str key: Its secret key.
    """
    env['account.chart.template'].try_loading('generic_coa', env.company, install_demo=False)
    env.ref('base.user_admin').group_ids += env.ref('billpro_portal.group_billing_manager')
    provider = env.ref('payment.payment_provider_stripe')
    provider.write(
        {
            'state': 'test',
            'stripe_secret_key': key,
            'stripe_publishable_key': 'pk_test_fakegateway',
            'allow_tokenization': True,
        }
    )
    parameters = env['ir.config_parameter']
    parameters.set_param('billpro_fake_gateway.url', gateway)
    # The gateway is on this machine: nothing to be considerate of.
    parameters.set_param('billpro_portal.charges_per_second', 1000)


def _create_tax(env):
    return env['account.tax'].create(
        {
            'name': "Tax 21%",
            'amount': 21.0,
            'type_tax_use': 'sale',
            'price_include_override': 'tax_excluded',
        }
    )


def _create_tokens(env, gateway, key, number):
    """Create two stored cards of a new customer: one that can be charged, and one that can't."""
    partner = env['res.partner'].create(
        {'name': f"Customer {number}", 'email': f'customer.{number}@customer.example.com'}
    )
    customer = _ask(gateway, key, 'customers', name=partner.name)['id']
    provider = env.ref('payment.payment_provider_stripe')
    env['payment.token'].create(
        [
            {
                'provider_id': provider.id,
                'payment_method_id': env.ref('payment.payment_method_card').id,
                'partner_id': partner.id,
                'provider_ref': customer,
                'stripe_payment_method': _ask(
                    gateway, key, f'payment_methods/{card}/attach', customer=customer
                )['id'],
                'payment_details': '4242',
            }
            for card in (APPROVED_CARD, DECLINED_CARD)
        ]
    )


def _ask(gateway, key, path, **values):
    """Return what the gateway answers to a request."""
    response = requests.post(
        f'{gateway}/v1/{path}',
        data=values,
        headers={'Authorization': f'Bearer {key}', 'Stripe-Version': '2019-05-16'},
        timeout=10,
    )
    response.raise_for_status()
    return response.json()
