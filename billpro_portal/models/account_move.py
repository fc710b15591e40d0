from odoo import api, fields, models

from ..billing.lifecycle import BEFORE_APPROVAL, PAID
from .own_context import is_inside


class AccountMove(models.Model):
    """The order that an invoice or credit note bills, and credit notes over a part of it."""

    _inherit = 'account.move'

    billing_order_id = fields.Many2one(
        string="Billed Order",
        comodel_name='sale.order',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        check_company=True,
    )
    billing_skipped_amount = fields.Monetary(
        string="Skipped Payments",
        readonly=True,
        copy=False,
        help="What a final invoice deducts for payments that were skipped or aren't collected.",
    )

    # === DOCUMENTS IN BATCHES === #

    def _search_default_journal(self):
        """Override of `account` to search once for all alike documents of a charge run."""
        self.ensure_one()
        if not is_inside(self.env, 'billing_batch') or self.statement_line_ids:
            return super()._search_default_journal()
        known = self.env.cr.precommit.data.setdefault('billing_default_journals', {})
        has_currency = self.env.cache.contains(self, self._fields['currency_id'])
        key = (
            (self.company_id or self.env.company).id,
            tuple(self._get_valid_journal_types()),
            (self.currency_id.id if has_currency else 0)
            or self.env.context.get('default_currency_id'),
        )
        if key not in known:
            known[key] = super()._search_default_journal().id
        return self.env['account.journal'].browse(known[key])

    def _set_invoice_date(self):
        """Date draft invoices today as posting them would, but all at once.

        Posting dates them one by one and recomputes everything that depends on it each time. What
        has a date, or a currency rate that was set by hand, is left to it.
        """
        undated = self.with_context(skip_is_manually_modified=True).filtered(
            lambda move: (
                not move.invoice_date
                and move.is_sale_document()
                and move.invoice_currency_rate
                == move._get_expected_currency_rate_at(move.create_date.date())
            )
        )
        today = fields.Date.context_today(self)
        undated.invoice_date = today
        # A draft that waited for its payment is due when it is dated, not when it was made.
        undated.filtered(lambda move: not move.invoice_payment_term_id).invoice_date_due = today

    def _get_billing_sequence_key(self):
        """Return what decides which sequence numbers a document, in the charge run's memory.

        :rtype: tuple
        """
        self.ensure_one()
        return (
            'billing_last_name',
            self.journal_id.id,
            self.date,
            self.move_type in {'out_refund', 'in_refund'},
            bool(self.origin_payment_id),
            self.partner_id.commercial_partner_id.id if self.journal_id.is_self_billing else False,
        )

    def _set_next_sequence(self):
        """Override of `account` to remember the number for the next document of the batch."""
        super()._set_next_sequence()
        if is_inside(self.env, 'billing_batch'):
            self._get_sequence_cache()[self._get_billing_sequence_key()] = self.name

    def _get_last_sequence(self, relaxed=False, with_prefix=None):
        """Override of `account`: in a batch the last number is the one that was just given.

        Odoo keeps the lock on the sequence and its counter in the same memory, which it empties
        whenever a document is named otherwise and at the end of the transaction.
        """
        if is_inside(self.env, 'billing_batch') and not relaxed and with_prefix is None:
            last_name = self._get_sequence_cache().get(self._get_billing_sequence_key())
            if last_name:
                return last_name
        return super()._get_last_sequence(relaxed=relaxed, with_prefix=with_prefix)

    def _invoice_paid_hook(self):
        """Override of `sale` to log what it notes on the orders of a charge run all at once."""
        if not is_inside(self.env, 'billing_batch'):
            self._have_run_follow()
            return super()._invoice_paid_hook()
        memory = self.env.cr.precommit.data
        notes = memory['billing_notes'] = []
        try:
            result = super()._invoice_paid_hook()
        finally:
            memory.pop('billing_notes', None)
        self.env['sale.order']._log_notes(notes)
        return result

    def _have_run_follow(self):
        """Have the charge run look at once after orders whose invoice was paid in another way."""
        orders = self.sudo().billing_order_id | self.sudo().line_ids.sale_line_ids.order_id
        if orders.filtered(
            lambda order: (
                order.purchase_type
                and (
                    order.billing_status in BEFORE_APPROVAL
                    or not set(order.billing_event_ids.mapped('status')) <= PAID
                )
            )
        ):
            self.env.ref('billpro_portal.cron_billing_run')._trigger()

    # === CREDIT NOTES === #

    def _create_partial_credit_note(self, amount, reason):
        """Create and post a credit note of an amount, taxes in proportion.

        What earlier credit notes already took back is left out first, so that the credit notes
        of an invoice that is paid back in parts add up to the invoice, tax by tax: the last one
        absorbs what rounding left.

        :param float amount: The total to credit, taxes included, in the invoice's currency, at
                             most what isn't credited yet.
        :param str reason: What the credit note says about its reason.
        :return: The posted credit note.
        :rtype: account.move
        """
        self.ensure_one()
        AccountTax = self.env['account.tax']
        base_lines = self._get_rounded_base_and_tax_lines()[0]
        for credit_note in self.reversal_move_ids.filtered(lambda move: move.state == 'posted'):
            base_lines += credit_note._get_rounded_base_and_tax_lines()[0]
        base_lines = AccountTax._turn_base_lines_is_refund_flag_off(base_lines)
        self._take_back_revenue(base_lines)
        credited_lines = AccountTax._billpro_reduce_to_amount(
            base_lines=base_lines,
            company=self.company_id,
            amount=amount,
            computation_key=f'billing_credit_note,{self.id}',
            grouping_function=lambda base_line: {
                'product_id': base_line['product_id'],
                'account_id': base_line['account_id'],
            },
        )
        self._add_unplaced_amount(credited_lines, amount)
        for base_line in credited_lines:
            # The amounts are fixed below; the printed price needs no more digits than they have.
            base_line['price_unit'] = self.currency_id.round(self._get_base_line_price(base_line))
        AccountTax._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=credited_lines, company=self.company_id
        )
        credit_note = self.create(
            {
                'move_type': 'out_refund',
                'reversed_entry_id': self.id,
                'billing_order_id': self.billing_order_id.id,
                'company_id': self.company_id.id,
                'journal_id': self.journal_id.id,
                'partner_id': self.partner_id.id,
                'partner_shipping_id': self.partner_shipping_id.id,
                'fiscal_position_id': self.fiscal_position_id.id,
                'currency_id': self.currency_id.id,
                'invoice_origin': self.invoice_origin,
                'invoice_user_id': self.invoice_user_id.id,
                'team_id': self.team_id.id,
                'ref': reason,
                'invoice_payment_term_id': False,
                'invoice_line_ids': [
                    fields.Command.create(self._prepare_credit_note_line(base_line))
                    for base_line in credited_lines
                    if not self._is_empty_base_line(base_line)
                ],
            }
        )
        credit_note.action_post()
        return credit_note

    def _take_back_revenue(self, base_lines):
        """Let a credit note take back revenue, not what is held on an account of down payments.

        A final invoice turns down payments into revenue whole, also what of them was paid back.

        :param list[dict] base_lines: The base lines to credit; changed.
        """
        held_on = self.invoice_line_ids.filtered('is_downpayment').account_id.filtered(
            lambda account: account.internal_group != 'income'
        )
        if not held_on:
            return
        order = self.billing_order_id
        account = order._get_purchase()._get_income_account(order)
        for base_line in base_lines:
            if base_line['account_id'] in held_on:
                base_line['account_id'] = account

    def _add_unplaced_amount(self, base_lines, amount):
        """Put on the largest line what no line got because every share rounded to zero.

        :param list[dict] base_lines: Base lines that should add up to the amount; changed.
        :param float amount: The amount, in the invoice's currency.
        """
        currency, company_currency = self.currency_id, self.company_id.currency_id
        get_total = self.env['account.tax']._billpro_get_total
        unplaced = currency.round(amount - sum(map(get_total, base_lines)))
        if currency.is_zero(unplaced):
            return
        largest = max(base_lines, key=lambda base_line: abs(base_line['price_unit']))
        largest['price_unit'] = currency.round(largest['price_unit'] + unplaced)
        details = largest['tax_details']
        details['delta_total_excluded_currency'] += unplaced
        details['delta_total_excluded'] += company_currency.round(unplaced / largest['rate'])

    @api.model
    def _get_base_line_price(self, base_line):
        """Return what a reduced base line costs, in its currency.

        :param dict base_line: A base line whose taxes, if it has any, are fixed afterwards.
        """
        details = base_line['tax_details']
        if details['taxes_data']:
            return base_line['price_unit']
        # Nothing is fixed on a line without taxes: what rounding left must be in its price.
        return details['total_excluded_currency'] + details['delta_total_excluded_currency']

    def _is_empty_base_line(self, base_line):
        """Return whether a base line carries neither a base nor a tax."""
        details = base_line['tax_details']
        amounts = [
            details['total_excluded_currency'] + details['delta_total_excluded_currency'],
            *(tax_data['tax_amount_currency'] for tax_data in details['taxes_data']),
        ]
        return all(self.currency_id.is_zero(amount) for amount in amounts)

    def _prepare_credit_note_line(self, base_line):
        """Return the values of a credit note line.

        :param dict base_line: A base line of Odoo's tax computation.
        :rtype: dict
        """
        product = base_line['product_id']
        lang = self.partner_id.lang
        return {
            'name': self.with_context(lang=lang).env._(
                "Refund of %(invoice)s: %(product)s",
                invoice=self.name,
                product=product.with_context(lang=lang).display_name,
            )
            if product
            else self.with_context(lang=lang).env._("Refund of %s", self.name),
            'product_id': product.id,
            'account_id': base_line['account_id'].id,
            'quantity': 1.0,
            'price_unit': base_line['price_unit'],
            'tax_ids': [fields.Command.set(base_line['tax_ids'].ids)],
            'analytic_distribution': base_line['analytic_distribution'],
            'extra_tax_data': self.env['account.tax']._export_base_line_extra_tax_data(base_line),
        }
