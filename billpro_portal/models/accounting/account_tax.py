from collections import defaultdict

from odoo import api, models

# What decides how much tax there is on a price.
COMPUTING_FIELDS = {
    'amount',
    'amount_type',
    'children_tax_ids',
    'include_base_amount',
    'is_base_affected',
    'price_include_override',
}


class AccountTax(models.Model):
    """Taxes that an accountant changes, and shares of taxed amounts to the last minor unit."""

    _inherit = 'account.tax'

    def write(self, vals):
        """Override of `account`: what is still to be paid of orders follows the books' taxes."""
        names = COMPUTING_FIELDS.intersection(vals)
        before = {tax: [tax[name] for name in names] for tax in self}
        result = super().write(vals)
        changed = self.filtered(lambda tax: [tax[name] for name in names] != before[tax])
        if changed:
            orders = self.env['sale.order'].sudo()
            domain = changed._billing_get_domain_of_orders()
            orders = orders._search_billing_billed_later(
                domain
            ) | orders._search_billing_open_quotations(domain)
            orders._billing_have_taxes_followed('rate')
        return result

    def _billing_get_live_subscriptions(self):
        """Return the orders whose periods are charged with the taxes, or with groups of them.

        :rtype: sale.order
        """
        orders = self.env['sale.order'].sudo()
        return orders._search_billing_live_subscriptions(self._billing_get_domain_of_orders())

    def _billing_get_domain_of_orders(self):
        """Return which orders have the taxes, or groups of them, on their lines.

        :rtype: list
        """
        groups = self.sudo().search([('children_tax_ids', 'in', self.ids)])
        return [('order_line.tax_ids', 'in', (self | groups).ids)]

    # === ROUNDING IN THE COMPANY'S CURRENCY === #

    @api.model
    def _prepare_tax_lines(self, base_lines, company, tax_lines=None):
        """Override of `account`: no tax of an order is owed in one currency and due in the other.

        A final invoice has the tax of all that was sold, less that of the down payments. Each of
        these was rounded to the company's currency by itself: where next to nothing is left, it can
        come to the opposite there, which the database refuses.
        """
        result = super()._prepare_tax_lines(base_lines, company, tax_lines=tax_lines)
        opposite = [
            amounts
            for amounts in (
                *result['tax_lines_to_add'],
                *(amounts for _tax_line, _key, amounts in result['tax_lines_to_update']),
            )
            if base_lines[0]['currency_id'].round(amounts['amount_currency'])
            * company.currency_id.round(amounts['balance'])
            < 0
        ]
        if opposite and self._billpro_bill_orders(base_lines):
            for amounts in opposite:
                amounts['balance'] = 0.0
        return result

    @api.model
    def _billpro_bill_orders(self, base_lines):
        """Return whether base lines are on an invoice of an order with a purchase type.

        :param list[dict] base_lines: Base lines of Odoo's tax computation.
        :rtype: bool
        """
        records = [base_line['record'] for base_line in base_lines]
        return any(
            line.move_id._billpro_bills_order()
            for line in records
            if isinstance(line, models.BaseModel) and line._name == 'account.move.line'
        )

    # === AMOUNTS THAT ARE A PART OF OTHERS === #

    @api.model
    def _billpro_reduce_to_amount(self, base_lines, company, amount, **options):
        """Reduce base lines to an amount, with its part of each tax.

        :param list[dict] base_lines: Base lines of Odoo's tax computation, rounded.
        :param res.company company: Their company.
        :param float amount: The amount, taxes included, in the currency of the lines.
        :param dict options: The key of the computation, and how Odoo groups lines.
        :return: The reduced base lines, each of one unit.
        :rtype: list[dict]
        """
        reduced_lines = self._reduce_base_lines_to_target_amount(
            base_lines=base_lines, company=company, amount_type='fixed', amount=amount, **options
        )
        total = sum(map(self._billpro_get_total, base_lines))
        if reduced_lines and total:
            self._billpro_place_lost_taxes(base_lines, reduced_lines, company, amount / total)
        return reduced_lines

    @api.model
    def _billpro_get_total(self, base_line):
        """Return a base line's amount, taxes included, in its currency.

        :param dict base_line: A base line of Odoo's tax computation, rounded.
        :rtype: float
        """
        details = base_line['tax_details']
        return (
            details['total_excluded_currency']
            + details['delta_total_excluded_currency']
            + sum(tax_data['tax_amount_currency'] for tax_data in details['taxes_data'])
        )

    @api.model
    def _billpro_place_lost_taxes(self, base_lines, reduced_lines, company, share):
        """Give reduced lines the taxes that Odoo took off the amount and put on none of them.

        A fixed tax is computed anew for the one unit that a reduced line has. If that is less than
        half of the smallest coin, Odoo has nothing to which it could scale the part of many units.

        :param list[dict] base_lines: The base lines that were reduced.
        :param list[dict] reduced_lines: What they were reduced to; changed.
        :param res.company company: Their company.
        :param float share: Which part of the base lines is left.
        """
        amounts = {
            'tax_amount_currency': base_lines[0]['currency_id'],
            'tax_amount': company.currency_id,
        }
        placed = defaultdict(list)
        for base_line in reduced_lines:
            for tax_data in base_line['tax_details']['taxes_data']:
                placed[tax_data['tax']].append(tax_data)
        for tax, taxes_data in placed.items():
            if sum(tax_data['tax_amount_currency'] for tax_data in taxes_data):
                continue  # Odoo has scaled it.
            largest = max(taxes_data, key=lambda tax_data: abs(tax_data['base_amount_currency']))
            for name, currency in amounts.items():
                whole = sum(
                    tax_data[name]
                    for base_line in base_lines
                    for tax_data in base_line['tax_details']['taxes_data']
                    if tax_data['tax'] == tax
                )
                # In the company's currency the tax of that one unit may be more than nothing.
                there = sum(tax_data[name] for tax_data in taxes_data)
                largest[name] += currency.round(whole * share) - there
