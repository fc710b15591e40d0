from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged

from .common.http import BillingHttpCommon
from .common.nightly import nightly
from .common.sale_features import PURCHASE_TYPES, START, SaleFeaturesCommon


@tagged('post_install', '-at_install')
class TestSaleFeatures(SaleFeaturesCommon):
    """What every Odoo sale can do, with each purchase type."""

    @nightly("What a template fills in is billed like what is typed in.")
    def test_quotation_templates(self):
        self.gym.write({'billing_interval_count': 2, 'billing_trial_days': 0})
        extra = self._create_sold_product("Towel", 10.0, self.tax_21, False)
        orders = []
        for purchase_type, product in self.products.items():
            template = self.env['sale.order.template'].create(
                {
                    'name': purchase_type,
                    'company_id': self.company.id,
                    'sale_order_template_line_ids': [
                        Command.create({'product_id': product.id, 'product_uom_qty': 2}),
                        Command.create({'name': "Extras", 'display_type': 'line_section'}),
                        Command.create({'product_id': extra.id, 'product_uom_qty': 1}),
                    ],
                }
            )
            order = self._create_quotation(sale_order_template_id=template)
            self.assertEqual(order.purchase_type, purchase_type)
            self.assertEqual(order.order_line.product_id, product | extra)
            self.assertEqual(order.billing_interval_count, product.billing_interval_count)
            self.assertEqual(order.billing_instalment_count, product.billing_instalment_count)
            self.assertEqual(order.billing_deposit, product.billing_deposit)
            self.assertEqual(order.billing_initial_amount, product.billing_initial_amount)
            orders.append(order)
        expected = {
            'single': (254.1, []),
            'instalment': (21.0, [116.55, 116.55]),
            'subscription': (60.5, [48.4]),
            'metered': (12.1, [24.2]),
        }
        for purchase_type, sold in zip(self.products, self._sell_all(orders), strict=True):
            with self.subTest(purchase_type):
                self.assertEqual(sold[:2], expected[purchase_type])

    def test_an_optional_line_that_was_not_chosen_costs_nothing(self):
        order = self._create_quotation()
        self._add_line(order, self.gym)
        order.order_line = [
            Command.create(
                {'name': "Options", 'display_type': 'line_section', 'is_optional': True}
            ),
            Command.create({'product_id': self.gym.id, 'product_uom_qty': 0}),
        ]
        self.assertEqual(self._sell(order), (24.2, [24.2], [(24.2, 4.2), (24.2, 4.2), (24.2, 4.2)]))
        for invoice in order.billing_move_ids:
            self.assertEqual(len(invoice.invoice_line_ids), 1)

    @nightly("Orders in other currencies are drawn by the tests of the books.")
    def test_pricelists_in_another_currency(self):
        pricelist = self._create_pricelist('GBP')
        self.env['res.currency.rate'].create(
            {
                'currency_id': pricelist.currency_id.id,
                'company_id': self.company.id,
                'name': '2026-12-31',
                'company_rate': 2.0,
            }
        )
        pricelist.item_ids = [
            Command.create(
                {
                    'applied_on': '3_global',
                    'compute_price': 'percentage',
                    'percent_price': 10,
                }
            )
        ]
        with freeze_time(START):
            self._assert_sold(
                {
                    'single': (217.8, [], [(217.8, 37.8)]),
                    'instalment': (
                        42.0,
                        [87.9, 87.9],
                        [(42.0, 7.29), (87.9, 15.26), (87.9, 15.25)],
                    ),
                    'subscription': (43.56, [43.56], [(43.56, 7.56)] * 3),
                    'metered': (24.2, [24.2], [(24.2, 4.2), (24.2, 4.2)]),
                },
                lambda order: self.assertEqual(order.currency_id.name, 'GBP'),
                pricelist_id=pricelist,
            )

    def test_fiscal_positions(self):
        position = self.env['account.fiscal.position'].create(
            {'name': "Reduced", 'company_id': self.company.id}
        )
        self.tax_6.write(
            {
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax_21.ids)],
            }
        )
        self.customer.with_company(self.company).property_account_position_id = position

        def check(order):
            self.assertEqual(order.fiscal_position_id, position)
            self.assertEqual(order.order_line.tax_ids, self.tax_6)

        self._assert_sold(
            {
                'single': (106.0, [], [(106.0, 6.0)]),
                'instalment': (
                    21.0,
                    [42.5, 42.5],
                    [(21.0, 1.19), (42.5, 2.41), (42.5, 2.4)],
                ),
                'subscription': (21.2, [21.2], [(21.2, 1.2)] * 3),
                'metered': (12.1, [24.2], [(12.1, 0.68), (24.2, 1.37)]),
            },
            check,
        )
        invoices = self.env['account.move'].search([('billing_order_id', '!=', False)])
        self.assertEqual(invoices.fiscal_position_id, position)
        self.assertEqual(invoices.invoice_line_ids.tax_ids, self.tax_6)

    @nightly("Lines with discounts are drawn by the tests of the books for each change.")
    def test_a_discount_on_each_line(self):
        self._assert_sold(
            {
                'single': (108.9, [], [(108.9, 18.9)]),
                'instalment': (
                    21.0,
                    [43.95, 43.95],
                    [(21.0, 3.64), (43.95, 7.63), (43.95, 7.63)],
                ),
                'subscription': (21.78, [21.78], [(21.78, 3.78)] * 3),
                'metered': (12.1, [24.2], [(12.1, 2.1), (24.2, 4.2)]),
            },
            lambda order: self._apply_discount(order, 'sol_discount', discount_percentage=0.1),
        )

    def test_a_global_discount(self):
        """The discount line of a subscription has no period: it lowers the first payment only."""
        self._assert_sold(
            {
                'single': (108.9, [], [(108.9, 18.9)]),
                'instalment': (
                    21.0,
                    [43.95, 43.95],
                    [(21.0, 3.64), (43.95, 7.63), (43.95, 7.63)],
                ),
                'subscription': (21.78, [24.2], [(21.78, 3.78), (24.2, 4.2), (24.2, 4.2)]),
                'metered': (12.1, [24.2], [(12.1, 2.1), (24.2, 4.2)]),
            },
            lambda order: self._apply_discount(order, 'so_discount', discount_percentage=0.1),
        )

    @nightly("A discount of a part of everything is billed for each change.")
    def test_a_discount_of_a_fixed_amount(self):
        self._assert_sold(
            {
                'single': (116.0, [], [(116.0, 20.13)]),
                'instalment': (
                    21.0,
                    [47.5, 47.5],
                    [(21.0, 3.64), (47.5, 8.24), (47.5, 8.25)],
                ),
                'subscription': (19.2, [24.2], [(19.2, 3.33), (24.2, 4.2), (24.2, 4.2)]),
                'metered': (12.1, [24.2], [(12.1, 2.1), (24.2, 4.2)]),
            },
            lambda order: (
                self._apply_discount(order, 'amount', discount_amount=5.0)
                if order.purchase_type != 'metered'
                else None
            ),
        )

    def _apply_discount(self, order, discount_type, **values):
        self.env['sale.order.discount'].create(
            {'sale_order_id': order.id, 'discount_type': discount_type, **values}
        ).action_apply_discount()

    def test_the_invoice_address_and_its_language(self):
        self.env['res.lang']._activate_lang('fr_FR')
        address = self.env['res.partner'].create(
            {
                'name': "Comptabilité",
                'parent_id': self.customer.id,
                'type': 'invoice',
                'lang': 'fr_FR',
                'email': 'compta@customer.example.com',
            }
        )
        self.assertEqual(self.customer.address_get(['invoice'])['invoice'], address.id)
        for purchase_type in PURCHASE_TYPES:
            with self.subTest(purchase_type):
                order = self._create_quotation()
                self._add_line(order, self.products[purchase_type])
                self.assertEqual(order.partner_invoice_id, address)
                self._sell(order)
                invoices = order.billing_move_ids
                self.assertEqual(invoices.partner_id, address)
                for invoice in invoices:
                    html, _type = self.env['ir.actions.report']._render_qweb_html(
                        'account.report_invoice', invoice.ids
                    )
                    total = f'{invoice.amount_total:.2f}'
                    self.assertIn(total.replace('.', ','), html.decode())
                    self.assertNotIn(total, html.decode())


@tagged('post_install', '-at_install')
class TestProductVariants(SaleFeaturesCommon, BillingHttpCommon):
    """A subscription of which there are two sizes; the larger one costs more."""

    def _create_sizes(self):
        """Return the variants Medium and Large of one product."""
        attribute = self.env['product.attribute'].create(
            {
                'name': "Size",
                'value_ids': [
                    Command.create({'name': "Medium"}),
                    Command.create({'name': "Large", 'default_extra_price': 5.0}),
                ],
            }
        )
        template = self.env['product.template'].create(
            {
                'name': "Locker",
                'list_price': 20.0,
                'taxes_id': [Command.set(self.tax_21.ids)],
                'purchase_type': 'subscription',
                'company_id': self.company.id,
                'attribute_line_ids': [
                    Command.create(
                        {
                            'attribute_id': attribute.id,
                            'value_ids': [Command.set(attribute.value_ids.ids)],
                        }
                    )
                ],
            }
        )
        return template.product_variant_ids.sorted('id')

    def _read_page(self, order):
        self.env.flush_all()
        response = self.url_open(order.order_link)
        self.assertEqual(response.status_code, 200)
        return response.text

    def test_the_chosen_size_is_billed_and_named(self):
        medium, large = self._create_sizes()
        self.assertEqual(
            (medium | large).mapped('display_name'), ["Locker (Medium)", "Locker (Large)"]
        )
        with freeze_time(START):
            order = self._create_quotation()
            self._add_line(order, large)
            self.assertEqual(order.purchase_type, 'subscription')
            self.assertEqual((order.order_line.price_unit, order.amount_total), (25.0, 30.25))
            order.action_open_order_link()
            checkout = self._read_page(order)
        self.assertIn("Locker (Large)", checkout)
        self.assertIn("30.25", checkout)
        self.assertEqual(self._sell(order), (30.25, [30.25], [(30.25, 5.25)] * 3))
        self.assertEqual(order.billing_event_ids.mapped('amount'), [30.25] * 3)
        for invoice in order.billing_move_ids:
            line = invoice.invoice_line_ids
            self.assertEqual((line.product_id, line.price_unit), (large, 25.0))
            self.assertIn("Locker (Large)", line.name)
        portal = self._read_page(order)
        self.assertIn("Locker (Large)", portal)
        self.assertNotIn("Medium", portal)

    @nightly("One of them is billed for each change.")
    def test_both_sizes_on_one_order(self):
        sizes = self._create_sizes()
        order = self._create_quotation()
        for size in sizes:
            self._add_line(order, size, product_uom_qty=2)
        self.assertEqual(self._sell(order), (108.9, [108.9], [(108.9, 18.9)] * 3))
