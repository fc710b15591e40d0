import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.modules.registry import Registry

from ...billing import backoff, references
from ...billing.declines import AUTHENTICATION, HARD, SOFT
from ...billing.lifecycle import (
    CHARGEABLE_EVENTS,
    CHARGEABLE_ORDERS,
    COLLECTABLE_ORDERS,
    IN_FLIGHT,
    LIVE,
    OPEN,
    PAID,
    REQUESTABLE_EVENTS,
)
from ..changes.change import TIME_TO_COLLECT
from ..each_alone.own_transaction import GIVE_WAY
from ..lifecycle.sale_order import OVERDUE_AFTER
from ..rights.own_context import INSIDE, Answers
from .batch import BATCH_CONTEXT

_logger = logging.getLogger(__name__)
# How long a run lets orders follow changed taxes; the next one goes on.
SECONDS_FOR_TAXES = 60
# How long before an authorisation ends the salesperson is reminded of it.
DAYS_LEFT_TO_CAPTURE = 2
BOOKING_TRIES = 5
DECLINE_TRIGGERS = {SOFT: 'decline_soft', HARD: 'decline_hard', AUTHENTICATION: 'require_action'}
BATCH_SIZE = 200


class BillproBillingRun(models.Model):
    """The charge run: collects what is due in three phases with a commit between them.

    *Open* writes the intent, *charge* talks to the provider, *book* records the money. A crash
    anywhere leaves a state that the next run picks up without charging anything twice: whatever
    was opened is charged by whoever locks it first, and booking, which touches the database only,
    is repeated until it is done.

    Besides, it carries out requests of customers, and what is due on a date. Each order is a
    transaction of its own: one that another worker holds is left for the next run.

    The run knows no companies, but its report does: there is one for each company that had
    something due, so that nobody learns how much the others charge.
    """

    _name = 'billpro.billing.run'
    _inherit = ['billpro.own.fields']
    _description = "Billing Run"

    _order = 'id desc'
    company_id = fields.Many2one(
        comodel_name='res.company',
        readonly=True,
        index=True,
        help="Empty on reports from before they were kept by company.",
    )
    start_date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    due_count = fields.Integer(string="Due", readonly=True)
    charged_count = fields.Integer(string="Charged", readonly=True)
    declined_count = fields.Integer(string="Declined", readonly=True)
    unknown_count = fields.Integer(string="Unknown", readonly=True)
    failed_count = fields.Integer(string="Failed", readonly=True)
    seconds = fields.Float(readonly=True)

    # === ENTRY POINTS === #

    @api.model
    def _cron_run(self):
        """Collect all that is due, batch by batch, as long as the scheduler lets us."""
        for task, part in (
            ('inquire', self.env['payment.transaction']._billing_resolve_unknown_outcomes),
            ('authenticate', self._refresh_authentications),
            ('processing', self._refresh_processing),
            ('book', self._book_all),
            ('payable', self.env['billpro.books']._look_again_at_orders),
            ('price', self.env['billpro.price.increase']._carry_out_due),
            ('dates', self._keep_dates),
            ('usage', self._bill_usage),
            ('watch', self._watch_authorizations),
            ('collect', self._collect_requested),
            ('forget', self.env['billpro.failure']._forget_needless),
            ('forget_addresses', self.env['payment.transaction']._billing_forget_addresses),
        ):
            # What is wrong with one of them mustn't keep anything from being collected.
            self.env['billpro.own.transaction']._commit_alone(self.env.company, task, part)
        while True:
            run = self._run_batch()
            remaining = self.env['billpro.billing.event'].search_count(self._get_due_domain())
            has_time = self.env['ir.cron']._commit_progress(
                sum(run.mapped('due_count')), remaining=remaining
            )
            # A provider that doesn't answer is asked again by the next run, not at once.
            if not has_time or not remaining or not run._has_answers():
                break

    def _has_answers(self):
        """Return whether anything came of the run's attempts.

        :rtype: bool
        """
        return any(run.charged_count + run.declined_count + run.unknown_count for run in self)

    @api.model
    def action_run_now(self):
        """Collect all that is due at once, for staff of the companies they are working in.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not run it.
        """
        self.check_access('create')
        own = Domain('company_id', 'in', self.env.companies.ids)
        return self.sudo()._run_batch(self._get_due_domain() & own)._get_notification()

    @api.model
    def _run_events(self, events):
        """Collect some events now, whether they are due or not; those of an order one by one.

        :param billpro.billing.event events: Scheduled or softly declined events.
        :return: The reports of the run, one a company and round.
        :rtype: billpro.billing.run
        """
        runs = self.browse()
        while events:
            first = events._get_first_of_orders()
            runs |= self._run_batch(Domain('id', 'in', first.ids))
            events -= first
        return runs

    @api.model
    def _collect_change(self, change):
        """Collect what a change costs, if it costs anything: without it nothing changes.

        :param billpro.change change: The change.
        """
        events = change.event_ids
        if events:
            self._run_events(events)
            if events.status == 'scheduled':  # Nothing was sent.
                change.order_id._lock_billing()
                change._give_up(events.status_message)

    @api.model
    def _collect_early(self, event):
        """Collect what is paid before its day: if it can't be sent, it is due then.

        :param billpro.billing.event event: The payment.
        """
        self._run_events(event)
        if event.status == 'scheduled':  # Nothing was sent.
            event.order_id._lock_billing()
            event._give_up_early(event.status_message)

    @api.model
    def _withdraw_early(self, order):
        """Withdraw what is to be paid early and waits for the customer's bank, as they ask.

        If the bank was faster it is paid; if the provider doesn't answer it goes on waiting.

        :param sale.order order: The order.
        """
        self._withdraw_attempts(
            order._billing_get_open_authentication().filtered(
                lambda tx: tx.billing_event_id.is_early
            )
        )

    @api.model
    def _run_batch(self, domain=None):
        """Open, charge and book one batch.

        :param Domain domain: Which events; what is due if not given.
        :return: The reports of the run, one a company; none if nothing was due.
        :rtype: billpro.billing.run
        """
        started = time.monotonic()
        opened = self._open(domain or self._get_due_domain())
        # From here on the intent survives any crash.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        txs = opened | self._get_attempts_to_charge()
        self._charge(txs)
        failed = self._book_answered()
        run = self._report(txs, failed, time.monotonic() - started) if txs else self.browse()
        # The money is in the books: nothing that follows in this request may undo that.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return run

    @api.model
    def _report(self, txs, failed, seconds):
        """Keep what a batch did, for each company what is its own.

        :param payment.transaction txs: The attempts of the batch.
        :param payment.transaction failed: Those that were tried and could not be booked.
        :param float seconds: How long the batch took.
        :return: The reports.
        :rtype: billpro.billing.run
        """
        # The provider may be of a parent company.
        txs_by_company, failed_by_company = (
            attempts.grouped(lambda tx: tx.billing_order_id.company_id)
            for attempts in (txs, failed)
        )
        return self.create(
            [
                {
                    'company_id': company.id,
                    'seconds': seconds,
                    'failed_count': len(failed_by_company.get(company, ())),
                    **self._count_outcomes(txs_by_company.get(company, txs.browse())),
                }
                for company in (txs | failed).billing_order_id.company_id
            ]
        )

    @api.model
    def _count_outcomes(self, txs):
        """Return the counts that a report has of attempts.

        :param payment.transaction txs: The attempts of one company.
        :rtype: dict
        """
        return {
            'due_count': len(txs),
            'charged_count': len(txs.filtered(lambda tx: tx.state == 'done')),
            'declined_count': len(
                txs.filtered(
                    lambda tx: tx.state in {'error', 'cancel'} and tx.billing_refusal != 'invalid'
                )
            ),
            'unknown_count': len(txs.filtered('billing_outcome_unknown')),
        }

    def _get_notification(self, reason=None):
        """Return the message that tells staff what a run did for the companies they work in.

        :param str reason: Why nothing was due, if a payment was set aside.
        :rtype: dict
        """
        own = self.filtered(lambda run: run.company_id in self.env.companies)
        charged, declined, unknown, failed = (
            sum(own.mapped(f'{name}_count'))
            for name in ('charged', 'declined', 'unknown', 'failed')
        )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'warning' if declined or unknown or failed or reason else 'success',
                'message': self.env._(
                    "%(charged)s charged, %(declined)s declined, %(unknown)s unknown.",
                    charged=charged,
                    declined=declined,
                    unknown=unknown,
                )
                if own
                else reason or self.env._("Nothing is due."),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    # === PHASE 1: OPEN === #

    @api.model
    def _get_due_domain(self):
        """Return which payments are due: by their date, by that of a retry, or by request.

        Those that could not be opened, or booked, aren't tried again at once.

        :rtype: Domain
        """
        Failure = self.env['billpro.failure']
        waiting = Failure._get_waiting_ids('billpro.billing.event', 'open')
        waiting += Failure._get_waiting_ids('billpro.billing.event', 'invalid')
        waiting += Failure._get_unbookable_ids('billpro.billing.event')
        now = fields.Datetime.now()
        by_date = Domain('status', '=', 'scheduled') & Domain('due_date', '<=', now)
        by_retry = Domain('status', '=', 'soft_declined') & Domain('retry_date', '<=', now)
        by_request = Domain('requested_date', '<=', now)
        by_itself = (by_date | by_retry) & Domain('id', 'not in', waiting)
        return (by_itself & self._get_chargeable_domain()) | (
            by_request & self._get_requested_domain()
        )

    @api.model
    def _get_chargeable_domain(self):
        """Return which payments the run and staff may open at all."""
        return (
            Domain('status', 'in', CHARGEABLE_EVENTS)
            & Domain('is_above_cap', '=', False)
            & Domain('order_id.billing_status', 'in', CHARGEABLE_ORDERS)
            & Domain('order_id.billing_is_stopped', '=', False)
            & self._get_unanswered_domain()
        )

    @api.model
    def _get_unanswered_domain(self):
        """Return which payments wait for no other one of their order: one attempt at a time.

        A card that is lost would be tried twice, before anybody knows.
        """
        return Domain('order_id.billing_event_ids', 'not any', [('status', 'in', list(IN_FLIGHT))])

    @api.model
    def _get_requested_domain(self):
        """Return which payments may be opened because the customer asked for it."""
        return (
            Domain('requested_date', '!=', False)
            & Domain('status', 'in', REQUESTABLE_EVENTS)
            & Domain('order_id.billing_status', 'in', COLLECTABLE_ORDERS)
            & self._get_unanswered_domain()
        )

    @api.model
    def _open(self, domain):
        """Write the intent to charge for the next events that can be charged.

        :param Domain domain: The events to open.
        :return: The attempts; at most as many as a batch has.
        :rtype: payment.transaction
        """
        Event = self.env['billpro.billing.event'].with_context(**BATCH_CONTEXT)
        domain &= self._get_chargeable_domain() | self._get_requested_domain()
        offset = 0
        while candidates := Event.search(domain, limit=BATCH_SIZE, offset=offset):
            txs = self._open_candidates(candidates, domain)
            if txs:
                return txs
            # What is set aside stays due. Whoever stopped here would never get past a batch of it.
            # What credit has paid doesn't.
            offset += len(candidates.filtered_domain(domain))
        return self.env['payment.transaction']

    @api.model
    def _open_candidates(self, candidates, domain):
        """Write the intent to charge: draft invoice, attempt, and event in processing.

        Events and orders that another worker holds are left to it. Of each order one is opened: the
        others are looked at again when its answer is known.

        :param billpro.billing.event candidates: Events that were found, not locked yet.
        :param Domain domain: What they must still fit when they are locked.
        :return: The attempts.
        :rtype: payment.transaction
        """
        orders = candidates.order_id.try_lock_for_update(allow_referencing=True)
        # Whoever has another one of the order under way has changed it, not the order.
        events = orders.billing_event_ids.filtered(lambda event: event.status in OPEN)
        locked = events.try_lock_for_update(allow_referencing=True)
        orders -= (events - locked).order_id
        locked = candidates.filtered(lambda event: event.order_id in orders)
        waiting = locked.filtered_domain(domain)
        txs = self.env['payment.transaction']
        # What is set aside, or fails, keeps no other one of its order waiting.
        while first := waiting._get_first_of_orders():
            opened, _failed = self.env['billpro.own.transaction']._split_until_alone(
                first.grouped('id').values(),
                'open',
                self._open_in_companies,
                on_failure=self._note_unopened,
            )
            txs = txs.union(*opened)
            waiting -= first | txs.billing_order_id.billing_event_ids
        return txs

    @api.model
    def _open_in_companies(self, locked):
        """Write the intent to charge for events that are locked, each in its own company.

        :param billpro.billing.event locked: The events.
        :return: The attempts.
        :rtype: payment.transaction
        """
        return self.env['payment.transaction'].union(
            *(
                self.with_company(company)._open_locked(events.with_company(company))
                for company, events in locked.grouped('company_id').items()
            )
        )

    @api.model
    def _open_locked(self, locked):
        """Write the intent to charge for events that are locked with their orders.

        :param billpro.billing.event locked: The events of a company, which is the present one.
        :return: The attempts.
        :rtype: payment.transaction
        """
        locked.order_id._billing_get_waiting_change()._give_up(
            self.env._("The next payment is due.")
        )
        # What the customer agreed to pay at once isn't collected when nobody expects it any more.
        forgotten = locked.filtered(
            lambda event: (
                event.is_early and event.due_date <= fields.Datetime.now() - TIME_TO_COLLECT
            )
        )
        forgotten._give_up_early(self.env._("It could not be collected at once."))
        locked -= forgotten
        locked._carry_out_planned_changes()
        locked.order_id._billing_use_credit()
        locked._leave_out_invoiced_lines()
        events = self._set_aside_unchargeable(locked)
        books = self.env['billpro.books']
        events = self._set_aside_unbookable(events, books._find_missing_journals(events))
        free = events.filtered(lambda event: event._is_free())
        self._book_covered(free)
        events -= free
        without_invoice = events.filtered(lambda event: not event.invoice_id)
        # What the invoices are made of is read at once here, not order by order below.
        lines = without_invoice.order_id.order_line
        lines.fetch(['tax_ids', 'invoice_lines'])
        lines.invoice_lines.fetch(['move_id', 'quantity', 'product_uom_id', 'is_downpayment'])
        for same_type in without_invoice.grouped(lambda e: e.order_id.purchase_type).values():
            same_type[0].order_id._get_purchase()._create_event_invoices(same_type)
        events = self._set_aside_touched_invoices(events.filtered('invoice_id'))
        events = self._set_aside_wrong_invoices(events)
        covered = events.filtered(lambda event: event.currency_id.is_zero(event.amount))
        self._book_covered(covered)
        events -= covered
        events = self._set_aside_unbookable(events, books._find_refusals(events))
        self.env['billpro.failure']._forget_unbookable(events, 'bookable')
        # What the customer asked for and can't be had is not under way any more.
        (locked - events).filtered('requested_date').requested_date = False
        txs = events.env['payment.transaction'].create(self._prepare_attempts(events))
        for event in events:
            event.attempt_count += 1
        events._note_opening()
        events._apply_trigger('open')
        return txs

    @api.model
    def _note_unopened(self, failure, _error):
        """Note on an event why it could not be opened.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        failure._get_record().write(
            {
                'status_message': failure.reason,
                # What the customer asked for and can't be had is not under way any more.
                'requested_date': False,
            }
        )

    @api.model
    def _set_aside_unchargeable(self, events):
        """Leave out the events whose card or provider can't be charged, and say why.

        :param billpro.billing.event events: Locked events.
        :return: Those that can be charged.
        :rtype: billpro.billing.event
        """
        chargeable = events.browse()
        for event in events:
            if refusal := event._get_refusal_to_charge():
                event.status_message = refusal
            else:
                chargeable += event
        return chargeable

    @api.model
    def _set_aside_touched_invoices(self, events):
        """Leave out the events whose invoice somebody has paid, credited or cancelled by hand.

        :param billpro.billing.event events: Locked events with their invoices.
        :return: The others.
        :rtype: billpro.billing.event
        """
        touched = events.filtered(lambda event: event._is_invoice_touched())
        for event in touched:
            event.status_message = self.env._(
                "Its invoice %s was paid, credited or cancelled by hand. Skip the payment if there"
                " is nothing left to collect, or bring the invoice back to what it was. If it was"
                " credited as a whole, “Execute now” collects the payment by a new invoice.",
                event.invoice_id.display_name,
            )
            event.order_id._billing_ask_staff(
                f'touched-{event.id}',
                self.env._("Payment %s can't be collected as agreed", event.display_name),
                event.status_message,
            )
        return events - touched

    @api.model
    def _set_aside_wrong_invoices(self, events):
        """Leave out the events whose invoice is not what will be charged.

        :param billpro.billing.event events: Locked events with their draft invoices.
        :return: Those whose invoices have their amounts.
        :rtype: billpro.billing.event
        """
        wrong = events.filtered(lambda event: event._has_wrong_invoice())
        for event in wrong:
            purchase = event.order_id._get_purchase()
            if event.invoice_id.state == 'draft' and purchase._keep_amount_shown(event):
                event._discard_draft_invoices()
                purchase._create_event_invoices(event)
        wrong = wrong.filtered(lambda event: event._has_wrong_invoice())
        for event in wrong:
            event.status_message = event.order_id._get_purchase()._describe_difference(
                event, event._get_amount_of_invoice()
            )
        wrong._discard_draft_invoices()
        return events - wrong

    @api.model
    def _set_aside_unbookable(self, events, refusals):
        """Leave out the events that could not be booked if they were charged, and tell staff.

        :param billpro.billing.event events: Locked events of a company.
        :param dict refusals: Why, by event.
        :return: The others.
        :rtype: billpro.billing.event
        """
        for event, reason in refusals.items():
            event.status_message = reason
            # What only the customer's request would collect isn't tried again by itself.
            if event._is_charged_by_itself():
                self.env['billpro.own.transaction']._note_failure(
                    event, 'bookable', UserError(reason), delays=()
                )
        refused = events.browse(event.id for event in refusals)
        refused._discard_draft_invoices()
        return events - refused

    @api.model
    def _prepare_attempts(self, events):
        """Return the values of the next attempts to collect events, each with a free reference.

        References can be foreseen, and Odoo's own payment page takes any: one that is taken gets a
        number behind it.

        :param billpro.billing.event events: The events.
        :rtype: list[dict]
        """
        Transaction = events.env['payment.transaction']
        values_list = [self._prepare_attempt(event) for event in events]
        references = [values['reference'] for values in values_list]
        taken = set(Transaction.search([('reference', 'in', references)]).mapped('reference'))
        for event, values in zip(events, values_list, strict=True):
            if values['reference'] in taken:
                values['reference'] = Transaction._compute_reference(
                    event.order_id.billing_token_id.provider_code, prefix=values['reference']
                )
        return values_list

    @api.model
    def _prepare_attempt(self, event):
        """Return the values of the next attempt to collect an event.

        :param billpro.billing.event event: The event.
        :rtype: dict
        """
        order = event.order_id
        token = order.billing_token_id
        attempt = event.attempt_count + 1
        return {
            'provider_id': token.provider_id.id,
            'payment_method_id': token.payment_method_id.id,
            'token_id': token.id,
            'operation': 'offline',
            'reference': references.scheduled_payment(order.name, event.id, attempt),
            'amount': event.amount,
            'currency_id': event.currency_id.id,
            'partner_id': order.partner_invoice_id.id,
            'invoice_ids': [fields.Command.set(event.invoice_id.ids)],
            'billing_order_id': order.id,
            'billing_event_id': event.id,
            'billing_attempt': attempt,
        }

    # === PHASE 2: CHARGE === #

    @api.model
    def _get_attempts_to_charge(self):
        """Return the opened attempts that a crashed run left behind.

        What was sent is taken up whatever became of its payment: another attempt may have been
        approved meanwhile. Those that broke off before anything was sent aren't tried again at
        once.

        :rtype: payment.transaction
        """
        waiting = self.env['billpro.failure']._get_waiting_ids('payment.transaction', 'charge')
        return self.env['payment.transaction'].search(
            [
                ('billing_event_id', '!=', False),
                '|',
                ('billing_event_id.status', 'in', list(IN_FLIGHT)),
                ('billing_sent_date', '!=', False),
                ('state', '=', 'draft'),
                ('id', 'not in', waiting),
            ],
            # Those that were sent go first, however many were opened since and refused.
            order='billing_sent_date, id',
            limit=BATCH_SIZE,
        )

    @api.model
    def _charge(self, txs):
        """Send attempts to their providers, each in a short transaction of its own.

        Several are under way at once, up to the number in the system parameter
        `billpro_portal.charge_workers`, and at most `billpro_portal.charges_per_second` begin in
        a second. Once a provider refuses the key, or says that there are too many requests, it gets
        no more in this run: what is left stays due.

        :param payment.transaction txs: The attempts.
        """
        parameters = self.env['ir.config_parameter'].sudo()
        if not txs:
            return
        workers = int(parameters.get_param('billpro_portal.charge_workers', 4))
        rate = float(parameters.get_param('billpro_portal.charges_per_second', 20))
        self._trigger_post_processing(len(txs) / rate)
        # Read before the commit: nothing may be known of an attempt before its lock is held.
        providers = {tx.id: tx.provider_id.id for tx in txs}
        # The job is known, whatever becomes of the first charge; threads see it no sooner.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        refusals = {}
        if workers <= 1:
            self._charge_one_by_one(providers, rate, refusals)
        else:
            self._charge_in_threads(providers, rate, refusals, workers)
            self.env.invalidate_all()
            # A new view of the database, to see what the threads committed.
            self.env.cr.commit()  # pylint: disable=invalid-commit
        self._note_refusals(txs, refusals)

    @api.model
    def _charge_one_by_one(self, providers, rate, refusals):
        begin = time.monotonic()
        for index, (tx_id, provider_id) in enumerate(providers.items()):
            if provider_id not in refusals:
                self._wait_until(begin + index / rate)
                self._charge_one(self.env, tx_id, refusals)

    @api.model
    def _charge_in_threads(self, providers, rate, refusals, workers):
        begin = time.monotonic()
        database, context = self.env.cr.dbname, dict(self.env.context)
        futures = {}
        with ThreadPoolExecutor(max_workers=workers) as pool:
            for index, (tx_id, provider_id) in enumerate(providers.items()):
                if provider_id not in refusals:
                    self._wait_until(begin + index / rate)
                    futures[tx_id] = pool.submit(
                        *(self._charge_in_thread, database, self.env.uid, context),
                        *(tx_id, provider_id, refusals),
                    )
        for tx_id, future in futures.items():
            if error := future.exception():
                _logger.error("Attempt %s broke off", tx_id, exc_info=error)

    @api.model
    def _note_refusals(self, txs, refusals):
        """Tell staff of providers that refuse all requests, once, and forget it when they answer.

        A limit passes by itself: staff hear of it when several runs meet it.

        :param payment.transaction txs: The attempts of a run.
        :param dict refusals: What was refused, by the provider's id.
        """

        def tell(reason):
            if reason:
                raise UserError(reason)

        answered = txs.filtered(lambda tx: tx.state in {'done', 'error'}).provider_id
        refusals = {
            provider_id: refusal
            for provider_id, refusal in refusals.items()
            if refusal[0] != 'limit' or provider_id not in answered.ids
        }
        for provider in txs.provider_id.filtered(lambda one: one.id in refusals or one in answered):
            kind, reason = refusals.get(provider.id, (None, None))
            self.env['billpro.own.transaction']._commit_alone(
                provider,
                'refused',
                partial(tell, reason),
                delays=backoff.OWN_TRANSACTION if kind == 'limit' else (),
            )

    @api.model
    def _trigger_post_processing(self, seconds):
        """Have Odoo's job book what this run doesn't come to book; once, not attempt by attempt.

        :param float seconds: How long the charges take at least.
        """
        self.env.ref('payment.cron_post_process_payment_tx')._trigger(
            at=fields.Datetime.add(fields.Datetime.now(), minutes=1, seconds=seconds)
        )

    @api.model
    def _wait_until(self, moment):
        """Keep to the rate: wait for the moment at which the next charge may begin.

        :param float moment: A reading of the monotonic clock, in seconds.
        """
        delay = moment - time.monotonic()
        if delay > 0:
            time.sleep(delay)

    @api.model
    def _charge_in_thread(self, database, uid, context, tx_id, provider_id, refusals):
        """Send one attempt with a cursor of its own."""
        if provider_id in refusals:
            return  # While it waited for its turn.
        with Registry(database).cursor() as cr:
            self._charge_one(api.Environment(cr, uid, context, su=True), tx_id, refusals)

    @api.model
    def _charge_one(self, env, tx_id, refusals=None):
        """Send one attempt, if nobody else does, and commit its outcome.

        :param api.Environment env: The environment whose cursor is committed.
        :param int tx_id: The attempt.
        :param dict refusals: Takes up what the provider refuses of whatever card, by its id.
        """
        tx = env['payment.transaction'].browse(tx_id)
        tx = tx.with_context(billing_post_processing_triggered=INSIDE, billing_answers=Answers())

        def charge():
            if not tx._billing_try_lock_with_order():
                return False
            if tx.state == 'draft':
                # The totals of the order follow with the booking, for all orders at once.
                with env.protecting(
                    tx.billing_order_id._billing_get_total_fields(), tx.billing_order_id
                ):
                    tx._billing_charge_event()
                is_refused = tx.billing_refusal in {'key', 'limit'} and (
                    tx.state == 'draft' or tx.billing_outcome_unknown
                )
                if is_refused and refusals is not None:
                    refusals[tx.provider_id.id] = (tx.billing_refusal, tx.state_message)
            return True

        # The outcome is committed before everything else.
        env['billpro.own.transaction']._commit_alone(
            tx, 'charge', charge, on_failure=tx._billing_keep_broken_charge
        )

    # === BOOKING === #

    @api.model
    def _get_attempts_to_book(self):
        """Return the answered attempts whose events don't know it yet.

        Those that could not be booked aren't tried again at once.

        :rtype: payment.transaction
        """
        waiting = self.env['billpro.failure']._get_waiting_ids('payment.transaction', 'book')
        return self.env['payment.transaction'].search(
            [
                ('billing_event_id', '!=', False),
                ('operation', '!=', 'refund'),
                ('is_post_processed', '=', False),
                ('id', 'not in', waiting),
                '|',
                # Webhooks and banks approve what was declined, at any time.
                ('state', '=', 'done'),
                '&',
                ('billing_event_id.status', 'in', [*IN_FLIGHT, 'action_required']),
                ('state', 'in', ['error', 'cancel', 'pending']),
            ]
        )

    @api.model
    def _book_all(self):
        """Book whatever moved money: attempts, and what nobody has booked of everything else."""
        self._book_answered()
        self.env['payment.transaction']._billing_book_left_over()

    @api.model
    def _book_answered(self):
        """Book all attempts that were answered and commit; begin anew when others were faster.

        :return: Those that could not be booked.
        :rtype: payment.transaction
        """
        for _try in range(BOOKING_TRIES):
            try:
                failed = self._book(self._get_attempts_to_book())
                # Booked: nothing that follows in this request may undo it.
                self.env.cr.commit()  # pylint: disable=invalid-commit
                return failed
            except GIVE_WAY:
                self.env.cr.rollback()  # What is left is booked by the next run.
        return self.env['payment.transaction']

    @api.model
    def _book(self, txs):
        """Record what became of attempts: invoices, payments, events, orders, next events.

        Does nothing for what is booked already. A payment that fails keeps the reason and is tried
        again; the others go on.

        :param payment.transaction txs: Attempts, whatever their state.
        :return: Those that could not be booked.
        :rtype: payment.transaction
        """
        txs = txs.with_context(**BATCH_CONTEXT).filtered(lambda tx: tx.state != 'draft')
        if not txs:
            return txs
        # Orders that another worker is booking, or a customer is acting on, are left for later.
        orders = txs.billing_order_id.try_lock_for_update(allow_referencing=True)
        txs = txs.filtered(lambda tx: tx.billing_order_id in orders)
        if not txs:
            return txs
        _booked, failed = self.env['billpro.own.transaction']._split_until_alone(
            txs.grouped('id').values(),
            'book',
            self._book_in_companies,
            on_failure=self._note_unbooked,
        )
        return failed

    @api.model
    def _book_in_companies(self, txs):
        """Record what became of attempts, each in the company of its order.

        Jobs work in that of the superuser: what products and customers have for each company,
        such as their accounts, would be that company's. The provider may be of a parent company.

        :param payment.transaction txs: Answered attempts.
        """
        for company, of_company in txs.grouped(lambda tx: tx.billing_order_id.company_id).items():
            self.with_company(company)._book_batch(of_company.with_company(company))

    @api.model
    def _note_unbooked(self, failure, _error):
        """Note on the event of an attempt why it could not be booked.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        tx = failure._get_record()
        tx.billing_order_id._billing_mark_totals_to_compute()
        tx.billing_event_id.status_message = failure.reason

    @api.model
    def _book_batch(self, txs):
        """Record what became of attempts of a company, which is the present one.

        :param payment.transaction txs: Answered attempts.
        """
        approved = txs.filtered(lambda tx: tx.state == 'done' and not tx.payment_id)
        collected = approved.filtered(
            lambda tx: tx.billing_event_id.status not in PAID | {'merged'}
        )
        approved.billing_order_id._billing_mark_totals_to_compute()
        for tx in collected:
            if tx.currency_id.compare_amounts(tx.amount, tx.billing_event_id.amount):
                tx.billing_event_id._take_collected_amount(tx.amount)
        self._restore_invoices(approved)
        self._book_payments(approved)
        for tx in approved:
            event = tx.billing_event_id
            if event.status in PAID | {'merged'}:
                tx.billing_order_id._billing_report_payment_on_account(
                    tx,
                    self.env._(
                        "Payment %s was collected twice. The second one is on the customer's"
                        " account: refund it.",
                        event.display_name,
                    ),
                )
            else:
                was_declined = event._get_sources().filtered('first_declined_date')
                event._apply_trigger(
                    'recover' if was_declined and event.status in IN_FLIGHT else 'approve'
                )
                self._report_needless_money(tx)
        self._give_up_unsent_attempts(approved.billing_event_id)
        # An earlier attempt says nothing about the one that is under way.
        present = txs.filtered(
            lambda tx: (
                tx.billing_event_id.status in IN_FLIGHT
                and tx.billing_attempt == tx.billing_event_id.attempt_count
            )
        )
        declined = present.filtered(lambda tx: tx.state in {'error', 'cancel'})
        declined._billing_classify_decline()
        for tx in declined:
            event = tx.billing_event_id
            event._apply_trigger(DECLINE_TRIGGERS[tx.billing_decline_class], tx.state_message)
            event._record_decline(tx)
        waiting = present.filtered('billing_action_required')
        for tx in waiting:
            tx.billing_event_id._apply_trigger('require_action', tx.state_message)
            tx._billing_schedule_inquiry()
            tx.billing_event_id._record_decline(tx)
        unknown = present.filtered(
            lambda tx: tx.billing_outcome_unknown and tx.billing_event_id.status == 'processing'
        )
        for tx in unknown:
            tx.billing_event_id._apply_trigger('lose', tx.state_message)
        over = approved | txs.filtered(lambda tx: tx.state in {'error', 'cancel'})
        over.is_post_processed = True
        for tx in declined | txs.filtered(lambda tx: tx._billing_has_failed_authentication()):
            tx.billing_event_id.change_id._give_up(tx.state_message)
            tx.billing_event_id._give_up_early(tx.state_message)
        collected.billing_event_id.change_id._carry_out_paid()
        collected.billing_event_id._finish_early()
        (approved | declined | waiting).billing_event_id._schedule_next_events()
        txs.billing_order_id._billing_use_credit()
        txs.billing_order_id._billing_follow_payments()
        collected.billing_event_id._follow_collection()
        collected._billing_tell_customer('payment_received')
        (declined | waiting)._billing_announce_declines()

    @api.model
    def _report_needless_money(self, tx):
        """Ask staff about what was collected while its invoice was paid or credited by hand.

        :param payment.transaction tx: An approved attempt, booked.
        """
        payment = tx.payment_id
        # Without an account for outstanding receipts payments have no entry to reconcile.
        if payment.is_reconciled or not payment.move_id:
            return
        if tx._billing_get_invoices_paid():
            tx.billing_order_id._billing_report_part_on_account(tx)
            return
        tx.billing_order_id._billing_report_payment_on_account(
            tx,
            self.env._(
                "The invoice of payment %s was paid, credited or cancelled by hand while the card"
                " was charged for it. What was collected is on the customer's account: refund one"
                " of them.",
                tx.billing_event_id.display_name,
            ),
        )

    @api.model
    def _give_up_unsent_attempts(self, events):
        """Drop the attempts to collect what an earlier attempt has just paid.

        :param billpro.billing.event events: Payments with an approved attempt.
        """
        unsent = events.transaction_ids.filtered(
            lambda tx: tx.state == 'draft' and not tx.billing_sent_date
        )
        if unsent:
            unsent._billing_supersede()
            unsent.is_post_processed = True

    @api.model
    def _restore_invoices(self, txs):
        """Make the invoices anew of payments that were given up, and approved after all.

        :param payment.transaction txs: Approved attempts.
        """
        events = txs.billing_event_id.filtered(
            lambda event: not event.invoice_id and event.status != 'merged'
        )
        for same_type in events.grouped(lambda event: event.order_id.purchase_type).values():
            same_type[0].order_id._get_purchase()._create_event_invoices(same_type)
        for tx in txs.filtered(lambda tx: tx.billing_event_id in events):
            tx.invoice_ids = tx.billing_event_id.invoice_id

    @api.model
    def _book_payments(self, txs):
        """Post the invoices of approved attempts, create their payments and reconcile them.

        :param payment.transaction txs: Approved attempts of a company without a payment.
        """
        txs = txs._billing_with_company_dates()
        first_payments = txs.filtered(
            lambda tx: tx.billing_event_id.status not in PAID | {'merged'}
        )
        drafts = first_payments.invoice_ids.filtered(lambda move: move.state == 'draft')
        drafts.line_ids.fetch(['tax_ids'])  # Odoo reads them invoice by invoice.
        drafts._billing_set_invoice_date()
        drafts.action_post()
        txs.env['account.payment']._billing_create_of(txs)
        first_payments.payment_id._billing_reconcile_with_invoices()
        first_payments.billing_event_id._reconcile_credit()

    @api.model
    def _book_covered(self, events):
        """Book payments that credit pays in full, or that are free: nothing is charged.

        :param billpro.billing.event events: Locked events with their draft invoices; what is free
                                             has none.
        """
        if not events:
            return
        events = events.company_id._billing_date_by(events)
        if invoices := events.invoice_id:
            invoices._billing_set_invoice_date()
            invoices.action_post()
        events._reconcile_credit()
        free = events.filtered(lambda event: event._is_free())
        events._apply_trigger('open')
        (events - free)._apply_trigger('approve', self.env._("Paid by credit."))
        free._apply_trigger('approve', self.env._("Free by a discount."))
        events._schedule_next_events()
        events.order_id._billing_use_credit()
        events.order_id._billing_follow_payments()
        events._follow_collection()
        self.env['billpro.notification']._queue_all(
            'paid_by_credit',
            [
                {'order_id': event.order_id.id, 'event_id': event.id, 'fact': f'event-{event.id}'}
                for event in events - free
            ],
        )

    # === USAGE === #

    @api.model
    def _bill_usage(self):
        """Close the periods of usage that are over, and bill what costs enough by now.

        It is done for many orders at once, and committed: each payment with all that it bills, so
        that nothing of it is billed again.
        """
        Period = self.env['billpro.usage.period']
        for find, bill in (
            (Period._search_to_close, '_close_at_new_prices'),
            (Period._search_to_look_at, '_look'),
        ):
            tried = []
            while periods := find(
                self.env['billpro.failure']._get_waiting_ids('sale.order', 'usage') + tried
            ):
                for start in range(0, len(periods), BATCH_SIZE):
                    billed = self._bill_periods(periods[start : start + BATCH_SIZE], bill)
                    # What somebody holds, or has failed, is for the next run.
                    tried += (periods[start : start + BATCH_SIZE].order_id - billed).ids
                    self.env.cr.commit()  # pylint: disable=invalid-commit

    @api.model
    def _bill_periods(self, periods, bill):
        """Bill periods of orders that nobody else holds, each in its own company.

        :param billpro.usage.period periods: Open periods, one an order.
        :param str bill: The name of the method that bills them.
        :return: The orders whose periods were billed.
        :rtype: sale.order
        """
        orders = periods.order_id.try_lock_for_update(allow_referencing=True)
        locked = periods.filtered(lambda period: period.order_id in orders)
        locked = locked.try_lock_for_update(allow_referencing=True)
        # Another worker may have closed it since it was found.
        locked = locked.filtered(lambda period: period.state == 'open')
        if not locked:
            return locked.order_id

        def bill_orders(some):
            of_orders = locked.filtered(lambda period: period.order_id in some)
            for company, own in of_orders.grouped('company_id').items():
                getattr(own.with_company(company).with_context(**BATCH_CONTEXT), bill)()

        _billed, failed = self.env['billpro.own.transaction']._split_until_alone(
            locked.order_id.grouped('id').values(), 'usage', bill_orders
        )
        return locked.order_id - failed

    # === REQUESTS OF CUSTOMERS === #

    @api.model
    def _collect_requested(self):
        """Collect what customers asked to collect, where no page of theirs does it."""
        orders = self.env['sale.order'].search([('billing_collection_date', '!=', False)])
        for order in self.env['billpro.failure']._leave_out_waiting(orders, 'collect'):
            self._collect_outstanding(order)

    @api.model
    def _collect_outstanding(self, order):
        """Carry out the customer's request to collect what is outstanding, once.

        Payments that wait for the customer's bank are withdrawn first: nothing may be charged
        beside them.

        :param sale.order order: The order, with or without a request.
        """
        if order.billing_collection_date:
            self._withdraw_attempts(order._billing_get_open_authentication())
        events = []

        def take_request():
            if not order.try_lock_for_update(allow_referencing=True):
                return False
            events.append(order._billing_take_collection_request())
            return True

        # Once it is committed the request is taken: whoever comes next finds none.
        is_taken = self.env['billpro.own.transaction']._commit_alone(order, 'collect', take_request)
        if is_taken and (event := events[0]):
            self._run_events(event)

    @api.model
    def _ask_about(self, txs, task, ask):
        """Ask the provider about attempts that wait for the customer's bank, and commit.

        :param payment.transaction txs: The attempts.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param Callable ask: Asks about one that is locked, and takes in the answer.
        """

        def ask_about_one(tx):
            if not tx._billing_try_lock_with_order():
                return False
            if tx.billing_action_required:
                ask(tx)
            return True

        # What the provider answered is committed before everything else.
        for tx in txs:
            self.env['billpro.own.transaction']._commit_alone(tx, task, partial(ask_about_one, tx))

    @api.model
    def _withdraw_attempts(self, txs):
        """Withdraw payments at the provider, and book those that were approved meanwhile.

        :param payment.transaction txs: Attempts that wait for the customer's bank.
        """
        if txs:
            self._ask_about(
                self.env['billpro.failure']._leave_out_waiting(txs, 'withdraw'),
                'withdraw',
                lambda tx: tx._billing_withdraw_authentication(),
            )
            self._book_answered()

    @api.model
    def _refresh_authentications(self):
        """Ask about payments that customers may have confirmed without coming back to our page."""
        txs = self.env['payment.transaction'].search(
            [
                ('billing_action_required', '=', True),
                ('billing_next_inquiry', '<=', fields.Datetime.now()),
            ]
        )

        def ask(tx):
            tx._billing_refresh_authentication()
            if not tx._billing_give_up_if_ignored():
                tx._billing_schedule_inquiry()

        self._ask_about(
            self.env['billpro.failure']._leave_out_waiting(txs, 'authenticate'),
            'authenticate',
            ask,
        )

    # === WHAT TAKES DAYS === #

    @api.model
    def _refresh_processing(self):
        """Ask about what the provider is still processing, as its message may be lost.

        They are asked about until they are final, at growing distance.
        """
        txs = self.env['payment.transaction']._search_billing_processing()

        def ask(tx):
            if not tx._billing_try_lock_with_order():
                return False
            if tx.state == 'pending':
                tx._billing_ask_about_processing()
            return True

        # What the provider answered is committed before everything else.
        for tx in self.env['billpro.failure']._leave_out_waiting(txs, 'processing'):
            self.env['billpro.own.transaction']._commit_alone(tx, 'processing', partial(ask, tx))
            if tx.state in {'done', 'error', 'cancel'} and not tx.is_post_processed:
                tx._billing_book_alone()

    # === AUTHORISED PAYMENTS === #

    @api.model
    def _watch_authorizations(self):
        """Remind staff of authorisations that are about to end, and notice those that have."""
        Transaction = self.env['payment.transaction']
        for tx in Transaction._search_billing_expiring(days_left=DAYS_LEFT_TO_CAPTURE):
            if not tx.billing_capture_reminded:
                self._keep_dates_of(
                    tx.billing_order_id, 'remind_of_capture', '_billing_remind_of_capture'
                )
        now = fields.Datetime.now()
        ended = Transaction._search_billing_expiring(days_left=0).filtered(
            lambda tx: not tx.billing_next_inquiry or tx.billing_next_inquiry <= now
        )

        def watch(tx):
            if not tx._billing_try_lock_with_order():
                return False
            if tx.state == 'authorized':
                tx._billing_schedule_inquiry()
                tx._billing_refresh_authorization()
            return True

        # What the provider answered is committed before everything else.
        for tx in self.env['billpro.failure']._leave_out_waiting(ended, 'watch'):
            self.env['billpro.own.transaction']._commit_alone(tx, 'watch', partial(watch, tx))

    # === DATES === #

    @api.model
    def _keep_dates(self):
        """Do what is to be done on a date: resume, end, suspend, extend schedules.

        :raise Exception: What a search for orders has raised, when everything else is done.
        """
        Order, Event = self.env['sale.order'], self.env['billpro.billing.event']
        errors = []
        for task, find, method in (
            ('taxes', self._get_orders_to_tax_anew, '_billing_follow_taxes'),
            ('resume', self._get_orders_to_resume, '_billing_resume'),
            ('change', self._get_orders_to_change, '_billing_follow_changes'),
            ('end', self._get_orders_to_end, '_billing_finish_cancellation'),
            ('complete', self._get_orders_to_complete, '_billing_complete_last_period'),
            ('extend', self._get_orders_to_extend, '_billing_extend_schedule'),
            ('suspend', self._get_orders_to_suspend, '_billing_suspend_if_ignored'),
            ('overdue', self._get_orders_overdue, '_billing_mark_totals_to_compute'),
            ('give_up', self._get_orders_to_give_up, '_billing_give_up_subscription'),
            (
                'other_payments',
                Order._search_billing_paid_in_another_way,
                '_billing_follow_other_payments',
            ),
            ('paid_elsewhere', Event._search_orders_paid_elsewhere, '_billing_book_paid_elsewhere'),
            (
                'second_payments',
                Order._search_billing_paid_twice,
                '_billing_take_over_second_payments',
            ),
        ):
            try:
                with self.env.cr.savepoint():
                    orders = find()
            except GIVE_WAY:
                raise
            except Exception as error:
                _logger.exception("No orders could be found for task %s", task)
                errors.append(error)
                continue
            seconds = SECONDS_FOR_TAXES if task == 'taxes' else None
            self._keep_dates_of(orders, task, method, seconds=seconds)
        self._withdraw_needless()
        if errors:
            raise errors[0]

    @api.model
    def _withdraw_needless(self):
        """Withdraw what waits for the customer's bank for payments that are not wanted any more."""
        waiting = self.env['payment.transaction'].search(
            [('billing_action_required', '=', True), ('billing_event_id', '!=', False)]
        )
        unwanted = {'cancelled', 'skipped', 'merged', *PAID}
        self._withdraw_attempts(
            waiting.filtered(
                lambda tx: (
                    tx.billing_event_id.status in unwanted or tx._billing_is_to_be_withdrawn()
                )
            )
        )

    @api.model
    def _keep_dates_of(self, orders, task, method, seconds=None):
        """Call a method of each order that nobody else holds, and commit.

        :param sale.order orders: The orders.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param str method: The name of the method.
        :param float seconds: After which time the next run goes on with the others, if any.
        """
        started = time.monotonic()

        def keep(order):
            if not order.try_lock_for_update(allow_referencing=True):
                return False
            getattr(order, method)()
            return True

        for order in self.env['billpro.failure']._leave_out_waiting(orders, task):
            in_company = order.with_company(order.company_id)
            self.env['billpro.own.transaction']._commit_alone(
                order, task, partial(keep, in_company)
            )
            if seconds is not None and time.monotonic() - started > seconds:
                self.env.ref('billpro_portal.cron_billing_run')._trigger()
                break

    @api.model
    def _get_orders_to_tax_anew(self):
        """Return the orders that follow changed taxes, those that are charged first."""
        orders = self.env['sale.order'].search([('billing_tax_change', '!=', False)], order='id')
        return orders.sorted(lambda order: order.billing_status not in LIVE)

    @api.model
    def _get_orders_to_resume(self):
        # The customer's date may be a day ahead of that of the server.
        orders = self.env['sale.order'].search(
            [
                ('billing_status', '=', 'paused'),
                ('billing_pause_until', '<=', fields.Date.today() + timedelta(days=1)),
            ]
        )
        return orders.filtered(
            lambda order: order.billing_pause_until <= order._billing_get_today()
        )

    @api.model
    def _get_orders_to_change(self):
        return self.env['billpro.change']._search_to_follow().order_id

    @api.model
    def _get_orders_to_end(self):
        orders = self.env['sale.order'].search(
            [
                ('billing_status', 'in', list(LIVE)),
                ('billing_cancel_date', '<=', fields.Date.today()),
            ]
        )
        return orders.filtered(
            lambda order: (
                order.billing_cancel_date < order._billing_get_today()
                and (order._billing_is_collection_over() or order._billing_is_usage_billed())
            )
        )

    @api.model
    def _get_orders_to_complete(self):
        """Return the subscriptions whose last period has ended, and brings no payment that ends it.

        That is so if the initial payment was the only one.
        """
        orders = self.env['sale.order'].search(
            [
                ('billing_status', '=', 'active'),
                ('purchase_type', 'in', self.env['billpro.purchase.type']._get_perpetual_types()),
                ('billing_cancel_date', '=', False),
                ('billing_event_ids', 'not any', [('status', 'in', list(OPEN))]),
            ]
        )
        return orders.filtered(
            lambda order: order._get_purchase()._get_paid_until(order) < order._billing_get_today()
        )

    @api.model
    def _get_orders_to_extend(self):
        """Return the suspended orders whose next payment became due without being charged."""
        events = self.env['billpro.billing.event'].search(
            [
                ('status', '=', 'scheduled'),
                ('due_date', '<=', fields.Datetime.now()),
                ('order_id.billing_status', '=', 'suspended'),
            ]
        )
        return events.order_id

    @api.model
    def _get_orders_overdue(self):
        """Return the orders that owe what has become overdue since their balance was computed."""
        overdue = fields.Datetime.now() - OVERDUE_AFTER
        orders = (
            self.env['billpro.billing.event']
            .search(
                [
                    ('status', '=', 'scheduled'),
                    ('due_date', '<=', overdue),
                    ('order_id.billing_status', 'in', list(LIVE)),
                ]
            )
            .order_id
        )
        return orders.filtered(
            lambda order: order.currency_id.compare_amounts(
                order._get_purchase()._get_balance(order), order.billing_balance
            )
        )

    @api.model
    def _get_orders_to_suspend(self):
        events = self.env['billpro.billing.event'].search(
            [
                ('status', '=', 'action_required'),
                '|',
                ('change_id', '=', False),
                ('change_id.state', '=', 'done'),
                ('is_early', '=', False),
                ('order_id.billing_status', 'in', ['active', 'failed']),
                ('company_id.billing_auto_suspend', '=', True),
            ]
        )
        return events.filtered(lambda event: event._is_given_up()).order_id

    @api.model
    def _get_orders_to_give_up(self):
        orders = self.env['sale.order']
        for company in self.env['res.company'].search([('billing_cancel_after_days', '>', 0)]):
            since = fields.Datetime.now() - timedelta(days=company.billing_cancel_after_days)
            orders |= orders.search(
                [
                    ('company_id', '=', company.id),
                    ('billing_status', '=', 'suspended'),
                    ('billing_suspended_date', '<=', since),
                ]
            )
        return orders.filtered(
            lambda order: order._can_be_cancelled() or order.billing_owes_arrears
        )

    # === REQUESTS THAT A PAGE WAITS FOR === #

    @api.model
    def _continue_collection(self, order):
        """Go on with what the customer waits for: a confirmed payment, or outstanding ones.

        :param sale.order order: The order.
        :return: Whether nothing is under way any more.
        :rtype: bool
        """
        self._ask_about(
            self.env['billpro.failure']._leave_out_waiting(
                order._billing_get_open_authentication(), 'authenticate'
            ),
            'authenticate',
            lambda tx: tx._billing_refresh_authentication(),
        )
        self._withdraw_attempts(
            order._billing_get_open_authentication().filtered(
                lambda tx: tx._billing_is_to_be_withdrawn()
            )
        )
        self._book_answered()
        if order.billing_status in COLLECTABLE_ORDERS:
            self._collect_outstanding(order)
        order.invalidate_recordset()
        order.billing_event_ids.invalidate_recordset()
        return not order._billing_is_collection_under_way()
