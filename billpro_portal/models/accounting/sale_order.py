from fractions import Fraction

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ...billing.lifecycle import (
    BEFORE_APPROVAL,
    LIVE,
    PAID,
)
from ...billing.proration import Span
from ..rights.own_context import INSIDE


class SaleOrder(models.Model):
    """What an order means for the books: money that fits nothing, and taxes that change.

    Money comes twice, too late, or in another amount than was asked for: it stays on account until
    somebody decides.

    An accountant edits the rate of a tax, or the taxes of a product or a fiscal position. Nobody
    has changed the orders: what is to be paid follows, with the price that the company keeps.
    """

    _inherit = 'sale.order'

    billing_on_account_amount = fields.Monetary(
        string="Received Without Need",
        compute='_compute_billing_on_account_amount',
        compute_sudo=True,
        help="Received for this order, which doesn't need it. It is on the customer's account, and"
        " can be refunded.",
    )
    billing_tax_change = fields.Selection(
        string="Taxes to Follow",
        selection=[('rate', "Changed taxes"), ('mapping', "Taxes of products and positions")],
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="What of the books' taxes was changed; the charge run lets the order follow.",
    )

    def _compute_billing_on_account_amount(self):
        for order in self:
            order.billing_on_account_amount = sum(
                tx._billing_get_refundable_amount()
                for tx in order._billing_get_payments_on_account()
            )

    def _billing_get_payments_on_account(self):
        """Return the payments that the order doesn't need, and that nobody has used otherwise.

        :rtype: payment.transaction
        """
        self.ensure_one()
        return self._billing_get_refundable_transactions().filtered(
            lambda tx: tx.billing_on_account and not tx.payment_id.is_reconciled
        )

    def _billing_report_payment_on_account(self, tx, note):
        """Ask a person to look after money that fits no open amount.

        :param payment.transaction tx: The transaction that brought the money.
        :param str note: What happened and what to do.
        """
        # It pays no invoice: refunding it must not credit one.
        tx.write({'billing_on_account': True, 'invoice_ids': [fields.Command.clear()]})
        self._billing_ask_staff(
            f'on-account-{tx.id}', self.env._("Payment %s needs a decision", tx.reference), note
        )

    def _billing_report_part_on_account(self, tx):
        """Ask a person to look after money of which a part pays invoices, and the rest nothing.

        :param payment.transaction tx: The transaction that brought the money, booked.
        """
        self._billing_ask_staff(
            f'too-much-{tx.id}',
            self.env._("Payment %s is too much", tx.reference),
            self.env._(
                "A part of %(amount)s, received by %(reference)s, pays no invoice. It is on the"
                " customer's account: pay it back.",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
            ),
        )

    def _search_billing_second_payments(self):
        """Return what was paid by Odoo's own links and invoices, and no invoice has taken.

        :return: Payments of these orders, or of all, that have begun, or are cancelled.
        :rtype: payment.transaction
        """
        open_payments = [
            ('state', '=', 'done'),
            ('billing_order_id', '=', False),
            ('billing_on_account', '=', False),
            ('operation', 'not in', ('validation', 'refund')),
            ('payment_id.move_id', '!=', False),
            ('payment_id.is_reconciled', '=', False),
        ]
        begun = [
            ('purchase_type', '!=', False),
            ('billing_status', 'not in', list(BEFORE_APPROVAL)),
        ]
        if self:
            begun.append(('id', 'in', self.ids))
        Transaction = self.env['payment.transaction']
        # Not as one condition: "or" would have the database go through all payments there are.
        return Transaction.search(
            [*open_payments, ('sale_order_ids', 'any', begun)]
        ) | Transaction.search(
            [*open_payments, ('invoice_ids', 'any', [('billing_order_id', 'any', begun)])]
        )

    @api.model
    def _search_billing_paid_twice(self):
        """Return the orders for which somebody must look after a second payment.

        :rtype: sale.order
        """
        orders = self.browse()
        for tx in self._search_billing_second_payments():
            # One of those that a payment is for sees to it: the first that has begun.
            orders |= tx._billing_get_orders_paid_elsewhere().filtered(
                lambda order: order.billing_status not in BEFORE_APPROVAL
            )[:1]
        return orders

    def _billing_report_payment_of_several(self, tx):
        """Ask a person to look after money that came for several orders at once, once.

        :param payment.transaction tx: The transaction that brought the money.
        """
        tx.billing_on_account = True
        self._billing_ask_staff(
            f'on-account-{tx.id}',
            self.env._("Payment %s needs a decision", tx.reference),
            self.env._(
                "%(amount)s were received by %(reference)s for %(orders)s together. They are on the"
                " customer's account: reconcile them with what is open of these orders, and refund"
                " what is too much at the payment.",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
                orders=', '.join(tx._billing_get_orders_paid_elsewhere().mapped('name')),
            ),
        )

    def action_refund_on_account(self):
        """Pay back what was received without need, the newest payment of them as a whole.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not refund.
        :raise UserError: If there is none, or the provider can't refund it.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can refund payments."))
        self.check_access('write')
        order = self.sudo()
        order._lock_billing()
        tx = order._billing_get_payments_on_account()[:1]
        if not tx:
            raise UserError(
                self.env._("There is no payment left to refund on order %s.", self.name)
            )
        if tx._billing_get_support_refund() == 'none':
            raise UserError(
                self.env._(
                    "The payment provider can't refund this payment. Pay it back by other means."
                )
            )
        refund_tx = tx._billing_create_order_refund(tx._billing_get_refundable_amount())
        refund_tx._billing_send_order_refund()
        return refund_tx._billing_get_refund_notification()

    # === WHAT IS PAID FOR === #

    def _billing_get_paid_spans(self, day=None):
        """Return for which days lines are paid, of an order whose lines have several intervals.

        What staff have changed of a payment, each of its lines has a part of.

        :param datetime.date day: Only what is paid for this day; all that was paid if not given.
        :return: The days, the amount with taxes, and the invoice; none of an order with one
                 interval.
        :rtype: list[tuple[billing.proration.Span, fractions.Fraction, account.move]]
        """
        self.ensure_one()
        spans = []
        if not any(line.billing_every_periods > 1 for line in self.order_line):
            return spans
        for invoice in self.billing_move_ids.filtered(
            lambda move: move.move_type == 'out_invoice' and move.state == 'posted'
        ):
            events = self.billing_event_ids.filtered(lambda e, move=invoice: e.invoice_id == move)
            lines = invoice.invoice_line_ids.filtered('billing_period_end')
            total = sum(lines.mapped('price_total'))
            if not total or (events and not PAID & set(events.mapped('status'))):
                continue
            changed = (invoice.invoice_line_ids - lines).filtered(
                lambda line, events=events: events and not line.sale_line_ids
            )
            part = 1 + Fraction(sum(changed.mapped('price_total'))) / Fraction(total)
            spans += [
                (
                    Span(line.billing_period_start, line.billing_period_end),
                    Fraction(f'{line.price_total:.10f}') * part,
                    invoice,
                )
                for line in lines
                if not day or line.billing_period_start <= day <= line.billing_period_end
            ]
        return spans

    # === REFUND === #

    def _billing_get_refundable_transactions(self):
        """Return the payments of which something can still be paid back, newest first.

        :rtype: payment.transaction
        """
        return self.billing_transaction_ids.filtered(
            lambda tx: tx.currency_id.compare_amounts(tx._billing_get_refundable_amount(), 0) > 0
        ).sorted('id', reverse=True)

    def _billing_pay_back(self, amount, txs):
        """Pay back an amount of some payments, the newest first, as far as providers can.

        :param float amount: How much.
        :param payment.transaction txs: The payments.
        :return: The refunds, and what is left to be paid back in another way.
        :rtype: tuple[payment.transaction, float]
        """
        self.ensure_one()
        refund_txs = self.env['payment.transaction']
        for tx in txs.sorted('id', reverse=True):
            # Each refund is committed, which gives the lock away: the money may have moved since.
            self._lock_billing()
            share = min(amount, tx._billing_get_refundable_amount())
            support = tx._billing_get_support_refund()
            is_part = bool(tx.currency_id.compare_amounts(share, tx.amount))
            if share <= 0 or support == 'none' or (support == 'full_only' and is_part):
                continue
            refund_tx = tx._billing_create_order_refund(share)
            refund_tx._billing_send_order_refund()
            refund_txs += refund_tx
            amount = self.currency_id.round(amount - share)
        return refund_txs, amount

    # === TAXES === #

    @api.model
    def _search_billing_live_subscriptions(self, domain):
        """Return the live orders whose periods are charged, of all companies.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        types = self.env['billpro.purchase.type']._get_perpetual_types()
        return self._search_billing_billed_later([('purchase_type', 'in', types), *domain])

    @api.model
    def _search_billing_billed_later(self, domain):
        """Return the live orders whose later payments have the taxes of their lines.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        types = self.env['billpro.purchase.type']._get_types_billed_later()
        return self.search(
            Domain('billing_status', 'in', list(LIVE))
            & Domain('purchase_type', 'in', types)
            & Domain(domain)
        )

    @api.model
    def _search_billing_open_quotations(self, domain):
        """Return the orders that customers may still agree to, or pay, of all companies.

        What has expired, or was cancelled, follows when it is offered again.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        return self.search(
            Domain('state', '!=', 'cancel')
            & Domain('purchase_type', '!=', False)
            & Domain('billing_status', 'in', list(BEFORE_APPROVAL))
            & (
                Domain('state', '=', 'sale')
                | Domain('validity_date', '=', False)
                | Domain('validity_date', '>=', fields.Date.context_today(self))
            )
            & Domain(domain)
        )

    def _billing_is_offered(self):
        """Return whether the customer may still agree to the order, or pay it.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.purchase_type and self.state != 'cancel' and self.billing_status in BEFORE_APPROVAL
        )

    def _billing_offer_with_present_taxes(self):
        """Have what is offered again, or for longer, follow the books' taxes."""
        self.filtered(lambda order: order._billing_is_offered())._billing_have_taxes_followed(
            'rate'
        )

    def _billing_have_taxes_followed(self, change):
        """Have the charge run let the orders follow the books' taxes, each alone.

        :param str change: A value of `billing_tax_change`.
        """
        if self:
            # With new taxes the present rates are followed as well.
            orders = self.filtered(lambda order: order.sudo().billing_tax_change != 'mapping')
            orders.sudo().billing_tax_change = change
            self.env.ref('billpro_portal.cron_billing_run').sudo()._trigger()

    def _billing_follow_taxes(self):
        """Let the payments to come have the books' taxes; the caller has the lock.

        What the customer pays now stays as it was announced; later payments follow, and the
        customer is told. The company decides whether the price without or with tax stays.
        """
        self.ensure_one()
        change = self.billing_tax_change
        if self._billing_is_offered() and self._billing_get_payment_in_progress():
            return  # Its result is waited for.
        self.billing_tax_change = False
        if not change:
            return
        is_locked = self.locked
        self.locked = False  # It is locked against people.
        if self._billing_is_offered():
            self._billing_tax_quotation_anew()
        elif self.billing_status in LIVE:
            self._billing_tax_live_order_anew(change)
        self.locked = is_locked

    def _billing_tax_live_order_anew(self, change):
        """Let what is still to be paid have the books' taxes; see `_billing_follow_taxes`.

        :param str change: A value of `billing_tax_change`.
        """
        purchase = self._get_purchase()
        changing = purchase._get_lines_to_tax(self).with_context(billing_lines_changing=INSIDE)
        if change == 'mapping':
            changing._billing_map_taxes_anew()
        purchase._tax_anew(self, changing)
        purchase._follow_lines(self, kept=self._billing_get_announced_events())
        # Whatever became of amounts, they have the old taxes.
        changing._billing_discard_stale_invoices()

    def _billing_tax_quotation_anew(self):
        """Let the total that is offered be what will be invoiced; what is billed stays.

        :raise UserError: If a customer is paying what an open page has shown.
        """
        if any(line._billing_is_on_invoice() for line in self.order_line):
            return
        self._check_billing_attempts_given_up()
        total = self.amount_total
        self._get_priced_lines()._billing_keep_prices(self.company_id.billing_tax_change)
        if self.currency_id.compare_amounts(self.amount_total, total):
            self._message_log(
                body=self.env._(
                    "Taxes of the books have changed: the total is %(new)s instead of %(old)s.",
                    new=self.currency_id.format(self.amount_total),
                    old=self.currency_id.format(total),
                )
            )

    def _billing_get_announced_events(self):
        """Return the payments whose amount the customer was told, or that are due.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        until = fields.Datetime.add(fields.Datetime.now(), days=self.company_id.billing_notice_days)
        return self.billing_event_ids.filtered(lambda event: event.due_date <= until)
