"""People who work on the orders while the charge run does: executed inside Odoo."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from random import Random
from typing import Any

import psycopg2

from odoo import fields
from odoo.api import Environment
from odoo.exceptions import UserError

# Begins what a request does, in a transaction of its own.
NewEnvironment = Callable[[], AbstractContextManager[Environment]]
# What people do, as often as it stands here.
DEEDS = (
    *['cancel_event'] * 2,
    *['cancel_order'] * 1,
    *['skip'] * 2,
    *['pause'] * 2,
    *['resume'] * 2,
    *['execute_now'] * 4,
    *['retry_with_other_card'] * 4,
    *['change_card'] * 2,
    *['agree_to_backup'] * 2,
    *['run_now'] * 1,
    *['reschedule'] * 3,
)
HOURS_OF_A_RESCHEDULE = 48
ENDED = {'completed', 'recovered', 'skipped', 'merged', 'cancelled'}


def act(new_environment: NewEnvironment, numbers: Random, count: int) -> None:
    """Do some things at random, each as a request of its own.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    :param random.Random numbers: Where the choices come from.
    :param int count: How many things to do.
    """
    for _number in range(count):
        attempt(new_environment, globals()[f'_{numbers.choice(DEEDS)}'], numbers)


def attempt(new_environment: NewEnvironment, deed: Callable[..., None], *arguments: Any) -> bool:
    """Do something in a request of its own.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    :param Callable deed: What to do; takes the environment and the arguments.
    :return: Whether it was done.
    :rtype: bool
    """
    try:
        with new_environment() as env:
            deed(env, *arguments)
    except UserError:
        return False  # Refused, as it may be: another one, or a webhook, was faster.
    except psycopg2.OperationalError:
        return False  # Odoo would repeat the request.
    return True


def say_what_happened(new_environment: NewEnvironment, references: set[str]) -> int:
    """Answer the question about payments that no machine knows the outcome of.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    :param set references: The attempts that the gateway has charged.
    :return: How many were answered.
    :rtype: int
    """
    with new_environment() as env:
        asked = env['payment.transaction'].search(
            [
                ('billing_event_id.status', '=', 'unknown'),
                ('billing_order_id.activity_ids', '!=', False),
            ]
        )
        questions = [
            (tx.billing_event_id.id, tx.reference)
            for tx in asked.filtered('billing_outcome_unknown')
            if f"Was {tx.reference} executed?" in tx.billing_order_id.activity_ids.mapped('summary')
        ]
    return sum(
        attempt(new_environment, _answer_question, event_id, reference in references)
        for event_id, reference in questions
    )


def _answer_question(env: Environment, event_id: int, is_charged: bool) -> None:
    manager = env.ref('base.user_admin')
    event = env['billpro.billing.event'].with_user(manager).browse(event_id)
    if is_charged:
        event.action_was_charged()
    else:
        event.action_was_not_charged()


def give_up_what_was_changed(new_environment: NewEnvironment, now: datetime) -> int:
    """Cancel what can't be invoiced as agreed, or was paid by hand.

    The charge run sets it aside with the reason: the last payments of orders that skipped others.
    Those of orders that nobody changed are left: they should not be there.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    :param datetime.datetime now: The time of the workers.
    :return: How many were cancelled.
    :rtype: int
    """
    with new_environment() as env:
        set_aside = env['billpro.billing.event'].search(
            [
                ('status', 'in', ['scheduled', 'soft_declined']),
                ('due_date', '<=', now),
                '|',
                ('status_message', 'like', "by hand"),
                '&',
                ('status_message', 'like', "instead of"),
                ('order_id.billing_event_ids.status', 'in', ['skipped', 'cancelled']),
            ]
        )
    return sum(attempt(new_environment, _give_up, event_id) for event_id in set_aside.ids)


def _give_up(env: Environment, event_id: int) -> None:
    event = env['billpro.billing.event'].browse(event_id)
    event.order_id._lock_billing()
    event._apply_trigger('cancel')


def _any_event(env: Environment, numbers: Random, *statuses: str) -> Any:
    """Return a random event in one of some statuses, or none."""
    events = env['billpro.billing.event'].search([('status', 'in', statuses)])
    return events.browse(numbers.choice(events.ids)) if events else events


def _cancel_event(env: Environment, numbers: Random) -> None:
    event = _any_event(env, numbers, 'scheduled', 'processing', 'soft_declined')
    event.order_id._lock_billing()
    event._apply_trigger('cancel')


def _cancel_order(env: Environment, numbers: Random) -> None:
    order = _any_event(env, numbers, 'scheduled').order_id
    order._lock_billing()
    # Refused as a whole if one of them is on its way.
    order.billing_event_ids.filtered(lambda e: e.status not in ENDED)._apply_trigger('cancel')


def _skip(env: Environment, numbers: Random) -> None:
    event = _any_event(env, numbers, 'scheduled', 'processing')
    event.order_id._lock_billing()
    event._apply_trigger('skip')


def _pause(env: Environment, numbers: Random) -> None:
    event = _any_event(env, numbers, 'scheduled', 'processing')
    event.order_id._lock_billing()
    event._apply_trigger('pause')


def _resume(env: Environment, numbers: Random) -> None:
    event = _any_event(env, numbers, 'paused')
    event.order_id._lock_billing()
    event._apply_trigger('resume')


def _execute_now(env: Environment, numbers: Random) -> None:
    _any_event(env, numbers, 'scheduled', 'soft_declined').action_execute_now()


def _retry_with_other_card(env: Environment, numbers: Random) -> None:
    event = _any_event(env, numbers, 'soft_declined')
    event.order_id._lock_billing()
    cards = env['payment.token'].search([('partner_id', '=', event.partner_id.id)], order='id')
    # The first one is the one that can be charged.
    event.order_id.billing_token_id = cards[:1]
    event.action_execute_now()


def _change_card(env: Environment, numbers: Random) -> None:
    order = _any_event(env, numbers, 'scheduled').order_id
    order._lock_billing()
    cards = env['payment.token'].search([('partner_id', '=', order.partner_id.id)])
    order.billing_token_id = cards.browse(numbers.choice(cards.ids)) if cards else False


def _agree_to_backup(env: Environment, numbers: Random) -> None:
    order = _any_event(env, numbers, 'scheduled', 'soft_declined', 'completed').order_id
    order._lock_billing()
    cards = order._billing_get_available_cards()
    order._billing_choose_backup(cards.browse(numbers.choice(cards.ids)))


def _run_now(env: Environment, _numbers: Random) -> None:
    env['billpro.billing.run'].action_run_now()


def _reschedule(env: Environment, numbers: Random) -> None:
    event = _any_event(env, numbers, 'scheduled', 'soft_declined')
    event.order_id._lock_billing()
    hours = numbers.randint(-HOURS_OF_A_RESCHEDULE, HOURS_OF_A_RESCHEDULE)
    event.due_date = fields.Datetime.add(fields.Datetime.now(), hours=hours)
