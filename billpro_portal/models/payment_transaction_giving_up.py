from odoo import fields, models
from odoo.exceptions import ValidationError

from .own_context import INSIDE

# What a customer's browser can still finish, whatever Odoo has noted of it meanwhile.
BROWSER_OPERATIONS = frozenset({'online_direct', 'online_redirect', 'validation'})
# How long a customer may stay on the payment page of a provider that can't be asked or stopped.
PAYMENT_PAGE_MINUTES = 30
# Nobody has a checkout open that long: what could not be ended until then keeps nobody waiting.
FORGOTTEN_HOURS = 24


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
            and not self.provider_id._gives_same_payment_again()
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
        is_finished = status in {'succeeded', 'processing', 'requires_capture'}
        if is_finished and (mismatch := self._take_in_stripe_object(stripe_object)):
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
