"""The addon beside other apps of Odoo: executed inside Odoo, not by pytest."""

import re

import requests

from odoo import Command

from devtools.demo_payments import DemoPayments
from devtools.neighbours import strangers
from devtools.neighbours import walk as main_walk
from devtools.neighbours.serving import serving

from . import odoo_after_uninstall, odoo_orders

SECONDS_TO_ANSWER = 60


def existing_pages(env):
    """Return what customers see of what was sold without the addon.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The HTTP status and the text by path.
    :rtype: dict
    """
    with serving(env) as address:
        return {
            path: [answer.status_code, _visible(answer.text)]
            for path, answer in _get(address, strangers.pages(env)).items()
        }


def open_links(env):
    """Open the links of all orders.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The expected and the found HTTP status by path.
    :rtype: list
    """
    return _compare(env, odoo_orders.pages(env))


def open_pages_after_uninstall(env):
    """Open Odoo's pages, and those of the addon that are gone.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The expected and the found HTTP status by path.
    :rtype: list
    """
    return _compare(env, odoo_after_uninstall.pages(env))


def walk(env):
    """Walk in each company, see `devtools.neighbours.walk`.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The companies, how many documents were fetched, and the failures.
    :rtype: dict
    """
    return main_walk.walk(env)


def walk_in_one(env):
    """Walk in the company with the chart of accounts that asks for most.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The company, how many documents were fetched, and the failures.
    :rtype: dict
    """
    return main_walk.walk(env, strangers.of(env)[-1:])


def _compare(env, expected):
    with serving(env) as address:
        answers = _get(address, expected)
    return [expected, {path: answer.status_code for path, answer in answers.items()}]


def _get(address, paths):
    """Open pages, each as a new visitor, who isn't redirected."""
    return {
        path: requests.get(address + path, timeout=SECONDS_TO_ANSWER, allow_redirects=False)
        for path in paths
    }


def _visible(page):
    """Return the text of a page, as far as it doesn't change from visit to visit."""
    body = re.sub(r'<(script|style)\b.*?</\1>', '', page, flags=re.DOTALL)
    return ' '.join(re.sub(r'<[^>]+>', ' ', body).split())


def install_loyalty(env):
    """Install `sale_loyalty` where everything else is, as an administrator does.

    :param odoo.api.Environment env: The superuser's environment.
    """
    env['ir.module.module'].search([('name', '=', 'sale_loyalty')]).button_immediate_install()


def pay_with_reward(env):
    """Pay an order with a promotion of `sale_loyalty`.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The order's state, billing status, total, what was paid, the state of its invoice and
             the number of its rewards.
    :rtype: list
    """
    product = env['product.product'].create(
        {'name': "Shelf", 'list_price': 100.0, 'purchase_type': 'single', 'taxes_id': False}
    )
    env['loyalty.program'].create(
        {
            'name': "Ten percent off",
            'program_type': 'promotion',
            'trigger': 'auto',
            'applies_on': 'current',
            'rule_ids': [Command.create({'product_ids': [Command.set(product.ids)]})],
            'reward_ids': [
                Command.create(
                    {
                        'reward_type': 'discount',
                        'discount': 10,
                        'discount_mode': 'percent',
                        'discount_applicability': 'order',
                    }
                )
            ],
        }
    )
    order = env['sale.order'].create(
        {
            'partner_id': env['res.partner'].search([('name', '=', "Anna Peeters")], limit=1).id,
            'order_line': [Command.create({'product_id': product.id})],
        }
    )
    order._update_programs_and_rewards()
    for coupon, rewards in order._get_claimable_rewards().items():
        order._apply_program_reward(rewards[:1], coupon)
    order._billing_mark_link_sent("The link was copied.")
    DemoPayments(env).pay(order)
    return [
        order.state,
        order.billing_status,
        order.amount_total,
        order.billing_paid,
        order.billing_move_ids.payment_state,
        len(order.order_line.filtered('is_reward_line')),
    ]
