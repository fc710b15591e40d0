from odoo import api, fields, models

from ..billing.lifecycle import BEFORE_APPROVAL

# Why a link collects nothing.
PAID, UNDER_WAY, UNFIT = 'paid', 'under_way', 'unfit'


class SaleOrder(models.Model):
    """Payments by other ways than the order link: Odoo's own links, invoices, the bank, the shop.

    The link knows what the books know: it asks for what is missing, and for nothing else.
    """

    _inherit = 'sale.order'

    billing_other_payments = fields.Char(
        string="Paid in Another Way",
        compute='_compute_billing_other_payments',
        help="What was paid, or is being paid, by other ways than the order link.",
    )
    billing_other_payments_hold = fields.Selection(
        selection=[
            (PAID, "Paid"),
            (UNDER_WAY, "Being paid"),
            (UNFIT, "To be decided"),
        ],
        string="Why the Link Collects Nothing",
        compute='_compute_billing_other_payments',
    )
    billing_other_payments_told = fields.Boolean(
        readonly=True,
        copy=False,
        help="Whether the salesperson was told that what was paid in another way doesn't fit.",
    )

    @api.depends('billing_status', 'purchase_type')
    def _compute_billing_other_payments(self):
        for order in self:
            order.billing_other_payments = order._get_other_payments()
            order.billing_other_payments_hold = order._get_other_payments_hold()

    # === WHAT THE BOOKS KNOW === #

    def _get_documents(self):
        """Return the order's invoices and credit notes, whoever made them.

        :rtype: account.move
        """
        self.ensure_one()
        # Whoever asks, salespeople without access to the books as well, must be told.
        order = self.sudo()
        return (order.invoice_ids | order.billing_move_ids).filtered(
            lambda move: move.move_type in {'out_invoice', 'out_refund'} and move.state != 'cancel'
        )

    def _get_other_transactions(self):
        """Return what providers were asked to collect by other ways than the order link.

        :rtype: payment.transaction
        """
        self.ensure_one()
        order = self.sudo()
        txs = order.transaction_ids | self._get_documents().transaction_ids
        txs = (txs - order.billing_transaction_ids).filtered(
            lambda tx: tx.operation not in {'validation', 'refund'}
        )
        return txs._get_carriers()

    def _get_other_payments_under_way(self, with_begun=True):
        """Return the names of what may be paid any time by another way, or isn't booked yet.

        :param bool with_begun: Whether what somebody may yet pay at a provider's page counts.
        :rtype: list[str]
        """
        txs = self._get_other_transactions().filtered(
            lambda tx: (
                tx.state in {'pending', 'authorized'}
                or (tx.state == 'done' and not tx.payment_id)
                or (with_begun and tx._is_at_payment_page())
            )
        )
        # With a module that reconciles bank statements, payments have no entry until then.
        payments = self._get_documents().matched_payment_ids.filtered(
            lambda payment: (
                not payment.move_id
                and payment.state in {'in_process', 'paid'}
                and 'in_payment' in payment.invoice_ids.mapped('payment_state')
            )
        )
        return [*txs.sorted('id').mapped('reference'), *payments.mapped('name')]

    def _get_advance_lines(self):
        """Return the journal items of money for the order that no document has taken yet.

        :return: What was received, and what was paid back of it.
        :rtype: tuple[account.move.line, account.move.line]
        """
        txs = self._get_other_transactions()
        refunds = txs.child_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        return tuple(
            payments.move_id.line_ids.filtered(
                lambda line: (
                    line.account_id.account_type == 'asset_receivable'
                    and line.parent_state == 'posted'
                    and not line.reconciled
                )
            )
            for payments in (txs.payment_id, refunds.payment_id)
        )

    def _get_documented_amounts(self):
        """Return what of the order is invoiced, paid, open and paid in advance, in its currency.

        Credit notes take back what they credit, reconciled or not: what was paid of it counts no
        more.

        :return: The amounts ``invoiced``, ``settled``, ``open`` and ``advance``.
        :rtype: dict[str, float]
        """
        self.ensure_one()
        documents = self._get_documents().filtered(
            lambda move: move.currency_id == self.currency_id
        )
        credit_notes = documents.filtered(
            lambda move: move.move_type == 'out_refund' and move.state == 'posted'
        )
        invoices = documents.filtered(lambda move: move.move_type == 'out_invoice')
        amounts = dict.fromkeys(('invoiced', 'settled', 'open'), 0.0)
        for invoice in invoices:
            own = credit_notes.filtered(lambda move, of=invoice: move.reversed_entry_id == of)
            credited = sum(own.mapped('amount_total'))
            paid = invoice.amount_total - invoice.amount_residual
            amounts['invoiced'] += max(0.0, invoice.amount_total - credited)
            amounts['settled'] += max(0.0, paid - credited)
            amounts['open'] += max(
                0.0, invoice.amount_residual - sum(own.mapped('amount_residual'))
            )
        loose = credit_notes.filtered(lambda move: move.reversed_entry_id not in invoices)
        for name in ('invoiced', 'settled'):
            amounts[name] -= sum(loose.mapped('amount_total'))
        received, paid_back = self._get_advance_lines()
        excess = sum(paid_back.mapped('amount_residual_currency')) - sum(
            credit_notes.mapped('amount_residual')
        )
        advance = -sum(received.mapped('amount_residual_currency')) - max(0.0, excess)
        return {
            name: self.currency_id.round(amount)
            for name, amount in {**amounts, 'advance': advance}.items()
        }

    def _get_amount_received(self):
        """Return what was received for an order that waits for its first payment.

        :return: The amount in the currency of the order.
        :rtype: float
        """
        amounts = self._get_documented_amounts()
        return max(0.0, self.currency_id.round(amounts['settled'] + amounts['advance']))

    def _get_amount_asked(self):
        """Return what the order link asks for now.

        :return: The amount in the currency of the order; 0 means that nothing is paid, and at most
                 a card registered.
        :rtype: float
        """
        self.ensure_one()
        initial = self._get_purchase()._get_initial_amount(self)
        if self.billing_status not in BEFORE_APPROVAL:
            return initial
        rest = self.currency_id.round(initial - self._get_amount_received())
        return rest if self.currency_id.compare_amounts(rest, 0) > 0 else min(initial, 0.0)

    # === WHAT FOLLOWS FROM IT === #

    def _get_other_payments_hold(self, with_begun=True):
        """Return why an order that waits for its first payment collects nothing by its link.

        :param bool with_begun: Whether what somebody may yet pay at a provider's page counts.
        :return: `paid` if it goes on by itself, `under_way` if that is known later, `unfit` if a
                 person must decide; False if the link asks for what is missing.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.purchase_type or self.billing_status not in BEFORE_APPROVAL:
            return False
        if not self._get_documents() and not self._get_other_transactions():
            return False
        if self._get_other_payments_under_way(with_begun):
            return UNDER_WAY
        if self._get_unfit_reason():
            return UNFIT
        return PAID if self._is_settled_in_full() else False

    def _is_settled_in_full(self):
        """Return whether all was paid that there is ever to pay, and no card is needed.

        :rtype: bool
        """
        full = self._get_purchase()._get_full_amount(self)
        received = self._get_amount_received()
        return (
            full is not False
            and self.currency_id.compare_amounts(received, 0) > 0
            and self.currency_id.compare_amounts(received, full) >= 0
        )

    def _get_unfit_reason(self):
        """Return why what was invoiced and paid by other ways doesn't fit what the order asks for.

        :return: A sentence for staff, or False if the order can go on with it.
        :rtype: str|bool
        """
        self.ensure_one()
        documents = self._get_documents()
        customers = self._get_card_owners().commercial_partner_id
        reason = False
        if documents.filtered(lambda move: move.currency_id != self.currency_id) or any(
            line.currency_id != self.currency_id
            for lines in self._get_advance_lines()
            for line in lines
        ):
            reason = self.env._("It was invoiced or paid in another currency than the order's.")
        elif documents.commercial_partner_id - customers:
            reason = self.env._("An invoice of it is addressed to somebody else.")
        elif self._get_other_transactions().filtered(lambda tx: len(tx.sale_order_ids) > 1):
            reason = self.env._("One payment is for several orders.")
        elif self._get_amount_received() and self._may_rest_be_reserved():
            reason = self.env._("A part of it is paid, and the rest may only be reserved.")
        elif not self._do_documents_fit():
            reason = self.env._(
                "What its invoices bill is not what is to be paid first, or they leave another"
                " amount open than is to be paid."
            )
        return reason

    def _may_rest_be_reserved(self):
        """Return whether the checkout may reserve the rest instead of collecting it.

        :rtype: bool
        """
        return (
            self._get_purchase()._can_be_authorized()
            and not self._is_settled_in_full()
            and any(self._get_checkout_providers().mapped('capture_manually'))
        )

    def _do_documents_fit(self):
        """Return whether the order's invoices can be those of its initial payment.

        :rtype: bool
        """
        purchase = self._get_purchase()
        amounts = self._get_documented_amounts()
        is_full = self._is_settled_in_full()
        due = purchase._get_full_amount(self) if is_full else purchase._get_initial_amount(self)
        if not purchase._can_take_over_invoices(self, amounts['invoiced'], is_full):
            return False
        if self.currency_id.compare_amounts(self._get_amount_received(), due) > 0:
            return False  # What is too much is no part of what is to be paid later.
        missing = max(0.0, self.currency_id.round(due - self._get_amount_received()))
        to_book = amounts['open'] + max(0.0, due - amounts['invoiced'])
        return not self.currency_id.compare_amounts(
            missing, max(0.0, self.currency_id.round(to_book - amounts['advance']))
        )

    # === WORDS === #

    def _get_other_money_rows(self):
        """Return the money that came by other ways, each with its way, document, date and amount.

        What was paid back is negative.

        :rtype: list[dict]
        """
        self.ensure_one()
        documents = self._get_documents()
        # Staff may have paid an invoice with what came by the link and didn't fit then.
        with_own = self.billing_status in BEFORE_APPROVAL
        money = documents._get_other_money(with_own)
        lines = documents.line_ids.browse(
            line_id for parts in money.values() for line_id, _amount in parts
        )
        amounts = [
            -amount if document.move_type == 'out_refund' else amount
            for document in documents.browse(money)
            for _line_id, amount in money[document.id]
        ]
        of = [document for document in documents.browse(money) for _part in money[document.id]]
        rows = [
            self._get_other_money_row(line, amount, document)
            for line, amount, document in zip(lines, amounts, of, strict=True)
        ]
        for lines in self._get_advance_lines():
            rows += [
                self._get_other_money_row(line, -line.amount_residual_currency, documents.browse())
                for line in lines
            ]
        return sorted(rows, key=lambda row: (row['date'], row['line'].id))

    @api.model
    def _get_other_money_row(self, line, amount, document):
        return {
            'line': line,
            'date': line.date,
            'amount': amount,
            'currency': document.currency_id or line.currency_id,
            'way': line.move_id.with_context(lang=self.env.lang)._get_money_way(),
            'reference': line.move_id.origin_payment_id.payment_transaction_id.reference
            or line.move_id.name,
            'document': document,
        }

    def _get_other_payments(self):
        """Return what was paid, or is being paid, by other ways than the link, for staff.

        :return: Amounts with way, reference and invoice; False if there is nothing.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.purchase_type:
            return False
        texts = []
        for row in self._get_other_money_rows():
            names = [row['reference'], *filter(None, [row['document'].name])]
            texts.append(
                self.env._(
                    "%(amount)s by %(way)s (%(names)s)",
                    amount=row['currency'].format(row['amount']),
                    way=row['way'],
                    names=', '.join(names),
                )
            )
        if self.billing_status in BEFORE_APPROVAL:
            texts += [
                self.env._("%s is under way", name) for name in self._get_other_payments_under_way()
            ]
        return '; '.join(texts) or False

    def _get_terms_today(self):
        """Return what the customer agrees to pay, and when, and what they have paid already.

        :return: Rows as of `billpro.purchase.type._get_terms`.
        :rtype: list[dict]
        """
        return [*self._get_purchase()._get_terms(self), *self._get_received_rows()]

    def _get_received_rows(self):
        """Return what the customer has paid by other ways before the first payment by the link.

        :return: Rows of ``label``, ``value`` and ``strong`` for the checkout.
        :rtype: list[dict]
        """
        self.ensure_one()
        if self.billing_status not in BEFORE_APPROVAL:
            return []
        return [
            {
                'label': self.env._("Paid already: %s", row['way'])
                if row['amount'] > 0
                else self.env._("Paid back: %s", row['way']),
                'value': row['currency'].format(abs(row['amount'])),
                'strong': False,
            }
            for row in self._get_other_money_rows()
        ]

    def _get_paid_in_another_way_text(self):
        """Return what the customer is told instead of being asked to pay.

        :rtype: str
        """
        self.ensure_one()
        if self._get_other_payments_hold() != PAID:
            return self.env._(
                "It was paid in another way, or is being paid, and nothing is collected here."
                " Please contact us if you think that it is still to be paid."
            )
        ways = ', '.join(dict.fromkeys(row['way'] for row in self._get_other_money_rows()))
        return self.env._(
            "It was paid in another way (%s), and nothing is collected here. It goes on within"
            " minutes; this link then shows your order.",
            ways,
        )

    # === WHO IS WAITING === #

    @api.model
    def _search_paid_in_another_way(self):
        """Return the orders that wait for their first payment, and were paid in another way.

        :rtype: sale.order
        """
        waiting = [
            ('purchase_type', '!=', False),
            ('billing_status', 'in', list(BEFORE_APPROVAL)),
        ]
        txs = [
            ('state', 'in', ('pending', 'authorized', 'done')),
            ('billing_order_id', '=', False),
        ]
        # Not as one condition: "or" would have the database go through all invoices there are.
        told = self.search([*waiting, ('billing_other_payments_told', '=', True)])
        paid = self.search([*waiting, ('transaction_ids', 'any', txs)])
        return (
            told
            | paid
            | self.search(
                [
                    *waiting,
                    ('state', '=', 'sale'),  # Others have no invoices.
                    ('order_line.invoice_lines.move_id.state', 'in', ('draft', 'posted')),
                ]
            )
        )
