from datetime import timedelta

from freezegun import freeze_time
from lxml import html

from odoo import fields
from odoo.tests import new_test_user, tagged

from ..common.self_service_http import SelfServiceHttpCommon


@tagged('post_install', '-at_install')
class TestOrderHome(SelfServiceHttpCommon):
    """All orders of a customer on one page, and what is owed on them paid in one go."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second, _foreign = cls._create_declined_orders()
        cls.desk_order = cls._create_paid_order((cls.desk, 1))
        cls.colleague = cls.env['res.partner'].create(
            {'name': "Tom", 'email': 'tom@peeters.example', 'parent_id': cls.customer.id}
        )
        cls.colleagues_order = cls._create_paid_order((cls.book, 1), partner=cls.colleague)

    def _open(self, order=None, suffix='/orders', paying=None):
        """Return the page, and its words in one line."""
        self.env.flush_all()
        response = self.url_open(
            self._link(order or self.order, suffix) + (f'&paying={paying}' if paying else '')
        )
        self.env.invalidate_all()
        self.assertEqual(response.status_code, 200)
        self._assert_private(response)
        page = html.fromstring(response.content)
        words = ' '.join(' '.join(page.xpath('//main//text()')).split())
        return page, words.replace('\xa0', ' ')

    def _pay(self, *amounts, order=None):
        values = {f'amount_{one.id}': amount for one, amount in amounts}
        return self._post_form(order or self.order, '/orders/pay', **values)

    def _poll(self, order=None, **params):
        order = order or self.order
        token = order.access_token
        return self._call(order, '/orders/progress/state', access_token=token, **params)['result']

    def _name(self, orders):
        """Return how addresses name orders that are paid in one go."""
        return '-'.join(map(str, orders.ids))

    def _get_outcomes(self, page):
        """Return what a page says became of payments made in one go."""
        rows = page.xpath('//section[.//h2[@id="billpro_outcomes_heading"]]//li')
        for row in rows:
            row.find_class('o_billpro_row_date')[0].drop_tree()
        return [' '.join(row.text_content().split()).replace('\xa0', ' ') for row in rows]

    # === WHAT IT SHOWS === #

    def test_all_orders_stand_there(self):
        page, words = self._open()
        self.assertIn("Anna", words)
        self.assertIn("2 of 3 orders need you", words)
        self.assertIn("$ 48.40 is still to pay", words)
        self.assertIn("Pay $ 48.40 for 2 orders", words)
        self.assertIn(f"Gym membership ({self.order.name}): $ 24.20 from Demo •••• 4242", words)
        for order in self.order + self.second + self.desk_order:
            self.assertIn(f"Order {order.name}", words)
            self.assertTrue(page.xpath(f'//main//h3/a[@href="{self._link(order)}"]'))
        self.assertEqual(
            [' '.join(title.text_content().split()) for title in page.xpath('//main//h2')],
            [
                "$ 48.40 is still to pay",
                "Running",
                "Finished",
                "Payment methods",
                "Documents",
            ],
        )
        names = page.xpath('//dl[contains(@class, "o_billpro_facts")]//bdi/text()')
        self.assertEqual(len(names), 3)  # Two that are charged, and the spare one.

    def test_what_is_charged_first_is_listed_first(self):
        with freeze_time(fields.Datetime.now() - timedelta(days=5)):
            first = self._create_active_order()
        last = self._create_active_order()
        page, _words = self._open(self.order, '/orders')
        listed = page.xpath('//main//h3/a/@href')
        self.assertEqual(
            [order for link in listed for order in first + last if self._link(order) == link],
            [first, last],
        )

    def test_it_is_linked_where_there_are_several_orders(self):
        page, _words = self._open(self.order, '')
        self.assertTrue(page.xpath(f'//nav//a[@href="{self._link(self.order, "/orders")}"]'))
        page, _words = self._open(self.other_order, '')
        self.assertEqual(
            bool(page.xpath('//nav//a[contains(@href, "/orders")]')),
            len(self.env['billpro.order.home']._get_orders(self.other_order)) > 1,
        )

    def test_documents_of_all_orders(self):
        page, words = self._open(suffix='/orders/documents')
        for order in self.order + self.second + self.desk_order:
            move = order.billing_move_ids.filtered(lambda move: move.state == 'posted')[:1]
            self.assertIn(f"Invoice {move.name}", words)
            link = self._link(order, f'/document/invoice/{move.id}')
            self.assertTrue(page.xpath(f'//main//a[@href="{link}"]'))
        for order in self.other_order + self.colleagues_order:
            self.assertNotIn(order.name, words)
        self.env.flush_all()
        url = self._link(self.order, '/orders/documents')
        chosen = html.fromstring(self.url_open(f'{url}&number={self.second.name}').content)
        links = chosen.xpath('//main//a[contains(@href, "/document/")]/@href')
        self.assertTrue(links)
        for link in links:
            self.assertIn(f'/order/{self.second.id}/', link)

    def test_a_card_is_replaced_for_all_orders(self):
        self.second.billing_token_id = self.card
        page, words = self._open()
        self.assertIn(
            f"Charged for Gym membership ({self.second.name}), Gym membership ({self.order.name}).",
            words,
        )
        [link] = page.xpath('//a[contains(., "Replace for all")]/@href')
        form = html.fromstring(self.url_open(link).content)
        [box] = form.xpath('//input[@name="all_orders"]')
        self.assertEqual(box.get('checked'), 'checked')

    # === WHOSE ORDERS === #

    def test_a_link_shows_the_orders_of_its_contact_alone(self):
        foreign = self._create_order((self.desk, 1), partner=self.other_customer)
        draft = self._create_order((self.desk, 1), sent=False)
        orders = self.env['billpro.order.home']._get_orders(self.order)
        self.assertEqual(orders, self.desk_order + self.second + self.order)
        for other in foreign + draft + self.other_order + self.colleagues_order:
            self.assertNotIn(other, orders)
        self.assertEqual(
            self.env['billpro.order.home']._get_orders(self.colleagues_order),
            self.colleagues_order,
        )

    def test_a_link_shows_no_order_with_another_company(self):
        company = self.env['res.company'].create({'name': "Another Seller"})
        self.desk_order.flush_recordset()
        self.env.cr.execute(
            'UPDATE sale_order SET company_id = %s WHERE id = %s',
            (company.id, self.desk_order.id),
        )
        self.env.invalidate_all()
        orders = self.env['billpro.order.home']._get_orders(self.order)
        self.assertEqual(orders, self.second + self.order)

    def test_a_login_shows_the_orders_of_its_company(self):
        user = new_test_user(
            self.env, login='anna', groups='base.group_portal', partner_id=self.customer.id
        )
        home = self.env['billpro.order.home']
        self.assertIn(self.colleagues_order, home._get_orders(self.order, user))
        self.assertNotIn(self.other_order, home._get_orders(self.order, user))
        self.authenticate('anna', 'anna')
        _page, words = self._open()
        self.assertIn(f"Order {self.colleagues_order.name}", words)

    # === PAYING IN ONE GO === #

    def test_what_is_owed_on_two_orders_is_paid_once(self):
        both = self.order + self.second
        both.billing_token_id.demo_simulated_state = 'done'
        amounts = [(one, '24.2') for one in both]
        first = self._pay(*amounts)
        self.assertEqual(first.status_code, 303)
        self.assertIn('/orders/progress?', first.headers['Location'])
        self.assertEqual(both.mapped('billing_collection_amount'), [24.2, 24.2])
        before = self._snapshot()
        again = self._pay(*amounts)
        self.assertEqual(again.status_code, 409)
        self.assertIn("is being processed", again.text)
        self.assertEqual(self._snapshot(), before)
        _page, words = self._open(suffix='/orders/progress')
        self.assertIn("$ 48.40", words)
        self.assertIn(f"{self.second.name}, {self.order.name}", words)
        for _poll in range(2):
            answer = self._poll()
            self.assertTrue(answer['done'])
            self.assertIn('/orders?', answer['url'])
            self.assertIn('notice=paid', answer['url'])
        for one in both:
            self.assertEqual(one.billing_status, 'active')
            self.assertEqual(one.billing_paid, 48.4)
            self.assertEqual(len(one.billing_event_ids[0].transaction_ids), 2)
            self.assertEqual(set(one.billing_move_ids.mapped('payment_state')), {'paid'})
            self._assert_books_closed(one)
        _page, words = self._open()
        self.assertIn("Nothing is to be paid now", words)
        self.assertNotIn("Pay $", words)

    def test_one_card_is_declined_and_the_other_not(self):
        self.second.billing_token_id.demo_simulated_state = 'done'
        both = self.second + self.order
        self._pay((self.order, '24.2'), (self.second, '24.2'))
        answer = self._poll(paying=self._name(both))
        self.assertTrue(answer['done'])
        self.assertIn('notice=not_all_paid', answer['url'])
        self.assertEqual((self.order.billing_paid, self.second.billing_paid), (24.2, 48.4))
        self.assertIn(f'paying={self._name(both)}', answer['url'])
        page, words = self._open(suffix='/orders', paying=self._name(both))
        self.assertIn("$ 24.20 is still to pay", words)
        self.assertEqual(
            self._get_outcomes(page),
            [
                f"Gym membership ({self.second.name}) $ 24.20 Paid",
                f"Gym membership ({self.order.name}) $ 24.20 Declined",
            ],
        )
        for others in (self.other_order + self.colleagues_order, self.order.browse()):
            page, _words = self._open(paying=self._name(others) or 'x-²')
            self.assertFalse(self._get_outcomes(page))

    def test_who_confirms_one_of_several_comes_back_to_all(self):
        both = self.order + self.second
        txs = both.billing_event_ids.transaction_ids
        txs.write({'state': 'pending', 'billing_action_required': True})
        page, _words = self._open(paying=self._name(both))
        self.assertEqual(
            self._get_outcomes(page),
            [
                f"Gym membership ({one.name}) $ 24.20 To be confirmed with your bank"
                f" Confirm with your bank Gym membership ({one.name})"
                for one in self.second + self.order
            ],
        )
        links = page.xpath('//section[.//h2[@id="billpro_outcomes_heading"]]//p/a/@href')
        self.assertEqual(len(links), 2)
        for one, link in zip(self.second + self.order, links, strict=True):
            self.assertIn(f'/order/{one.id}/authenticate/', link)
            # Demo has nothing to confirm: the payment is looked up at once.
            answer = self.url_open(link, allow_redirects=False)
            self.assertIn(f'/order/{one.id}/orders/progress?', answer.headers['Location'])
            self.assertIn(f'paying={self._name(self.second + self.order)}', answer.text)
        page, words = self._open(suffix='/orders/progress', paying=self._name(both))
        self.assertIn("$ 48.40", words)
        [shown] = page.xpath('//section/@data-paying')
        self.assertEqual(shown, self._name(self.second + self.order))

    def test_nothing_is_collected_if_one_amount_is_wrong(self):
        before = self._snapshot()
        for amount in ('24.21', '', 'nan', '-24.2'):
            with self.subTest(amount=amount):
                answer = self._pay((self.order, '24.2'), (self.second, amount))
                self.assertEqual(answer.status_code, 409)
                self.assertIn("24.20 are outstanding now", answer.text)
        self.assertEqual(self._snapshot(), before)

    def test_orders_of_others_are_not_paid(self):
        before = self._snapshot()
        for other in self.other_order + self.colleagues_order:
            answer = self._pay((other, '24.2'))
            self.assertEqual(answer.status_code, 303)
            self.assertIn('/orders?', answer.headers['Location'])
        self.assertEqual(self._snapshot(), before)

    # === LOST LINKS === #

    def _ask_for_links(self, email):
        """Enter an address; return what the page says."""
        self.env.flush_all()
        response = self.url_open('/order/link', data={'csrf_token': self._csrf(), 'email': email})
        self.assertEqual(response.status_code, 200)
        self._assert_private(response)
        self.env.invalidate_all()
        [main] = html.fromstring(response.content).xpath('//main')
        for field in main.xpath('.//input[@name="csrf_token"]'):
            field.getparent().remove(field)
        return ' '.join(main.text_content().split())

    def _get_link_notices(self):
        return self.env['billpro.notification'].search([('kind', '=', 'order_links')])

    def test_lost_links_are_mailed_to_who_owns_them(self):
        self.customer.email = 'anna@peeters.example'
        page, _words = self._open_lost_link_page()
        self.assertTrue(page.xpath('//form[@action="/order/link"]//input[@type="email"]'))
        unknown = self._ask_for_links('nobody@peeters.example')
        self.assertFalse(self._get_link_notices())
        self.assertIn("If we know this address, a mail with the links", unknown)
        for nonsense in ('', 'x', '%@%', 'a' * 100_000):
            self.assertEqual(self._ask_for_links(nonsense), unknown)
        self.assertFalse(self._get_link_notices())
        self.assertEqual(self._ask_for_links(' Anna@Peeters.example '), unknown)
        notice = self._get_link_notices()
        self.assertEqual(notice.order_id, self.desk_order)
        with self._committing_env() as env:
            env['billpro.notification'].browse(notice.id)._send_if_due(
                [('id', '=', notice.id), ('state', '=', 'queued')]
            )
        self.env.invalidate_all()
        self.assertEqual(notice.message_id.partner_ids, self.customer)
        body = html.fromstring(str(notice.message_id.body))
        links = [link for link in body.xpath('//a/@href') if '/order/' in link]
        self.assertEqual(
            links, [one.order_link for one in self.desk_order + self.second + self.order]
        )
        for other in self.other_order + self.colleagues_order:
            self.assertNotIn(other.access_token or other.name, str(notice.message_id.body))

    def _open_lost_link_page(self):
        response = self.url_open('/order/link')
        self.assertEqual(response.status_code, 200)
        page = html.fromstring(response.content)
        return page, page.text_content()

    def test_lost_links_are_limited(self):
        for _time in range(5):
            answer = self._ask_for_links(self.customer.email)
        self.assertEqual(len(self._get_link_notices()), 3)
        self.colleague.email = 'tom@peeters.example'
        for _time in range(4):
            self._ask_for_links('nobody@peeters.example')
        self._ask_for_links(self.colleague.email)
        self.assertEqual(self._get_link_notices().order_id, self.desk_order + self.colleagues_order)
        self.assertEqual(self._ask_for_links(self.other_customer.email), answer)
        self.assertNotIn(self.other_order, self._get_link_notices().order_id)
        self.assertEqual(self.env['billpro.link.request'].search_count([]), 10)

    def test_lost_links_need_a_form_of_ours(self):
        self.env.flush_all()
        response = self.url_open(
            '/order/link', data={'csrf_token': 'x', 'email': self.customer.email}
        )
        self.assertEqual(response.status_code, 200)
        self.assertFalse(self._get_link_notices())
        self.assertFalse(self.env['billpro.link.request'].search_count([]))
