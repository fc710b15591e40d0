from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...billing.lifecycle import BEFORE_APPROVAL, OPEN


class SaleOrder(models.Model):
    """Whether a payment of the order is under way, and giving up what isn't finished."""

    _inherit = 'sale.order'

    billing_awaits_transfer = fields.Boolean(
        string="Awaits a Transfer",
        compute='_compute_billing_awaits_transfer',
        search='_search_billing_awaits_transfer',
        compute_sudo=True,
    )

    @api.depends('billing_transaction_ids.state')
    def _compute_billing_awaits_transfer(self):
        for order in self:
            order.billing_awaits_transfer = bool(order._billing_get_awaited_transfers())

    def _search_billing_awaits_transfer(self, operator, value):
        if operator != 'in':
            return NotImplemented
        codes = self.env['billpro.provider']._get_codes_of_transfers()
        pending = (
            self.env['payment.transaction']
            .sudo()
            .search([('provider_code', 'in', codes), ('state', '=', 'pending')])
        )
        awaiting = pending.billing_order_id.filtered('billing_awaits_transfer')
        return [('id', 'in' if True in value else 'not in', awaiting.ids)]

    def _billing_get_initial_attempts(self):
        """Return the attempts to pay the initial payment, newest first.

        :rtype: payment.transaction
        """
        return self.billing_transaction_ids.filtered(
            lambda tx: (
                tx.operation != 'refund'
                and not tx.source_transaction_id
                and not tx.billing_event_id
                and not tx.billing_is_card_update
            )
        ).sorted('id', reverse=True)

    def _billing_get_payment_in_progress(self):
        """Return the initial payment whose result is open and no longer in the customer's hands.

        :rtype: payment.transaction
        """
        return self._billing_get_initial_attempts().filtered(
            lambda tx: (
                (tx.state == 'pending' and not tx._billing_waits_for_customer())
                or tx.state == 'authorized'
                or (tx.state == 'done' and not tx.is_post_processed)
                or (tx.state == 'draft' and tx._billing_is_charged_by_us())
                or tx._billing_is_at_payment_page()
            )
        )[:1]

    def _billing_process_finished_payments(self):
        """Ask what became of initial payments that may be finished by now, and book what was paid.

        Whoever opens the order's link comes back from the bank, perhaps: they must not be asked to
        pay once more what they have paid. What the provider tells is committed. Of what isn't open
        any more only the newest is asked about, and no provider twice that doesn't answer: they
        wait for each answer.
        """
        self.ensure_one()

        def process(tx):
            if not tx._billing_try_lock_with_order():
                return False
            tx._billing_process_if_finished()
            return True

        txs = self._billing_get_initial_attempts()
        failures = self.env['billpro.failure']
        begun = txs.filtered(
            lambda tx: (
                (tx.state in {'draft', 'pending'} or tx == txs[0]) and tx._billing_may_be_finished()
            )
        )
        for tx in failures._leave_out_waiting(begun, 'inquire'):
            if tx.provider_id in begun._billing_find_silent_providers():
                continue
            self.env['billpro.own.transaction']._commit_alone(tx, 'inquire', partial(process, tx))
        paid = txs.filtered(lambda tx: tx.state == 'done' and not tx.is_post_processed)
        failures._leave_out_waiting(paid, 'book')._billing_book_alone()

    def _billing_give_up_attempts(self):
        """Give up the attempts that were begun, before another one; the caller holds the lock.

        :return: Those that may be finished at any time, and those that were: nothing may be paid
                 beside them.
        :rtype: payment.transaction
        """
        self.ensure_one()
        under_way = self._billing_get_initial_attempts()._billing_give_up()
        return under_way | self._billing_get_payment_in_progress()

    def _check_billing_attempts_given_up(self):
        """Give up the attempts that were begun; the caller holds the lock.

        :raise UserError: If one of them is under way.
        """
        if under_way := self._billing_give_up_attempts():
            raise UserError(
                self.env._(
                    "Payment %(reference)s of order %(order)s is under way and could not be ended"
                    " at the provider. Please try again when its result is known.",
                    reference=under_way[0].reference,
                    order=self.name,
                )
            )

    def _check_billing_no_payment_in_progress(self):
        """Keep what the customer is paying for as it is while the money is under way.

        What an open page could still finish, at the terms that it has shown, is ended first.
        Confirming the order that it has paid may touch the lines: rewards are computed anew.

        :raise UserError: If a payment of an order awaits its result, or can't be ended.
        """
        for order in self.filtered(
            lambda order: (
                order.purchase_type
                and order.billing_status in BEFORE_APPROVAL
                and not order._billing_is_being_confirmed()
            )
        ):
            if order.sudo()._billing_get_payment_in_progress():
                raise UserError(
                    self.env._(
                        "A payment for order %s is being processed. The order can be changed"
                        " when its result is known.",
                        order.name,
                    )
                )
            order.sudo()._check_billing_attempts_given_up()

    # === TRANSFERS === #

    def _billing_get_awaited_transfers(self):
        """Return the transfers that the order waits for; a person sees them on the bank account.

        :rtype: payment.transaction
        """
        return self._billing_get_initial_attempts().filtered('billing_awaits_transfer')

    def _billing_end_transfers(self, reason):
        """Wait no longer for transfers; the caller holds the lock.

        Should the money come all the same, a person books it.

        :param str reason: Why not.
        """
        for tx in self._billing_get_awaited_transfers():
            tx.billing_superseded = True  # It is no decline.
            tx._set_canceled(state_message=reason)
            tx.billing_order_id._message_log(body=f'{tx.reference}: {reason}')

    # === ATTEMPTS NOT SENT YET === #

    def _billing_withdraw_unsent_attempts(self):
        """Take back the attempts that were opened but not sent; the caller holds the lock.

        A run that has booked a decline and opened another attempt meanwhile hasn't written the
        order, but its payments: whoever has an older view of them begins anew.
        """
        self.env.cr.execute(
            """
            UPDATE billpro_billing_event
               SET write_uid = write_uid
             WHERE id IN (
                   SELECT id FROM billpro_billing_event
                    WHERE order_id IN %s AND status IN %s
                 ORDER BY id FOR NO KEY UPDATE
             )
            """,
            [tuple(self.ids), tuple(OPEN)],
            log_exceptions=False,  # A lost race is no error: Odoo tries again.
        )
        txs = self.billing_event_ids.transaction_ids.filtered(
            lambda tx: tx.state == 'draft' and not tx.billing_sent_date
        )
        txs._billing_take_back()
