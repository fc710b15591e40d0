import logging

import psycopg2

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..each_alone.own_transaction import GIVE_WAY
from ..rights.own_context import INSIDE
from .batch import BATCH_CONTEXT

_logger = logging.getLogger(__name__)
# When so many of a kind are refused for the same reason, it isn't their orders' fault.
ENOUGH_REFUSED = 2
# Odoo's own: as if somebody pressed *Confirm*, mandatory analytic plans are demanded.
TRIAL_CONTEXT = {'validate_analytic': True}


class _Tried(Exception):
    """Ends a trial, so that nothing is left of it."""


class BillproBooks(models.AbstractModel):
    """Whether the books can take a payment: asked before anything is charged.

    Lock dates and who is excepted from them, journals, numbers, accounts, currencies and what the
    country demands decide it, and whatever other addons demand. Only Odoo knows them all, so it is
    asked: the payment is booked on trial, and what came of that is rolled back. One payment stands
    for all that differ only by their orders, if those were invoiced before.
    """

    _name = 'billpro.books'
    _description = "Books"

    @api.model
    def _get_refusal(self, book):
        """Book something on trial, and say why it can't be booked.

        Nothing of it is left, in the database or in the caches.

        :param Callable book: Books it.
        :return: The reason, or False if it can be booked.
        :rtype: str|bool
        :raise Exception: One of `GIVE_WAY`, after which the whole transaction can't go on.
        """
        try:
            with self.env.cr.savepoint():
                book()
                self.env.flush_all()  # What is left for later may be refused as well.
                raise _Tried
        except _Tried:
            return False
        except (*GIVE_WAY, psycopg2.InterfaceError):  # The latter: the connection is lost.
            raise
        except UserError as error:
            cause = error
        except Exception as error:
            cause = error
            _logger.exception("A trial of the books failed")
        return self.env['billpro.own.transaction']._get_error_text(cause)

    # === SCHEDULED PAYMENTS === #

    @api.model
    def _find_missing_journals(self, events):
        """Return that scheduled payments can't be invoiced as their company has no journal for it.

        Without one there are no invoices that could be booked on trial.

        :param billpro.billing.event events: Payments of a company, which is the present one.
        :return: The reasons by payment; nothing if there is a journal.
        :rtype: dict
        """
        by_default = events.filtered(lambda event: not event.order_id.journal_id)
        try:
            self.env['account.move'].new({'move_type': 'out_invoice'})._search_default_journal()
        except UserError as error:
            return dict.fromkeys(by_default, str(error))
        return {}

    @api.model
    def _find_refusals(self, events):
        """Return why scheduled payments couldn't be booked if they were collected now.

        :param billpro.billing.event events: Payments of a company with their draft invoices.
        :return: The reasons by payment; nothing of those that can be booked.
        :rtype: dict
        """
        refusals = {}
        for alike in events.grouped(self._get_kind).values():
            refusals.update(self._find_refusals_of_kind(alike))
        return refusals

    @api.model
    def _get_kind(self, event):
        """Return what decides whether a payment can be booked, besides its order.

        :param billpro.billing.event event: A payment with its draft invoice.
        :rtype: tuple
        """
        invoice = event.invoice_id
        return (
            event.order_id.billing_token_id.provider_id,
            invoice.journal_id,
            invoice.currency_id,
            invoice.fiscal_position_id,
            invoice.line_ids.account_id,
            invoice.line_ids.tax_ids,
        )

    @api.model
    def _find_refusals_of_kind(self, events):
        """Return why payments can't be booked of which one can stand for the others.

        :param billpro.billing.event events: Payments that differ by their orders only.
        :return: The reasons by payment.
        :rtype: dict
        """
        known = events.filtered(
            lambda event: 'posted' in event.order_id.billing_move_ids.mapped('state')
        )
        to_try = (events - known) | known[:1]
        if not self._get_refusal(lambda: self._book_on_trial(to_try)):
            return {}
        refusals = {}
        for event in to_try:
            reason = self._get_refusal(lambda event=event: self._book_on_trial(event))
            if reason:
                refusals[event] = reason
            if len(refusals) == ENOUGH_REFUSED and len(set(refusals.values())) == 1:
                return dict.fromkeys(events, reason)
        if reason := refusals.get(known[:1]):
            refusals.update(dict.fromkeys(known, reason))
        return refusals

    @api.model
    def _book_on_trial(self, events):
        """Book scheduled payments as if they were collected.

        :param billpro.billing.event events: Payments of a company with their draft invoices.
        """
        run = self.env['billpro.billing.run']
        events = events.with_context(**TRIAL_CONTEXT)
        run._book_payments(events.env['payment.transaction'].create(run._prepare_attempts(events)))

    # === INITIAL PAYMENTS === #

    @api.model
    def _get_refusal_of_order(self, order, provider):
        """Return why the initial payment of an order couldn't be booked if it was made now.

        The order isn't confirmed for that: other addons do with it what can't be rolled back.

        :param sale.order order: The order.
        :param payment.provider provider: Who would collect it.
        :return: The reason, or False if it can be booked.
        :rtype: str|bool
        """
        order = order.with_company(order.company_id).with_context(**BATCH_CONTEXT, **TRIAL_CONTEXT)
        if order.currency_id.compare_amounts(order._billing_get_amount_asked(), 0) <= 0:
            return False  # A card is registered.
        if provider.code == 'custom' or provider.capture_manually:
            return False  # It is booked on another day: when a transfer arrives, or it is captured.
        return self._get_refusal(lambda: self._book_order_on_trial(order, provider))

    @api.model
    def _look_again_at_orders(self):
        """Forget why orders could not be paid, as soon as their payments can be booked."""
        Failure = self.env['billpro.failure']
        failures = Failure.sudo().search(
            [('task', '=', 'payable'), ('res_model', '=', 'sale.order')]
        )
        waiting = set(Failure._get_unbookable_ids('sale.order'))
        for failure in failures.filtered(lambda failure: failure.res_id not in waiting).exists():
            order = failure.order_id
            providers = order._billing_get_checkout_providers()
            reasons = [self._get_refusal_of_order(order, provider) for provider in providers]
            if reason := next(filter(None, reasons), False):
                self._note_unpayable(order, reason)
            else:
                Failure._forget_unbookable(order, 'payable')

    @api.model
    def _note_unpayable(self, order, reason):
        """Note that the initial payment of an order can't be booked, and tell staff once.

        :param sale.order order: The order.
        :param str reason: Why not.
        """

        def note_amount(failure, _error):
            failure.amount = order._billing_get_amount_asked()

        self.env['billpro.own.transaction']._note_failure(
            order, 'payable', UserError(reason), delays=(), on_failure=note_amount
        )

    @api.model
    def _book_order_on_trial(self, order, provider):
        """Invoice the lines of an order, and book its initial payment as if it was made.

        :param sale.order order: The order.
        :param payment.provider provider: Who would collect it.
        """
        lines = order.order_line.filtered(
            lambda line: not line.display_type and line.product_uom_qty
        )
        invoice = order.env['account.move'].create(
            {
                **order.with_context(billing_paid_at_once=INSIDE)._prepare_invoice(),
                'invoice_line_ids': [
                    Command.create(line._prepare_invoice_line(quantity=line.product_uom_qty))
                    for line in lines
                ],
            }
        )
        Transaction = order.env['payment.transaction']
        tx = Transaction.create(
            {
                'provider_id': provider.id,
                'payment_method_id': order.env.ref('payment.payment_method_unknown').id,
                'operation': 'offline',
                'reference': Transaction._compute_reference(provider.code, prefix=order.name),
                'amount': order._billing_get_amount_asked(),
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_invoice_id.id,
                'invoice_ids': [Command.set(invoice.ids)],
            }
        )._billing_with_company_dates()
        tx.invoice_ids.action_post()
        tx._create_payment()
