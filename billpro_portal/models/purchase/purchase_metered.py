from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from ...billing.lifecycle import OPEN

# The amount gets its part of the taxes of so many units. The tax of a single one, rounded to its
# minor unit, would be too coarse to take a part of: 21% of 2.50 are 0.53, not 0.525.
TAXED_QUANTITY = 10**6


class BillproPurchaseMetered(models.AbstractModel):
    """Metered billing: a fixed amount at the checkout, then payments for what is used.

    An order whose lines have a usage charge bills each period when it is over, and in advance what
    its other lines cost each period; the first time at the checkout. Without a charge lines name
    what is metered and its unit price, and staff take or schedule payments.
    """

    _name = 'billpro.purchase.metered'
    _description = "Metered Billing"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'metered'
    _purchase_sequence = 40
    _has_schedule = True
    _has_initial_amount = True
    _bills_lines_later = True
    _bills_usage = True
    _charges_added_lines = True

    # === WORDS === #

    @api.model
    def _get_label(self):
        return self.env._("Metered billing")

    @api.model
    def _get_description(self):
        return self.env._(
            "Customers register a card at the checkout. You charge it for what they use."
        )

    @api.model
    def _get_explanation(self, order):
        if not order._billing_offers_only_cards():
            return self.env._(
                "You pay for what you use. What you pay with is saved and charged after use; the"
                " amounts vary."
            )
        return self.env._(
            "You pay for what you use. Your card is saved and charged after use; the amounts vary."
        )

    @api.model
    def _get_later_terms(self, order):
        lines = order._get_recurring_lines()
        prices = [pair for line in lines for pair in self._get_prices(order, line)]
        return [
            {'label': label, 'value': value, 'strong': False}
            for label, value in [*prices, *self._get_usage_terms(order)]
        ]

    @api.model
    def _get_usage_terms(self, order):
        """Return how usage is charged, besides its prices, in words.

        :param sale.order order: The order.
        :return: Pairs of what it is and what is so; none if no usage is counted.
        :rtype: list[tuple[str, str]]
        """
        lines = order.billing_usage_line_ids
        if not lines or not order.billing_interval_unit:
            return []
        terms = [
            (
                self.env._("Usage is charged"),
                self.env._("%s, for what was used; amounts vary", self._get_interval_text(order)),
            )
        ]
        if added := lines.tax_ids.filtered(lambda tax: not tax.price_include):
            terms.append((self.env._("Added to prices of usage"), ', '.join(added.mapped('name'))))
        currency = order.currency_id
        if not currency.is_zero(order.billing_usage_cap):
            terms.append(
                (
                    self.env._("We ask you first"),
                    self.env._(
                        "if a payment is more than %s", currency.format(order.billing_usage_cap)
                    ),
                )
            )
        if order._billing_get_base_lines():
            terms.append(
                (self.env._("Base fees"), self.env._("are paid in advance, the first time today"))
            )
        if not currency.is_zero(order.billing_initial_amount):
            terms.append(
                (
                    self.env._("Of the amount of today"),
                    self.env._(
                        "%s is for the beginning; usage is charged besides",
                        currency.format(order.billing_initial_amount),
                    ),
                )
            )
        return terms

    @api.model
    def _get_prices(self, order, line):
        """Return what the usage of a line costs, in words.

        :param sale.order order: The order.
        :param sale.order.line line: Its line.
        :return: Pairs of what it is and what it costs.
        :rtype: list[tuple[str, str]]
        """
        name = line.product_id.display_name
        if line.billing_charge_id:
            return [
                (f'{name}, {label}' if label else name, value)
                for label, value in line.billing_charge_id._get_prices(order)
            ]
        if line in order._billing_get_base_lines():
            price = self.env._(
                "%(amount)s %(interval)s",
                amount=order.currency_id.format(order._billing_get_amount_of_lines(line)),
                interval=self._get_interval_text(order),
            )
            return [(name, price)]
        return [
            (
                name,
                self.env._(
                    "%(price)s per %(unit)s",
                    price=order._billing_format_unit_price(line.price_unit, order.currency_id),
                    unit=line.product_uom_id.name,
                ),
            )
        ]

    @api.model
    def _get_event_terms(self, event):
        period = event.period_end and self.env._(
            "%(start)s to %(end)s",
            start=format_date(self.env, event.period_start, date_format='long'),
            end=format_date(self.env, event.period_end, date_format='long'),
        )
        names = event._get_added_lines().mapped('name')
        return ' · '.join(filter(None, [period, event.note, *names]))

    # === AMOUNTS === #

    @api.model
    def _check_order(self, order):
        super()._check_order(order)
        lines = order._get_recurring_lines()
        if not lines or lines[0].price_unit <= 0:
            raise ValidationError(
                self.env._("The metered product of order %s needs a unit price.", order.name)
            )
        if lines.billing_charge_id and not order.billing_interval_unit:
            raise ValidationError(
                self.env._(
                    "The usage of order %s is billed by periods: it needs an interval.", order.name
                )
            )
        for charge in lines.billing_charge_id:
            if charge.currency_id != order.currency_id:
                raise ValidationError(
                    self.env._(
                        "Charge “%(charge)s” is in %(charge_currency)s, order %(order)s in"
                        " %(order_currency)s: choose a product whose usage is charged in that"
                        " currency.",
                        charge=charge.name,
                        charge_currency=charge.currency_id.name,
                        order=order.name,
                        order_currency=order.currency_id.name,
                    )
                )

    @api.model
    def _has_total(self):
        return False

    @api.model
    def _can_take_payments(self):
        return True

    @api.model
    def _get_initial_amount(self, order):
        lines = order._billing_get_base_lines()
        base_fee = order._billing_get_amount_of_lines(lines) if lines else 0.0
        return order.currency_id.round(order.billing_initial_amount + base_fee)

    @api.model
    def _get_day_known_from(self, event):
        return None

    @api.model
    def _get_balance(self, order):
        """A metered order has no total to reach: what is owed are its outstanding payments."""
        return self._get_outstanding(order)

    # === INVOICES === #

    @api.model
    def _create_initial_invoice(self, order):
        if order.currency_id.is_zero(self._get_initial_amount(order)):
            return self.env['account.move']
        label = order.with_context(lang=order.partner_invoice_id.lang).env._("Initial amount")
        values = self._prepare_amount_invoice(order, [(order.billing_initial_amount, label)])
        values['invoice_line_ids'] += self._prepare_first_base_fees(order)
        return self.env['account.move'].create(values)

    @api.model
    def _prepare_first_base_fees(self, order):
        """Return the commands that invoice the base fees of the first period.

        :param sale.order order: The order, its anchor set.
        :rtype: list
        """
        lines = order._billing_get_base_lines()
        if not lines:
            return []
        env = order.with_context(lang=order.partner_invoice_id.lang).env
        first_day, next_day = order._billing_get_usage_days(0)
        commands = []
        for line, fixed in self._get_fixed_taxes(order, lines).items():
            values = line._prepare_invoice_line(
                quantity=line.product_uom_qty,
                extra_tax_data=fixed,
                name=env._(
                    "%(name)s\n%(start)s to %(end)s",
                    name=line.with_env(env).product_id.display_name,
                    start=format_date(env, first_day),
                    end=format_date(env, next_day - timedelta(days=1)),
                ),
            )
            # The periods that follow are no part of what was ordered.
            values.pop('sale_line_ids')
            line._set_analytic_distribution(values)
            commands.append(fields.Command.create(values))
        return commands

    @api.model
    def _prepare_event_invoice(self, event):
        order, leaves = event.order_id, event._get_leaves()
        typed = leaves.filtered(lambda leaf: not leaf.usage_line_ids)
        values = self._prepare_amount_invoice(
            order,
            [
                (event.currency_id.round(leaf.amount - leaf.added_amount), leaf.note)
                for leaf in typed
            ],
        )
        env = order.with_context(lang=order.partner_invoice_id.lang).env
        for leaf in leaves:
            commands = leaf.usage_line_ids._prepare_invoice_lines() if leaf not in typed else []
            if leaf not in typed and leaf.adjustment:
                commands += self._prepare_amount_lines(
                    order, leaf.adjustment, env._("Change of the amount")
                )
            values['invoice_line_ids'] += commands + self._prepare_added_lines(leaf)
        return values

    @api.model
    def _prepare_added_lines(self, event):
        """Return the commands that invoice what a payment charges once.

        :param billpro.billing.event event: The payment.
        :rtype: list
        """
        lines = event._get_added_lines().filtered('product_uom_qty')
        taxes = self._get_fixed_taxes(event.order_id, lines) if lines else {}
        return [
            fields.Command.create(
                line._prepare_invoice_line(quantity=line.product_uom_qty, extra_tax_data=fixed)
            )
            for line, fixed in taxes.items()
        ]

    @api.model
    def _prepare_amount_invoice(self, order, amounts):
        """Return the values of an invoice of amounts, with the taxes of the metered product.

        :param sale.order order: The order.
        :param list amounts: Pairs of an amount, taxes included, in the currency of the order, and
                             what it is for.
        :rtype: dict
        """
        return {
            **self._prepare_paid_invoice(order),
            'invoice_line_ids': [
                command
                for amount, label in amounts
                if not order.currency_id.is_zero(amount)
                for command in self._prepare_amount_lines(order, amount, label)
            ],
        }

    @api.model
    def _prepare_amount_lines(self, order, amount, label):
        """Return the commands that create the invoice lines of an amount.

        :param sale.order order: The order.
        :param float amount: The total, taxes included, in the currency of the order.
        :param str label: What the amount is for; the product's name if empty.
        :rtype: list
        """
        AccountTax = self.env['account.tax']
        line = order._get_recurring_lines()[0]
        base_lines = [
            line._prepare_base_line_for_taxes_computation(quantity=TAXED_QUANTITY, discount=0.0)
        ]
        AccountTax._add_tax_details_in_base_lines(base_lines, order.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, order.company_id)
        amount_lines = AccountTax._billpro_reduce_to_amount(
            base_lines=base_lines,
            company=order.company_id,
            amount=amount,
            computation_key=f'metered,{order.id},{amount}',
        )
        AccountTax._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=amount_lines, company=order.company_id
        )
        self._make_exact(order, amount_lines, amount)
        product = line.product_id.with_context(lang=order.partner_invoice_id.lang)
        return [
            fields.Command.create(
                {
                    'product_id': product.id,
                    'name': f'{product.display_name}\n{label}' if label else product.display_name,
                    'quantity': 1.0,
                    'price_unit': base_line['price_unit'],
                    'tax_ids': [fields.Command.set(base_line['tax_ids'].ids)],
                    'analytic_distribution': line.analytic_distribution,
                    'extra_tax_data': AccountTax._export_base_line_extra_tax_data(base_line),
                }
            )
            for base_line in amount_lines
        ]

    # === WHAT IS CHARGED ONCE === #

    @api.model
    def _follow_lines(self, order, kept=None):
        """Let the next payment charge what was added; without one it waits for staff to take it."""
        order._lock_billing()
        open_events = order.billing_event_ids.filtered(lambda event: event.status in OPEN)
        leaves = open_events._get_leaves()
        old_amounts = {leaf: leaf.amount for leaf in leaves}
        self._follow_added_lines(
            order, leaves, order._billing_get_added_lines(), kept or leaves.browse()
        )
        changed = leaves.filtered(lambda leaf: leaf.amount != old_amounts[leaf])
        self._check_amounts_left(changed)
        changed._discard_draft_invoices()
        for event in changed:
            event._announce_new_amount(old_amounts[event], is_lasting=False)
        changed._compare_with_cap(old_amounts)
        order.billing_usage_line_ids._billing_announce_added_usage()

    @api.model
    def _follow_price(self, order):
        """Override: what is added to an order whose periods are billed is charged by itself."""
        if order._billing_bills_usage():
            self._check_is_billing_user(order)

    @api.model
    def _get_base_fee(self, order, day=None):
        lines = order._billing_get_base_lines() if order._billing_bills_usage() else None
        if not lines:
            return 0.0
        planned = order._billing_get_planned_amount(day)
        return order._billing_get_amount_of_lines(lines) if planned is None else planned

    @api.model
    def _get_lines_to_tax(self, order):
        return order._get_recurring_lines() | order.order_line.filtered(
            lambda line: line.billing_is_added and not line._billing_is_on_invoice()
        )

    @api.model
    def _keep_amount_shown(self, event):
        """Override: what was added costs what it does by now, the usage is the rest."""
        for leaf in event._get_leaves():
            leaf.added_amount = self._get_added_amount(event.order_id, leaf._get_added_lines())
            if usage := leaf.usage_line_ids:
                leaf.adjustment = event.currency_id.round(
                    leaf.amount - leaf.added_amount - usage._get_total()
                )
        return True

    @api.model
    def _get_smallest_payment(self, order):
        """Override: what the order's provider takes."""
        provider = self.env['billpro.provider']._of(order.billing_token_id.provider_code)
        return provider._get_smallest_amount(order.currency_id)

    # === ANOTHER PRICE === #

    @api.model
    def _get_lines_with_price(self, order):
        """Override: the base fees. Prices of usage are changed with their charge."""
        return order._billing_get_base_lines()

    @api.model
    def _get_first_day_from(self, order, day):
        return order._billing_get_first_usage_day(day)

    # === STATUS === #

    @api.model
    def _can_be_cancelled(self, order):
        return self._is_billed_after_end(order)

    @api.model
    def _is_billed_after_end(self, order):
        """Override: orders that were live before periods closed have none, and staff bill them."""
        return bool(order.billing_usage_period_ids) and not order.billing_usage_waived

    @api.model
    def _get_last_day_at_once(self, order):
        """Override: the day of the cancellation counts as used."""
        if self._is_billed_after_end(order):
            return order._billing_get_today()
        return super()._get_last_day_at_once(order)

    @api.model
    def _get_paid_until(self, order):
        """Override: the base fee is paid until the running period ends."""
        period = order._billing_get_usage_period(fields.Datetime.now())
        return period.next_day - timedelta(days=1) if period else super()._get_paid_until(order)
