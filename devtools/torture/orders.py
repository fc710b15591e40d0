"""The recurring orders that are charged: made inside Odoo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from dateutil.relativedelta import relativedelta

from odoo import Command, fields
from odoo.api import Environment

from devtools.torture import adyen

EVENTS_PER_ORDER = 2
PARTNERS = 10
APPROVED_CARD = 'pm_card_visa'
# Bank accounts that are debited: one that pays after days, and one without money.
ACCOUNTS = ('000123456789', '000222222227')
# One order in so many has a card that can be saved but not charged.
DECLINED_CARD = 'pm_card_chargeCustomerFail'
DECLINED_SHARE = 8
# One order in so many is due later, or when nothing else is left to be charged.
HELD_BACK_SHARE = 4
# What one order of each type is made of: name and price of its lines, and their taxes in percent.
# The total of the instalments leaves a remainder in base and taxes, for the last one to absorb.
PRODUCTS = {
    'subscription': [("Gym membership", 20.0, 21)],
    'instalment': [("Course", 49.99, 21), ("Course book", 33.33, 6)],
    'metered': [("Kilowatt hour", 0.37, 21)],
}


def prepare(
    env: Environment,
    gateway: str,
    key: str,
    *,
    has_debits: bool = False,
    adyen_share: int | None = None,
) -> None:
    """Set up what orders need: the company, customers with two stored cards each, products.

    :param odoo.api.Environment env: The superuser's environment.
    :param str gateway: The URL of the fake gateway.
    :param str key: Its secret key.
    :param bool has_debits: Whether each has two bank accounts, too.
    :param int|None adyen_share: One customer in so many has the cards at Adyen.
    """
    prepare_company(env, gateway, key)
    if adyen_share:
        _prepare_adyen(env)
    for number in range(PARTNERS):
        # In pairs: of every second customer no card is declined (`create`).
        at_adyen = bool(adyen_share and number // 2 % adyen_share == 0)
        _create_tokens(env, gateway, key, number, has_debits=has_debits, at_adyen=at_adyen)
    taxes = {percent: _create_tax(env, percent) for percent in (6, 21)}
    env['product.product'].create(
        [
            {
                'name': name,
                'list_price': price,
                'type': 'service',
                'taxes_id': [Command.set(taxes[percent].ids)],
                'purchase_type': purchase_type,
            }
            for purchase_type, lines in PRODUCTS.items()
            for name, price, percent in lines
        ]
    )


def create(
    env: Environment,
    events: int,
    declined_share: int | None = DECLINED_SHARE,
    types: Sequence[str] = ('subscription',),
    held_back_share: int | None = None,
    debit_share: int | None = None,
) -> None:
    """Create live orders with missed payments.

    :param odoo.api.Environment env: The superuser's environment, prepared.
    :param int events: How many payments are to be due.
    :param int|None declined_share: One order in so many has a card that is declined.
    :param types: The purchase types of the orders, which take turns.
    :param int|None held_back_share: One order in so many is due tomorrow only, see `bring_forward`.
    :param int|None debit_share: One order in so many is debited from a bank account.
    """
    tokens = env['payment.token'].search([], order='id')
    sizes = [EVENTS_PER_ORDER] * (events // EVENTS_PER_ORDER)
    if events % EVENTS_PER_ORDER:
        sizes.append(events % EVENTS_PER_ORDER)
    values_list = []
    for number, size in enumerate(sizes):
        is_declined = bool(declined_share and number % declined_share == 0)
        is_debit = bool(debit_share and number % debit_share == 1)
        # Of each customer's cards and accounts, the second is the one that is declined.
        stride = len(tokens) // PARTNERS
        token = tokens[stride * (number % PARTNERS) + 2 * is_debit + is_declined]
        values_list.append(
            {
                'partner_id': token.partner_id.id,
                'user_id': env.ref('base.user_admin').id,
                'billing_token_id': token.id,
                **_prepare_terms(env, types[number % len(types)], size),
            }
        )
    orders = env['sale.order'].create(values_list)
    anchor = fields.Date.today() - relativedelta(months=EVENTS_PER_ORDER + 1)
    orders.write({'state': 'sale', 'billing_status': 'active', 'billing_anchor_date': anchor})
    env['billpro.billing.event'].create(
        [
            values
            for order, size in zip(orders, sizes, strict=True)
            for values in _prepare_events(order, size)
        ]
    )
    if held_back_share:
        held_back = orders[held_back_share - 1 :: held_back_share]
        tomorrow = fields.Datetime.add(fields.Datetime.now(), days=1)
        held_back.billing_event_ids.due_date = tomorrow


def bring_forward(env: Environment, orders: int) -> None:
    """Let the payments of orders that were held back be due, as far as there are any.

    :param odoo.api.Environment env: The superuser's environment.
    :param int orders: Of how many orders.
    """
    now = fields.Datetime.now()
    later = env['billpro.billing.event'].search(
        [('status', '=', 'scheduled'), ('due_date', '>', now)], order='id'
    )
    later.order_id[:orders].billing_event_ids.due_date = now


def _prepare_terms(env: Environment, purchase_type: str, size: int) -> dict[str, Any]:
    """Return the lines and terms of an order.

    :param odoo.api.Environment env: The superuser's environment.
    :param str purchase_type: A key of `PRODUCTS`.
    :param int size: How many payments it has missed.
    :rtype: dict
    """
    products = env['product.product'].search([('purchase_type', '=', purchase_type)])
    terms = {
        # The first period was paid at the checkout; after the missed ones it ends.
        'subscription': {'billing_cycles': size + 1},
        # A card was registered at the checkout; all of the total is paid in instalments.
        'instalment': {'billing_instalment_count': size, 'billing_deposit': 0},
        'metered': {'billing_initial_amount': 0},
    }[purchase_type]
    lines = [{'product_id': product.id, 'product_uom_qty': 1} for product in products]
    return {**terms, 'order_line': [Command.create(line) for line in lines]}


def _prepare_events(order: Any, size: int) -> list[dict[str, Any]]:
    """Return the values of the payments that an order has missed.

    :param sale.order order: The live order.
    :param int size: How many.
    :rtype: list[dict]
    """
    purchase = order._get_purchase()
    if order.purchase_type == 'subscription':
        return [
            values
            for number in range(1, size + 1)
            for values in purchase._prepare_event(order, number)
        ]
    if order.purchase_type == 'instalment':
        first_events: list[dict[str, Any]] = purchase._prepare_first_events(order)
        return first_events
    # As the dialog to take a payment does.
    return [
        {
            'order_id': order.id,
            'number': number,
            'due_date': fields.Datetime.subtract(fields.Datetime.now(), weeks=size + 1 - number),
            'amount': order.currency_id.round(10 + 1.37 * number),
            'note': f"Usage of week {number}",
        }
        for number in range(1, size + 1)
    ]


def prepare_company(env: Environment, gateway: str, key: str) -> None:
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
    _make_payment_method_line(provider)
    parameters = env['ir.config_parameter']
    parameters.set_param('billpro_fake_gateway.url', gateway)
    # The gateway is on this machine: nothing to be considerate of.
    parameters.set_param('billpro_portal.charges_per_second', 1000)


def _prepare_adyen(env: Environment) -> None:
    """Set up Adyen beside Stripe."""
    provider = env.ref('payment.payment_provider_adyen')
    provider.write(
        {
            'state': 'test',
            'adyen_merchant_account': adyen.MERCHANT,
            'adyen_api_key': 'key',
            'adyen_client_key': 'client',
            'adyen_hmac_key': adyen.HMAC_KEY,
            'adyen_api_url_prefix': 'prefix-torture',
            'allow_tokenization': True,
        }
    )
    _make_payment_method_line(provider)


def _make_payment_method_line(provider: Any) -> None:
    """Have Odoo make what it makes when the journal is first read: two workers would make two."""
    provider.journal_id.ensure_one()


def _create_tax(env: Environment, percent: int) -> Any:
    return env['account.tax'].create(
        {
            'name': f"Tax {percent}%",
            'amount': percent,
            'type_tax_use': 'sale',
            'price_include_override': 'tax_excluded',
        }
    )


def _create_tokens(
    env: Environment, gateway: str, key: str, number: int, *, has_debits: bool, at_adyen: bool
) -> None:
    """Create two stored cards of a new customer: one that can be charged, and one that can't.

    With debits they have two such bank accounts as well.
    """
    partner = env['res.partner'].create(
        {'name': f"Customer {number}", 'email': f'customer.{number}@customer.example.com'}
    )
    customer = _ask(gateway, key, 'customers', name=partner.name)['id']
    provider = env.ref('payment.payment_provider_stripe')
    if at_adyen:
        shopper = f'ODOO_PARTNER_{partner.id}'
        cards = [
            {'provider_ref': card, 'adyen_shopper_reference': shopper}
            for card in ('approved', adyen.DECLINED_CARD)
        ]
    else:
        methods = [
            _ask(gateway, key, f'payment_methods/{card}/attach', customer=customer)
            for card in (APPROVED_CARD, DECLINED_CARD)
        ]
        cards = [
            {'provider_ref': customer, 'stripe_payment_method': method['id']} for method in methods
        ]
    env['payment.token'].create(
        [
            {
                'provider_id': env.ref(
                    f'payment.payment_provider_{"adyen" if at_adyen else "stripe"}'
                ).id,
                'payment_method_id': env.ref('payment.payment_method_card').id,
                'partner_id': partner.id,
                'payment_details': '4242',
                **card,
            }
            for card in cards
        ]
    )
    for account in ACCOUNTS if has_debits else ():
        intent = _store_account(gateway, key, customer, account)
        env['payment.token'].create(
            {
                'provider_id': provider.id,
                'payment_method_id': env.ref('payment.payment_method_ach_direct_debit').id,
                'partner_id': partner.id,
                'provider_ref': customer,
                'stripe_payment_method': intent['payment_method'],
                'stripe_mandate': intent['mandate'],
                'payment_details': account[-4:],
            }
        )


def _store_account(gateway: str, key: str, customer: str, account: str) -> dict[str, Any]:
    """Store a bank account at the gateway; return the set-up."""
    acceptance = 'mandate_data[customer_acceptance]'
    details = 'payment_method_data[us_bank_account]'
    return _ask(
        gateway,
        key,
        'setup_intents',
        **{
            'customer': customer,
            'confirm': 'true',
            'payment_method_types[]': 'us_bank_account',
            'payment_method_data[type]': 'us_bank_account',
            f'{details}[account_number]': account,
            f'{details}[routing_number]': '110000000',
            f'{details}[account_holder_type]': 'individual',
            f'{acceptance}[type]': 'online',
            f'{acceptance}[online][ip_address]': '127.0.0.1',
            f'{acceptance}[online][user_agent]': "Torture",
        },
    )


def _ask(gateway: str, key: str, path: str, **values: str) -> dict[str, Any]:
    """Return what the gateway answers to a request."""
    response = requests.post(
        f'{gateway}/v1/{path}',
        data=values,
        headers={'Authorization': f'Bearer {key}', 'Stripe-Version': '2019-05-16'},
        timeout=10,
    )
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
