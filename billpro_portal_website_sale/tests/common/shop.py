from odoo import Command
from odoo.http import Request
from odoo.tests import new_test_user

from odoo.addons.billpro_portal.tests.common.http import BillingHttpCommon
from odoo.addons.billpro_portal.tests.common.subscription import SubscriptionCommon


class ShopCommon(SubscriptionCommon, BillingHttpCommon):
    """The company's shop, with a product of each purchase type and one of none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.website = cls.env['website'].get_current_website()
        cls.website.write({'company_id': cls.company.id, 'name': "Aurora Studio"})
        cls.shopper = new_test_user(
            cls.env,
            login='anna',
            groups='base.group_portal',
            partner_id=cls.customer.id,
            name=cls.customer.name,
            email=cls.customer.email,
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        cls.course = cls._create_sold_product("Course", 1000.0, cls.tax_6, 'instalment')
        cls.course.write(
            {
                'billing_deposit_type': 'percent',
                'billing_deposit': 10,
                'billing_instalment_count': 9,
            }
        )
        cls.water = cls._create_sold_product("Water", 2.5, cls.tax_6, 'metered')
        cls.mug = cls._create_sold_product("Mug", 10.0, cls.tax_21, False)
        cls.sold = cls.gym | cls.course | cls.water | cls.mug | cls.book
        cls.sold.write({'type': 'service', 'is_published': True, 'taxes_id': False})

    # === THE STEPS OF THE SHOP === #

    def _call(self, path, **params):
        """Call a JSON-RPC route; return its result, or what it was refused with."""
        answer = self._call_json(path, params)
        return answer['error']['data'] if 'error' in answer else answer.get('result')

    def _add(self, product, quantity=1):
        """Put a product into the cart; return the answer."""
        return self._call(
            '/shop/cart/add',
            product_template_id=product.product_tmpl_id.id,
            product_id=product.id,
            quantity=quantity,
        )

    def _get_cart(self):
        """Return the cart that was begun last."""
        return self.env['sale.order'].search(
            [('website_id', '=', self.website.id)], order='id desc', limit=1
        )

    def _fill_cart(self, *products):
        """Return a new cart with products, one of each."""
        for product in products:
            self.assertEqual(self._add(product)['quantity'], 1)
        return self._get_cart()

    def _submit(self, path, **fields):
        """Send a form."""
        fields['csrf_token'] = Request.csrf_token(self)
        response = self.url_open(path, data=fields, allow_redirects=False)
        self.env.invalidate_all()
        return response

    def _go_to(self, path):
        """Open a page without following where it leads."""
        self.env.flush_all()
        response = self.url_open(path, allow_redirects=False)
        self.env.invalidate_all()
        return response

    def _go_to_payment(self, cart):
        """Go through the last step of the shop, which leads to the order link."""
        response = self._go_to('/shop/payment')
        self.assertEqual(response.status_code, 303)
        self.assertEqual(response.headers['Location'], cart._billing_get_order_link())
        page = self._go_to(cart._billing_get_order_link())
        self.assertEqual(page.status_code, 200)
        return page.text

    def _pay(self, order, **overrides):
        """Pay as the payment form of the order link does; return the payment."""
        answer = self._post_transaction(order, **overrides)
        self.assertNotIn('error', answer)
        tx = self.env['payment.transaction'].search(
            [('reference', '=', answer['result']['reference'])]
        )
        self._simulate(tx.reference, 'done')
        tx._post_process()
        return tx

    def _buy(self, *products):
        """Return an order that the customer has paid in the shop."""
        order = self._fill_cart(*products)
        self._go_to_payment(order)
        self._pay(order)
        return order
