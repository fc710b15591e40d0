from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..rights.own_context import is_inside


class PaymentTransaction(models.Model):
    """Authorised payments: captured once, in whole or in part, or released.

    An authorisation only reserves money. What becomes of it is kept as Odoo keeps it, in child
    transactions: what is captured ends as *done*, what is released as *cancel*, and when nothing
    is left the authorisation gets one of these states itself. Money moves with the capture alone.
    """

    _inherit = 'payment.transaction'

    billing_authorized_date = fields.Datetime(string="Authorised On", readonly=True)
    billing_is_release = fields.Boolean(
        string="Release", readonly=True, help="Gives back what was reserved, and collects nothing."
    )
    billing_capture_reminded = fields.Boolean(string="Reminded of the Capture", readonly=True)
    # The database itself refuses a second capture, and a capture beside a release.
    _billing_one_capture_or_void = models.UniqueIndex(
        "(source_transaction_id) WHERE billing_order_id IS NOT NULL AND operation <> 'refund'"
        " AND state IN ('draft', 'pending', 'done')",
        "This payment is being captured or released already.",
    )

    # === WHAT IT IS === #

    def _billing_get_states_in_history(self):
        """Return the states in which the customer's billing history lists it.

        Of an authorised payment it lists the capture once that is through, or the release.

        :rtype: set
        """
        self.ensure_one()
        if self._billing_is_capture_or_void():
            return {'done'}
        states = {'pending', 'authorized', 'done', 'error'}
        return states | {'cancel'} if self.billing_authorized_date else states

    def _billing_get_capture_deadline(self):
        """Return when the provider releases the authorisation by itself; None if that is unknown.

        :rtype: datetime.datetime|None
        """
        self.ensure_one()
        days = self.provider_id._in_billing()._authorization_days
        return fields.Datetime.add(self.billing_authorized_date, days=days) if days else None

    def _billing_get_support_capture(self):
        """Return what of the authorisation can be captured.

        :return: `full_only` or `partial`.
        :rtype: str
        """
        method = self.payment_method_id.primary_payment_method_id or self.payment_method_id
        is_partial = (
            self.provider_id._in_billing()._captures_in_part
            and method.support_manual_capture == 'partial'
        )
        return 'partial' if is_partial else 'full_only'

    # === AUTHORISING === #

    def _set_authorized(self, *, state_message=None, extra_allowed_states=()):
        """Override of `payment`: note the time, accept given-up payments, and book soon."""
        given_up = self.filtered(
            lambda tx: (
                tx.billing_superseded and tx.state == 'cancel' and tx._billing_make_room_for_late()
            )
        )
        authorized = super(PaymentTransaction, self - given_up)._set_authorized(
            state_message=state_message, extra_allowed_states=extra_allowed_states
        )
        authorized |= super(PaymentTransaction, given_up)._set_authorized(
            state_message=state_message, extra_allowed_states=(*extra_allowed_states, 'cancel')
        )
        if billed := authorized.filtered('billing_order_id'):
            billed.billing_authorized_date = fields.Datetime.now()
            self.env.ref('payment.cron_post_process_payment_tx')._trigger(
                at=fields.Datetime.add(fields.Datetime.now(), minutes=1)
            )
        return authorized

    def _billing_make_room_for_late(self):
        """Give up the payments that were begun after this one, which the customer finished.

        :return: Whether this one may take their place: none of them is under way or through.
        :rtype: bool
        """
        self.ensure_one()
        others = self.billing_order_id._billing_get_initial_attempts() - self
        others._billing_give_up()
        if others.filtered(lambda tx: tx.state in {'draft', 'pending', 'authorized', 'done'}):
            self.billing_order_id._billing_ask_staff_to_release(self)
            return False
        return True

    # === WHAT THE PROVIDER REPORTS === #

    def _billing_process_capture_or_void(self, payment_data):
        """Take in that the provider has captured or released an authorised payment.

        What becomes of an authorisation is kept in child transactions. Providers that know one
        payment only report on that.

        :param dict payment_data: What the provider reports of the payment.
        :return: Whether it reports just that.
        :rtype: bool
        """
        if not self.billing_order_id or self.source_transaction_id:
            return False
        child = self.provider_id._in_billing()._capture_or_void_of(self, payment_data)
        if not child:
            return False
        if child.captured is None:
            return self._billing_process_void(payment_data)
        self._billing_process_capture(child.captured, payment_data)
        return True

    def _billing_process_capture(self, amount, payment_data):
        """Record that the provider has captured, whoever asked for it.

        :param float amount: What was captured.
        :param dict payment_data: What the provider reports of the payment.
        """
        self.ensure_one()
        captures_and_voids = self._billing_get_captures_and_voids()
        if captures_and_voids.filtered(lambda tx: tx.state == 'done'):
            return  # Reported a second time.
        if self.state in {'draft', 'pending'} or self.billing_superseded:
            self._set_authorized()
        is_open = captures_and_voids.filtered(lambda tx: tx.state in {'draft', 'pending'})
        capture_tx = is_open.filtered(
            lambda tx: (
                not tx.billing_is_release and not tx.currency_id.compare_amounts(tx.amount, amount)
            )
        )
        (is_open - capture_tx)._billing_give_up_capture_or_void()
        capture_tx = capture_tx or self._create_child_transaction(amount)
        capture_tx._process(self.provider_code, {**payment_data, 'reference': capture_tx.reference})

    def _billing_process_void(self, payment_data):
        """Record that the provider has released what staff asked it to release.

        :param dict payment_data: What the provider reports of the payment.
        :return: Whether anybody asked for it; an authorisation also ends by itself.
        :rtype: bool
        """
        self.ensure_one()
        is_open = self._billing_get_captures_and_voids().filtered(
            lambda tx: tx.state in {'draft', 'pending'}
        )
        release_tx = is_open.filtered('billing_is_release')
        (is_open - release_tx)._billing_give_up_capture_or_void()
        if release_tx:
            release_tx._process(
                self.provider_code, {**payment_data, 'reference': release_tx.reference}
            )
        return bool(release_tx)

    def _billing_give_up_capture_or_void(self):
        """Give up captures and releases that the provider has not carried out, and won't."""
        self.billing_outcome_unknown = False
        if self:
            self._set_error(
                self.env._("The provider has captured or released the payment otherwise.")
            )
            self.flush_recordset(['state'])  # Makes room for what happened in the unique index.

    def _billing_record_released_rests(self):
        """Record that there is one capture of a payment: the provider releases the rest."""
        for capture_tx in self.filtered(lambda tx: tx._billing_is_capture_or_void()):
            source = capture_tx.source_transaction_id
            rest = source.currency_id.round(source.amount - capture_tx.amount)
            if source.currency_id.compare_amounts(rest, 0) > 0:
                release_tx = source._create_child_transaction(
                    rest, billing_is_release=True, state='cancel'
                )
                release_tx._update_source_transaction_state()
                release_tx.is_post_processed = True

    # === CAPTURING AND RELEASING === #

    def _billing_create_capture_or_void(self, amount, is_release=False):
        """Create the transaction that captures or releases; the caller holds the order's lock.

        :param float amount: What to capture, or all that was authorised.
        :param bool is_release: Whether it is released.
        :return: The transaction, not sent to the provider yet.
        :rtype: payment.transaction
        :raise UserError: If the provider is disabled.
        """
        self.ensure_one()
        self._ensure_provider_is_not_disabled()
        child_tx = self._create_child_transaction(amount, billing_is_release=is_release)
        child_tx._log_sent_message()
        return child_tx

    def _billing_send_capture_or_void(self):
        """Send a capture or release, commit the outcome, and book it if it is final."""
        self.ensure_one()
        self._billing_begin_money_transaction()
        if self.state == 'draft':
            self._billing_request_capture_or_void()
        # Money may have moved: nothing that follows may undo the record of it.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        (self.source_transaction_id | self).filtered(
            lambda tx: tx.state in {'done', 'cancel'} and not tx.is_post_processed
        )._billing_book_alone()

    def _billing_request_capture_or_void(self):
        """Send a capture or release and take in its answer; the caller holds its lock.

        When it fails, the provider's own view of the payment comes first: it may have expired, or
        been captured there.
        """
        self.ensure_one()
        try:
            self._billing_send_about_source(
                self._send_void_request if self.billing_is_release else self._send_capture_request
            )
        except ValidationError as error:
            self.source_transaction_id._billing_refresh_authorization()
            if self.state in {'draft', 'pending'}:
                self._set_error(str(error))

    # === FINDING OUT === #

    def _billing_refresh_authorization(self):
        """Ask the provider what became of an authorisation. A failed request changes nothing.

        :return: Whether there was an answer.
        :rtype: bool
        """
        self.ensure_one()
        return self.provider_id._in_billing()._fetch_outcome(self)

    @api.model
    def _search_billing_expiring(self, days_left):
        """Return the authorisations whose provider releases them within some days.

        :param int days_left: The days; 0 for those that should have been released by now.
        :rtype: payment.transaction
        """
        found = self.browse()
        for code, days in self.env['billpro.provider']._get_authorization_days().items():
            since = fields.Datetime.subtract(fields.Datetime.now(), days=days - days_left)
            found |= self.search(
                [
                    ('state', '=', 'authorized'),
                    ('provider_id.code', '=', code),
                    ('billing_order_id', '!=', False),
                    ('billing_authorized_date', '<=', since),
                ]
            )
        return found

    # === STAFF === #

    def action_capture(self):
        """Override of `payment`: payments of orders are captured by the order's own dialog."""
        orders = self.billing_order_id
        return orders.action_open_capture() if orders else super().action_capture()

    def action_void(self):
        """Override of `payment`: payments of orders are released by the order's own action."""
        orders = self.billing_order_id
        return orders.action_release() if orders else super().action_void()

    # === BOOKING === #

    def _billing_book_authorizations(self):
        """Book what was authorised, and what was released, for orders."""
        authorizations = self.filtered(
            lambda tx: (
                tx.billing_authorized_date
                and tx.state in {'authorized', 'cancel'}
                and not tx.is_post_processed
            )
        )
        authorizations.billing_order_id._lock_billing()
        for tx in authorizations.with_context(tracking_disable=True):
            if tx.state == 'authorized':
                tx.billing_order_id._billing_accept_authorization(tx)
            else:
                tx.billing_order_id._billing_finish_release(tx)

    def _billing_get_capture_or_void_notification(self):
        """Return the message that tells staff how a capture or release ended.

        :return: A client action.
        :rtype: dict
        """
        self.ensure_one()
        amount = self.currency_id.format(self.amount)
        kind, message = {
            'done': ('success', self.env._("%s were captured.", amount)),
            'cancel': ('success', self.env._("%s were released.", amount)),
            'error': (
                'danger',
                self.env._("The provider refused it: %s", self.state_message or ''),
            ),
        }.get(
            self.state,
            (
                'warning',
                self.env._(
                    "The payment provider didn't answer. Whether it was carried out is being found"
                    " out; nothing is captured twice."
                ),
            ),
        )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': kind,
                'message': message,
                'sticky': kind != 'success',
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    # === BUSINESS METHODS - WHAT THE PROVIDER ANSWERS === #

    def _apply_updates(self, payment_data):
        """Override of `payment`: what the provider reports ends the uncertainty, declines too.

        `_set_error` would take a decline that a webhook reports for one more request without an
        answer: the payment would stay pending, and its next inquiry would be put off.
        """
        if not self.billing_order_id:
            super()._apply_updates(payment_data)
            return
        if self._billing_process_capture_or_void(payment_data):
            return
        payment_data = self.provider_id._in_billing()._correct_report(self, payment_data)
        was_unknown = self.billing_outcome_unknown
        self.write({'billing_outcome_unknown': False, 'billing_not_attempted': False})
        self._billing_record_reported_decline(payment_data)
        super()._apply_updates(payment_data)
        if self.billing_action_required and self.state == 'draft':
            self._billing_wait_for_bank(self.env._("The bank asks the customer to confirm it."))
        is_open = self.state in {'draft', 'pending'} and not self.billing_action_required
        if self.state == 'pending' and self.provider_id._in_billing()._is_processing(payment_data):
            self._billing_wait_for_provider()
        elif was_unknown and is_open:
            self.billing_outcome_unknown = True  # Not decided there either: goes on asking.

    def _set_done(self, *, state_message=None, extra_allowed_states=()):
        """Override of `payment`: book late money of given-up payments, and soon.

        The customer's browser usually triggers the booking; the job does it when it doesn't. What
        the bank has taken back was paid once, and its provider goes on saying so.
        """
        paid = self.filtered(lambda tx: not tx.billing_return_date)
        billed = paid.filtered('billing_order_id')
        billed.filtered('billing_outcome_unknown').billing_outcome_unknown = False
        done = super(PaymentTransaction, paid - billed)._set_done(
            state_message=state_message, extra_allowed_states=extra_allowed_states
        )
        if billed:
            done |= super(PaymentTransaction, billed)._set_done(
                state_message=state_message,
                extra_allowed_states=(*extra_allowed_states, 'cancel'),
            )
            if not is_inside(self.env, 'billing_post_processing_triggered'):
                self.env.ref('payment.cron_post_process_payment_tx')._trigger(
                    at=fields.Datetime.add(fields.Datetime.now(), minutes=1)
                )
        done.filtered('billing_action_required').billing_action_required = False
        done._billing_record_released_rests()
        return done
