from contextlib import contextmanager, nullcontext

from odoo import SUPERUSER_ID, Command, api
from odoo.tests import new_test_user

from odoo.addons.account_payment.tests.common import AccountPaymentCommon


class BillingCommon(AccountPaymentCommon):
    """A company with accounting, the Demo provider, products and a customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        # Rights are tested with users of their own.
        cls.env = cls.env(
            user=SUPERUSER_ID, context={'allowed_company_ids': cls.company.ids}, su=True
        )
        cls.company = cls.company.with_env(cls.env)
        cls.company.write(
            {
                'name': "Aurora Studio",
                'street': "1 Rue Royale",
                'city': "Brussels",
                'zip': "1000",
                'country_id': cls.env.ref('base.be').id,
                'vat': 'BE0477472701',
                'company_details': "<p>Aurora Studio<br/>BE0477472701</p>",
                'email': 'hello@aurora.example.com',
                'billing_terms_url': 'https://aurora.example.com/terms',
                'billing_privacy_url': 'https://aurora.example.com/privacy',
            }
        )
        cls.company.partner_id.lang = 'en_US'
        cls.provider = cls._create_demo_provider(cls.company)
        cls.payment_method = cls.provider.payment_method_ids
        cls.tax_21 = cls._create_vat("VAT 21%", 21)
        cls.tax_6 = cls._create_vat("VAT 6%", 6)
        cls.tax_12 = cls._create_vat("VAT 12%", 12)
        cls.customer = cls.env['res.partner'].create(
            {
                'name': "Anna Peeters",
                'email': 'anna.peeters@customer.example.com',
                'phone': '0470 12 34 56',
                'street': "12 Linden Street",
                'city': "Ghent",
                'zip': "9000",
                'country_id': cls.env.ref('base.be').id,
                'lang': 'en_US',
            }
        )
        cls.other_customer = cls.env['res.partner'].create(
            {'name': "Bart Claes", 'email': 'bart.claes@customer.example.com'}
        )
        cls.desk = cls._create_sold_product("Standing desk", 100.0, cls.tax_21)
        cls.book = cls._create_sold_product("Handbook", 33.33, cls.tax_6)
        cls.meal = cls._create_sold_product("Lunch", 12.34, cls.tax_12)
        cls.salesperson = new_test_user(
            cls.env,
            login='salesperson',
            groups='sales_team.group_sale_salesman_all_leads',
            company_id=cls.company.id,
        )
        cls.billing_manager = new_test_user(
            cls.env,
            login='billing_manager',
            groups='billpro_portal.group_billing_manager,sales_team.group_sale_salesman_all_leads',
            company_id=cls.company.id,
        )

    @classmethod
    def _create_demo_provider(cls, company):
        """Return a published Demo provider of a company, with a journal of its own."""
        provider = cls.env.ref('payment.payment_provider_demo').copy({'company_id': company.id})
        provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})
        cls.env['payment.provider'].search(
            [('company_id', '=', company.id), ('id', '!=', provider.id)]
        ).write({'state': 'disabled', 'is_published': False})
        return provider

    @classmethod
    def _create_vat(cls, name, percent):
        return cls.env['account.tax'].create(
            {
                'name': name,
                'amount': percent,
                'type_tax_use': 'sale',
                'company_id': cls.company.id,
                'price_include_override': 'tax_excluded',
                'tax_group_id': cls.env['account.tax.group']
                .create({'name': name, 'company_id': cls.company.id})
                .id,
            }
        )

    @classmethod
    def _create_sold_product(cls, name, price, taxes, purchase_type='single'):
        return cls.env['product.product'].create(
            {
                'name': name,
                'list_price': price,
                'taxes_id': [Command.set(taxes.ids)],
                'purchase_type': purchase_type,
                'company_id': cls.company.id,
            }
        )

    @classmethod
    def _create_order(cls, *lines, partner=None, currency=None, sent=True):
        """Return an order.

        :param lines: Pairs of product and quantity, or triples with the price; one desk if none.
        :param res.partner partner: The customer.
        :param str currency: The name of the order's currency; the company's if none.
        :param bool sent: Whether the link was given to the customer.
        """
        values = {
            'partner_id': (partner or cls.customer).id,
            'user_id': cls.salesperson.id,
            'order_line': [],
        }
        if currency:
            values['pricelist_id'] = cls._create_pricelist(currency).id
        for product, quantity, *price in lines or [(cls.desk, 1)]:
            line = {'product_id': product.id, 'product_uom_qty': quantity}
            if price:
                line['price_unit'] = price[0]
            values['order_line'].append(Command.create(line))
        order = cls.env['sale.order'].create(values)
        if sent:
            order._mark_link_sent("The link was sent.")
        return order

    @classmethod
    def _create_pricelist(cls, currency_name):
        currency = cls._enable_currency(currency_name)
        return cls.env['product.pricelist'].create(
            {'name': currency_name, 'currency_id': currency.id, 'company_id': cls.company.id}
        )

    @classmethod
    def _create_initial_transaction(cls, order, state=None, **values):
        """Return an attempt to pay an order, and let the Demo provider answer it."""
        tx = cls.env['payment.transaction'].create(
            {
                'provider_id': cls.provider.id,
                'payment_method_id': cls.payment_method.id,
                'amount': order.amount_total,
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_invoice_id.id,
                'operation': 'online_direct',
                'reference': f'{order.name}-P{len(order.billing_transaction_ids) + 1}',
                'billing_order_id': order.id,
                **values,
            }
        )
        if state:
            tx._process('demo', {'reference': tx.reference, 'simulated_state': state})
            tx.flush_recordset()
        return tx

    @classmethod
    def _create_paid_order(cls, *lines, **kwargs):
        """Return an order that was paid and booked."""
        order = cls._create_order(*lines, **kwargs)
        cls._create_initial_transaction(order, 'done')._post_process()
        return order

    @contextmanager
    def _committing_env(self, user=None):
        """Give an environment in which code may commit, as in a request of its own."""
        self.env.flush_all()
        in_test_mode = nullcontext() if self._registry_patched else self.enter_registry_test_mode()
        with in_test_mode, self.registry.cursor() as cr:
            yield api.Environment(
                cr,
                (user or self.env.user).id,
                {'allowed_company_ids': self.company.ids},
            )
        self.env.invalidate_all()
        # Odoo caches the last number of a sequence until the cursor commits; a test's never does.
        self.env['account.move']._get_sequence_cache().clear()

    def _refund(self, order, amount):
        """Refund a part of an order as the refund dialog does; return the refund."""
        with self._committing_env() as env:
            tx = env['sale.order'].browse(order.id)._get_refundable_transactions()[:1]
            refund_tx = tx._create_order_refund(amount)
            refund_tx._send_order_refund()
        return self.env['payment.transaction'].browse(refund_tx.id)

    def _assert_books_closed(self, order):
        """Check that nothing of an order is open in the books: all is posted, paid, reconciled."""
        moves = order.billing_move_ids
        self.assertTrue(moves)
        self.assertEqual(set(moves.mapped('state')), {'posted'})
        self.assertEqual(set(moves.mapped('amount_residual')), {0.0})
        payments = order.billing_transaction_ids.filtered(lambda tx: tx.state == 'done').payment_id
        partials = (moves + payments.move_id).line_ids.matched_debit_ids
        partials |= (moves + payments.move_id).line_ids.matched_credit_ids
        receivable_lines = (moves + payments.move_id + partials.exchange_move_id).line_ids.filtered(
            lambda line: line.account_type == 'asset_receivable'
        )
        self.assertTrue(all(receivable_lines.mapped('reconciled')))
        self.assertAlmostEqual(sum(receivable_lines.mapped('amount_currency')), 0.0, places=6)
        self.assertAlmostEqual(sum(receivable_lines.mapped('balance')), 0.0, places=6)
