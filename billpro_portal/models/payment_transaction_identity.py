import logging

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import float_round

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ..billing.stripe_messages import DATABASE_KEY, REFERENCE_KEY, is_stripe_id
from .own_context import INSIDE, get_answers

_logger = logging.getLogger(__name__)

_PAYING_OPERATIONS = frozenset({'online_redirect', 'online_direct', 'online_token', 'offline'})


class PaymentTransaction(models.Model):
    """Whose payment it is: which objects of a provider belong to a transaction of an order.

    Anybody can come back from Stripe with the number of any payment, several databases can have
    the same references on one account, and messages name payments as they like. So whatever way an
    object comes, `_get_mismatch` decides whether it is ours, and `_process` takes in nothing else.
    """

    _inherit = 'payment.transaction'

    billing_database = fields.Char(
        string="Database",
        readonly=True,
        copy=False,
        help="The database that began it, as the provider's objects name it. Empty if it was begun"
        " by a version that didn't name it: then only the number is known by which the provider"
        " has answered.",
    )

    @api.model
    def _get_specific_create_values(self, provider_code, values):
        """Override of `payment` to note which database begins the payments of orders."""
        specific = super()._get_specific_create_values(provider_code, values)
        if values.get('billing_order_id'):
            parameters = self.env['ir.config_parameter'].sudo()
            specific = {**specific, 'billing_database': parameters.get_param('database.uuid')}
        return specific

    # === THE DECISION === #

    def _get_mismatch(self, payment_data):
        """Return why what a provider reports is not of this transaction.

        Nothing else decides it, whether it comes by the browser, by a message, as an answer or
        from a search.

        :param dict payment_data: What the provider reports, as `_process` takes it.
        :return: The reason; None if it is of this transaction.
        :rtype: str|None
        """
        self.ensure_one()
        if self.provider_code == 'stripe':
            # Captures and releases are of the payment that was authorised.
            payment = self.source_transaction_id if self._is_settlement() else self
            mismatch = payment._get_stripe_mismatch(self._get_stripe_object(payment_data))
            if mismatch:
                return mismatch
        return self._get_amount_mismatch(payment_data)

    def _get_order_to_guard(self):
        """Return the order of ours that a payment at Stripe would pay.

        Odoo's own payment links and invoices pay orders of ours as well: an order that is paid by
        them collects nothing by its link. Refunds, captures and set-ups of Odoo's own don't.

        :return: The order; empty if there is none, and Odoo's own is right.
        :rtype: sale.order
        """
        self.ensure_one()
        if self.billing_order_id:
            return self.billing_order_id
        is_payment = self.operation in _PAYING_OPERATIONS and not self.source_transaction_id
        orders = self.sale_order_ids | self.invoice_ids.billing_order_id
        return orders.filtered(
            lambda order: order.purchase_type and is_payment and self.provider_code == 'stripe'
        )[:1]

    def _get_stripe_object(self, payment_data):
        """Return what Stripe reports of this transaction.

        :param dict payment_data: What `_process` takes.
        :return: The refund, the set-up or the payment; None if it isn't there.
        :rtype: dict|None
        """
        key = {'refund': 'refund', 'validation': 'setup_intent'}.get(
            self.operation, 'payment_intent'
        )
        stripe_object = payment_data.get(key)
        return stripe_object if isinstance(stripe_object, dict) else None

    def _get_stripe_mismatch(self, stripe_object):
        """Return why an object of Stripe is not the one that this transaction has begun.

        :param dict|None stripe_object: A payment, a set-up or a refund.
        :return: The reason; None if it is the one.
        :rtype: str|None
        """
        if not stripe_object or not self._is_stripe_number(stripe_object.get('id')):
            return self.env._("it is something else at Stripe")
        return next(self._find_stripe_mismatches(stripe_object), None)

    def _find_stripe_mismatches(self, stripe_object):
        """Find all in which an object of Stripe differs from what this transaction has begun.

        :param dict stripe_object: A payment, a set-up or a refund.
        :return: The reasons, the weightiest first.
        :rtype: Iterator[str]
        """
        number = stripe_object['id']
        if self.provider_reference and self.provider_reference != number:
            yield self.env._("the payment that was begun has another number")
        payment = self.source_transaction_id.provider_reference
        if self.operation == 'refund' and (
            not payment or stripe_object.get('payment_intent') != payment
        ):
            yield self.env._("it pays back another payment")
        if not self._has_own_marks(stripe_object):
            yield self.env._("it doesn't name this database and reference")
        if self.operation != 'validation' and not self._has_own_amount(stripe_object):
            yield self.env._("its amount or currency is another one")
        if self._is_number_of_others(number):
            yield self.env._("another transaction has that number")

    def _is_stripe_number(self, number):
        """Return whether a number can be that of the object which this transaction begins.

        It is asked before a request is made with it, which could go anywhere else.

        :param number: The number, from anywhere.
        :rtype: bool
        """
        self.ensure_one()
        kind = {'refund': None, 'validation': 'seti'}.get(self.operation, 'pi')
        return is_stripe_id(number, kind)

    def _has_own_marks(self, stripe_object):
        """Return whether an object of Stripe names this database and this transaction.

        Where the number is known, by which Stripe has answered when it was begun, what isn't named
        contradicts nothing: earlier versions didn't name the database, and refunds that somebody
        makes at Stripe name nothing. Odoo's own payments name their reference as description.

        :param dict stripe_object: A payment, a set-up or a refund.
        :rtype: bool
        """
        if not self.billing_order_id:
            return stripe_object.get('description') == self.reference
        metadata = stripe_object.get('metadata') or {}
        named = (metadata.get(DATABASE_KEY), metadata.get(REFERENCE_KEY))
        own = (self.billing_database, self.reference)
        if self.provider_reference and (self.operation == 'refund' or not self.billing_database):
            return all(name in (None, mark) for name, mark in zip(named, own, strict=True))
        return bool(self.billing_database) and named == own

    def _has_own_amount(self, stripe_object):
        """Return whether an object of Stripe has the amount and currency of this transaction.

        :param dict stripe_object: A payment or a refund.
        :rtype: bool
        """
        amount = payment_utils.to_minor_currency_units(
            abs(self.amount),
            self.currency_id,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(self.currency_id.name),
        )
        return (
            stripe_object.get('amount') == amount
            and stripe_object.get('currency') == self.currency_id.name.lower()
        )

    def _is_number_of_others(self, number):
        """Return whether another transaction was begun under a number.

        Captures and releases bear the number of the payment that was authorised.

        :param str number: The number at the provider.
        :rtype: bool
        """
        others = self.sudo().search(
            [
                ('provider_reference', '=', number),
                ('provider_id', '=', self.provider_id.id),
                ('id', '!=', self.id),
            ]
        )
        return bool(others.filtered(lambda tx: tx.source_transaction_id != self))

    def _get_amount_mismatch(self, payment_data):
        """Return why an amount is not the one of this transaction, as `_validate_amount` finds it.

        That one reports it as a decline, which is none: the money may have moved.

        :param dict payment_data: What the provider reports.
        :return: The reason; None if the amount is right, or the provider doesn't tell it.
        :rtype: str|None
        """
        if self.operation == 'validation':
            return None
        reported = self._extract_amount_data(payment_data)
        if reported is None:
            return None
        if not reported.get('amount') or not reported.get('currency_code'):
            return self.env._("its amount or currency is missing")
        digits = reported.get('precision_digits')
        amount = abs(self.amount)
        if digits is not None:
            amount = float_round(amount, precision_digits=digits, rounding_method='DOWN')
        is_same = (
            reported['currency_code'] == self.currency_id.name
            and self.currency_id.compare_amounts(reported['amount'], amount) == 0
        )
        return None if is_same else self.env._("its amount or currency is another one")

    # === WHAT COMES OF IT === #

    def _process(self, provider_code, payment_data):
        """Override of `payment`: nothing is taken in but what is of the transaction.

        A decline that is reported later is booked soon: no browser waits for it, and the order
        can't be charged again before. Whoever charges a card learns what was answered, even if it
        can't be taken in.
        """
        if (answers := get_answers(self.env)) is not None:
            answers.append(payment_data)
        tx = self or self._search_by_reference(provider_code, payment_data)
        if tx and tx._get_order_to_guard() and (mismatch := tx._get_mismatch(payment_data)):
            tx._refuse_answer(mismatch)
            return tx
        if tx.billing_order_id and tx.provider_code == 'stripe' and not tx._is_settlement():
            # Kept from the first moment, and never replaced.
            tx.provider_reference = tx._get_stripe_object(payment_data)['id']
        tx = super(PaymentTransaction, tx)._process(provider_code, payment_data)
        if tx and tx._is_charge_of_staff() and tx._is_declined_but_not_booked():
            self.env.ref('payment.cron_post_process_payment_tx')._trigger()
        return tx

    def _refuse_answer(self, mismatch):
        """Take nothing in of what isn't of this transaction. What we sent stays without an answer.

        :param str mismatch: Why it isn't.
        """
        self._report_mismatch(mismatch)
        is_open = self.state in {'draft', 'pending'} and not self.billing_action_required
        if self.billing_order_id and is_open and self._is_sent_by_us():
            self._set_outcome_unknown()

    def _report_mismatch(self, mismatch):
        """Log that somebody has reported what isn't of this transaction, and ask staff to look.

        :param str mismatch: Why it isn't.
        """
        self.ensure_one()
        _logger.warning("Took in nothing of what was reported of %s: %s", self.reference, mismatch)
        self._get_order_to_guard()._ask_staff(
            self.env._("Something was reported of %s that isn't its payment", self.reference),
            self.env._(
                "Whoever reported it, %(mismatch)s. Nothing was changed by it. Compare the payment"
                " with the provider's dashboard: money that arrived there for it by another payment"
                " is not in Odoo.",
                mismatch=mismatch,
            ),
        )

    def _is_of_another_database(self, stripe_object):
        """Return whether an object of Stripe says that another database has begun it.

        :param dict stripe_object: A payment, a set-up or a refund.
        :rtype: bool
        """
        self.ensure_one()
        database = (stripe_object.get('metadata') or {}).get(DATABASE_KEY)
        return bool(database) and database != self.billing_database

    # === WHAT BROWSERS BRING BACK === #

    def _take_in_stripe_return(self, number):
        """Take in what became of a payment whose customer comes back from Stripe.

        Anybody can open the address with anything, as often as they like: staff are asked about
        numbers of Stripe's, and only as long as the payment isn't done.

        :param str|None number: The payment or set-up at Stripe, as the address names it.
        :rtype: None
        """
        self.ensure_one()
        if not number:
            return
        if self.source_transaction_id or not self._is_stripe_number(number):
            _logger.warning("Somebody came back from Stripe with no number of %s", self.reference)
            return
        if self.provider_reference and self.provider_reference != number:
            self._report_return(self.env._("the payment that was begun has another number"))
            return
        try:
            stripe_object = self._fetch_stripe_object(number)
        except ValidationError:
            return  # Logged already. The provider's message or an inquiry tells it.
        if mismatch := self._take_in_stripe_object(stripe_object):
            self._report_return(mismatch)

    def _report_return(self, mismatch):
        """Report that somebody came back with what isn't this payment, if that may be a danger.

        :param str mismatch: Why it isn't.
        """
        if self.state == 'done':
            _logger.warning("Took in nothing that came back of %s: %s", self.reference, mismatch)
        else:
            self._report_mismatch(mismatch)

    def _fetch_stripe_object(self, number):
        """Ask Stripe for a payment or set-up; no money moves.

        :param str number: Its number.
        :return: Stripe's object, its payment method expanded.
        :rtype: dict
        :raise ValidationError: If Stripe has none or doesn't answer.
        """
        collection = 'setup_intents' if self.operation == 'validation' else 'payment_intents'
        return self.with_context(billing_moves_no_money=INSIDE)._send_api_request(
            'GET', f'{collection}/{number}', data={'expand[]': 'payment_method'}
        )

    def _take_in_stripe_object(self, stripe_object):
        """Take in a payment or set-up that somebody has named, if it is that of the transaction.

        :param dict stripe_object: Stripe's object, its payment method expanded.
        :return: Why it isn't; None if it is.
        :rtype: str|None
        """
        key = 'setup_intent' if self.operation == 'validation' else 'payment_intent'
        payment_data = {
            'reference': self.reference,
            key: stripe_object,
            'payment_method': stripe_object.get('payment_method'),
        }
        mismatch = self._get_mismatch(payment_data)
        if not mismatch:
            self._process('stripe', payment_data)
        return mismatch
