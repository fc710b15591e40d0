from odoo import fields, models


class AccountMove(models.Model):
    """Invoices over a part of an order: what was captured of an authorised payment."""

    _inherit = 'account.move'

    def _billing_reduce_to_amount(self, amount):
        """Reduce a draft invoice to an amount, line by line and tax by tax in proportion.

        The lines keep their quantities: what was ordered is invoiced, for less.

        :param float amount: The new total, taxes included, in the invoice's currency.
        """
        self.ensure_one()
        AccountTax = self.env['account.tax']
        base_lines = self._get_rounded_base_and_tax_lines()[0]
        lines = {base_line['id']: base_line['record'] for base_line in base_lines}
        reduced_lines = AccountTax._billpro_reduce_to_amount(
            base_lines=base_lines,
            company=self.company_id,
            amount=amount,
            computation_key=f'billing_capture,{self.id}',
            grouping_function=lambda base_line: {'id': base_line['id']},
        )
        self._billing_add_unplaced_amount(reduced_lines, amount)
        for base_line in reduced_lines:
            line = lines[base_line['id']]
            price = self._billing_get_base_line_price(base_line)
            base_line['quantity'] = line.quantity
            base_line['price_unit'] = self._billing_get_reduced_price(price, line)
        AccountTax._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=reduced_lines, company=self.company_id
        )
        self.invoice_line_ids = [
            fields.Command.update(
                base_line['id'],
                {
                    'price_unit': base_line['price_unit'],
                    'discount': 0.0,
                    'extra_tax_data': AccountTax._export_base_line_extra_tax_data(base_line),
                },
            )
            for base_line in reduced_lines
        ]

    def _billing_get_reduced_price(self, total, line):
        """Return the price of one unit; with more digits where the quantity doesn't divide it."""
        price = self.currency_id.round(total / line.quantity)
        is_exact = self.currency_id.compare_amounts(price * line.quantity, total) == 0
        return price if is_exact else total / line.quantity
