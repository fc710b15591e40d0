from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools.translate import code_translations

from ...billing.lifecycle import EVENT_STATUSES, ORDER_STATUSES
from ..common.billing import BillingCommon

# What Odoo would have read from files of translations.
MONTHS = {
    'pl_PL': (
        "one: co miesiąc | few: co %(count)s miesiące | many: co %(count)s miesięcy"
        " | other: co %(count)s miesiąca"
    ),
    'ar_001': (
        "one: كل شهر | two: كل شهرين | few: كل %(count)s أشهر | many: كل %(count)s شهرًا"
        " | other: كل %(count)s شهر"
    ),
}


@tagged('post_install', '-at_install')
class TestPurchaseType(BillingCommon):
    def test_the_four_types_are_known(self):
        self.assertEqual(
            self.env['billpro.purchase.type']._get_selection(),
            [
                ('single', "Single payment"),
                ('instalment', "Instalments"),
                ('subscription', "Subscription"),
                ('metered', "Metered billing"),
            ],
        )

    def test_the_statuses_are_those_of_the_tables(self):
        for model, name, statuses in (
            ('sale.order', 'billing_status', ORDER_STATUSES),
            ('billpro.billing.event', 'status', EVENT_STATUSES),
        ):
            self.assertEqual(tuple(self.env[model]._fields[name].get_values(self.env)), statuses)

    def test_plurals_of_languages_with_more_than_two(self):
        for code, text in MONTHS.items():
            self.env['res.lang']._activate_lang(code)
            key = ('billpro_portal', code)
            known = code_translations.get_python_translations(*key)
            english = "one: every month | other: every %(count)s months"
            self.patch(
                code_translations,
                'python_translations',
                {**code_translations.python_translations, key: {**known, english: text}},
            )
        order = self.env['sale.order'].new({'billing_interval_unit': 'month'})
        for code, expected in (
            ('en_US', {1: "every month", 2: "every 2 months", 22: "every 22 months"}),
            (
                'pl_PL',
                {1: "co miesiąc", 2: "co 2 miesiące", 5: "co 5 miesięcy", 22: "co 22 miesiące"},
            ),
            ('ar_001', {1: "كل شهر", 2: "كل شهرين", 3: "كل 3 أشهر", 11: "كل 11 شهرًا"}),
        ):
            purchase = self.env['billpro.purchase.type'].with_context(lang=code)
            for count, words in expected.items():
                order.billing_interval_count = count
                self.assertEqual(purchase._get_interval_text(order), words)

    def test_an_order_follows_its_products(self):
        order = self._create_order(sent=False)
        self.assertEqual(order.purchase_type, 'single')
        self.assertEqual(order.billing_status, 'draft')

    def test_an_ordinary_sale_stays_ordinary(self):
        self.desk.purchase_type = False
        order = self._create_order(sent=False)
        self.assertFalse(order.purchase_type)
        self.assertEqual(order.access_url, f'/my/orders/{order.id}')
        order.action_confirm()
        order.order_line.price_unit = 90
        self.assertEqual(order.amount_total, 108.9)
        order._action_cancel()
        self.assertEqual((order.state, order.billing_status), ('cancel', 'draft'))

    def test_staff_may_sell_a_product_without_type_by_order_link(self):
        self.desk.purchase_type = False
        order = self._create_order(sent=False)
        order.purchase_type = 'single'
        order.action_open_order_link()
        self.assertEqual(order.billing_status, 'pending')

    def test_changing_a_product_leaves_existing_orders_alone(self):
        self.desk.purchase_type = False
        order = self._create_order(sent=False)
        order.action_confirm()
        self.desk.purchase_type = 'single'
        order.invalidate_recordset()
        self.assertFalse(order.purchase_type)

    def test_mixing_types_is_refused_naming_both_lines(self):
        gym = self._create_sold_product("Gym membership", 20, self.tax_21, 'instalment')
        with self.assertRaisesRegex(
            ValidationError,
            "“Standing desk” is sold as Single payment, “Gym membership” as Instalments",
        ):
            self._create_order((self.desk, 1), (gym, 1))

    def test_the_type_of_an_order_must_be_that_of_its_products(self):
        order = self._create_order(sent=False)
        with self.assertRaisesRegex(ValidationError, "“Standing desk” is sold as Single payment"):
            order.purchase_type = 'metered'

    def test_products_with_different_intervals_are_refused_naming_both(self):
        weekly = self.gym.copy({'name': "Locker", 'billing_interval_unit': 'week'})
        refusal = self.assertRaisesRegex(
            ValidationError, "“Gym membership” is charged every month, “Locker” every week"
        )
        with refusal, self.env.cr.savepoint():
            self._create_order((self.gym, 1), (self.fee, 1), (weekly, 1))
        order = self._create_order((self.gym, 1), sent=False)
        line = {'product_id': weekly.id}
        with refusal, self.env.cr.savepoint():
            order.order_line = [Command.create(line)]
        with refusal, self.env.cr.savepoint():
            self.env['sale.order.line'].create({**line, 'order_id': order.id})
        # Both at once, or another name of the same interval.
        order.order_line = [
            Command.update(order.order_line.id, {'product_id': weekly.id}),
            Command.create({'product_id': weekly.id}),
        ]
        self.gym.write({'billing_interval_unit': 'day', 'billing_interval_count': 7})
        order.order_line[1].product_id = self.gym
        self.gym.billing_interval_count = 10
        for method in ('action_open_order_link', 'action_confirm'):
            with self.assertRaisesRegex(
                UserError, "“Locker” is charged every week, “Gym membership” every 10 days"
            ):
                getattr(order, method)()

    def test_live_orders_take_no_products_with_another_interval(self):
        yearly = self.gym.copy({'name': "Locker", 'billing_interval_unit': 'year'})
        order = self._create_order((self.gym, 1))
        order.action_confirm()
        with (
            self.assertRaisesRegex(ValidationError, "“Locker” every year"),
            self.env.cr.savepoint(),
        ):
            order.order_line = [Command.create({'product_id': yearly.id})]
        with (
            self.assertRaisesRegex(ValidationError, "is charged every month, “Locker” every year"),
            self.env.cr.savepoint(),
        ):
            order.order_line.product_id = yearly
        # What is changed of a product changes no order that was sold.
        order.order_line = [Command.create({'product_id': self.gym.copy().id})]
        self.gym.billing_interval_unit = 'year'
        order.order_line = [Command.update(order.order_line[1].id, {'product_uom_qty': 2})]

    def test_an_order_without_products_has_no_link(self):
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'purchase_type': 'single'}
        )
        with self.assertRaisesRegex(ValidationError, "Add at least one product"):
            order.action_open_order_link()
        order.order_line = [Command.create({'display_type': 'line_note', 'name': "Nothing here"})]
        with self.assertRaisesRegex(ValidationError, "Add at least one product"):
            order.action_open_order_link()

    def test_locked_prices(self):
        self.desk.billing_lock_pricing = True
        order = self._create_order((self.desk, 1), (self.book, 1), sent=False)
        lines = order.with_user(self.salesperson).order_line
        lines[1].price_unit = 1
        for values in ({'price_unit': 99.99}, {'discount': 5}):
            with (
                self.assertRaisesRegex(ValidationError, "The price of “Standing desk” is locked"),
                self.env.cr.savepoint(),
            ):
                lines[0].write(values)
        lines[0].product_uom_qty = 3
        self.assertEqual(order.amount_untaxed, 301)
