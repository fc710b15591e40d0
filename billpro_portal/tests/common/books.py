from datetime import timedelta

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from odoo import Command, fields

from .subscription import SubscriptionCommon

START = '2027-01-31 10:00:00'


class BooksCommon(SubscriptionCommon):
    """Orders of any composition that are paid to the end, and what is asked of their books."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, digits in (
            ('product.decimal_price', 6),
            ('product.decimal_discount', 4),
            ('uom.decimal_product_uom', 6),
        ):
            cls.env.ref(name).digits = digits
        cls.taxes = cls._create_taxes()
        cls.terms = cls._create_terms()
        cls.products = {
            (purchase_type, policy): cls._create_drawn_product(purchase_type, policy)
            for purchase_type in ('single', 'instalment', 'subscription', 'metered')
            for policy in ('order', 'delivery')
        }
        cls.downpayment_account = cls.env['account.account'].create(
            {
                'name': "Down payments",
                'code': '460900',
                'account_type': 'liability_current',
                'company_ids': [Command.set(cls.company.ids)],
            }
        )

    @classmethod
    def _create_drawn_product(cls, purchase_type, policy):
        product = cls._create_sold_product("Drawn", 1.0, cls.env['account.tax'], purchase_type)
        product.invoice_policy = policy
        return product

    @classmethod
    def _create_taxes(cls):
        """Return taxes of all kinds by name."""

        def create(name, **values):
            tax = cls._create_vat(name, values.pop('amount', 0))
            tax.write(values)
            return tax

        withholding = create("Withholding", amount=-15)
        transition = cls.env['account.account'].create(
            {
                'name': "VAT in transition",
                'code': '451900',
                'account_type': 'liability_current',
                'reconcile': True,
                'company_ids': [Command.set(cls.company.ids)],
            }
        )
        cls.company.tax_exigibility = True
        return {
            '21': cls.tax_21,
            '6': cls.tax_6,
            '12': cls.tax_12,
            'exempt': create("Exempt", amount=0),
            'included 19': create("19", amount=19, price_include_override='tax_included'),
            'included 10': create("10", amount=10, price_include_override='tax_included'),
            'fixed': create("Fee", amount=0.35, amount_type='fixed'),
            'fixed in base': create(
                "Levy", amount=0.15, amount_type='fixed', include_base_amount=True, sequence=0
            ),
            'reverse charge': create(
                "Reverse charge",
                amount=18,
                invoice_repartition_line_ids=[
                    Command.clear(),
                    Command.create({'repartition_type': 'base'}),
                    Command.create({'repartition_type': 'tax', 'factor_percent': 100}),
                    Command.create({'repartition_type': 'tax', 'factor_percent': -100}),
                ],
                refund_repartition_line_ids=[
                    Command.clear(),
                    Command.create({'repartition_type': 'base'}),
                    Command.create({'repartition_type': 'tax', 'factor_percent': 100}),
                    Command.create({'repartition_type': 'tax', 'factor_percent': -100}),
                ],
            ),
            'division': create("Division", amount=8, amount_type='division'),
            'withholding': withholding,
            'cash basis': create(
                "Cash basis",
                amount=20,
                tax_exigibility='on_payment',
                cash_basis_transition_account_id=transition.id,
            ),
            'group': cls.env['account.tax'].create(
                {
                    'name': "Group",
                    'amount_type': 'group',
                    'type_tax_use': 'sale',
                    'company_id': cls.company.id,
                    'children_tax_ids': [
                        Command.set((create("5", amount=5) | create("7", amount=7)).ids)
                    ],
                }
            ),
        }

    @classmethod
    def _create_terms(cls):
        """Return payment terms by name."""

        def create(name, *parts, **values):
            return cls.env['account.payment.term'].create(
                {
                    'name': name,
                    'line_ids': [
                        Command.create({'value': 'percent', 'value_amount': share, 'nb_days': days})
                        for share, days in parts
                    ],
                    **values,
                }
            )

        discount = {'early_discount': True, 'discount_percentage': 2, 'discount_days': 10}
        return {
            'none': cls.env['account.payment.term'],
            '30 days': create("30 days", (100, 30)),
            'two parts': create("Two parts", (30, 0), (70, 60)),
            'discount included': create(
                "Included", (100, 30), **discount, early_pay_discount_computation='included'
            ),
            'discount mixed': create(
                "Mixed", (100, 30), **discount, early_pay_discount_computation='mixed'
            ),
        }

    def _create_drawn_order(self, drawn):
        """Return an order as it was drawn.

        :param DrawnOrder drawn: What was drawn.
        """
        self.company.tax_calculation_rounding_method = drawn.rounding
        self.company.downpayment_account_id = drawn.has_account and self.downpayment_account
        if drawn.currency == 'CHF':  # The smallest coin.
            self._enable_currency('CHF').rounding = 0.05
        self._create_rates(drawn)
        product = self.products[drawn.purchase_type, drawn.policy]
        order = self._create_order(
            *((product, line.quantity, line.price) for line in drawn.lines),
            currency=None if drawn.currency == 'EUR' else drawn.currency,
            sent=False,
        )
        order.payment_term_id = self.terms[drawn.term]
        for order_line, line in zip(order.order_line, drawn.lines, strict=True):
            taxes = self.env['account.tax'].union(*(self.taxes[name] for name in line.taxes))
            order_line.write({'discount': line.discount, 'tax_ids': [Command.set(taxes.ids)]})
        if drawn.purchase_type == 'instalment':
            order.write(
                {
                    'billing_instalment_count': drawn.payments,
                    'billing_deposit': order.currency_id.round(order.amount_total * drawn.deposit),
                }
            )
        elif drawn.purchase_type == 'subscription':
            order.billing_cycles = drawn.payments
        elif drawn.purchase_type == 'metered':
            order.billing_initial_amount = order.currency_id.round(10 * drawn.deposit)
        return order

    def _create_rates(self, drawn):
        """Create the rates of the drawn currency, which change from month to month."""
        first = fields.Date.to_date(START).replace(day=1)
        self.env['res.currency.rate'].create(
            [
                {
                    'name': first + relativedelta(months=month),
                    'currency_id': self._enable_currency(drawn.currency).id,
                    'company_id': self.company.id,
                    'rate': rate,
                }
                for month, rate in enumerate(drawn.rates)
            ]
        )

    def _pay_to_the_end(self, order, drawn):
        """Pay the initial payment, and let the clock reach all others.

        :param sale.order order: The order.
        :param DrawnOrder drawn: What was drawn.
        """
        amount = order._get_purchase()._get_initial_amount(order)
        token = self._create_token() if order._get_purchase()._requires_card(order) else False
        values = {'token_id': token and token.id, 'amount': amount}
        if order.currency_id.is_zero(amount):
            values['operation'] = 'validation'
        self._create_initial_transaction(order, 'done', **values)._post_process()
        self._schedule_metered(order, drawn)
        number = 0
        while due := self._get_next_event(order):
            with freeze_time(due.retry_date or due.due_date):
                self._act(order, due, drawn.acts.get(number), drawn.share)
                self._run()
                order.billing_token_id.demo_simulated_state = 'done'
            number += 1
            if number > 2 * drawn.payments + 2:
                self.fail(f"Not collected: {due.status_message}")
        if order.billing_status == 'active' and drawn.purchase_type != 'metered':
            with freeze_time(order._get_purchase()._get_paid_until(order) + timedelta(days=2)):
                self._run()  # There was one period.
        if order.billing_status == 'review':  # Something was paid back.
            order.with_user(self.billing_manager).action_mark_complete()

    def _schedule_metered(self, order, drawn):
        """Schedule the payments of a metered order, as staff do in the dialog."""
        self.env['billpro.billing.event'].create(
            [
                {
                    'order_id': order.id,
                    'number': number,
                    'due_date': fields.Datetime.now() + timedelta(days=30 * number),
                    'amount': order.currency_id.round(amount),
                    'note': "Usage",
                }
                for number, amount in enumerate(drawn.amounts, start=1)
            ]
        )

    def _get_next_event(self, order):
        return order.billing_event_ids.filtered(
            lambda event: event.status in {'scheduled', 'soft_declined'}
        ).sorted(lambda event: (event.retry_date or event.due_date, event.number))[:1]

    def _act(self, order, event, act, share):
        """Do what staff, or the customer's bank, do before a payment is collected.

        :param sale.order order: The order.
        :param billpro.billing.event event: The payment.
        :param str|None act: One of `ACTS`.
        :param float share: How much of a payment is refunded.
        """
        later = order.billing_event_ids.filtered(
            lambda other: other.status == 'scheduled' and other != event
        )
        if act == 'skip':
            event._skip()
        elif act == 'merge' and later:
            (event | later[0])._merge(fields.Datetime.now())
        elif act == 'refund' and (txs := order._billing_get_refundable_transactions()):
            amount = order.currency_id.round(txs[0]._billing_get_refundable_amount() * share)
            if order.currency_id.compare_amounts(amount, 0) > 0:
                self._refund(order, amount)
        elif act in {'invoice', 'pay by bank'}:
            invoice = event.invoice_id  # Of a declined payment there is one.
            if not invoice:
                invoice = order._create_invoices()
                self.assertEqual(invoice, event.invoice_id)
            if act == 'pay by bank':
                invoice.action_post()
                self.env['account.payment.register'].with_context(
                    active_model='account.move', active_ids=invoice.ids
                ).create({})._create_payments()
        elif act == 'decline':
            order.billing_token_id.demo_simulated_state = 'error'

    def _check_books(self, order, drawn):
        """Check that all was collected and is in the books as the order says."""
        currency = order.currency_id
        moves = order.billing_move_ids
        invoices = moves.filtered(lambda move: move.move_type == 'out_invoice')
        total = currency.round(self._get_total(order, drawn) - order.billing_skipped)
        is_metered = drawn.purchase_type == 'metered'
        self.assertEqual(order.billing_status, 'active' if is_metered else 'complete')
        self.assertEqual(currency.round(order.billing_paid), total)
        refunds = order.billing_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        self.assertEqual(set(refunds.mapped('state')) - {'done'}, set())
        self.assertEqual(currency.round(-sum(refunds.mapped('amount'))), order.billing_refunded)
        self.assertEqual(currency.round(order.billing_credited), order.billing_refunded)
        self.assertEqual(set((moves - invoices).mapped('move_type')) - {'out_refund'}, set())
        self.assertFalse(moves.invoice_payment_term_id)
        self.assertEqual(currency.round(sum(invoices.mapped('amount_total'))), total)
        self._assert_books_closed(order)
        if not drawn.acts:
            self._check_undisturbed(order, drawn)
        held = moves.line_ids.filtered(lambda line: line.account_id == self.downpayment_account)
        self.assertAlmostEqual(sum(held.mapped('amount_currency')), 0, places=6)
        self.assertAlmostEqual(sum(held.mapped('balance')), 0, places=6)

    def _get_total(self, order, drawn):
        """Return what an order comes to if nothing is skipped, in its currency."""
        if drawn.purchase_type == 'metered':
            amounts = map(order.currency_id.round, drawn.amounts)
            return order.billing_initial_amount + sum(amounts)
        return order.amount_total * (drawn.payments if drawn.purchase_type == 'subscription' else 1)

    def _check_undisturbed(self, order, drawn):
        """Check what is true of an order that nobody has meddled with."""
        currency = order.currency_id
        moves = order.billing_move_ids
        self.assertEqual(set(moves.mapped('move_type')), {'out_invoice'})
        self.assertEqual(moves.mapped('invoice_date_due'), moves.mapped('invoice_date'))
        paid = order.billing_transaction_ids.filtered(
            lambda tx: tx.state == 'done' and tx.operation != 'validation'
        )
        self.assertEqual(sorted(moves.mapped('amount_total')), sorted(paid.mapped('amount')))
        if drawn.purchase_type in {'single', 'instalment'} or (
            drawn.purchase_type == 'subscription' and drawn.payments == 1
        ):
            self.assertEqual(currency.round(sum(moves.mapped('amount_tax'))), order.amount_tax)
            self.assertEqual(self._get_invoiced_taxes(moves), self._get_sold_taxes(order))

    def _get_invoiced_taxes(self, moves):
        """Return the amounts of taxes by their group, in the currency of the order."""
        lines = moves.line_ids.filtered('tax_line_id')
        return self._round_taxes(
            moves.currency_id,
            {
                group: -sum(of_group.mapped('amount_currency'))
                for group, of_group in lines.grouped('tax_group_id').items()
            },
        )

    def _get_sold_taxes(self, order):
        return self._round_taxes(
            order.currency_id,
            {
                self.env['account.tax.group'].browse(group['id']): group['tax_amount_currency']
                for subtotal in order.tax_totals['subtotals']
                for group in subtotal['tax_groups']
            },
        )

    def _round_taxes(self, currency, amounts):
        return {
            group.name: currency.round(amount)
            for group, amount in amounts.items()
            if not currency.is_zero(amount)
        }
