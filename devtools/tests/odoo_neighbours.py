"""Sales that need another of Odoo's apps: executed inside Odoo, not by pytest."""

from odoo import Command

from devtools.demo_payments import DemoPayments


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
            'partner_id': env['res.partner'].search([('name', '=', "Anna Peeters")]).id,
            'order_line': [Command.create({'product_id': product.id})],
        }
    )
    order._update_programs_and_rewards()
    for coupon, rewards in order._get_claimable_rewards().items():
        order._apply_program_reward(rewards[:1], coupon)
    order._mark_link_sent("The link was copied.")
    DemoPayments(env).pay(order)
    return [
        order.state,
        order.billing_status,
        order.amount_total,
        order.billing_paid,
        order.billing_move_ids.payment_state,
        len(order.order_line.filtered('is_reward_line')),
    ]
