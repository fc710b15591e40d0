from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# How many payments are named in a refusal.
NAMED = 5


class BillproPayoutLine(models.Model):
    """What changed the balance at the provider, and so is part of a payout."""

    _name = 'billpro.payout.line'
    _description = "Part of a Payout"

    _order = 'payout_id desc, id'
    _rec_name = 'reference'
    payout_id = fields.Many2one(
        comodel_name='billpro.payout', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='payout_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='payout_id.currency_id', store=True)
    arrival_date = fields.Date(related='payout_id.arrival_date', store=True)
    kind = fields.Selection(
        selection=[
            ('charge', "Payment"),
            ('refund', "Refund"),
            ('refund_failure', "Failed refund"),
            ('dispute', "Dispute"),
            ('fee', "Fee"),
            ('adjustment', "Adjustment"),
            ('payout_failure', "Failed payout"),
            ('requested', "Requested by hand"),
            ('other', "Other"),
        ],
        required=True,
        readonly=True,
    )
    issue = fields.Selection(
        string="To Check",
        selection=[
            ('not_ours', "Not ours"),
            ('unbooked', "Not booked"),
            ('no_entry', "No outstanding journal item"),
            ('settled', "Reconciled otherwise"),
            ('amount', "Another amount"),
            ('unknown', "Unknown kind"),
            ('untold', "Made of what isn't told"),
            ('sum', "Doesn't add up"),
        ],
        readonly=True,
    )
    reference = fields.Char(readonly=True, help="Its number at the provider.")
    source_reference = fields.Char(
        string="What Moved", readonly=True, index='btree_not_null', help="At the provider."
    )
    payment_reference = fields.Char(
        string="Payment at Provider", readonly=True, help="The payment that it belongs to."
    )
    description = fields.Char(readonly=True)
    transaction_id = fields.Many2one(
        comodel_name='payment.transaction',
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    partner_id = fields.Many2one(related='transaction_id.partner_id')
    amount = fields.Monetary(readonly=True, help="Negative if it left the balance.")
    fee = fields.Monetary(readonly=True)
    net_amount = fields.Monetary(string="Net", compute='_compute_net_amount', store=True)
    original_currency_id = fields.Many2one(
        string="Paid In", comodel_name='res.currency', readonly=True, ondelete='restrict'
    )
    original_amount = fields.Monetary(
        string="Amount Paid", readonly=True, currency_field='original_currency_id'
    )
    move_line_id = fields.Many2one(
        string="Journal Item",
        comodel_name='account.move.line',
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )

    @api.depends('amount', 'fee')
    def _compute_net_amount(self):
        for line in self:
            line.net_amount = line.amount - line.fee

    # === WHOSE THEY ARE === #

    def _match(self, takes_all=False):
        """Find what the parts of one payout are in the books, and note what isn't there.

        Nothing is guessed: what belongs to no payment of the provider in Odoo is marked as not
        ours, and what is there with another amount, or was reconciled otherwise, is to be checked.

        :param bool takes_all: Whether payments that aren't booked yet are left as differences.
        :return: The journal items to reconcile with, by part; those still to come have none.
        :rtype: dict
        :raise UserError: If something isn't booked yet.
        """
        found = self._find_transactions()
        counterparts, unbooked = {}, self.browse()
        for line in self:
            match = getattr(line, f'_match_{line.kind}', None)
            issue, counterpart = match(found) if match else (line.issue, None)
            line.issue = issue
            if issue == 'unbooked':
                unbooked |= line
            elif counterpart is not None and issue in {False, 'amount'}:
                counterparts[line] = counterpart
        if unbooked and not takes_all:
            names = [
                line.transaction_id.reference or line.source_reference for line in unbooked[:NAMED]
            ]
            raise UserError(
                self.env._(
                    "%(count)s payments or refunds of this payout aren't booked yet: %(names)s. It"
                    " is tried again; “Book now” leaves them as differences.",
                    count=len(unbooked),
                    names=", ".join(names),
                )
            )
        return counterparts

    def _find_transactions(self):
        """Return the provider's transactions by their names: at the provider, and in Odoo.

        :rtype: dict
        """
        names = {*self.mapped('source_reference'), *self.mapped('payment_reference')} - {False}
        txs = self.env['payment.transaction'].search(
            Domain('provider_id', '=', self.payout_id.provider_id.id)
            & Domain('operation', '!=', 'validation')
            & (Domain('provider_reference', 'in', names) | Domain('reference', 'in', names))
        )
        # Read for all of them together: below they are looked at one by one.
        payments = (txs | txs.child_transaction_ids).payment_id
        payments.move_id.line_ids.mapped('account_id.reconcile')
        payments.mapped('outstanding_account_id')
        payments.move_id.mapped('state')
        found = defaultdict(txs.browse)
        for tx in txs:
            for name in {tx.provider_reference, tx.reference}:
                found[name] |= tx
        return found

    def _match_charge(self, found):
        """Find the outstanding item of a payment; an authorised one has that of its capture."""
        txs = found[self.source_reference].filtered(lambda tx: tx.operation != 'refund')
        if not txs:
            return 'not_ours', None
        captures = txs.child_transaction_ids.filtered(lambda tx: tx.operation != 'refund')
        booked = (
            (txs | captures)
            .filtered('payment_id')
            .sorted(lambda tx: abs(tx.amount - self._get_original_amount()))
        )
        self.transaction_id = (booked or txs)[0]
        return self._find_outstanding(booked[:1])

    def _match_refund(self, found):
        """Find the outstanding item of a refund; one that has failed meanwhile has none any more.

        Its part stays open then, until the money is back: see `_match_refund_failure`.
        """
        refund_tx = found[self.source_reference].filtered(lambda tx: tx.operation == 'refund')[:1]
        self.transaction_id = refund_tx or found[self.payment_reference][:1]
        if refund_tx.state in {'error', 'cancel'}:
            return False, self.move_line_id
        return self._find_outstanding(refund_tx) if self.transaction_id else ('not_ours', None)

    def _match_refund_failure(self, found):
        """Find what is open of the refund, in an earlier payout or in this one."""
        refund_tx = found[self.source_reference].filtered(lambda tx: tx.operation == 'refund')[:1]
        self.transaction_id = refund_tx or found[self.payment_reference][:1]
        if not self.transaction_id:
            return 'not_ours', None
        if refund_tx.state not in {'error', 'cancel'}:
            return 'unbooked', None  # Odoo doesn't know yet that it has failed.
        refunds = self.search(
            [
                ('kind', '=', 'refund'),
                ('source_reference', '=', self.source_reference),
                ('payout_id.provider_id', '=', self.payout_id.provider_id.id),
            ]
        )
        return self._check_open(refunds[:1].move_line_id) if refunds else ('unknown', None)

    def _match_dispute(self, found):
        self.transaction_id = found[self.payment_reference][:1]
        return (False if self.transaction_id else 'not_ours'), None

    def _match_payout_failure(self, _found):
        """Find what brought the money of a failed payout back."""
        payout = self.payout_id.search(
            [
                ('provider_id', '=', self.payout_id.provider_id.id),
                ('provider_reference', '=', self.source_reference),
            ]
        )
        if not payout:
            return 'unknown', None  # It was paid out before payouts were booked.
        item = payout.failure_move_id.line_ids.sorted('id')[:1]
        return self._check_open(item) if item else ('unbooked', None)

    def _find_disputes(self):
        """Return the disputes that parts are about, locked: their losses may be booked just now.

        :return: Disputes by part, without parts of which there is none.
        :rtype: dict
        """
        parts = self.filtered(lambda part: part.kind == 'dispute' and part.source_reference)
        named = Domain.OR(
            Domain(name, 'in', parts.mapped('source_reference'))
            for name in (
                'provider_reference',
                'transaction_id.provider_reference',
                'transaction_id.reference',
            )
        )
        disputes = self.env['billpro.dispute'].search(
            named & Domain('transaction_id.provider_id', '=', self.payout_id.provider_id.id)
        )
        disputes._lock_booking()
        return {part: dispute for part in parts for dispute in disputes if part._is_about(dispute)}

    def _is_about(self, dispute):
        """Return whether a part is about a dispute.

        :param billpro.dispute dispute: The dispute.
        :rtype: bool
        """
        self.ensure_one()
        tx = dispute.transaction_id
        if self.source_reference == dispute.provider_reference:
            return True
        if self.source_reference not in {tx.provider_reference, tx.reference}:
            return False
        # A file names the payment only: which of its disputes it is, tells the amount.
        if dispute.search_count([('transaction_id', '=', tx.id)], limit=2) == 1:
            return True
        return self._get_original_currency() == dispute.currency_id and (
            not dispute.currency_id.compare_amounts(
                abs(self._get_original_amount()), dispute.amount
            )
        )

    def _find_outstanding(self, tx):
        """Find the journal item of a payment that waits for the payout.

        :param payment.transaction tx: The payment or refund; empty if there is none with a payment.
        :return: The issue, if any, and the journal item.
        :rtype: tuple
        """
        payment = tx.payment_id
        if not payment:
            return 'unbooked', None
        account = payment.outstanding_account_id
        item = payment.move_id.line_ids.filtered(lambda item: item.account_id == account)
        if not item or not account.reconcile or payment.move_id.state != 'posted':
            return 'no_entry', None
        return self._check_open(item[:1])

    def _check_open(self, item):
        """Check that a journal item waits for this part of a payout.

        :param account.move.line item: The item; empty if it is made with this payout.
        :return: The issue, if any, and the journal item.
        :rtype: tuple
        """
        if not item:
            return False, item
        if item.reconciled or not item.account_id.reconcile:
            return 'settled', None
        if item.currency_id != self._get_original_currency():
            return 'amount', None
        is_same = not item.currency_id.compare_amounts(
            item.amount_residual_currency, self._get_original_amount()
        )
        return (False if is_same else 'amount'), item

    def _get_original_currency(self):
        self.ensure_one()
        return self.original_currency_id or self.currency_id

    def _get_original_amount(self):
        self.ensure_one()
        return self.original_amount if self.original_currency_id else self.amount
