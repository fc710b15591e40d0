from functools import partial

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .own_context import INSIDE
from .payment_transaction_outcome import ABANDONED_MINUTES, INQUIRY_BATCH_SIZE

# What a customer's browser can still finish, whatever Odoo has noted of it meanwhile.
BROWSER_OPERATIONS = frozenset({'online_direct', 'online_redirect', 'validation'})
# How long a customer may stay on the payment page of a provider that can't be asked or stopped.
PAYMENT_PAGE_MINUTES = 30
# Nobody has a checkout open that long: what could not be ended until then keeps nobody waiting.
FORGOTTEN_HOURS = 24
# Most who don't come back have paid nothing: they are asked about for two days.
UNFINISHED_INQUIRIES = 4
UNFINISHED_DAYS = 7
_FINISHED = frozenset({'succeeded', 'processing', 'requires_capture'})


class PaymentTransaction(models.Model):
    """Giving up a payment that was begun: it is ended at its provider first.

    An open tab can finish a payment at any time, as long as the provider lets it. Whoever begins
    another one, or cancels the order, ends it there. What can't be ended is under way.
    """

    _inherit = 'payment.transaction'

    billing_ended = fields.Boolean(
        string="Ended at Provider",
        readonly=True,
        copy=False,
        help="It was given up, and nobody can finish it at the provider any more.",
    )

    def _give_up(self):
        """Give up payments and registrations that were begun, each ended at its provider first.

        :return: Those that can't be ended, and may be finished at any time.
        :rtype: payment.transaction
        """
        under_way = self.browse()
        for tx in self.filtered(lambda tx: tx._can_be_finished_by_browser()):
            if tx._end_at_provider():
                tx._supersede()
            elif not tx._can_be_finished_by_browser():
                continue  # It was finished.
            elif tx._is_forgotten():
                tx._supersede()  # Should it be finished all the same, it is accepted.
            else:
                under_way += tx
        return under_way

    def _can_be_finished_by_browser(self):
        """Return whether a page that a customer has open can still finish it.

        Declined payments can be tried with another card there.

        :rtype: bool
        """
        self.ensure_one()
        if self.operation not in BROWSER_OPERATIONS or self.billing_ended:
            return False
        if self.state == 'draft':
            return True
        is_at_stripe = self.provider_code == 'stripe' and bool(self.provider_reference)
        return is_at_stripe and self.state in {'error', 'cancel'}

    def _is_forgotten(self):
        """Return whether it was begun so long ago that nobody has its page open any more.

        :rtype: bool
        """
        self.ensure_one()
        since = fields.Datetime.subtract(fields.Datetime.now(), hours=FORGOTTEN_HOURS)
        return self.create_date < since

    def _is_at_payment_page(self):
        """Return whether the customer was sent to a provider's page or form, and may pay there.

        :rtype: bool
        """
        self.ensure_one()
        since = fields.Datetime.subtract(fields.Datetime.now(), minutes=PAYMENT_PAGE_MINUTES)
        return bool(
            self.state == 'draft'
            and self.operation in {'online_redirect', 'online_direct'}
            and not self.provider_id._in_billing()._resumes_payments
            and self.create_date > since
        )

    def _end_at_provider(self):
        """End what was begun, so that nobody can finish it. What was finished is taken in.

        Addons for other providers that can end payments override it.

        :return: Whether it has ended without being paid.
        :rtype: bool
        """
        self.ensure_one()
        if self.provider_code != 'stripe':
            return not self._is_at_payment_page()
        if not self.provider_reference:
            return True  # Nobody was given what it takes to finish it.
        stripe_object = self._ask_stripe_to_end()
        status = stripe_object.get('status')
        if status in _FINISHED and (mismatch := self._take_in_stripe_object(stripe_object)):
            self._report_mismatch(mismatch)
        self.billing_ended = status == 'canceled'
        return self.billing_ended

    def _ask_stripe_to_end(self):
        """Ask Stripe to end a payment or set-up.

        :return: What it is then; its status is unknown if Stripe doesn't answer.
        :rtype: dict
        """
        collection = 'setup_intents' if self.operation == 'validation' else 'payment_intents'
        try:
            return self.with_context(billing_moves_no_money=INSIDE)._send_api_request(
                'POST',
                f'{collection}/{self.provider_reference}/cancel',
                data={'expand[]': 'payment_method'},
            )
        except ValidationError as error:
            if getattr(error.__cause__, 'code', None) == 'resource_missing':
                return {'status': 'canceled'}  # This account can't collect it.
        try:
            return self._fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return {}

    def _is_still_open(self):
        """Return whether a begun payment can be gone on with: at its provider it hasn't ended.

        :rtype: bool
        """
        self.ensure_one()
        if self.provider_code != 'stripe' or not self.provider_reference:
            return True
        try:
            stripe_object = self._fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return False
        return stripe_object['status'] in {
            'requires_payment_method',
            'requires_confirmation',
            'requires_action',
        }

    # === NOBODY CAME BACK === #

    @api.model
    def _ask_about_unfinished(self):
        """Ask what became of payments whose customers didn't come back from Stripe; a few times.

        The browser was closed, and Stripe's message was lost, or there is no webhook: what was
        paid would stay unknown until somebody opens the order's link again.
        """
        now = fields.Datetime.now()
        txs = self.search(
            [
                ('billing_order_id', '!=', False),
                ('provider_id.code', '=', 'stripe'),
                ('operation', 'in', list(BROWSER_OPERATIONS)),
                ('state', 'in', ('draft', 'error', 'cancel')),
                ('provider_reference', '!=', False),
                ('billing_ended', '=', False),
                ('create_date', '<', fields.Datetime.subtract(now, minutes=ABANDONED_MINUTES)),
                ('create_date', '>', fields.Datetime.subtract(now, days=UNFINISHED_DAYS)),
                ('billing_inquiry_count', '<', UNFINISHED_INQUIRIES),
                '|',
                ('billing_next_inquiry', '=', False),
                ('billing_next_inquiry', '<=', now),
            ],
            limit=INQUIRY_BATCH_SIZE,
        )
        for tx in self.env['billpro.failure']._leave_out_waiting(txs, 'inquire'):
            self.env['billpro.own.transaction']._commit_alone(
                tx, 'inquire', partial(self._look_after_unfinished, tx)
            )
            if tx.state == 'done' and not tx.is_post_processed:
                tx._book_alone()

    @api.model
    def _look_after_unfinished(self, tx):
        """Take in what became of a payment if it is finished at Stripe.

        :param payment.transaction tx: The payment.
        :return: Whether it could be locked.
        :rtype: bool
        """
        if not tx._try_lock_with_order():
            return False
        if tx._can_be_finished_by_browser():
            tx._schedule_inquiry()
            try:
                stripe_object = tx._fetch_stripe_object(tx.provider_reference)
            except ValidationError:
                return True  # Logged already; it is asked again.
            status = stripe_object.get('status')
            tx.billing_ended = status == 'canceled'
            is_finished = status in _FINISHED or (tx.billing_ended and tx.state == 'draft')
            if is_finished and (mismatch := tx._take_in_stripe_object(stripe_object)):
                tx._report_mismatch(mismatch)
        return True
