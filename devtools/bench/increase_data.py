"""A price increase of many live subscriptions, step by step: inside Odoo."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from odoo import fields, sql_db
from odoo.api import Environment

from devtools.bench import list_data

# Their next period begins in so many days: its payment follows the new price.
DAYS = 9


def measure(env: Environment, orders: int) -> dict[str, Any]:
    """Raise the price of orders that were made by SQL, and measure each step.

    :param odoo.api.Environment env: The superuser's environment.
    :param int orders: How many orders.
    :return: The seconds and queries by step.
    :rtype: dict
    """
    list_data.fill(env, orders, orders * (list_data.PERIODS - 1))
    _make_live(env)
    template = env['sale.order'].search([('client_order_ref', '=', "Active subscription")])[-1]
    manager = env.ref('base.user_admin')
    manager.company_ids |= template.company_id
    increases = env['billpro.price.increase'].with_user(manager).with_company(template.company_id)
    increase = increases.create(
        {
            'product_ids': template._get_recurring_lines().product_id.ids,
            'percent': 10,
            'day': fields.Date.today() + timedelta(days=DAYS),
            'notice_days': DAYS - 2,
        }
    )
    steps: dict[str, dict[str, float]] = {}
    _measure(env, steps, 'bulk move', _begin_move(env, manager).action_preview)
    env.invalidate_all()
    _measure(env, steps, 'preview', increase.action_preview)
    ready = increase.ready_count
    if not ready:
        raise AssertionError(f"No price can be raised: {increase.line_ids.mapped('reason')[:3]}")
    increase.action_confirm()
    _measure(env, steps, 'planned', env['billpro.price.increase']._cron_plan)
    _measure(env, steps, 'told', lambda: _send_all(env))
    env.cr.execute(
        "UPDATE billpro_change SET first_day = %s WHERE state = 'planned'", [fields.Date.today()]
    )
    env.invalidate_all()
    _measure(env, steps, 'raised', lambda: _raise_all(env))
    env.invalidate_all()
    missing = increase.line_ids.filtered(lambda line: line.first_day and line.state != 'done')
    if missing.filtered(lambda line: not line.order_id.client_order_ref):
        raise AssertionError(f"Some prices were not raised: {missing.mapped('state')}")
    return {'orders': ready, 'steps': steps}


def _begin_move(env: Environment, manager: Any) -> Any:
    """Return an action that moves the next payments of all of them, not looked at yet."""
    orders = env['sale.order'].search([('billing_status', '=', 'active')])
    actions = env['billpro.bulk.action'].with_user(manager).with_company(orders[-1:].company_id)
    action = actions.browse(actions._open_for(orders.with_env(actions.env))['res_id'])
    action.write({'kind': 'move', 'day': fields.Date.today() + timedelta(days=DAYS + 1)})
    env.flush_all()
    env.invalidate_all()
    return action


def _make_live(env: Environment) -> None:
    """Let all of the copies be active orders whose customers can be told."""
    env.cr.execute(
        """
        UPDATE sale_order SET billing_status = 'active' WHERE name LIKE 'B%';
        UPDATE billpro_billing_event SET status = 'completed' WHERE status LIKE '%declined';
        """
    )
    env.cr.commit()  # What the scheduled actions roll back goes no further than to here.
    env.invalidate_all()


def _send_all(env: Environment) -> None:
    """Hand over all notices, as the scheduled action does it again and again."""
    notices = env['billpro.notification']
    while notices.search_count(notices._get_to_send_domain()):
        notices._cron_send()
        env.invalidate_all()


def _raise_all(env: Environment) -> None:
    """Raise all prices, as the charge run does it again and again."""
    changes = env['billpro.change']
    while changes.search_count([('state', '=', 'planned')]):
        env['billpro.price.increase']._carry_out_due()
        env.invalidate_all()


def _measure(
    env: Environment, steps: dict[str, dict[str, float]], name: str, act: Callable[[], object]
) -> None:
    """Do a step, and note what it takes."""
    queries, began = sql_db.sql_counter, time.perf_counter()
    act()
    env.flush_all()
    steps[name] = {
        'seconds': round(time.perf_counter() - began, 1),
        'queries': sql_db.sql_counter - queries,
    }
