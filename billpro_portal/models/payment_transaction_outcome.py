from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..billing.lifecycle import PAID
from ..billing.request_outcomes import (
    DECLINED as REQUEST_DECLINED,
)
from ..billing.request_outcomes import (
    NOT_ATTEMPTED,
    UNKNOWN,
    classify_failed_request,
)
from .own_context import INSIDE, is_inside

# An unknown outcome is asked about after five minutes, an hour, and then every day.
INQUIRY_DELAYS = ({'minutes': 5}, {'hours': 1}, {'days': 1})
# Stripe keeps idempotency keys for 24 hours (Stripe API reference, "Idempotent requests"). What is
# sent shortly before may arrive after that: an hour is left for its way.
RESEND_HOURS = 23
# When nothing can arrive any more under its key, and the search, which lags, had time to learn it.
SEARCH_HOURS = 25
# A request is over after this time: a draft that old belongs to a process that died.
ABANDONED_MINUTES = 15
INQUIRY_BATCH_SIZE = 100


class PaymentTransaction(models.Model):
    """Outcomes that aren't known: kept apart from declines, and found out.

    A request without an answer may have moved money. It is asked about under its idempotency key
    while the provider keeps it, and then a person decides; until then nothing else is collected
    or refunded in its place.
    """

    _inherit = 'payment.transaction'

    billing_outcome_unknown = fields.Boolean(
        string="Outcome Unknown",
        readonly=True,
        help="The last request to the provider had no answer: money may have moved.",
    )

    billing_awaits_transfer = fields.Boolean(
        string="Awaits a Transfer",
        compute='_compute_billing_awaits_transfer',
        help="No provider tells what becomes of it: a person sees it on the bank account.",
    )

    billing_not_attempted = fields.Boolean(
        string="Not Attempted",
        readonly=True,
        help="The last request never reached the provider or was turned away: nothing was tried.",
    )
    billing_sent_date = fields.Datetime(
        string="Sent On",
        readonly=True,
        help="When the charge was first about to be sent: from then on the provider may know it.",
    )
    billing_resent = fields.Boolean(
        string="Sent Again",
        readonly=True,
        help="Another worker has taken the charge over: the provider may know it already.",
    )
    billing_next_inquiry = fields.Datetime(
        string="Next Inquiry",
        readonly=True,
        help="When the provider is asked again about an unknown outcome.",
    )
    billing_inquiry_count = fields.Integer(string="Inquiries", readonly=True)

    @api.depends('state', 'provider_code', 'billing_order_id')
    def _compute_billing_awaits_transfer(self):
        for tx in self:
            tx.billing_awaits_transfer = (
                bool(tx.billing_order_id) and tx.provider_code == 'custom' and tx.state == 'pending'
            )

    # === WHAT A REQUEST LEFT === #

    def _record_failed_request(self, cause):
        """Keep what a failed request that moves money says about it.

        :param Exception|None cause: What the HTTP library or Stripe's library raised.
        """
        outcome = classify_failed_request(cause)
        if outcome == REQUEST_DECLINED:
            self._record_decline_codes(self.provider_id._in_billing()._extract_error(cause))
        if self._is_sent_by_us():
            if outcome == NOT_ATTEMPTED and is_inside(self.env, 'billing_repeated_request'):
                outcome = UNKNOWN  # The first request may have been executed.
            self.billing_outcome_unknown = outcome == UNKNOWN
            self.billing_not_attempted = outcome == NOT_ATTEMPTED

    def _is_sent_by_us(self):
        """Return whether the request that moves the money comes from here, and not from a browser.

        :rtype: bool
        """
        self.ensure_one()
        return self.operation in {'online_token', 'offline', 'refund'} or self._is_settlement()

    def _set_outcome_unknown(self, reason=None):
        """Keep payments pending because whether money moved isn't known, and plan to find out.

        :param str reason: Why it isn't known, if there was an answer.
        """
        self.billing_outcome_unknown = True
        self.filtered(lambda tx: tx.state == 'draft')._set_pending(
            state_message=reason
            or self.env._(
                "The payment provider didn't answer. Whether money moved isn't known yet."
            )
        )
        for tx in self:
            tx._schedule_inquiry()

    # === FINDING OUT === #

    def _can_be_sent_again(self):
        """Return whether the provider still recognises the request by its idempotency key.

        :rtype: bool
        """
        self.ensure_one()
        operation = self.operation
        if self._is_settlement():
            operation = 'void' if self.billing_is_release else 'capture'
        return (
            operation in self.provider_id._in_billing()._repeatable_operations
            and not self._was_sent_before(RESEND_HOURS)
            and not self._is_event_paid()
        )

    def _was_sent_before(self, hours):
        """Return whether the request was first sent so many hours ago.

        :param int hours: The hours.
        :rtype: bool
        """
        self.ensure_one()
        sent = self.billing_sent_date or self.create_date
        return fields.Datetime.now() >= fields.Datetime.add(sent, hours=hours)

    def _is_event_paid(self):
        """Return whether another attempt has collected what this one was to collect.

        :rtype: bool
        """
        event = self.billing_event_id
        return bool(event and not self.source_transaction_id) and (
            event.status in PAID or event._is_paid_but_not_booked()
        )

    def _schedule_inquiry(self):
        """Plan when the provider is asked next about an unknown outcome."""
        self.ensure_one()
        delay = INQUIRY_DELAYS[min(self.billing_inquiry_count, len(INQUIRY_DELAYS) - 1)]
        self.write(
            {
                'billing_next_inquiry': fields.Datetime.add(fields.Datetime.now(), **delay),
                'billing_inquiry_count': self.billing_inquiry_count + 1,
            }
        )

    @api.model
    def _resolve_unknown_outcomes(self):
        """Ask again about requests without an answer, and call a person when that is no use."""
        self._find_abandoned_requests()
        waiting = self.env['billpro.failure']._get_waiting_ids(self._name, 'inquire')
        txs = self.search(
            [
                ('billing_outcome_unknown', '=', True),
                ('billing_next_inquiry', '<=', fields.Datetime.now()),
                ('id', 'not in', waiting),
            ],
            limit=INQUIRY_BATCH_SIZE,
        )
        for tx in txs:
            tx._inquire()
        self._ask_about_unfinished()

    @api.model
    def _find_abandoned_requests(self):
        """Mark the requests whose process died between sending and committing the outcome.

        Attempts of billing events aren't among them: the charge run takes them up itself.
        """
        abandoned = self.search(
            [
                ('billing_order_id', '!=', False),
                ('billing_event_id', '=', False),
                ('state', '=', 'draft'),
                '|',
                ('operation', 'in', ['online_token', 'offline', 'refund']),
                ('source_transaction_id', '!=', False),
                (
                    'create_date',
                    '<',
                    fields.Datetime.subtract(fields.Datetime.now(), minutes=ABANDONED_MINUTES),
                ),
            ]
        )

        def mark(tx):
            # A request that is still under way holds its lock.
            if not tx.try_lock_for_update(allow_referencing=True):
                return False
            tx._set_outcome_unknown()
            return True

        # Not to be mixed with the answers of the inquiries that follow.
        for tx in self.env['billpro.failure']._leave_out_waiting(abandoned, 'inquire'):
            self.env['billpro.own.transaction']._commit_alone(tx, 'inquire', partial(mark, tx))

    def _try_lock_with_order(self):
        """Lock the order and then the transaction, if nobody else holds them.

        The order comes along because its totals are written with the outcome.

        :return: Whether both are locked.
        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.billing_order_id.try_lock_for_update(allow_referencing=True)
            and self.try_lock_for_update(allow_referencing=True)
        )

    def _inquire(self):
        """Send a request again under its key to learn what became of it, and commit the answer.

        What the provider has given a number is only asked about.
        """
        self.ensure_one()

        def ask():
            if not self._try_lock_with_order():
                return False
            if self.billing_outcome_unknown:
                self._ask_about_outcome()
            return True

        # What the provider answered is committed before everything else.
        is_answered = self.env['billpro.own.transaction']._commit_alone(
            self,
            'inquire',
            ask,
            on_failure=self._note_failed_inquiry,
            tells_staff=False,
        )
        if is_answered and self.state in {'done', 'error', 'cancel'} and not self.is_post_processed:
            self._book_alone()

    def _ask_about_outcome(self):
        """Ask the provider what became of a request, and a person if that is no use."""
        can_be_sent_again = self._can_be_sent_again()
        if can_be_sent_again and not self.provider_reference:
            self.billing_outcome_unknown = False
            self.with_context(billing_repeated_request=INSIDE)._send_again()
        else:
            self._schedule_inquiry()
        if self.billing_outcome_unknown:
            self._settle_by_look_up()
        # The search is believed later than the request is sent for the last time.
        waits_for_search = self.provider_code == 'stripe' and not self._was_sent_before(
            SEARCH_HOURS
        )
        if self.billing_outcome_unknown and not can_be_sent_again and not waits_for_search:
            self._ask_person_about_outcome()

    def _note_failed_inquiry(self, failure, _error):
        """Ask a person when the provider's answer can't be taken in.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        if failure.set_aside_date:
            self._ask_person_about_outcome()

    def _send_again(self):
        """Send a request again, under the same idempotency key."""
        self.ensure_one()
        if self._is_settlement():
            self._request_settlement()
        elif self.operation == 'refund':
            self._request_refund()
        else:
            self._charge_with_token()

    def _settle_by_look_up(self):
        """Ask the provider by the reference what became of a request.

        That it knows nothing of it counts only when it can't be executed any more under its key,
        and when the search of the provider had time to learn of it.
        """
        self.ensure_one()
        found = self.provider_id._in_billing()._look_up(self)
        if found is False and self._was_sent_before(SEARCH_HOURS):
            self.billing_outcome_unknown = False
            self._set_error(self.env._("The payment provider never executed it."))

    def _ask_person_about_outcome(self):
        """Give the order's salesperson the question that no machine can answer; once."""
        self.ensure_one()
        order = self.billing_order_id
        summary = self.env._("Was %s executed?", self.reference)
        if summary not in order.activity_ids.mapped('summary'):
            order.activity_schedule(
                'mail.mail_activity_data_todo',
                summary=summary,
                note=self.env._(
                    "The payment provider never answered. Look up %s there, then press “Was"
                    " executed” or “Was not executed” on the transaction. Nothing else is"
                    " collected or refunded for it until then.",
                    self.reference,
                ),
                user_id=order._billing_get_person_to_ask().id,
            )

    # === A PERSON'S WORD === #

    def action_was_executed(self):
        """Book what a person found executed at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the outcome is known.
        """
        self._resolve_outcome(executed=True)

    def action_was_not_executed(self):
        """Give up what a person found not executed at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the outcome is known.
        """
        self._resolve_outcome(executed=False)

    def _resolve_outcome(self, executed):
        """End the uncertainty about a payment or refund by a person's word.

        :param bool executed: Whether the provider has moved the money.
        :raise AccessError: If the user may not decide it.
        :raise UserError: If the outcome is known.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(
                self.env._("Only billing managers can decide whether a payment was executed.")
            )
        self.check_access('read')
        tx_sudo = self.sudo()
        tx_sudo.billing_order_id._lock_billing()
        if not tx_sudo.billing_outcome_unknown and not tx_sudo.billing_awaits_transfer:
            raise UserError(self.env._("The outcome of %s is known.", self.reference))
        person = self.env.user.name
        tx_sudo.billing_outcome_unknown = False
        if executed:
            message = self.env._("%s found it executed at the provider.", person)
            tx_sudo._set_executed(message)
        else:
            message = self.env._("%s found it not executed at the provider.", person)
            tx_sudo._set_error(message)
        tx_sudo._post_process()
        tx_sudo.billing_order_id._message_log(body=f'{self.reference}: {message}')

    def _set_executed(self, state_message):
        """Take it that the provider has executed what was sent.

        :param str state_message: Who says so.
        """
        releases = self.filtered('billing_is_release')
        releases._set_canceled(state_message=state_message)  # They collect nothing.
        (self - releases)._set_done(state_message=state_message)
