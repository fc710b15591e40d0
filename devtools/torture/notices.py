"""The notices that the run has queued, and their sending by two workers: executed inside Odoo."""

from __future__ import annotations

from collections import Counter

import psycopg2

from odoo.api import Environment

from devtools.torture.staff import NewEnvironment

TRIES = 20


def keep_some(env: Environment, count: int) -> int:
    """Leave some notices to be sent, and none of the documents that go with them.

    :param odoo.api.Environment env: The superuser's environment.
    :param int count: How many to leave at most.
    :return: How many are left.
    :rtype: int
    """
    kinds = env['billpro.notification.kind'].search([('mail_template_id', '!=', False)])
    kinds.mail_template_id.report_template_ids = False
    queued = env['billpro.notification'].search([('state', '=', 'queued')], order='id desc')
    queued[count:].state = 'outdated'
    return len(queued[:count])


def send_all(new_environment: NewEnvironment) -> None:
    """Send what is queued, together with whoever else does, as the scheduler lets its jobs do.

    :param Callable new_environment: Gives an environment with a cursor of its own.
    """
    for _try in range(TRIES):
        try:
            with new_environment() as env:
                env['billpro.notification']._cron_send()
                if not env['billpro.notification'].search_count([('state', '=', 'queued')]):
                    return
        except psycopg2.errors.SerializationFailure:
            continue  # The other one was faster; the scheduler runs the job again.


def judge(env: Environment, sent: int) -> list[str]:
    """Check that each payment was told once, and that each notice was made once.

    :param odoo.api.Environment env: The superuser's environment.
    :param int sent: How many notices were to be sent.
    :return: What is wrong.
    :rtype: list[str]
    """
    problems: list[str] = []
    notices = env['billpro.notification'].search([])
    received = notices.filtered(lambda notice: notice.kind == 'payment_received')
    told = Counter(notice.event_id.id for notice in received)
    paid = env['billpro.billing.event'].search([('status', 'in', ['completed', 'recovered'])])
    for event in paid:
        # Who has paid an invoice by bank knows it.
        txs = event._get_sources().transaction_ids
        # What was returned afterwards was told, too.
        collected = int('done' in txs.mapped('state')) + len(txs.filtered('billing_return_date'))
        if told[event.id] != collected:
            problems.append(f"{event.display_name} was paid and told {told[event.id]} times")
    handed_over = notices.filtered(lambda notice: notice.state == 'handed_over')
    mails = env['mail.mail'].search([('mail_message_id', 'in', handed_over.message_id.ids)])
    # Others go to the people who were given something to look at.
    customers = notices.order_id.partner_id
    made = env['mail.mail'].search_count([('recipient_ids', 'in', customers.ids)])
    if not len(handed_over) == len(handed_over.message_id) == len(mails) == made:
        problems.append(
            f"{len(handed_over)} notices of {sent} became {made} mails, {len(mails)} of them known"
        )
    problems += [
        f"Notice {notice.id} was not made: {notice.failure_reason}"
        for notice in notices.filtered(lambda notice: notice.state in {'queued', 'failed'})
    ]
    return problems
