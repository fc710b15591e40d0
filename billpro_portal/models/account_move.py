from odoo import api, fields, models


class AccountMove(models.Model):
    """The order that an invoice or credit note bills, and the stored legal PDF of both."""

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

    def _get_legal_pdf(self):
        """Return the legal PDF of a posted invoice or credit note, made once and stored.

        :return: The stored document.
        :rtype: ir.attachment
        """
        self.ensure_one()
        if not self.invoice_pdf_report_id:
            self.lock_for_update(allow_referencing=True)
            self.env['account.move.send']._generate_and_send_invoices(
                self, sending_methods=['manual']
            )
        return self.invoice_pdf_report_id

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
        credited_lines = AccountTax._reduce_base_lines_to_target_amount(
            base_lines=base_lines,
            company=self.company_id,
            amount_type='fixed',
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
            base_line['price_unit'] = self.currency_id.round(base_line['price_unit'])
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

    def _add_unplaced_amount(self, base_lines, amount):
        """Put on the largest line what no line got because every share rounded to zero.

        :param list[dict] base_lines: Base lines that should add up to the amount; changed.
        :param float amount: The amount, in the invoice's currency.
        """
        currency, company_currency = self.currency_id, self.company_id.currency_id
        unplaced = currency.round(amount - sum(map(self._get_base_line_total, base_lines)))
        if currency.is_zero(unplaced):
            return
        largest = max(base_lines, key=lambda base_line: abs(base_line['price_unit']))
        largest['price_unit'] = currency.round(largest['price_unit'] + unplaced)
        details = largest['tax_details']
        details['delta_total_excluded_currency'] += unplaced
        details['delta_total_excluded'] += company_currency.round(unplaced / largest['rate'])

    @api.model
    def _get_base_line_total(self, base_line):
        """Return a base line's amount, taxes included, in its currency."""
        details = base_line['tax_details']
        return (
            details['total_excluded_currency']
            + details['delta_total_excluded_currency']
            + sum(tax_data['tax_amount_currency'] for tax_data in details['taxes_data'])
        )

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
