from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

# Not decided yet. Of an inquiry no money is held back.
UNDECIDED = ('inquiry', 'open')
# The payment was paid back before it came to a chargeback, by the status at the provider.
REFUNDED_STATUSES = ('charge_refunded', 'prevented')


class BillproDispute(models.Model):
    """A payment that the customer has taken back through the bank, also called chargeback.

    Some banks ask first, which is an inquiry: nothing is held back, and nothing may come of it. If
    it is escalated, it is a dispute like any other, under the same number.

    What a customer takes back is on the account of disputes from the payout on that has it, and off
    again with the payout that brings it back. If the dispute is lost, somebody books the loss: it
    moves from there to the account of losses. Whichever comes first, nothing is booked twice: a
    loss that is booked before its payout leaves the account of disputes below zero, and the payout
    puts it back to zero, whatever its rate is (`billpro.payout._prepare_waiting`). The fees of
    disputes are booked with the other fees of the payout. Where no payouts are booked, what is lost
    is taken from the money that the provider holds.

    A dispute that is won after all takes its loss back.
    """

    _name = 'billpro.dispute'
    _description = "Dispute"

    _order = 'opened_date desc, id desc'
    _rec_name = 'provider_reference'
    transaction_id = fields.Many2one(
        string="Payment",
        comodel_name='payment.transaction',
        required=True,
        readonly=True,
        index=True,
        ondelete='cascade',
    )
    order_id = fields.Many2one(
        string="Order", related='transaction_id.billing_order_id', store=True, index=True
    )
    company_id = fields.Many2one(related='transaction_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='transaction_id.partner_id')
    provider_reference = fields.Char(required=True, readonly=True)
    currency_id = fields.Many2one(
        comodel_name='res.currency', required=True, readonly=True, ondelete='restrict'
    )
    amount = fields.Monetary(
        readonly=True,
        help="What is disputed. The provider holds it back, unless the bank only asks.",
    )
    reason = fields.Char(readonly=True, help="The bank's reason, in the provider's words.")
    state = fields.Selection(
        selection=[
            ('inquiry', "Inquiry"),
            ('open', "Open"),
            ('won', "Won"),
            ('lost', "Lost"),
            ('closed', "Closed"),
        ],
        required=True,
        readonly=True,
    )
    is_stopping = fields.Boolean(
        string="Stops Charges",
        readonly=True,
        index='btree_not_null',
        help="The card isn't charged by itself any more, until staff decide.",
    )
    is_return = fields.Boolean(
        string="Returned Debit",
        readonly=True,
        help="The bank has taken a debit back: nobody can answer, and the customer owes it again.",
    )
    provider_status = fields.Char(string="Status at Provider", readonly=True)
    opened_date = fields.Datetime(string="Opened On", required=True, readonly=True)
    respond_by_date = fields.Datetime(string="Respond By", readonly=True)
    _reference_unique = models.UniqueIndex(
        "(transaction_id, provider_reference)", "This dispute is known."
    )
    loss_move_id = fields.Many2one(
        string="Entry of the Loss",
        comodel_name='account.move',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    is_loss_with_payout = fields.Boolean(
        string="Loss Booked by the Payout",
        readonly=True,
        help="The account of disputes is that of losses: there is nothing to move.",
    )
    is_booked_otherwise = fields.Boolean(readonly=True, help="Somebody has booked the loss.")
    payout_date = fields.Date(
        string="Paid Out On",
        readonly=True,
        help="The day of the last payout that has the money of the dispute.",
    )
    booking_state = fields.Selection(
        string="In the Books",
        selection=[
            ('to_book', "Loss to book"),
            ('booked', "Loss booked"),
            ('to_take_back', "Loss to take back"),
        ],
        compute='_compute_booking_state',
        store=True,
        compute_sudo=True,
    )
    evidence_date = fields.Datetime(
        string="Evidence Sent On", readonly=True, help="The bank takes evidence once."
    )
    can_send_evidence = fields.Boolean(compute='_compute_can_send_evidence', compute_sudo=True)
    is_open = fields.Boolean(compute='_compute_actions')
    can_book_loss = fields.Boolean(compute='_compute_actions')
    can_take_loss_back = fields.Boolean(compute='_compute_actions')

    @api.depends('state', 'booking_state')
    def _compute_actions(self):
        for dispute in self:
            dispute.is_open = dispute.state in UNDECIDED
            dispute.can_book_loss = dispute.booking_state == 'to_book'
            dispute.can_take_loss_back = dispute.booking_state == 'to_take_back'

    @api.depends('state', 'evidence_date', 'transaction_id.provider_id')
    def _compute_can_send_evidence(self):
        for dispute in self:
            dispute.can_send_evidence = (
                dispute.state in UNDECIDED
                and not dispute.is_return
                and not dispute.evidence_date
                and dispute.transaction_id.provider_id._in_billing()._takes_evidence
            )

    @api.model
    def _record(self, tx, values):
        """Create a dispute or bring it up to date; tell staff what has changed.

        :param payment.transaction tx: The disputed payment, locked with its order.
        :param dict values: What the provider says of the dispute: all fields that it decides.
        """
        known = self.search(
            [
                ('transaction_id', '=', tx.id),
                ('provider_reference', '=', values['provider_reference']),
            ]
        )
        if known and known.state == values['state']:
            # Staff may have decided that the card is charged all the same.
            known.write({name: values[name] for name in values if name != 'is_stopping'})
            return
        if known:
            known.write(values)
        else:
            known = self.create({**values, 'transaction_id': tx.id})
        if known.is_stopping and known.order_id:
            known.order_id._billing_withdraw_unsent_attempts()
        if not known._is_owed_again():
            known._tell_staff()

    # === EVIDENCE === #

    def _get_evidence(self):
        """Return what speaks for the seller: what was ordered, told, opened, used and invoiced.

        What the customer agreed to stands in the consents.

        :return: Titles with rows of label and text.
        :rtype: list[tuple[str, list[tuple[str, str]]]]
        """
        self.ensure_one()
        tx, order = self.transaction_id, self.order_id
        parts = [
            (self.env._("Payment"), self._get_evidence_of_payment(tx)),
            (self.env._("Order"), self._get_evidence_of_order(order)),
            (self.env._("Openings of the order's link"), self._get_evidence_of_openings(order)),
            (
                self.env._("Messages to the customer"),
                [
                    (
                        order._billing_get_date_text(notice.send_date),
                        ', '.join(filter(None, [notice._get_name(), notice.recipient])),
                    )
                    for notice in order.billing_notification_ids.sorted('id')
                    if notice.state in {'handed_over', 'sent'}
                ],
            ),
            (
                self.env._("What the customer has declared"),
                [
                    (order._billing_get_date_text(one.date), one.receipt)
                    for one in order.billing_declaration_ids
                ],
            ),
            (self.env._("Usage"), self._get_evidence_of_usage(order)),
            (
                self.env._("Documents"),
                [
                    (move.name, move.currency_id.format(move.amount_total))
                    for move in order.billing_move_ids.filtered(lambda one: one.state == 'posted')
                ],
            ),
        ]
        return [(title, rows) for title, rows in parts if rows]

    def _get_evidence_of_payment(self, tx):
        return [
            (
                self.env._("Reference"),
                ' '.join(filter(None, [tx.reference, tx.provider_reference])),
            ),
            (self.env._("Amount"), tx.currency_id.format(tx.amount)),
            (self.env._("Paid with"), tx._get_card_name()),
            (
                self.env._("Disputed"),
                ', '.join(filter(None, [self.currency_id.format(self.amount), self.reason])),
            ),
        ]

    def _get_evidence_of_order(self, order):
        if not order:
            return []
        return [
            (self.env._("Number"), order.name),
            (
                self.env._("Customer"),
                ', '.join(filter(None, [order.partner_id.name, order.partner_id.email])),
            ),
            (self.env._("Ordered"), order._billing_get_date_text(order.date_order)),
            *(
                (line.name, order.currency_id.format(line.price_total))
                for line in order.order_line
                if line.product_id
            ),
        ]

    def _get_evidence_of_openings(self, order):
        dates = [
            (self.env._("Link sent"), order.order_link_sent_date),
            (self.env._("Last opened by the customer"), order.order_link_opened_date),
        ]
        return [(label, order._billing_get_date_text(date)) for label, date in dates if date]

    def _get_evidence_of_usage(self, order):
        ((count, first, last),) = self.env['billpro.usage.record']._read_group(
            [('order_id', 'in', order.ids)],
            aggregates=['__count', 'moment:min', 'moment:max'],
        )
        if not count:
            return []
        return [
            (self.env._("Records"), str(count)),
            (self.env._("First"), order._billing_get_date_text(first)),
            (self.env._("Last"), order._billing_get_date_text(last)),
        ]

    def action_print_evidence(self):
        """Give the evidence as PDF.

        :return: The download.
        :rtype: dict
        """
        self.check_access('read')
        return self.env.ref('billpro_portal.action_report_dispute_evidence').report_action(self)

    def action_send_evidence(self):
        """Send the evidence to the bank by the provider, which takes it once.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not deal with payments.
        :raise UserError: If the provider can't, or refuses it.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        dispute = self.sudo()
        dispute.order_id._lock_billing()
        if not dispute.can_send_evidence:
            raise UserError(self.env._("No evidence can be sent for this dispute."))
        document = (
            self.env['ir.actions.report']
            .sudo()
            ._render_qweb_pdf('billpro_portal.action_report_dispute_evidence', dispute.ids)[0]
        )
        order = dispute.order_id
        provider = dispute.transaction_id.provider_id
        provider._in_billing()._send_evidence(
            dispute,
            document,
            {
                'customer_name': order.partner_id.name or '',
                'customer_email_address': order.partner_id.email or '',
                'customer_purchase_ip': order._billing_get_last_consent().ip_address or '',
                'product_description': ', '.join(order.order_line.product_id.mapped('name')),
            },
        )
        dispute.evidence_date = fields.Datetime.now()
        order.message_post(
            body=self.env._(
                "%(person)s sent the evidence about dispute %(dispute)s.",
                person=self.env.user.name,
                dispute=dispute.provider_reference,
            ),
            attachments=[(f'evidence-{dispute.provider_reference}.pdf', document)],
        )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {'type': 'success', 'message': self.env._("The evidence was sent.")},
        }

    # === RETURNED DEBITS === #

    @api.model
    def _record_return(self, tx, values, decline):
        """Record that a bank has taken back a debit that was paid, and have it collected again.

        :param payment.transaction tx: The payment, locked with its order.
        :param dict values: What the provider says of it, as `_record` takes it.
        :param Decline decline: Why.
        :raise UserError: If the payment isn't booked yet: it can't be taken out of the books.
        """
        if tx.billing_return_date:
            self._record(tx, values)
            return
        if not tx.payment_id:
            raise UserError(self.env._("Payment %s isn't booked yet.", tx.reference))
        self._record(tx, values)
        dispute = self.search(
            [
                ('transaction_id', '=', tx.id),
                ('provider_reference', '=', values['provider_reference']),
            ]
        )
        company = tx.billing_order_id.company_id or tx.company_id
        dispute = company._billing_date_by(dispute.with_company(company))
        is_booked = self.env['billpro.own.transaction']._is_survived(
            dispute, 'book', dispute._book_return
        )
        text = dispute._describe()
        is_collected = tx._billing_return(decline, text)
        for record in (tx.billing_order_id, *tx.invoice_ids):
            if record:
                record._message_log(body=text)
        if tx.billing_order_id and not (is_booked and is_collected):
            tx.billing_order_id._billing_ask_staff(
                f'dispute-{dispute.id}-returned',
                self.env._("Payment %s was returned by the bank", tx.reference),
                text,
            )

    def _is_owed_again(self):
        """Return whether the bank has taken a debit back for good.

        :rtype: bool
        """
        self.ensure_one()
        return self.is_return and self.state == 'lost'

    def _book_return(self):
        """Have the customer owe again what the bank has taken back: the invoice is open again.

        What is owed stands against the money that the payout takes back, or the provider holds.

        :raise UserError: If a journal or an account is missing.
        """
        self.ensure_one()
        payment = self.transaction_id.payment_id
        if not payment.move_id:
            payment.action_draft()
            payment.action_cancel()
            self.is_booked_otherwise = True
            return
        self.loss_move_id = self.transaction_id.provider_id._billpro_post_entry(
            self._prepare_return(),
            self.company_id._billing_get_today_in_books(),
            self.env._("Returned payment %s", self.transaction_id.reference),
        )
        self._reconcile_return()

    def _get_paid_items(self):
        """Return the journal items by which the customer has paid.

        :rtype: account.move.line
        """
        payment = self.transaction_id.payment_id
        return payment.move_id.line_ids.filtered(
            lambda item: item.account_id == payment.destination_account_id
        )

    def _prepare_return(self):
        """Return the journal items of a return.

        The customer owes what was paid, in its currency and at its rate. Payouts may have it in
        another one: what the provider takes back beside that is lost.

        :rtype: list[dict]
        """
        paid = self._get_paid_items()
        company_currency = self.company_id.currency_id
        amount, balance = -sum(paid.mapped('amount_currency')), -sum(paid.mapped('balance'))
        if self.currency_id == paid.currency_id:  # Of a payment refunded in part it is the rest.
            balance = company_currency.round(balance * self.amount / amount)
            amount = self.amount
        # As of a loss: each second item is what is taken from (`_get_held`).
        values_list = self._prepare_loss(paid.account_id)
        owed = values_list[0]
        difference = company_currency.round(owed['balance'] - balance)
        lost = {
            **owed,
            'currency_id': company_currency.id,
            'amount_currency': difference,
            'balance': difference,
        }
        owed |= {
            'currency_id': paid.currency_id.id,
            'amount_currency': amount,
            'balance': balance,
        }
        if difference:
            values_list.append(lost)
        for values in values_list[2::2]:
            account = self.transaction_id.provider_id._billpro_get_payout_account('loss')
            values['account_id'] = account.id
        return values_list

    def _reconcile_return(self):
        """Reconcile what was paid with what is owed again."""
        paid = self._get_paid_items()
        paid.remove_move_reconcile()
        owed = self.loss_move_id.line_ids.filtered(lambda item: item.account_id == paid.account_id)
        (paid | owed).reconcile()

    def _describe(self):
        """Return what has become of the dispute, as staff read it.

        :rtype: str
        """
        self.ensure_one()
        amount = self.currency_id.format(self.amount)
        reference = self.transaction_id.reference
        if self._is_owed_again():
            return self.env._(
                "The customer's bank has taken back %(amount)s of payment %(reference)s"
                " (%(reason)s). The customer owes it again.",
                amount=amount,
                reference=reference,
                reason=self.reason,
            )
        return {
            'inquiry': self.env._(
                "The customer's bank asks about %(amount)s of payment %(reference)s (%(reason)s)."
                " No money is held back. Answer in the provider's dashboard before the date given"
                " there, or refund the payment: otherwise it may become a dispute.",
                amount=amount,
                reference=reference,
                reason=self.reason,
            ),
            'open': self.env._(
                "The customer disputes %(amount)s of payment %(reference)s (%(reason)s). The"
                " provider holds the money back. Answer in the provider's dashboard before the"
                " date given there, and decide whether the order goes on.",
                amount=amount,
                reference=reference,
                reason=self.reason,
            ),
            'won': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was won. The provider pays the"
                " money out again.",
                amount=amount,
                reference=reference,
            ),
            'lost': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was lost. The bank has taken"
                " the money back. Press “Book Loss” on the dispute.",
                amount=amount,
                reference=reference,
            ),
            'closed': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was closed. No money moved.",
                amount=amount,
                reference=reference,
            ),
            'refunded': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was settled by a refund. No"
                " more money is held back.",
                amount=amount,
                reference=reference,
            ),
        }['refunded' if self.provider_status in REFUNDED_STATUSES else self.state]

    def _tell_staff(self):
        """Note a new dispute or its end on order and invoice, and ask the salesperson to act."""
        self.ensure_one()
        reference = self.transaction_id.reference
        text = self._describe()
        if self.is_stopping:
            text = self.env._(
                "%s Nothing is charged by itself any more until somebody resumes the charges.",
                text,
            )
        for invoice in self.transaction_id.invoice_ids:
            invoice._message_log(body=text)
        if self.order_id:
            self.order_id._message_log(body=text)
            if self.state != 'inquiry':
                self.order_id._billing_withdraw_question(f'dispute-{self.id}-inquiry')
            if self.state in {*UNDECIDED, 'lost'}:
                summary = {
                    'inquiry': self.env._("The bank asks about payment %s", reference),
                    'open': self.env._("Payment %s is disputed", reference),
                    'lost': self.env._("The dispute of payment %s was lost", reference),
                }[self.state]
                self.order_id._billing_ask_staff(f'dispute-{self.id}-{self.state}', summary, text)
            elif self.is_booked_otherwise or self._is_loss_entered():
                self.order_id._billing_ask_staff(
                    f'dispute-{self.id}-not-lost',
                    self.env._("The dispute of payment %s was not lost after all", reference),
                    self.env._("Take back the entry of its loss, which somebody has made by hand.")
                    if self.is_booked_otherwise
                    else self.env._("Press “Take Loss Back” on the dispute: its loss is booked."),
                )

    # === BOOKING === #

    @api.depends(
        'state',
        'is_loss_with_payout',
        'is_booked_otherwise',
        'loss_move_id.state',
        'loss_move_id.reversal_move_ids.state',
    )
    def _compute_booking_state(self):
        for dispute in self:
            is_entered = dispute._is_loss_entered()
            if dispute.state == 'lost':
                is_booked = is_entered or dispute.is_loss_with_payout or dispute.is_booked_otherwise
                dispute.booking_state = 'booked' if is_booked else 'to_book'
            else:
                dispute.booking_state = is_entered and 'to_take_back'

    def _is_loss_entered(self):
        """Return whether an entry of the loss is posted, and none that reverses it.

        :rtype: bool
        """
        self.ensure_one()
        entry = self.loss_move_id
        return entry.state == 'posted' and 'posted' not in entry.reversal_move_ids.mapped('state')

    # === STAFF === #

    @api.model
    def _check_may_book(self):
        """Check that the user may book losses.

        :raise AccessError: If not.
        """
        groups = ('account.group_account_invoice', 'billpro_portal.group_billing_manager')
        if not any(self.env.user.has_group(group) for group in groups):
            raise AccessError(
                self.env._("Only billing managers and those who do invoicing can book losses.")
            )

    def action_book(self):
        """Book what disputes have lost, and take the losses back of those that were won after all.

        Those of which there is nothing to book are left alone.

        :raise AccessError: If the user may not.
        :raise UserError: If a journal or an account is missing.
        """
        for dispute in self._lock_to_book():
            company = dispute.company_id
            dispute = company._billing_date_by(dispute.with_company(company))
            if dispute.can_book_loss:
                dispute._book_loss()
            elif dispute.can_take_loss_back:
                dispute._take_loss_back()

    def action_open_entry(self):
        """Open the entry of the loss.

        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        return self.sudo().loss_move_id._get_records_action()

    def action_book_otherwise(self):
        """Say that losses are in the books already: somebody has made the entry by hand.

        :raise AccessError: If the user may not.
        """
        for dispute in self._lock_to_book():
            if dispute.can_book_loss:
                dispute.is_booked_otherwise = True
                dispute._log_booking(
                    self.env._(
                        "%(user)s said that the loss of the dispute of payment %(reference)s is in"
                        " the books already.",
                        user=self.env.user.name,
                        reference=dispute.transaction_id.reference,
                    )
                )

    def action_reopen_booking(self):
        """Take back that somebody has made the entries of losses by hand.

        :raise AccessError: If the user may not.
        """
        for dispute in self._lock_to_book():
            if dispute.is_booked_otherwise:
                dispute.is_booked_otherwise = False
                dispute._log_booking(
                    self.env._(
                        "%(user)s said that the loss of the dispute of payment %(reference)s isn't"
                        " in the books yet.",
                        user=self.env.user.name,
                        reference=dispute.transaction_id.reference,
                    )
                )

    def _lock_to_book(self):
        """Check that the user may book losses, and lock the disputes.

        :return: The disputes, in superuser mode.
        :rtype: billpro.dispute
        :raise AccessError: If the user may not.
        """
        self._check_may_book()
        self.check_access('read')
        disputes = self.sudo()
        disputes._lock_booking()
        return disputes

    def _lock_booking(self):
        """Lock disputes: payouts do it as well, so that each sees what the other has booked."""
        self.env['billpro.own.transaction']._lock_rows(self)

    # === THE ENTRY === #

    def _book_loss(self):
        """Move what is lost from the account of disputes to that of losses.

        :raise UserError: If a journal or an account is missing.
        """
        self.ensure_one()
        if self.loss_move_id.state == 'draft':
            self.loss_move_id._post(soft=False)  # Somebody has reset it.
            if self.is_return:
                self._reconcile_return()
            return
        if self.is_return:
            self._book_return()
            return
        tx = self.transaction_id
        account = tx.provider_id._billpro_get_payout_account('loss')
        values_list = self._prepare_loss(account)
        if not values_list:
            self.is_loss_with_payout = True
            self._log_booking(
                self.env._(
                    "The loss of the dispute of payment %(reference)s needs no entry: it is on"
                    " “%(account)s” as soon as its payout is booked.",
                    reference=tx.reference,
                    account=account.display_name,
                )
            )
            return
        self.loss_move_id = tx.provider_id._billpro_post_entry(
            values_list,
            self.company_id._billing_get_today_in_books(),
            self.env._("Lost dispute of payment %s", tx.reference),
        )
        self._log_booking(
            self.env._(
                "The loss of %(amount)s, of the dispute of payment %(reference)s, was booked:"
                " %(entry)s.",
                amount=self.currency_id.format(self.amount),
                reference=tx.reference,
                entry=self.loss_move_id.name,
            )
        )

    def _prepare_loss(self, account):
        """Return the journal items of a loss, none if it is on its account already.

        :param account.account account: The account of losses.
        :rtype: list[dict]
        """
        company_currency = self.company_id.currency_id
        amounts = self._get_held()
        if not amounts:
            balance = self.currency_id._convert(
                self.amount,
                company_currency,
                self.company_id,
                self.company_id._billing_get_today_in_books(),
            )
            amounts = {(self._get_account_to_take_from(), self.currency_id): (self.amount, balance)}
        name = self.env._("Dispute %s", self.provider_reference)
        return [
            {
                'name': name,
                'partner_id': self.partner_id.commercial_partner_id.id,
                'account_id': (held_on if sign < 0 else account).id,
                'currency_id': currency.id,
                'amount_currency': sign * amount,
                'balance': sign * balance,
            }
            for (held_on, currency), (amount, balance) in amounts.items()
            if held_on != account
            for sign in (1, -1)
        ]

    def _get_account_to_take_from(self):
        """Return the account of what is lost, before any payout has it.

        :rtype: account.account
        :raise UserError: If there is none.
        """
        tx = self.transaction_id
        provider = tx.provider_id
        if not provider._billpro_books_payouts() and tx.payment_id.outstanding_account_id:
            return tx.payment_id.outstanding_account_id
        return provider._billpro_get_payout_account('dispute')

    def _take_loss_back(self):
        """Reverse the entry of a loss that is none any more."""
        self.ensure_one()
        journal = self.loss_move_id.journal_id
        today = max(self.company_id._billing_get_today_in_books(), self.loss_move_id.date)
        reversal = self.loss_move_id._reverse_moves(
            [
                {
                    'date': self.company_id._billing_get_open_day(today, journal),
                    'ref': self.env._(
                        "No loss: dispute of payment %s", self.transaction_id.reference
                    ),
                }
            ]
        )
        reversal._post(soft=False)
        self._log_booking(
            self.env._(
                "The loss of %(amount)s, of the dispute of payment %(reference)s, was taken back:"
                " %(entry)s.",
                amount=self.currency_id.format(self.amount),
                reference=self.transaction_id.reference,
                entry=reversal.name,
            )
        )

    def _log_booking(self, text):
        """Note what was booked on order and invoices.

        :param str text: What.
        """
        for record in (self.order_id, *self.transaction_id.invoice_ids):
            if record:
                record._message_log(body=text)

    # === THE ACCOUNT OF DISPUTES === #

    def _get_payout_items(self):
        """Return the journal items that payouts have made of a dispute.

        :rtype: account.move.line
        """
        self.ensure_one()
        tx = self.transaction_id
        names = [self.provider_reference, tx.provider_reference, tx.reference]
        parts = self.env['billpro.payout.line'].search(
            Domain('kind', '=', 'dispute')
            & Domain('source_reference', 'in', [name for name in names if name])
            & Domain('payout_id.provider_id', '=', tx.provider_id.id)
        )
        parts = parts.filtered(lambda part: part._is_about(self))
        return parts.move_line_id.filtered(lambda item: item.parent_state == 'posted')

    def _get_held(self):
        """Return what is on accounts because of a dispute, besides its loss.

        :return: Amounts and balances, by account and currency; without those that are zero.
        :rtype: dict
        """
        entries = self.loss_move_id | self.loss_move_id.reversal_move_ids
        # The first of two items is the loss, the second what it is taken from.
        moved = [item for entry in entries for item in entry.line_ids.sorted('id')[1::2]]
        sums = defaultdict(lambda: [0, 0])
        for item in (*self._get_payout_items(), *moved):
            if item.parent_state == 'posted':
                total = sums[item.account_id, item.currency_id]
                total[0] += item.amount_currency
                total[1] += item.balance
        company_currency = self.company_id.currency_id
        return {
            (account, currency): (currency.round(amount), company_currency.round(balance))
            for (account, currency), (amount, balance) in sums.items()
            if not (currency.is_zero(amount) and company_currency.is_zero(balance))
        }
