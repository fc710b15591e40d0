from datetime import datetime

from freezegun import freeze_time

from odoo.tests import Form

from .instalment import InstalmentCommon
from .nightly import some

START = datetime(2027, 1, 10, 10)
# Those with a schedule for each change, nightly all.
PURCHASE_TYPES = some(('instalment', 'subscription', 'single', 'metered'), 2)


class SaleFeaturesCommon(InstalmentCommon):
    """Products of all four purchase types, and orders of them that are paid to the end."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson.group_ids |= cls.env.ref('sale_management.group_sale_order_template')
        cls.course.write({'billing_deposit': 21.0, 'billing_instalment_count': 2})
        cls.water = cls._create_sold_product("Water", 2.5, cls.tax_21, 'metered')
        cls.water.billing_initial_amount = 12.1
        cls.products = {
            'single': cls.desk,
            'instalment': cls.course,
            'subscription': cls.gym,
            'metered': cls.water,
        }

    def _create_quotation(self, **values):
        """Return a quotation that a salesperson enters in the form."""
        form = Form(self.env['sale.order'].with_user(self.salesperson))
        form.partner_id = self.customer
        for name, value in values.items():
            setattr(form, name, value)
        return form.save().with_env(self.env)

    def _add_line(self, order, product, **values):
        with Form(order.with_user(self.salesperson)) as form, form.order_line.new() as line:
            line.product_id = product
            for name, value in values.items():
                setattr(line, name, value)

    def _sell(self, order):
        """Send, approve and collect an order for two payments; return the invoices' totals.

        :return: The initial amount, the amounts of the events, and total and taxes of each invoice.
        """
        (sold,) = self._sell_all([order])
        return sold

    def _sell_all(self, orders):
        """Do with several orders what `_sell` does with one; return a list of what it returns."""
        with freeze_time(START):
            initial_amounts = [self._approve(order) for order in orders]
        amounts = [order.billing_event_ids.sorted('number').mapped('amount') for order in orders]
        for day in ('2027-02-10 10:00:00', '2027-03-10 10:00:00'):
            with freeze_time(day):
                self._run()
        invoices = []
        for order in orders:
            self._assert_books_closed(order)
            invoices.append(
                [
                    (move.amount_total, move.amount_tax)
                    for move in order.billing_move_ids.sorted('id')
                ]
            )
        return list(zip(initial_amounts, amounts, invoices, strict=True))

    def _approve(self, order):
        """Send an order and approve its initial payment now; return the amount of it."""
        order.action_open_order_link()
        self.assertEqual(order.billing_status, 'pending')
        initial_amount = order._get_purchase()._get_initial_amount(order)
        token = self.env['payment.token']
        if order._get_purchase()._requires_card(order):
            token = self._create_token(partner=order.partner_invoice_id)
        self._create_initial_transaction(
            order, 'done', token_id=token.id, amount=initial_amount
        )._post_process()
        if order._get_purchase()._can_take_payments():
            self.env['billpro.billing.event'].create(
                {
                    'order_id': order.id,
                    'number': 1,
                    'due_date': datetime(2027, 2, 10, 8),
                    'amount': 24.2,
                }
            )
        return initial_amount

    def _assert_sold(self, expected, prepare, **values):
        """Sell an order of each purchase type and compare what `_sell` returns."""
        orders = []
        for purchase_type in PURCHASE_TYPES:
            order = self._create_quotation(**values)
            self._add_line(order, self.products[purchase_type])
            prepare(order)
            self.assertEqual(order.purchase_type, purchase_type)
            orders.append(order)
        for purchase_type, sold in zip(PURCHASE_TYPES, self._sell_all(orders), strict=True):
            with self.subTest(purchase_type):
                self.assertEqual(sold, expected[purchase_type])
