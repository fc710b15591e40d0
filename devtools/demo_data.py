"""The demo company, its payment provider and its orders: executed inside Odoo, not by `./dev`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from dateutil.relativedelta import relativedelta

from odoo import Command, fields
from odoo.api import Environment
from odoo.tools import file_open

from devtools import demo_usage

if TYPE_CHECKING:
    from devtools.demo_payments import DemoPayments

CUSTOMERS: dict[str, dict[str, Any]] = {
    'anna': {
        'name': "Anna Peeters",
        'email': "anna.peeters@customer.example.com",
        'phone': "+1 415 555 2671",
        'street': "12 Linden Street",
        'city': "San Francisco",
        'zip': "94102",
    },
    'museum': {
        'name': "Museum of Industrial Design and Applied Arts of the Greater Bay Area",
        'is_company': True,
        'email': "purchasing@museum.example.com",
        'phone': "+1 415 555 2690",
        'street': "1600 Embarcadero, Pier 35, Building C, third floor",
        'city': "San Francisco",
        'zip': "94133",
        'vat': "US987654321",
    },
}
PRODUCTS: dict[str, tuple[str, float, str | None, dict[str, Any]]] = {
    'desk': ("Standing desk, oak", 640.0, 'table02.jpg', {}),
    'chair': ("Office chair Aurora", 289.5, 'product_chair.jpg', {}),
    'lamp': (
        "Reading lamp with dimmer, warm white, for shelves and workplaces up to 80 cm deep",
        74.9,
        'product_lamp.png',
        {},
    ),
    'membership': (
        "Studio membership",
        49.0,
        None,
        {
            'type': 'service',
            'purchase_type': 'subscription',
            'description_sale': "A desk of your own in the studio, every day from 8 to 20.",
        },
    ),
    'workshop': (
        "Furniture workshop, five evenings",
        450.0,
        None,
        {
            'type': 'service',
            'purchase_type': 'instalment',
            'billing_deposit_type': 'percent',
            'billing_deposit': 20,
            'billing_instalment_count': 4,
        },
    ),
    'laser': (
        "Laser cutter, minute",
        0.9,
        None,
        {'type': 'service', 'purchase_type': 'metered', 'billing_initial_amount': 20},
    ),
    'laser_minutes': ("Laser cutter", 0.9, None, {'type': 'service', 'purchase_type': 'metered'}),
    'filament': (
        "3D printer filament",
        0.04,
        None,
        {'type': 'service', 'purchase_type': 'metered'},
    ),
    'sign_up': ("Sign-up fee with key card", 25.0, None, {'type': 'service'}),
    'evenings': (
        "Studio evenings",
        29.0,
        None,
        {'type': 'service', 'purchase_type': 'subscription'},
    ),
    'locker': ("Locker", 8.0, None, {'type': 'service', 'purchase_type': 'subscription'}),
}
ORDERS = (
    ("To pay: one desk and two chairs", 'anna', (('desk', 1, 0), ('chair', 2, 10)), 'sent'),
    ("To pay: a long name", 'museum', (('lamp', 48, 5), ('chair', 120, 0)), 'sent'),
    ("Paid", 'anna', (('lamp', 2, 0),), 'paid'),
    ("Paid and partly refunded", 'museum', (('desk', 3, 0), ('lamp', 3, 0)), 'refunded'),
    ("To pay: a subscription", 'anna', (('membership', 1, 0), ('sign_up', 1, 0)), 'sent'),
    ("Active subscription", 'museum', (('membership', 4, 10), ('sign_up', 4, 0)), 'paid'),
    ("Subscription with a declined payment", 'anna', (('membership', 2, 0),), 'declined'),
    ("Subscription whose card expires soon", 'anna', (('membership', 1, 0),), 'expiring'),
    ("Subscription whose card was refused for good", 'museum', (('membership', 1, 0),), 'refused'),
    ("Subscription, declined and recovered", 'anna', (('membership', 3, 0),), 'recovered'),
    ("Instalments", 'museum', (('workshop', 2, 0),), 'paid'),
    ("Metered, with a payment scheduled", 'anna', (('laser', 1, 0),), 'metered'),
    ("Usage of a month", 'museum', (('laser_minutes', 1, 0), ('filament', 1, 0)), 'used'),
    ("Subscription with an add-on", 'anna', (('evenings', 1, 0), ('locker', 2, 0)), 'paid'),
)


def create(env: Environment, payments: DemoPayments) -> None:
    """Fill a new database, which has the addon installed.

    :param odoo.api.Environment env: The superuser's environment.
    :param DemoPayments payments: How the orders are paid, see `demo_payments.py`.
    """
    create_company(env)
    payments.set_up()
    create_orders(env, payments)


def create_company(env: Environment) -> None:
    """Set up the company and its chart of accounts.

    :param odoo.api.Environment env: The superuser's environment.
    """
    company = env.ref('base.main_company')
    company.write(
        {
            'name': "Aurora Studio",
            'street': "250 Executive Park Blvd",
            'city': "San Francisco",
            'zip': "94134",
            'state_id': env.ref('base.state_us_5').id,
            'country_id': env.ref('base.us').id,
            'phone': "+1 555-555-5556",
            'email': "hello@aurora.example.com",
            'website': "https://aurora.example.com",
            'company_registry': "US12345671",
            'billing_terms_url': "https://aurora.example.com/terms",
            'billing_privacy_url': "https://aurora.example.com/privacy",
            # No mail leaves a demo: nobody would get the code.
            'billing_confirm_changes': 'never',
        }
    )
    env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)


def create_orders(env: Environment, payments: DemoPayments) -> None:
    """Create customers, products and orders in the states that a visitor wants to see.

    :param odoo.api.Environment env: The superuser's environment.
    :param DemoPayments payments: How the orders are paid.
    """
    us = env.ref('base.us')
    customers = {
        key: env['res.partner'].create(
            {**values, 'country_id': us.id, 'state_id': env.ref('base.state_us_5').id}
        )
        for key, values in CUSTOMERS.items()
    }
    charges = demo_usage.create_charges(env)
    products = {}
    for key, (name, price, image, terms) in PRODUCTS.items():
        products[key] = env['product.product'].create(
            {
                'name': name,
                'list_price': price,
                'purchase_type': 'single',
                'billing_charge_id': charges[key].id if key in charges else False,
                **terms,
            }
        )
        if image:
            with file_open(f'product/static/img/{image}', 'rb') as picture:
                products[key].image_1920 = base64.b64encode(picture.read())
    _let_customers_add(env, products['evenings'], products['locker'])
    admin = env.ref('base.user_admin')
    for title, customer, lines, state in ORDERS:
        order = env['sale.order'].create(
            {
                'partner_id': customers[customer].id,
                'client_order_ref': title,
                'user_id': admin.id,
                'order_line': [
                    Command.create(
                        {
                            'product_id': products[key].id,
                            'product_uom_qty': quantity,
                            'discount': discount,
                        }
                    )
                    for key, quantity, discount in lines
                ],
            }
        )
        order._billing_mark_link_sent("The demo order's link was printed.")
        if state != 'sent':
            payments.pay(order)
        _bring_to(env, order, state, payments)


def _let_customers_add(env: Environment, plan: Any, addon: Any) -> None:
    """Let customers add something to a subscription, and drop it."""
    plan.product_tmpl_id.billing_addon_ids = addon.product_tmpl_id
    addon.product_tmpl_id.billing_family_id = env['billpro.plan.family'].create(
        {'name': "Extras", 'customers_may_raise': True, 'customers_may_lower': True}
    )


def _bring_to(env: Environment, order: Any, state: str, payments: DemoPayments) -> None:
    """Let happen to a paid order what makes it an example of a state."""
    run = env['billpro.billing.run']
    event = order.billing_event_ids[:1]
    if state == 'refunded':
        _refund(order, 100.0)
    if state in {'declined', 'recovered', 'refused'}:
        payments.treat_card_as(order, 'lost' if state == 'refused' else 'empty')
        run._run_events(event)
    if state == 'recovered':
        payments.treat_card_as(order, 'good')
        run._run_events(event)
    if state == 'expiring':
        order.billing_token_id.card_expiry_date = fields.Date.today() + relativedelta(day=31)
    if state == 'used':
        demo_usage.use(order)
    if state == 'metered':
        env['billpro.take.payment'].create(
            {'order_id': order.id, 'amount': 34.2, 'note': "38 minutes", 'when': 'later'}
        ).action_take_payment()


def _refund(order: Any, amount: float) -> None:
    """Pay back a part of an order."""
    refund_tx = order._billing_get_refundable_transactions()._billing_create_order_refund(amount)
    refund_tx._billing_send_order_refund()


def order_links(env: Environment) -> list[tuple[str, str]]:
    """Return the links of the demo orders.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The label and the URL of each.
    :rtype: list[tuple[str, str]]
    """
    orders = env['sale.order'].search([('purchase_type', '!=', False)], order='id')
    return [
        (f'{order.name} {order.client_order_ref or ""}'.strip(), order.order_link)
        for order in orders
    ]
