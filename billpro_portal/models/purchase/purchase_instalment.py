from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ...billing.calendar import due_datetime, nth_date
from ...billing.lifecycle import OPEN
from ...billing.money import from_minor_units, split_with_deposit, to_minor_units
from ...billing.schedule_changes import balance_change
from ..lifecycle.plurals import choose_plural
from ..rights.own_context import INSIDE, FixedTaxes


class BillproPurchaseInstalment(models.AbstractModel):
    """Instalments: a deposit at the checkout and equal payments that follow on fixed dates.

    Deposit and instalments are Odoo's down payments; the invoice of the last one is the order's
    final invoice, which deducts them all and absorbs what rounding left of the taxes.

    If the last payment is skipped, or staff complete the order before it, the final invoice is made
    all the same: what was collected would stay a down payment for good, never revenue, and the
    products would look as if they were still to be invoiced.
    """

    _name = 'billpro.purchase.instalment'
    _description = "Instalments"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'instalment'
    _purchase_sequence = 20
    _has_schedule = True
    _has_interval = True
    _has_instalments = True
    _bills_lines_later = True

    # === WORDS === #

    @api.model
    def _get_label(self):
        return self.env._("Instalments")

    @api.model
    def _get_description(self):
        return self.env._(
            "Customers pay a deposit at the checkout, and the rest in instalments that are"
            " charged to the same card."
        )

    @api.model
    def _get_explanation(self, order):
        if not order._billing_offers_only_cards():
            return self.env._(
                "You pay in instalments. What you pay with is saved and charged on the dates listed"
                " here."
            )
        return self.env._(
            "You pay in instalments. Your card is saved and charged on the dates listed here."
        )

    @api.model
    def _get_later_terms(self, order):
        currency = order.currency_id
        try:
            schedule = self._get_schedule(order)
        except ValueError:
            return []  # A draft that lacks its lines or terms: nothing can be agreed to yet.
        amounts = [amount for _date, amount in schedule]
        text = (
            self.env._(
                "%(count)s × %(amount)s, %(interval)s",
                count=len(amounts),
                amount=currency.format(amounts[0]),
                interval=self._get_interval_text(order),
            )
            if amounts[0] == amounts[-1]
            else self.env._(
                "%(count)s × %(amount)s and %(last)s, %(interval)s",
                count=len(amounts) - 1,
                amount=currency.format(amounts[0]),
                last=currency.format(amounts[-1]),
                interval=self._get_interval_text(order),
            )
        )
        rows = [
            {'label': self.env._("Order total"), 'value': currency.format(order.amount_total)},
            {'label': self.env._("Instalments"), 'value': text},
            *(
                {
                    'label': format_date(self.env, day, date_format='long'),
                    'value': currency.format(amount),
                }
                for day, amount in schedule
            ),
            {
                'label': self.env._("Balance after today"),
                'value': currency.format(sum(amounts)),
            },
        ]
        return [{**row, 'strong': False} for row in rows]

    @api.model
    def _get_plan_text(self, order):
        """Override: how many instalments there are, and what they come to with the deposit."""
        currency = order.currency_id
        count = order.billing_instalment_count
        total = currency.format(order.amount_total)
        if currency.is_zero(order.billing_deposit):
            text = self.env._(
                "one: %(total)s in all, in 1 instalment"
                " | other: %(total)s in all, in %(count)s instalments",
                total=total,
                count=count,
            )
        else:
            text = self.env._(
                "one: %(total)s in all: a deposit of %(deposit)s and 1 instalment"
                " | other: %(total)s in all: a deposit of %(deposit)s and %(count)s instalments",
                total=total,
                deposit=currency.format(order.billing_deposit),
                count=count,
            )
        return choose_plural(self.env, text, count)

    @api.model
    def _get_event_terms(self, event):
        return self.env._(
            "Instalment %(number)s of %(count)s",
            number=event.number,
            count=event.order_id.billing_instalment_count,
        )

    # === AMOUNTS AND DATES === #

    @api.model
    def _check_order(self, order):
        super()._check_order(order)
        try:
            self._get_amounts(order)
        except ValueError:
            raise ValidationError(
                self.env._(
                    "Order %(order)s can't be split: its total of %(total)s must be higher than"
                    " the deposit of %(deposit)s and leave something for each of %(count)s"
                    " instalments.",
                    order=order.name,
                    total=order.currency_id.format(order.amount_total),
                    deposit=order.currency_id.format(order.billing_deposit),
                    count=order.billing_instalment_count,
                )
            ) from None
        if refusal := order._billing_get_credit_refusal():
            raise ValidationError(refusal)

    @api.model
    def _get_initial_amount(self, order):
        return order.billing_deposit

    @api.model
    def _get_amounts(self, order):
        """Return the instalments; with the deposit they are the order's total.

        They are split so that cards can be charged with them, whichever provider it is: each is a
        multiple of what providers take in the currency, and the last one reaches the smallest
        amount, wherever the total lets it.

        :param sale.order order: The order.
        :return: The amounts in the currency of the order.
        :rtype: list[float]
        :raise ValueError: If the total can't be split.
        """
        currency = order.currency_id
        coin = currency.rounding
        providers = self.env['billpro.provider']._get_providers().values()
        step = max((provider._get_step_of_amounts(currency) for provider in providers), default=0.0)
        smallest = max(
            (provider._get_smallest_amount(currency) for provider in providers), default=0.0
        )
        if step > coin and all(
            Decimal(repr(amount)) % Decimal(repr(step)) == 0
            for amount in (order.amount_total, order.billing_deposit)
        ):
            coin = step
        return [
            from_minor_units(part, coin)
            for part in split_with_deposit(
                to_minor_units(order.amount_total, coin),
                to_minor_units(order.billing_deposit, coin),
                order.billing_instalment_count,
                to_minor_units(smallest, coin),
            )
        ]

    @api.model
    def _get_later_amounts(self, order):
        return self._get_amounts(order)

    @api.model
    def _get_schedule(self, order):
        """Return the dates, in the customer's calendar, and amounts of the instalments.

        :param sale.order order: The order.
        :rtype: list[tuple[datetime.date, float]]
        :raise ValueError: If the total can't be split.
        """
        return [
            (self._get_due_day(order, index), amount)
            for index, amount in enumerate(self._get_amounts(order))
        ]

    @api.model
    def _get_last_due_day(self, order):
        if not order.billing_instalment_count or not order.billing_interval_unit:
            return None  # A draft that lacks its terms.
        return self._get_due_day(order, order.billing_instalment_count - 1)

    @api.model
    def _get_due_day(self, order, index):
        """Return on which day an instalment is due.

        A fixed first date counts unless it has passed; then, and without one, the first
        instalment is due one interval after the approval.

        :param sale.order order: The order.
        :param int index: Which of them, from 0.
        :rtype: datetime.date
        """
        interval = order.billing_interval_count, order.billing_interval_unit
        approved = order.billing_anchor_date or order._billing_get_today()
        is_fixed = order.billing_first_date and order.billing_first_date > approved
        anchor, first = (order.billing_first_date, 0) if is_fixed else (approved, 1)
        return nth_date(anchor, *interval, first + index)

    @api.model
    def _prepare_first_events(self, order):
        return [
            {
                'order_id': order.id,
                'number': number,
                'due_date': due_datetime(day, order._get_time_zone()),
                'period_start': day,
                'amount': amount,
            }
            for number, (day, amount) in enumerate(self._get_schedule(order), start=1)
        ]

    @api.model
    def _get_off_session_usage(self):
        return 'recurring'

    @api.model
    def _get_mandate_terms(self, order):
        schedule = self._get_schedule(order)
        return {
            'amount': max(order.billing_deposit, *(amount for _day, amount in schedule)),
            'recurrence_unit': order.billing_interval_unit,
            'recurrence_duration': order.billing_interval_count,
            'end_datetime': fields.Datetime.to_datetime(max(day for day, _amount in schedule)),
        }

    # === INVOICES === #

    @api.model
    def _get_full_amount(self, order):
        return order.amount_total

    @api.model
    def _can_take_over_invoices(self, order, invoiced, is_full):
        """The deposit must be a down payment: the final invoice deducts it."""
        if is_full and not order.currency_id.compare_amounts(invoiced, order.amount_total):
            return True
        if not super()._can_take_over_invoices(order, invoiced, is_full):
            return False
        billed = order._billing_get_documents().invoice_line_ids.sale_line_ids
        return order.currency_id.is_zero(invoiced) or all(
            line.is_downpayment or line.display_type for line in billed
        )

    @api.model
    def _create_initial_invoice(self, order):
        if order._billing_is_settled_in_full():
            order._force_lines_to_invoice_policy_order()
            return self._create_final_invoice(order)
        if order.currency_id.is_zero(order.billing_deposit):
            return self.env['account.move']
        label = order.with_context(lang=order.partner_invoice_id.lang).env._("Deposit")
        return self._create_down_payments([(order, [(order.billing_deposit, label)])])

    @api.model
    def _create_event_invoices(self, events):
        """Create down payments, and the final invoice for the last payment of each order."""
        late = events.filtered(lambda event: self._get_closing_invoice(event.order_id))
        self._create_late_invoices(late)
        events = (events - late).sorted('number')
        final_events = self.env['billpro.billing.event']
        for order_events in events.grouped('order_id').values():
            order = order_events.order_id
            others = order.billing_event_ids.filtered(
                lambda event: event.status in OPEN and not event.invoice_id
            )
            if not others - order_events:
                final_events += order_events[-1]
        down_payments = events - final_events
        invoices = self._create_down_payments(
            [(event.order_id, self._get_down_payment_parts(event)) for event in down_payments]
        )
        for event, invoice in zip(down_payments, invoices, strict=True):
            event.invoice_id = invoice
        for event in final_events:
            event.invoice_id = self._create_final_invoice(event.order_id)
            self._deduct_skipped(event.order_id, event.invoice_id)
            self._deduct_rebate(event)
            self._deduct_credited(event)
            self._reconcile_loose_payments(event)
            self._even_out(event.order_id, event.invoice_id)

    @api.model
    def _create_final_invoice(self, order):
        """Create the draft invoice that bills the products and deducts all down payments.

        :param sale.order order: The order.
        :rtype: account.move
        """
        order._force_lines_to_invoice_policy_order()  # What was sold is paid, delivered or not.
        taxes = self._get_fixed_taxes(order, self._get_sold_lines(order))
        invoice = order.with_context(
            billing_paid_at_once=INSIDE,
            billing_fixed_taxes=FixedTaxes({line.id: fixed for line, fixed in taxes.items()}),
        )._create_invoices(final=True)
        invoice.billing_order_id = order
        return invoice.with_env(order.env)

    @api.model
    def _even_out(self, order, invoice):
        """Add to a final invoice what rounding took from it: it bills what the order leaves.

        Taxes that are part of prices, and some others, are rounded line by line, of all that is
        deducted as well.

        :param sale.order order: The order.
        :param account.move invoice: Its draft final invoice, what was skipped taken off.
        """
        currency = order.currency_id
        deducted = invoice.invoice_line_ids.filtered('is_downpayment').sale_line_ids.invoice_lines
        deducted = (deducted - invoice.invoice_line_ids).filtered(
            lambda line: line.parent_state != 'cancel'
        )
        rest = order.amount_total - invoice.billing_skipped_amount
        for move, lines in deducted.grouped('move_id').items():
            # What an invoice adds up to was paid, whatever its lines say after rounding.
            is_whole = lines == move.invoice_line_ids.filtered('price_total')
            total = move.amount_total if is_whole else sum(lines.mapped('price_total'))
            rest -= total * (-1 if move.move_type == 'out_refund' else 1)
        rounding = currency.round(rest - invoice.amount_total)
        limit = len(invoice.invoice_line_ids) * currency.rounding
        if currency.is_zero(rounding) or currency.compare_amounts(abs(rounding), limit) > 0:
            return
        largest = invoice.invoice_line_ids.filtered(
            lambda line: line.display_type == 'product' and not line.is_downpayment
        ).sorted('price_subtotal')[-1]
        words = order.with_context(lang=order.partner_invoice_id.lang).env
        invoice.invoice_line_ids = [
            fields.Command.create(
                {
                    'name': words._("Rounding"),
                    'quantity': 1.0,
                    'price_unit': rounding,
                    'tax_ids': [fields.Command.clear()],
                    'account_id': largest.account_id.id,
                    'analytic_distribution': largest.analytic_distribution,
                }
            )
        ]

    @api.model
    def _deduct_skipped(self, order, invoice):
        """Take off a final invoice what was skipped, with its part of each tax, once.

        :param sale.order order: The order.
        :param account.move invoice: Its draft final invoice.
        """
        others = order.billing_move_ids.filtered(lambda move: move.state != 'cancel') - invoice
        amount = order.currency_id.round(
            order.billing_skipped - sum(others.mapped('billing_skipped_amount'))
        )
        if order.currency_id.compare_amounts(amount, 0) > 0:
            words = order.with_context(lang=order.partner_invoice_id.lang).env
            self._take_off(order, invoice, amount, words._("Skipped payments"))

    @api.model
    def _deduct_rebate(self, event):
        """Take off a final invoice what isn't collected, as all that was left is paid early.

        :param billpro.billing.event event: The payment, its invoice a draft.
        """
        if not event.currency_id.is_zero(event.rebate_amount):
            words = event.order_id.with_context(lang=event.order_id.partner_invoice_id.lang).env
            terms = event.rebate_amount, words._("Rebate for paying early")
            self._take_off(event.order_id, event.invoice_id, *terms)

    @api.model
    def _deduct_credited(self, event):
        """Deduct on a final invoice the down payments that staff have credited: they were paid.

        Odoo deducts none that was credited, and the last payment would pay for it again. What the
        credit notes took from an account of down payments is taken from revenue instead.

        :param billpro.billing.event event: The last payment, its invoice a draft.
        """
        order, invoice = event.order_id, event.invoice_id
        credited = [
            (line, missing)
            for line in order.order_line.filtered('is_downpayment')
            if (missing := self._get_quantity_credited(line, invoice)) > 0
        ]
        explained = sum(missing * self._get_total_invoiced(line) for line, missing in credited)
        excess = order.currency_id.round(invoice.amount_total - event.amount)
        limit = len(invoice.invoice_line_ids) * order.currency_id.rounding
        if (
            order.currency_id.compare_amounts(excess, limit) <= 0
            or order.currency_id.compare_amounts(abs(excess - explained), limit) > 0
        ):
            return
        invoice.invoice_line_ids = [
            fields.Command.create(values)
            for line, missing in credited
            for values in self._prepare_credited_lines(order, line, missing)
        ]

    @api.model
    def _reconcile_loose_payments(self, event):
        """Have a final invoice paid by earlier payments, too, whose invoices were cancelled.

        It bills what they have paid, as nothing is left of them to be deducted.

        :param billpro.billing.event event: The last payment, its invoice a draft.
        """
        order, invoice = event.order_id, event.invoice_id
        txs = order.billing_transaction_ids.filtered(
            lambda tx: (
                tx.state == 'done'
                and tx.operation not in {'refund', 'validation'}
                and tx.payment_id
                and not tx.billing_on_account
                and all(move.state == 'cancel' for move in tx.invoice_ids)
            )
        )
        loose = sum(tx._billing_get_refundable_amount() for tx in txs)
        excess = order.currency_id.round(invoice.amount_total - event.amount)
        if loose and not order.currency_id.compare_amounts(excess, loose):
            txs.invoice_ids = invoice

    @api.model
    def _get_quantity_credited(self, line, invoice):
        """Return how much of a down payment is neither credited nor deducted, but was invoiced.

        :param sale.order.line line: The down payment.
        :param account.move invoice: The draft final invoice.
        :return: The quantity that is left; 0 if nothing was credited.
        :rtype: float
        """
        lines = line.invoice_lines.filtered(lambda other: other.parent_state == 'posted')
        credited = lines.filtered(lambda other: other.move_type == 'out_refund')
        deducted = invoice.invoice_line_ids.filtered(lambda other: line in other.sale_line_ids)
        return bool(credited) and (
            sum((lines - credited).mapped('quantity')) + sum(deducted.mapped('quantity'))
        )

    @api.model
    def _get_total_invoiced(self, line):
        """Return what a down payment was invoiced with, taxes included, in its order's currency.

        :param sale.order.line line: The down payment.
        :rtype: float
        """
        lines = line.invoice_lines.filtered(
            lambda other: other.parent_state == 'posted' and other.move_type == 'out_invoice'
        )
        return sum(lines.mapped('price_total')) / (sum(lines.mapped('quantity')) or 1)

    @api.model
    def _prepare_credited_lines(self, order, line, quantity):
        """Return the lines of a final invoice that deduct a down payment which was credited.

        :param sale.order order: The order.
        :param sale.order.line line: The down payment.
        :param float quantity: How much of it Odoo doesn't deduct.
        :return: Values of invoice lines.
        :rtype: list[dict]
        """
        # The order's line has lost its price by being credited; the invoice's has it.
        billed = line.invoice_lines.filtered(
            lambda other: other.parent_state == 'posted' and other.move_type == 'out_invoice'
        )[:1]
        values = {'quantity': -quantity, 'price_unit': billed.price_unit}
        if quantity == billed.quantity:  # To the cent.
            AccountTax = self.env['account.tax']
            values['extra_tax_data'] = AccountTax._reverse_quantity_base_line_extra_tax_data(
                billed.extra_tax_data
            )
        values_list = [line._prepare_invoice_line(**values)]
        credited = line.invoice_lines.filtered(
            lambda other: (
                other.parent_state == 'posted'
                and other.move_type == 'out_refund'
                and other.account_id.internal_group != 'income'
            )
        )
        income = self._get_income_account(order)
        words = order.with_context(lang=order.partner_invoice_id.lang).env
        for account, lines in credited.grouped('account_id').items():
            amount = sum(lines.mapped('price_subtotal'))
            values_list += [
                {
                    'name': words._("Credited payments"),
                    'quantity': 1.0,
                    'price_unit': price,
                    'account_id': of.id,
                    'tax_ids': [fields.Command.clear()],
                }
                for of, price in ((account, amount), (income, -amount))
            ]
        return values_list

    @api.model
    def _take_off(self, order, invoice, amount, label):
        """Take an amount off a final invoice, with its part of each tax.

        :param sale.order order: The order.
        :param account.move invoice: Its draft final invoice.
        :param float amount: The amount, taxes included, in the currency of the order.
        :param str label: What it is.
        """
        lines = self._get_sold_lines(order)
        invoice.write(
            {
                'billing_skipped_amount': invoice.billing_skipped_amount + amount,
                'invoice_line_ids': self._prepare_adjustment_lines(order, lines, -amount, label),
            }
        )

    @api.model
    def _get_sold_lines(self, order):
        """Return the lines that the final invoice bills.

        :param sale.order order: The order.
        :rtype: sale.order.line
        """
        return order.order_line.filtered(
            lambda line: not line.display_type and not line.is_downpayment
        )

    @api.model
    def _get_down_payment_parts(self, event):
        """Return the amounts and labels that the invoice of a payment lists.

        :param billpro.billing.event event: The payment.
        :rtype: list[tuple[float, str]]
        """
        words = self.with_context(lang=event.order_id.partner_invoice_id.lang)
        return [(leaf.amount, words._get_event_terms(leaf)) for leaf in event._get_leaves()]

    @api.model
    def _create_down_payments(self, requests):
        """Create draft down payment invoices with their part of each tax, in one batch.

        The lines and amounts are those of Odoo's own wizard `sale.advance.payment.inv`.

        :param list requests: Pairs of an order and its parts; a part is an amount, taxes included,
                              in the order's currency, and its label.
        :return: The invoices, in the order of the requests.
        :rtype: account.move
        """
        SaleLine = self.env['sale.order.line'].with_context(sale_no_log_for_new_lines=True)
        line_values, invoice_lines, sections = [], [], {}
        for order, parts in requests:
            indexes = []
            for amount, label in parts:
                for base_line in self._prepare_down_payment_base_lines(
                    order, amount, f'{order.id},{len(line_values)}'
                ):
                    indexes.append((len(line_values), label, base_line))
                    line_values.append(
                        order._prepare_down_payment_line_values_from_base_line(base_line)
                    )
            invoice_lines.append(indexes)
            if order not in sections and not order.order_line.filtered(
                lambda line: line.display_type and line.is_downpayment
            ):
                sections[order] = order._prepare_down_payment_line_section_values()
        sequence = max(
            (line.sequence for order, _parts in requests for line in order.order_line), default=10
        )
        SaleLine.create([{**values, 'sequence': sequence + 1} for values in sections.values()])
        sale_lines = SaleLine.create(
            [{**values, 'sequence': sequence + 2} for values in line_values]
        )
        return self.env['account.move'].create(
            [
                {
                    **self._prepare_paid_invoice(order),
                    'invoice_line_ids': [
                        self._prepare_down_payment_command(sale_lines[index], label, base_line)
                        for index, label, base_line in indexes
                    ],
                }
                for (order, _parts), indexes in zip(requests, invoice_lines, strict=True)
            ]
        )

    @api.model
    def _prepare_down_payment_base_lines(self, order, amount, key):
        """Return the base lines of a down payment, with its part of each tax of the order.

        :param sale.order order: The order.
        :param float amount: The down payment, taxes included, in the order's currency.
        :param str key: What tells it apart from the others.
        :return: Base lines of Odoo's tax computation.
        :rtype: list[dict]
        """
        AccountTax = self.env['account.tax']
        lines = self._get_sold_lines(order)
        base_lines = [line._prepare_base_line_for_taxes_computation() for line in lines]
        AccountTax._add_tax_details_in_base_lines(base_lines, order.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, order.company_id)
        down_payments = AccountTax._prepare_down_payment_lines(
            base_lines=base_lines,
            company=order.company_id,
            amount_type='fixed',
            amount=amount,
            computation_key=f'down_payment,{key}',
        )
        self._make_exact(order, down_payments, amount)
        return down_payments

    @api.model
    def _prepare_down_payment_command(self, sale_line, label, base_line):
        """Return the command that creates the invoice line of a down payment."""
        account = self._get_down_payment_account(sale_line.order_id, base_line)
        return fields.Command.create(
            sale_line._prepare_invoice_line(
                name=label, quantity=1.0, **({'account_id': account} if account else {})
            )
        )

    @api.model
    def _get_down_payment_account(self, order, base_line):
        """Return the account that holds a down payment until the final invoice.

        :param sale.order order: The order.
        :param dict base_line: The down payment, a base line of Odoo's tax computation.
        :return: The account's id; False for the default of the line.
        :rtype: int|bool
        """
        if order.company_id.downpayment_account_id:
            return order.company_id.downpayment_account_id.id
        if base_line['account_id']:
            return base_line['account_id'].id
        product = base_line['product_id'].product_tmpl_id.with_company(order.company_id)
        accounts = product.get_product_accounts(fiscal_pos=order.fiscal_position_id)
        return (accounts.get('downpayment') or accounts.get('income')).id or False

    # === STATUS === #

    @api.model
    def _can_pay_early(self):
        return True

    @api.model
    def _get_event_trigger(self, order, **outcome):
        """What was paid back is missing, too: whether that is the end is for staff to say."""
        excess = order.currency_id.compare_amounts(self._get_excess(order), 0)
        return super()._get_event_trigger(order, ends=True, excess=excess, **outcome)

    @api.model
    def _get_review_reason(self, order):
        excess = self._get_excess(order)
        if order.currency_id.compare_amounts(excess, 0) > 0:
            return self.env._(
                "%s more than the total were collected: refund them, or complete the order.",
                order.currency_id.format(excess),
            )
        return self.env._(
            "All payments are through, and %s less than the total were collected.",
            order.currency_id.format(-excess),
        )

    # === CHANGES === #

    @api.model
    def _follow_price(self, order):
        """Keep the payments that are agreed to; what they add up to too much is reviewed."""
        self._check_is_billing_user(order)
        order._lock_billing()
        order._message_log(
            body=self.env._(
                "The lines of the order add up to %s now. Its payments stay as they were agreed"
                " to: change those to come, or refund what is too much.",
                order.currency_id.format(order.amount_total),
            )
        )
        order._billing_follow_payments()

    @api.model
    def _get_lines_to_tax(self, order):
        lines = self._get_sold_lines(order)
        is_billed = 'posted' in lines.invoice_lines.mapped('parent_state')
        return lines.browse() if is_billed else lines

    @api.model
    def _tax_anew(self, order, lines):
        """Keep the total, whatever else the company keeps: all its parts are agreed to."""
        total = order.amount_total
        lines._billing_keep_prices('with')
        rounding = order.currency_id.round(total - order.amount_total)
        taxes = self._get_fixed_taxes(order, lines) if rounding else {}
        taxed = lines.filtered(taxes.get)
        if taxed:
            largest = taxes[taxed.sorted('price_subtotal')[-1]]
            largest['manual_total_excluded_currency'] += rounding
            largest['manual_total_excluded'] += order.company_id.currency_id.round(
                rounding / order.currency_rate
            )
            for line in taxed:
                line.extra_tax_data = taxes[line]
            taxed._compute_billing_amounts_anew()
            taxed._compute_billing_totals_anew()

    # === CHANGES OF THE SCHEDULE === #

    @api.model
    def _get_events_invoiced_along(self, events):
        """The last invoice deducts all others: they are made anew together."""
        return events | events.order_id.billing_event_ids.filtered(
            lambda event: event.status in OPEN
        )

    @api.model
    def _get_amounts_after_change(self, event, amount):
        """The instalments that follow take the difference: the order's total stays true."""
        order = event.order_id
        if not order.currency_id.compare_amounts(amount, self._get_missing_amount(event)):
            return {event: amount}
        coin = order.currency_id.rounding
        later = order.billing_event_ids.filtered(
            lambda other: (
                other.status == 'scheduled'
                and not other.merged_event_ids
                and (other.due_date, other.number) > (event.due_date, event.number)
            )
        ).sorted(lambda other: (other.due_date, other.number))
        if not later:
            raise UserError(
                self.env._(
                    "No instalment follows payment %(event)s that could take the difference: the"
                    " total of order %(order)s would not be collected.",
                    event=event.display_name,
                    order=order.name,
                )
            )
        try:
            balanced = balance_change(
                to_minor_units(event.amount, coin),
                to_minor_units(amount, coin),
                [to_minor_units(other.amount, coin) for other in later],
            )
        except ValueError:
            raise UserError(
                self.env._(
                    "%(amount)s are too much: nothing would be left for one of the later"
                    " instalments.",
                    amount=order.currency_id.format(amount),
                )
            ) from None
        return {event: amount} | {
            other: from_minor_units(units, coin)
            for other, units in zip(later, balanced, strict=True)
        }

    @api.model
    def _get_missing_amount(self, event):
        """Return what a payment would have to be for all of them to add up to the total.

        That is another amount than it has if the lines of the order were changed.

        :param billpro.billing.event event: The payment.
        :return: The amount in the currency of the order.
        :rtype: float
        """
        order = event.order_id
        others = order.billing_event_ids.filtered(lambda other: other.status in OPEN) - event
        return order.currency_id.round(-self._get_excess(order) - sum(others.mapped('amount')))

    # === CLOSING === #

    @api.model
    def _close_invoices(self, order):
        """Make what was collected revenue, and take off all that isn't collected.

        Nothing is left to pay: what the invoices of the order add up to is what was collected.
        """
        if set(order.billing_event_ids.mapped('status')) & OPEN:
            return
        invoice = self._bill_deducted(order) or self._bill_down_payments(order)
        if order.currency_id.compare_amounts(invoice.amount_total, 0) <= 0:
            return
        words = order.with_context(lang=order.partner_invoice_id.lang).env
        label = (
            words._("Skipped payments")
            if not order.currency_id.compare_amounts(invoice.amount_total, order.billing_skipped)
            else words._("Payments that are not collected")
        )
        self._take_off(order, invoice, invoice.amount_total, label)
        self._place_rounding(invoice)
        invoice.action_post()

    @api.model
    def _bill_down_payments(self, order):
        """Create the draft final invoice that no payment has brought.

        :param sale.order order: The order.
        :return: The invoice; empty if there is one already, or nothing to deduct.
        :rtype: account.move
        """
        lines = self._get_sold_lines(order)
        billed = order.order_line.invoice_lines.filtered(lambda line: line.parent_state == 'posted')
        if not billed.filtered('is_downpayment'):
            return self.env['account.move']
        # Odoo would pay back the down payments of what isn't delivered yet.
        order._force_lines_to_invoice_policy_order()
        if any(line.qty_to_invoice != line.product_uom_qty for line in lines):
            return self.env['account.move']
        return self._create_final_invoice(order)

    @api.model
    def _bill_deducted(self, order):
        """Create the draft invoice of what the final invoice has deducted, and was not paid then.

        :param sale.order order: The order.
        :return: The invoice; empty if all that was deducted is paid.
        :rtype: account.move
        """
        deducted = order.order_line.filtered(
            lambda line: line.is_downpayment and line.qty_invoiced < 0
        ).invoice_lines.filtered(lambda line: line.parent_state == 'posted')
        amount = order.currency_id.round(-sum(deducted.mapped('price_total')))
        if order.currency_id.is_zero(amount):
            return self.env['account.move']
        words = order.with_context(lang=order.partner_invoice_id.lang).env
        return self._create_down_payments([(order, [(amount, words._("Deducted payments"))])])

    @api.model
    def _place_rounding(self, invoice):
        """Put on a line what rounding leaves in the company's currency of an invoice of nothing.

        No payment could ever clear it: in the invoice's own currency there is nothing to pay.

        :param account.move invoice: The draft invoice, its total zero.
        """
        due_lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        rounding = invoice.company_currency_id.round(sum(due_lines.mapped('balance')))
        if rounding:
            invoice._billpro_add_rounding(rounding)

    @api.model
    def _get_closing_invoice(self, order):
        """Return the invoice that closed the books of an order without a payment.

        :param sale.order order: The order.
        :rtype: account.move
        """
        return order.billing_move_ids.filtered(
            lambda move: (
                move.state == 'posted'
                and move.billing_skipped_amount
                and move not in order.billing_event_ids.invoice_id
            )
        )

    @api.model
    def _create_late_invoices(self, events):
        """Create the draft invoices of payments that arrive after the final invoice left them out.

        :param billpro.billing.event events: Payments that were skipped or cancelled.
        """
        invoices = self.env['account.move'].create(
            [
                {
                    **self._prepare_paid_invoice(event.order_id),
                    'invoice_line_ids': [
                        command
                        for amount, label in self._get_down_payment_parts(event)
                        for command in self._prepare_adjustment_lines(
                            event.order_id, self._get_sold_lines(event.order_id), amount, label
                        )
                    ],
                }
                for event in events
            ]
        )
        for event, invoice in zip(events, invoices, strict=True):
            event.invoice_id = invoice
