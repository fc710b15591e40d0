import gzip
from contextlib import contextmanager

from lxml import html

from odoo.tests import tagged
from odoo.tools import config

from ..common.http import BillingHttpCommon
from ..common.nightly import nightly

# Of one pixel.
PICTURE = (
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA'
    'AABJRU5ErkJggg=='
)


@tagged('post_install', '-at_install')
class TestOrderPages(BillingHttpCommon):
    def _open(self, order, suffix=''):
        order._portal_ensure_token()
        self.env.flush_all()
        response = self.url_open(self._link(order, suffix))
        self.assertEqual(response.status_code, 200)
        return html.fromstring(response.content)

    def _texts(self, tree):
        return ' '.join(' '.join(tree.xpath('//main//text()')).split())

    def test_portal_after_refund(self):
        order = self._create_paid_order((self.desk, 1))
        refund_tx = self._refund(order, 21)
        tree = self._open(order)
        texts = self._texts(tree)
        for text in ("Complete", "121.00", "21.00", order.name, refund_tx.invoice_ids.name):
            self.assertIn(text, texts)
        self.assertNotIn("Payment methods", texts)
        for suffix in (
            '/document/summary',
            f'/document/invoice/{order.billing_move_ids.sorted("id")[0].id}',
            f'/document/invoice/{refund_tx.invoice_ids.id}',
            f'/document/receipt/{refund_tx.source_transaction_id.id}',
            f'/payment/{refund_tx.id}',
        ):
            self.assertTrue(tree.xpath(f'//a[contains(@href, "{suffix}")]'), suffix)

    def test_payment_details(self):
        order = self._create_paid_order((self.desk, 2), (self.book, 1))
        self._refund(order, 10)
        payment = order.billing_transaction_ids.filtered(lambda tx: tx.operation != 'refund')
        texts = self._texts(self._open(order, f'/payment/{payment.id}'))
        for text in ("277.33", "Standing desk", "VAT 21%", "VAT 6%", payment.reference, "10.00"):
            self.assertIn(text, texts)

    def test_every_page_has_one_main_heading_and_labels(self):
        open_order = self._create_order()
        pending_order = self._create_order()
        self._create_initial_transaction(pending_order, 'pending')
        paid_order = self._create_paid_order()
        cancelled_order = self._create_order()
        cancelled_order._action_cancel()
        payment = paid_order.billing_transaction_ids
        for order, suffix in (
            (open_order, ''),
            (pending_order, ''),
            (paid_order, ''),
            (paid_order, '/result'),
            (paid_order, f'/payment/{payment.id}'),
            (cancelled_order, ''),
        ):
            tree = self._open(order, suffix)
            self.assertEqual(len(tree.xpath('//h1')), 1, (order.billing_status, suffix))
            for field in tree.xpath('//main//input[not(@type="hidden")]'):
                labelled = (
                    field.get('aria-label')
                    or field.xpath('ancestor::label')
                    or tree.xpath(f'//label[@for="{field.get("id")}"]')
                )
                self.assertTrue(labelled, html.tostring(field))
            for image in tree.xpath('//main//img'):
                self.assertIsNotNone(image.get('alt'), html.tostring(image))

    def test_the_readers_language(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.customer.lang = 'fr_FR'
        order = self._create_order((self.desk, 12))
        tree = self._open(order)
        self.assertEqual(tree.get('lang'), 'fr-FR')
        self.assertIn("1 452,00", self._texts(tree))

    def test_a_language_that_is_picked_wins(self):
        for code in ('fr_FR', 'nl_BE'):
            self.env['res.lang']._activate_lang(code)
        self.customer.lang = 'fr_FR'
        order = self._create_order()
        [dutch] = self._open(order).xpath('//a[@lang="nl-BE"]/@href')
        self.authenticate(None, None)
        for address in (f'/order/{order.id}{dutch}', self._link(order)):
            picked = html.fromstring(self.url_open(address).content)
            self.assertEqual(picked.get('lang'), 'nl-BE')
        self.opener.cookies.clear()
        prefix = self.env['res.lang']._get_data(code='nl_BE').url_code
        by_prefix = html.fromstring(self.url_open(f'/{prefix}{self._link(order)}').content)
        self.assertEqual(by_prefix.get('lang'), 'nl-BE')

    def test_the_logo_and_the_color_of_the_company(self):
        order = self._create_paid_order((self.desk, 1))
        company = order.company_id
        company.write({'logo': company._get_logo(), 'primary_color': False})
        page = self._open(order)
        self.assertFalse(page.xpath('//main//img[contains(@src, "company_logo")]'))
        self.assertFalse(page.xpath('//*[@id="wrap"]/@style'))
        company.write({'logo': PICTURE, 'primary_color': '#0f8c9e'})
        page = self._open(order)
        [logo] = page.xpath('//main//img[contains(@src, "company_logo")]')
        self.assertEqual(logo.get('alt'), company.name)
        self.assertEqual(
            page.xpath('//*[@id="wrap"]/@style'),
            ['--o-billpro-primary: #0b717f; --o-billpro-primary-hover: #096572'],
        )

    def test_names_are_escaped(self):
        order = self._create_order()
        order.order_line.name = '<script>alert("x")</script>'
        self.customer.name = '<b>Anna</b>'
        order._portal_ensure_token()
        self.env.flush_all()
        text = self.url_open(self._link(order)).text
        self.assertNotIn('<script>alert', text)
        self.assertNotIn('<b>Anna', text)

    def test_history_has_pages(self):
        order = self._create_order()
        for _attempt in range(25):
            self._create_initial_transaction(order, 'error')
        self._create_initial_transaction(order, 'done')._post_process()
        first = self._open(order)
        self.assertEqual(len(first.xpath('//a[contains(@href, "/payment/")]')), 20)
        order_link = self._link(order)
        second = html.fromstring(self.url_open(f'{order_link}&page=2').content)
        self.assertEqual(len(second.xpath('//a[contains(@href, "/payment/")]')), 6)

    def test_pages_without_a_payment_form_load_little(self):
        """The first page of an order on a slow line: at most 60 KB of scripts, and of styles."""
        order = self._create_paid_order((self.desk, 1))
        payment = order.billing_transaction_ids
        with self._without_scripts_of_tests():
            for suffix in ('', '/documents', '/result', f'/payment/{payment.id}', '/orders'):
                with self.subTest(suffix):
                    self._assert_loads_little(self._open(order, suffix))
            invalid = self.url_open(f'/order/{order.id}?access_token=wrong')
            self._assert_loads_little(html.fromstring(invalid.content))
            checkout = self._open(self._create_order())
            self.assertIn('web.assets_frontend_lazy', html.tostring(checkout, encoding='unicode'))

    def test_pages_without_a_payment_form_have_all_styles(self):
        styles = {
            bundle: {
                path.rpartition('/')[2]
                for path, *_rest in self.env['ir.asset']._get_asset_paths(bundle, {})
                if path.startswith('/billpro_portal/') and path.endswith('.scss')
            }
            for bundle in ('web.assets_frontend', 'billpro_portal.assets_page')
        }
        self.assertEqual(
            styles['web.assets_frontend'] - styles['billpro_portal.assets_page'],
            {'checkout.scss'},
        )

    @contextmanager
    def _without_scripts_of_tests(self):
        """Let pages load what they load where nothing is tested."""
        config['test_enable'] = False
        try:
            yield
        finally:
            config['test_enable'] = True

    def _assert_loads_little(self, tree):
        for addresses in (
            tree.xpath('//script/@src | //script/@data-src'),
            tree.xpath('//link[@rel="stylesheet"]/@href'),
        ):
            self.assertTrue(addresses)
            files = [self.url_open(address).content for address in addresses]
            size = sum(len(gzip.compress(content)) for content in files)
            self.assertLess(size, 60 * 1024, addresses)

    @nightly("How dear it is, not what is right.")
    def test_the_page_costs_the_same_with_more_history(self):
        def count_queries(order):
            order = order.sudo()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            order.env['billpro.order.page']._get_portal_values(order, page=1)
            return self.env.cr.sql_log_count - before

        orders = []
        for attempts in (19, 199):
            order = self._create_order()
            for _attempt in range(attempts):
                self._create_initial_transaction(order, 'error')
            self._create_initial_transaction(order, 'done')._post_process()
            order._portal_ensure_token()
            orders.append(order)
        count_queries(orders[0])  # Fills the caches that all requests share.
        self.assertEqual(count_queries(orders[0]), count_queries(orders[1]))
