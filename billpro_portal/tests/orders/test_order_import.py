from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged

from ..common.nightly import nightly
from ..common.sale_features import SaleFeaturesCommon

# A file of one row a line; only the first line of an order names its customer.
COLUMNS = ('partner_id', 'order_line/product_id', 'order_line/product_uom_qty')
HEADERS = ('Customer', 'Order Lines/Product', 'Order Lines/Quantity')


@tagged('post_install', '-at_install')
class TestOrdersByApi(SaleFeaturesCommon, HttpCase):
    """Orders that another program makes through `/json/2`, as a salesperson with an API key."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tomorrow = fields.Datetime.now() + timedelta(days=1)
        cls.key = (
            cls.env['res.users.apikeys']
            .with_user(cls.salesperson)
            ._generate('rpc', "Shop", tomorrow)
        )

    def _call(self, method, model='sale.order', status=200, **params):
        self.env.flush_all()
        response = self.url_open(
            f'/json/2/{model}/{method}',
            json=params,
            headers={'Authorization': f'bearer {self.key}'},
        )
        self.env.invalidate_all()
        self.assertEqual(response.status_code, status, response.text)
        return response.json()

    def _create(self, *products, status=200, line=None, **values):
        """Create an order as docs/api.md shows it."""
        return self._call(
            'create',
            status=status,
            vals_list=[
                {
                    'partner_id': self.customer.id,
                    'order_line': [
                        [0, 0, {'product_id': product.id, **(line or {})}] for product in products
                    ],
                    **values,
                }
            ],
        )

    def _read(self, order_ids, *names):
        return self._call('read', ids=order_ids, fields=list(names))[0]

    @nightly("Imported as CSV for each change.")
    def test_orders_of_each_type(self):
        for purchase_type, product in self.products.items():
            with self.subTest(purchase_type):
                order_ids = self._create(product)
                self.assertEqual(
                    self._read(order_ids, 'purchase_type', 'billing_status', 'state'),
                    {
                        'id': order_ids[0],
                        'purchase_type': purchase_type,
                        'billing_status': 'draft',
                        'state': 'draft',
                    },
                )
                action = self._call('action_open_order_link', ids=order_ids)
                self.assertEqual(action['res_model'], 'billpro.order.link')
                order = self.env['sale.order'].browse(order_ids)
                values = self._read(order_ids, 'billing_status', 'state', 'order_link')
                self.assertEqual(values['billing_status'], 'pending')
                self.assertEqual(values['state'], 'sent')
                self.assertEqual(values['order_link'], order.order_link)
                self.assertEqual(self.url_open(values['order_link']).status_code, 200)

    def test_terms_come_from_the_product_or_from_the_request(self):
        names = ('billing_interval_count', 'billing_deposit', 'billing_instalment_count')
        self.course.write({'billing_interval_count': 2, 'billing_instalment_count': 3})
        order_ids = self._create(self.course)
        self.assertEqual(
            self._read(order_ids, *names),
            {
                'id': order_ids[0],
                'billing_interval_count': 2,
                'billing_deposit': 21.0,
                'billing_instalment_count': 3,
            },
        )
        order_ids = self._create(self.course, billing_deposit=1.0, billing_instalment_count=6)
        self.assertEqual(
            self._read(order_ids, *names),
            {
                'id': order_ids[0],
                'billing_interval_count': 2,
                'billing_deposit': 1.0,
                'billing_instalment_count': 6,
            },
        )

    def test_the_schedule_of_an_approved_order(self):
        manager = self.billing_manager
        self.key = (
            self.env['res.users.apikeys']
            .with_user(manager)
            ._generate('rpc', "Shop", fields.Datetime.now() + timedelta(days=1))
        )
        order_ids = self._create(self.course)
        order = self.env['sale.order'].browse(order_ids)
        self._sell(order)
        self.assertEqual(
            self._read(order_ids, 'billing_status', 'billing_paid', 'billing_balance'),
            {
                'id': order_ids[0],
                'billing_status': 'complete',
                'billing_paid': 121.0,
                'billing_balance': 0.0,
            },
        )
        events = self._call(
            'search_read',
            model='billpro.billing.event',
            domain=[['order_id', 'in', order_ids]],
            fields=['number', 'due_date', 'amount', 'status'],
            order='number',
        )
        self.assertEqual(
            [(event['number'], event['amount'], event['status']) for event in events],
            [(1, 50.0, 'completed'), (2, 50.0, 'completed')],
        )

    def test_the_link_by_mail(self):
        order_ids = self._create(self.gym)
        notification = self._call('action_mail_order_links', ids=order_ids)
        self.assertEqual(notification['params']['message'], "The order link is on its way.")
        order = self.env['sale.order'].browse(order_ids)
        self.assertEqual((order.state, order.billing_status), ('sent', 'pending'))
        message = order.message_ids.filtered(lambda m: m.message_type == 'comment')[:1]
        self.assertEqual(message.partner_ids, self.customer)
        self.assertEqual(message.author_id, self.salesperson.partner_id)
        self.assertIn(order.order_link.replace('&', '&amp;'), str(message.body))
        self.assertEqual(order.billing_notification_ids.kind, 'order_ready')
        self.customer.email = False
        error = self._call('action_mail_order_links', ids=order_ids, status=422)
        self.assertIn("Anna Peeters has no email address", error['message'])

    @nightly("They are as CSV for each change.")
    def test_mixed_types_are_refused(self):
        error = self._create(self.gym, self.course, status=422)
        self.assertIn("One order can't mix purchase types: “Gym membership”", error['message'])
        yearly = self.gym.copy({'name': "Locker", 'billing_interval_unit': 'week'})
        error = self._create(self.gym, yearly, status=422)
        self.assertIn("every month, “Locker” every week", error['message'])
        self.assertFalse(self.env['sale.order'].search([('partner_id', '=', self.customer.id)]))

    @nightly("They are in CSV for each change.")
    def test_locks_are_respected(self):
        self.gym.write({'billing_lock_pricing': True, 'billing_lock_terms': True})
        error = self._create(self.gym, line={'price_unit': 1.0}, status=422)
        self.assertIn("The price of “Gym membership” is locked", error['message'])
        error = self._create(self.gym, billing_cycles=1, status=422)
        self.assertIn("The product locks the payment terms", error['message'])
        self._create(self.gym)

    def test_what_the_key_does_not_allow_is_refused(self):
        self.key = (
            self.env['res.users.apikeys']
            .with_user(new_test_user(self.env, 'nobody', groups='base.group_user'))
            ._generate('rpc', "Shop", fields.Datetime.now() + timedelta(days=1))
        )
        self._create(self.gym, status=403)


@tagged('post_install', '-at_install')
class TestOrdersByCsv(SaleFeaturesCommon):
    """Orders that a salesperson imports from a file, as in *Sales ▸ Import records*."""

    def _import(self, *rows):
        """Import rows as the import dialog does; return its result."""
        content = "\n".join([",".join(HEADERS), *(",".join(row) for row in rows)])
        wizard = (
            self.env['base_import.import']
            .with_user(self.salesperson)
            .create(
                {
                    'res_model': 'sale.order',
                    'file': content.encode(),
                    'file_name': 'orders.csv',
                    'file_type': 'text/csv',
                }
            )
        )
        options = {'has_headers': True, 'quoting': '"', 'separator': ',', 'encoding': 'utf-8'}
        preview = wizard.parse_preview(options)
        matched = ['/'.join(path) for path in preview['matches'].values()]
        self.assertEqual(matched, list(COLUMNS))
        return wizard.execute_import(matched, list(HEADERS), options)

    def test_orders_of_each_type(self):
        result = self._import(
            ("Anna Peeters", "Standing desk", '2'),
            ("", "Handbook", '1'),
            ("Bart Claes", "Gym membership", '1'),
            ("", "Sign-up fee", '1'),
            ("Bart Claes", "Course", '1'),
            ("Bart Claes", "Water", '1'),
        )
        self.assertFalse(result['messages'])
        orders = self.env['sale.order'].browse(result['ids'])
        self.assertRecordValues(
            orders,
            [
                {'purchase_type': 'single', 'billing_status': 'draft', 'amount_total': 277.33},
                {'purchase_type': 'subscription', 'billing_status': 'draft', 'amount_total': 36.3},
                {'purchase_type': 'instalment', 'billing_status': 'draft', 'amount_total': 121.0},
                {'purchase_type': 'metered', 'billing_status': 'draft', 'amount_total': 3.03},
            ],
        )
        self.assertEqual(orders[2].billing_deposit, 21.0)
        self.assertEqual(orders[3].billing_initial_amount, 12.1)
        self.assertEqual(self._sell(orders[2])[:2], (21.0, [50.0, 50.0]))
        orders[:2].with_user(self.salesperson).action_mail_order_links()
        self.assertEqual(set(orders[:2].mapped('billing_status')), {'pending'})

    def test_mixed_types_are_refused(self):
        result = self._import(("Anna Peeters", "Gym membership", '1'), ("", "Course", '1'))
        self.assertFalse(result['ids'])
        self.assertIn("One order can't mix purchase types", result['messages'][0]['message'])
        self.gym.copy({'name': "Locker", 'billing_interval_unit': 'week'})
        result = self._import(("Anna Peeters", "Gym membership", '1'), ("", "Locker", '1'))
        self.assertFalse(result['ids'])
        self.assertIn("every month, “Locker” every week", result['messages'][0]['message'])
        self.assertFalse(self.env['sale.order'].search([('partner_id', '=', self.customer.id)]))

    def test_locks_are_respected(self):
        self.gym.write({'billing_lock_pricing': True, 'billing_lock_terms': True})
        columns = [*COLUMNS, 'order_line/price_unit', 'billing_cycles']
        Order = self.env['sale.order'].with_user(self.salesperson)
        for price, cycles, message in (
            ('1', '0', "The price of “Gym membership” is locked"),
            ('20', '3', "The product locks the payment terms"),
        ):
            result = Order.load(columns, [["Anna Peeters", "Gym membership", '1', price, cycles]])
            self.assertFalse(result['ids'])
            self.assertIn(message, result['messages'][0]['message'])
        result = Order.load(columns, [["Anna Peeters", "Gym membership", '1', '20', '0']])
        self.assertTrue(result['ids'], result['messages'])

    def test_other_ways_to_lower_a_locked_price(self):
        self.desk.billing_lock_pricing = True
        chair = self._create_sold_product("Chair", 90.0, self.tax_21, False)
        order = self._create_order((self.desk, 1), (chair, 1), sent=False)
        locked, other = order.with_user(self.salesperson).order_line
        for line, values in (
            (other, {'product_uom_qty': -1}),
            (other, {'price_unit': -90.0}),
            (other, {'price_unit': -90.0, 'is_downpayment': True}),
            (locked, {'price_unit': 1.0, 'is_downpayment': True}),
            (locked, {'product_uom_qty': -1}),
        ):
            with (
                self.subTest(line=line.name, **values),
                self.assertRaisesRegex(UserError, "is locked"),
                self.env.cr.savepoint(),
            ):
                line.write(values)
        other.product_uom_qty = 2

    def test_a_global_discount_on_a_locked_price(self):
        self.desk.billing_lock_pricing = True
        self.company.sale_discount_product_id = self._create_sold_product(
            "Discount", 0.0, self.tax_21, False
        )
        order = self._create_order((self.desk, 1), sent=False)
        wizard = self.env['sale.order.discount'].create(
            {'sale_order_id': order.id, 'discount_type': 'so_discount', 'discount_percentage': 0.1}
        )
        with self.assertRaisesRegex(UserError, "is locked: order .* can't have the discount"):
            wizard.with_user(self.salesperson).action_apply_discount()
