from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError


class BillproPurchaseType(models.AbstractModel):
    """What purchase types answer when staff change the schedule of an order."""

    _inherit = 'billpro.purchase.type'

    @api.model
    def _get_events_invoiced_along(self, events):
        """Return the payments whose draft invoices depend on those of some payments.

        :param billpro.billing.event events: Payments of one order of this type.
        :return: The payments, those that were given included.
        :rtype: billpro.billing.event
        """
        return events

    @api.model
    def _get_amounts_after_change(self, event, amount):
        """Return what the payments of an order are if one of them has another amount.

        :param billpro.billing.event event: The payment.
        :param float amount: Its new amount, in the currency of the order.
        :return: The amounts by payment, the changed one first.
        :rtype: dict
        :raise UserError: If the order leaves no room for it.
        """
        return {event: amount}

    @api.model
    def _can_change_later(self):
        """Return whether the later payments of an order may follow one that is changed.

        :rtype: bool
        """
        return False

    @api.model
    def _check_can_change_later(self, event):
        """Check that the later payments may follow one that is changed.

        :param billpro.billing.event event: The payment that is changed.
        :raise UserError: If they can't.
        """
        if not self._can_change_later() or not event.number:
            raise UserError(
                self.env._(
                    "No later payments can follow payment %s: change each of them.",
                    event.display_name,
                )
            )

    @api.model
    def _change_later(self, event, day=False, amount=False):
        """Let the later payments follow one that was changed.

        :param billpro.billing.event event: The payment that was changed.
        :param datetime.date day: The day it was moved to, if it was.
        :param float amount: The amount it was changed to, if it was.
        """

    @api.model
    def _follow_lines(self, order, kept=None):
        """Let the payments to come follow the lines of a live order, which were changed.

        :param sale.order order: The order.
        :param billpro.billing.event kept: Payments whose amounts stay, if it is about taxes.
        :raise AccessError: If the user may not change them.
        :raise ValidationError: If nothing would be left to collect.
        """

    # === WHAT IS CHARGED ONCE === #

    @api.model
    def _get_added_amount(self, order, lines):
        """Return what lines that were added to a live order add to the payment that charges them.

        :param sale.order order: The order.
        :param sale.order.line lines: The lines that were added.
        :return: The amount, taxes included, in the currency of the order.
        :rtype: float
        """
        return order._get_amount_of_lines(lines) if lines else 0.0

    @api.model
    def _check_payment_is_to_come(self, order, lines):
        """Check that another payment will charge what was added.

        :param sale.order order: The order.
        :param sale.order.line lines: What was added.
        :raise ValidationError: If there will be none.
        """

    @api.model
    def _follow_added_lines(self, order, leaves, lines, kept):
        """Let the next payment charge what was added, once, and others follow their added lines.

        :param sale.order order: The order, locked.
        :param billpro.billing.event leaves: Its open payments, those that were merged included.
        :param sale.order.line lines: Lines that no payment charges yet.
        :param billpro.billing.event kept: Payments whose amounts stay.
        :raise AccessError: If the user may not change what the order costs.
        :raise ValidationError: If no payment is to come.
        """
        to_come = leaves.filtered(
            lambda leaf: (
                leaf.status in {'scheduled', 'paused'}
                and leaf not in kept
                and not leaf.first_declined_date
                and not leaf.requested_date
            )
        )
        costly = lines.filtered(lambda line: not order.currency_id.is_zero(line.price_total))
        if costly.filtered(lambda line: not line.is_expense):
            self._check_is_billing_user(order)
        taker = to_come.sorted(lambda event: (event.due_date, event.number))[:1]
        if taker:
            costly.billing_event_id = taker
        elif costly:
            self._check_payment_is_to_come(order, costly)
        for leaf in leaves:
            own_lines = leaf._get_added_lines()
            if not own_lines:
                continue
            added = self._get_added_amount(order, own_lines)
            if not order.currency_id.compare_amounts(added, leaf.added_amount):
                continue
            self._check_is_billing_user(order)
            amount = leaf.amount
            leaf._set_added_amount(added)
            if leaf not in to_come:  # What is owed already stays.
                leaf.write(
                    {
                        'amount': amount,
                        'adjustment': order.currency_id.round(
                            leaf.adjustment + amount - leaf.amount
                        ),
                    }
                )

    @api.model
    def _check_amounts_left(self, events):
        """Check that payments leave something to collect, whatever was credited.

        :param billpro.billing.event events: Open payments.
        :raise ValidationError: If one doesn't.
        """
        for event in events:
            if event.currency_id.compare_amounts(event.amount, 0) <= 0:
                raise ValidationError(
                    self.env._(
                        "Payment %(event)s would be %(amount)s: credit less than it is.",
                        event=event.display_name,
                        amount=event.currency_id.format(event.amount),
                    )
                )

    @api.model
    def _check_is_billing_user(self, order):
        """Check that the user may change what an order costs.

        :param sale.order order: The order.
        :raise AccessError: If not.
        """
        is_system = self.env.uid == SUPERUSER_ID  # It follows the books.
        if not is_system and not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(
                self.env._(
                    "Order %s is charged by its lines: only billing users can change what it"
                    " costs.",
                    order.name,
                )
            )

    # === TAXES OF THE BOOKS === #

    @api.model
    def _get_lines_to_tax(self, order):
        """Return the lines that payments to come bill with the taxes of their day.

        :param sale.order order: A live order.
        :rtype: sale.order.line
        """
        return order.order_line.browse()

    @api.model
    def _tax_anew(self, order, lines):
        """Compute lines by the books' taxes, and keep what is agreed to; the order is unlocked.

        :param sale.order order: A live order.
        :param sale.order.line lines: What `_get_lines_to_tax` said.
        """
        lines._keep_prices(order.company_id.billing_tax_change)

    @api.model
    def _keep_amount_shown(self, event):
        """Let a payment be invoiced with the amount that was shown, whatever the books' taxes are.

        :param billpro.billing.event event: A payment whose invoice would have another total.
        :return: Whether nobody has changed the order, and its invoice can have the amount.
        :rtype: bool
        """
        return False

    @api.model
    def _is_changed_since(self, event):
        """Return whether somebody changed an order since the amount of a payment was agreed to.

        :param billpro.billing.event event: A payment of the order.
        :rtype: bool
        """
        if not self._has_total():
            return False
        order = event.order_id
        leaves = order.billing_event_ids.filtered(
            lambda other: other.number and other.status != 'cancelled'
        )
        agreed = self._get_initial_amount(order) + sum(leaves.mapped('amount'))
        return bool(order.currency_id.compare_amounts(agreed, order.amount_total))

    @api.model
    def _describe_difference(self, event, invoiced):
        """Return why a payment's invoice has another total, for staff.

        :param billpro.billing.event event: The payment.
        :param float invoiced: What the invoice would be.
        :rtype: str
        """
        order = event.order_id
        format_amount = order.currency_id.format
        values = {
            'invoiced': format_amount(invoiced),
            'amount': format_amount(event.amount),
            'lines': ', '.join(
                self.env._(
                    "“%(name)s” with %(amount)s",
                    name=(line.name or '').splitlines()[0],
                    amount=format_amount(line.price_total),
                )
                for line in order.order_line
                if not line.display_type and not line.is_downpayment
            ),
        }
        if self._is_changed_since(event):
            return self.env._(
                "Its invoice would be %(invoiced)s instead of %(amount)s: the order was changed"
                " since. Its lines are %(lines)s now. Change them back to collect the payment, or"
                " skip it.",
                **values,
            )
        return self.env._(
            "Its invoice would be %(invoiced)s instead of %(amount)s: not the order, but the taxes"
            " or the rounding of the books were changed. Its lines were %(lines)s.",
            **values,
        )

    @api.model
    def _close_invoices(self, order):
        """Make what the books lack when nothing more is collected for an order.

        :param sale.order order: The order, locked; it may have open payments yet.
        """

    @api.model
    def _get_review_reason(self, order):
        """Return why a person has to review an order.

        :param sale.order order: The order.
        :rtype: str
        """
        return ''

    @api.model
    def _get_income_account(self, order):
        """Return the account of what can't be told apart by product.

        :param sale.order order: The order.
        :rtype: account.account
        """
        lines = order.order_line.filtered(
            lambda line: not line.display_type and not line.is_downpayment
        )
        product = lines[0].product_id.product_tmpl_id.with_company(order.company_id)
        return product.get_product_accounts(fiscal_pos=order.fiscal_position_id)['income']

    @api.model
    def _make_exact(self, order, base_lines, amount):
        """Let the lines of an amount add up to it, whatever Odoo's rounding left or took.

        Odoo fixes what has taxes; of the rest, fractions of cents would add up on the last invoice.

        :param sale.order order: The order.
        :param list[dict] base_lines: What Odoo's tax computation made of the amount; changed.
        :param float amount: The amount, taxes included, in the order's currency; may be negative.
        """
        currency = order.currency_id
        totals = []
        for base_line in base_lines:
            taxes = base_line['manual_tax_amounts']
            if not taxes:
                details = base_line['tax_details']
                base_line['price_unit'] = currency.round(
                    details['total_excluded_currency'] + details['delta_total_excluded_currency']
                )
                totals.append(base_line['price_unit'])
                continue
            totals.append(
                base_line['manual_total_excluded_currency']
                + sum(
                    tax.get('tax_amount_currency', 0.0)
                    for tax_id, tax in taxes.items()
                    # The customer pays no tax that is charged and taken off at once.
                    if not base_line['tax_ids']
                    .flatten_taxes_hierarchy()
                    .browse(int(tax_id))
                    .has_negative_factor
                )
            )
        rounding = currency.round(amount - sum(totals))
        if not rounding or abs(rounding) > len(base_lines) * 2 * currency.rounding:
            return
        _total, largest = max(zip(totals, base_lines, strict=True), key=lambda pair: abs(pair[0]))
        if not largest['manual_tax_amounts']:
            largest['price_unit'] = currency.round(largest['price_unit'] + rounding)
            return
        largest['manual_total_excluded_currency'] += rounding
        largest['manual_total_excluded'] += order.company_id.currency_id.round(
            rounding / (largest['rate'] or 1.0)
        )

    @api.model
    def _prepare_adjustment_lines(self, order, lines, amount, label):
        """Return the commands that add an amount to an invoice, with its part of each tax.

        :param sale.order order: The order.
        :param sale.order.line lines: The lines whose taxes and accounts it has in proportion.
        :param float amount: The total to add, taxes included, in the currency of the order;
                             negative to take it off.
        :param str label: What the invoice says about it.
        :rtype: list
        """
        AccountTax = self.env['account.tax']
        base_lines = [line._prepare_base_line_for_taxes_computation() for line in lines]
        AccountTax._add_tax_details_in_base_lines(base_lines, order.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, order.company_id)
        adjustment_lines = AccountTax._prepare_down_payment_lines(
            base_lines=base_lines,
            company=order.company_id,
            amount_type='fixed',
            amount=amount,
            computation_key=f'billing_adjustment,{order.id},{amount}',
        )
        self._make_exact(order, adjustment_lines, amount)
        account = self._get_income_account(order)
        return [
            fields.Command.create(
                {
                    'name': label,
                    'quantity': 1.0,
                    'price_unit': base_line['price_unit'],
                    'account_id': (base_line['account_id'] or account).id,
                    'tax_ids': [fields.Command.set(base_line['tax_ids'].ids)],
                    'analytic_distribution': base_line['analytic_distribution'],
                    'extra_tax_data': AccountTax._export_base_line_extra_tax_data(base_line),
                }
            )
            for base_line in adjustment_lines
        ]
