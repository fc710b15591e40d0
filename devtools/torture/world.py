"""What the adversary finds: orders that can be paid, and people with logins. Made inside Odoo."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from odoo import Command
from odoo.api import Environment

from devtools.torture.adversary import WRITTEN, Checkout, World

PASSWORD = 'torture-torture'  # noqa: S105
SALES = 'sales_team.group_sale_salesman_all_leads'
ROLES = {
    'accounting': ('account.group_account_manager', SALES),
    'administration': ('base.group_system', SALES),
    'billing': ('billpro_portal.group_billing_manager', SALES),
    'sales': (SALES,),
}
# The orders that are paid at the checkout take turns; none of them has payments to come.
PRODUCTS = ({'name': "Desk", 'purchase_type': 'single', 'list_price': 100.0},) * 2 + (
    {'name': "Water", 'purchase_type': 'metered', 'list_price': 50.0},
)
INITIAL_AMOUNT = 60.5


def prepare(env: Environment, checkouts: int) -> World:
    """Make what the adversary needs.

    :param odoo.api.Environment env: The superuser's environment; company, cards and taxes exist.
    :param int checkouts: How many orders can be paid by their link.
    :rtype: dict
    """
    provider = env.ref('payment.payment_provider_stripe')
    provider.is_published = True
    logins = {role: _create_user(env, role, groups) for role, groups in ROLES.items()}
    return {
        'database': env.cr.dbname,
        'provider_id': provider.id,
        'payment_method_id': env.ref('payment.payment_method_card').id,
        'checkouts': _create_checkouts(env, checkouts),
        'logins': logins,
        'password': PASSWORD,
        'guarded': {model: _get_guarded_fields(model) for model, _domain in WRITTEN.values()},
    }


def _create_user(env: Environment, role: str, groups: Collection[str]) -> str:
    """Create somebody with a login; return it."""
    login = f'clerk.{role}'
    env['res.users'].with_context(no_reset_password=True).create(
        {
            'name': f"Clerk in {role}",
            'login': login,
            'password': PASSWORD,
            'group_ids': [Command.set([env.ref(group).id for group in groups])],
        }
    )
    return login


def _create_checkouts(env: Environment, count: int) -> list[Checkout]:
    """Create orders whose links were sent."""
    products = [
        env['product.product'].create(
            {
                'type': 'service',
                'taxes_id': [
                    Command.set(env['account.tax'].search([('amount', '=', 21)], limit=1).ids)
                ],
                **values,
            }
        )
        for values in PRODUCTS
    ]
    partners = env['payment.token'].search([]).partner_id
    orders = env['sale.order'].create(
        [
            {
                'partner_id': partners[number % len(partners)].id,
                'user_id': env.ref('base.user_admin').id,
                'order_line': [Command.create({'product_id': products[number % len(products)].id})],
            }
            for number in range(count)
        ]
    )
    orders.filtered(
        lambda order: order.purchase_type == 'metered'
    ).billing_initial_amount = INITIAL_AMOUNT
    orders._billing_mark_link_sent("The link was sent.")
    return [
        {'id': order.id, 'link': _get_path(order._billing_get_order_link()), 'name': order.name}
        for order in orders
    ]


def _get_path(address: str) -> str:
    """Return what stands in an address after the server."""
    parts = urlsplit(address)
    return f'{parts.path}?{parts.query}'


def _get_guarded_fields(model: str) -> list[str]:
    """Return the fields of a model that only the addon itself writes on an order's records."""
    guards: Any = sys.modules['odoo.addons.billpro_portal.models.rights.guarded_fields']
    names = guards.OWN.get(model, set()) | guards.OF_ORDERS.get(model, set())
    return sorted(names | ALSO_GUARDED.get(model, set()))


# Guarded by methods of their own.
ALSO_GUARDED = {
    'payment.transaction': {'amount', 'state', 'provider_reference', 'is_post_processed'},
    'account.payment': {'payment_transaction_id'},
    'billpro.billing.event': {'status', 'amount', 'due_date', 'order_id', 'number'},
}
