import re
from datetime import timedelta
from html import unescape

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import html2plaintext

from ...billing.agreement import agreement_text
from ..common.change import ChangeCommon
from ..common.self_service_http import SelfServiceHttpCommon


@tagged('post_install', '-at_install')
class TestChangePage(SelfServiceHttpCommon, ChangeCommon):
    """Customers change plan and quantity; today is the first day of the period."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.family.write({'customers_may_raise': True, 'customers_may_lower': True})
        cls.subscription = cls._create_active_order((cls.plus, 2))
        cls.subscription._portal_ensure_token()

    def _choose(self, product, quantity, line=None):
        """Choose on the page; return the answer and what its form would send."""
        line_id = self.subscription.order_line[0].id if line is None else line.id or ''
        path = self._link(self.subscription, '/change')
        self.env.flush_all()
        answer = self.url_open(
            f'{path}&line_id={line_id}&product_id={product.id}&quantity={quantity}'
        )
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text))
        return answer, {name: unescape(value) for name, value in hidden.items()}

    def _agree(self, hidden, **values):
        sent = {name: hidden[name] for name in ('line_id', 'product_id', 'quantity', 'agreed')}
        return self._post_form(self.subscription, '/change', **{**sent, **values})

    def _get_shown(self, product, quantity):
        """Return what is shown of a change at once."""
        Change = self.env['billpro.change']
        order = self.subscription
        values = Change._propose(order, order.order_line, product, quantity, 'now')
        return agreement_text(Change.new(values)._get_rows())

    def test_up_at_once(self):
        order = self.subscription
        page = self._get(order, '').text
        self.assertIn('Change your plan', page)
        self.assertIn('Cancel subscription', page)
        answer, hidden = self._choose(self.plus, 3)
        self.assertEqual(answer.status_code, 200)
        self._assert_private(answer)
        # The first day: the difference of the prices, 20.00 and 4.20 tax.
        self.assertIn("Pay $\xa024.20 and change now", unescape(answer.text))
        self._assert_refused(self._agree(hidden, quantity=4), "has changed meanwhile")
        self._assert_refused(self._agree(hidden, agreed='[]'), "has changed meanwhile")
        self.assertFalse(order.billing_change_ids)
        order.billing_token_id.demo_simulated_state = 'error'
        self._assert_done(self._agree(hidden), 'not_changed')
        self.assertEqual(order.order_line.product_uom_qty, 2)
        self.assertEqual(order.billing_status, 'active')
        order.billing_token_id.demo_simulated_state = 'done'
        self._assert_done(self._agree(hidden), 'changed')
        self.assertEqual(order.order_line.product_uom_qty, 3)
        self.assertEqual(order.billing_paid, 72.6)
        self._assert_refused(self._agree(hidden), "Choose another plan, or another quantity")
        self.assertEqual(order.billing_paid, 72.6)

    def test_down_is_planned_and_taken_back(self):
        order = self.subscription
        answer, hidden = self._choose(self.basic, 1)
        first_day = order.billing_next_event_id.period_start
        self.assertIn(f"Change on {first_day:%B} {first_day.day}, {first_day.year}", answer.text)
        self._assert_done(self._agree(hidden), 'change_planned')
        self.assertEqual(order.billing_next_amount, 12.1)
        page = self._get(order, '/change').text
        self.assertIn("2 × Plus → 1 × Basic", page)
        with freeze_time(order.billing_next_event_id.due_date + timedelta(hours=2), tick=True):
            self.assertIn("Pay $\xa012.10 with", unescape(self._get(order, '').text))
        self._assert_done(self._post_form(order, '/change/undo'), 'change_undone')
        self.assertEqual(order.billing_next_amount, 48.4)
        self._assert_refused(self._post_form(order, '/change/undo'), "isn&#39;t planned any more")

    def test_to_a_plan_of_another_interval(self):
        order = self.subscription
        year = self._create_sold_product("Year", 120.0, self.tax_21, 'subscription')
        year.billing_interval_unit = 'year'
        year.product_tmpl_id.billing_family_id = self.family
        answer, hidden = self._choose(year, 1)
        self.assertIn("Year (every year)", answer.text)
        # The first day: -40.00 + 120.00, and 16.80 tax.
        self.assertIn("Pay $\xa096.80 and change now", unescape(answer.text))
        order.billing_token_id.demo_simulated_state = 'error'
        self._assert_done(self._agree(hidden), 'not_changed')
        self.assertEqual(order.billing_interval_unit, 'month')
        order.billing_token_id.demo_simulated_state = 'done'
        self._assert_done(self._agree(hidden), 'changed')
        self.assertEqual(order.billing_interval_unit, 'year')
        self.assertEqual((order.billing_paid, order.billing_next_amount), (145.2, 145.2))

    def test_addons(self):
        order, none = self.subscription, self.env['sale.order.line']
        storage, support = (
            self._create_sold_product(name, price, self.tax_21, 'subscription')
            for name, price in (("Storage", 6.0), ("Support", 9.0))
        )
        extras = self.family.copy({'name': "Extras"})
        storage.product_tmpl_id.billing_family_id = extras
        self.plus.product_tmpl_id.billing_addon_ids = (storage | support).product_tmpl_id
        page = self._get(order, '/change').text
        self.assertIn("New add-on", page)
        self.assertIn("Storage", page)
        self.assertNotIn("Support", page)  # Staff alone add it.
        answer, hidden = self._choose(storage, 2, none)
        # The first day: 12.00 and 2.52 tax.
        self.assertIn("Pay $\xa014.52 and change now", unescape(answer.text))
        for values in (
            {'product_id': support.id},
            {'product_id': self.gym.id},
            {'product_id': self.basic.id},
            {'quantity': 0},
            {'quantity': -2},
        ):
            with self.subTest(**values):
                self._assert_refused(self._agree(hidden, **values), "Choose a plan and a quantity")
        self._assert_refused(self._agree(hidden, quantity=1), "has changed meanwhile")
        order.billing_token_id.demo_simulated_state = 'error'
        self._assert_done(self._agree(hidden), 'not_changed')
        page = self._get(order, '').text
        self.assertNotIn("Storage", page[page.index('<main') : page.index("billpro_history")])
        self.assertEqual(order._get_order_lines_to_report(), order.order_line[0])
        order.billing_token_id.demo_simulated_state = 'done'
        self._assert_done(self._agree(hidden), 'changed')
        self._assert_refused(self._agree(hidden), "Choose a plan and a quantity")
        line = order.order_line[1]
        self.assertEqual((len(order.order_line), line.product_uom_qty), (2, 2))
        self.assertEqual((order.billing_paid, order.billing_next_amount), (62.92, 62.92))
        self.assertIn("Storage", self._get(order, '').text)
        self._check_addon_is_dropped(order, storage, extras, line)

    def _check_addon_is_dropped(self, order, storage, extras, line):
        plan = order.order_line[0]
        answer, hidden = self._choose(self.plus, 0, plan)
        self.assertIn("Choose a plan and a quantity", answer.text)
        answer, hidden = self._choose(storage, 0, line)
        self.assertIn("0 ends it.", answer.text)
        self._assert_refused(self._agree(hidden, line_id=plan.id), "Choose a plan and a quantity")
        extras.customers_may_lower = False
        self._assert_refused(self._agree(hidden), "Please contact us for this change")
        extras.customers_may_lower = True
        self._assert_done(self._agree(hidden), 'change_planned')
        self.assertEqual(order.billing_next_amount, 48.4)
        page = self._get(order, '/change').text
        self.assertIn("2 × Storage (ends)", page)
        self.assertNotIn("Add-on", page)  # The plan alone can be changed.
        self.assertIn(f'name="line_id" value="{plan.id}"', page)
        self._assert_refused(
            self._post_form(order, '/change/undo', change_id='0'), "isn&#39;t planned any more"
        )
        with freeze_time(order.billing_next_event_id.due_date):
            self._run()
            self.assertEqual(order._get_order_lines_to_report(), plan)
            self._assert_done(
                self._agree(self._choose(storage, 1, self.plus.browse())[1]), 'changed'
            )
        self.assertEqual((len(order.order_line), line.product_uom_qty), (2, 1))

    def test_what_customers_may_not(self):
        order = self.subscription
        _answer, hidden = self._choose(self.basic, 1)
        self.family.customers_may_lower = False
        self._assert_refused(self._agree(hidden), "Please contact us for this change")
        self.assertIn("Please contact us", self._choose(self.basic, 1)[0].text)
        for values in ({'product_id': self.gym.id}, {'quantity': 0}, {'line_id': 'x'}):
            with self.subTest(**values):
                self._assert_refused(self._agree(hidden, **values), "Choose a plan and a quantity")
        self.family.customers_may_raise = False
        self.assertNotIn('Change your plan', self._get(order, '').text)
        answer = self._get(order, '/change', allow_redirects=False)
        self.assertEqual(answer.status_code, 303)
        self.assertFalse(order.billing_change_ids)
        self.assertEqual(order.billing_next_event_id.due_date > fields.Datetime.now(), True)

    def test_offers_to_who_thinks_of_leaving(self):
        order = self.subscription
        price, unused = (
            self.env.ref(f'billpro_portal.cancel_reason_{name}') for name in ('price', 'unused')
        )
        self.assertNotIn("Thinking of cancelling?", self._get(order, '').text)
        price.offer, unused.offer = 'change', 'pause'
        page = self._get(order, '').text
        fold = page[page.index("Thinking of cancelling?") :]
        fold = fold[: fold.index('</details>')]
        self.assertIn("It is too expensive", fold)
        self.assertIn('/change?', fold)
        # The company lets nobody pause.
        self.assertNotIn('/pause?', fold)
        self.company.billing_customer_pause_days = 90
        self.assertIn("Pause it instead", self._get(order, '').text)
        # Cancelling takes two steps, and nothing is offered on the way.
        self.assertIn('/cancel?', page[: page.index("Thinking of cancelling?")])
        cancel = self._get(order, '/cancel').text
        for words in ("Thinking of", "Pause it instead", "smaller plan", '/pause?', '/change?'):
            self.assertNotIn(words, cancel)
        self.family.customers_may_lower = False
        self.assertNotIn("Change to a smaller plan", self._get(order, '').text)

    def test_what_came_of_offers(self):
        order = self.subscription
        price, unused = (
            self.env.ref(f'billpro_portal.cancel_reason_{name}') for name in ('price', 'unused')
        )
        price.offer, unused.offer = 'change', 'pause'
        self.company.billing_customer_pause_days = 90
        page = unescape(self._get(order, '').text)
        links = re.findall(r'href="([^"]+&offer=\d+)"', page)
        self.assertEqual(len(links), 2)
        for link in [*links, *links]:
            self.assertEqual(self.url_open(link).status_code, 200)
        for foreign in ('0', 'x', str(self.env.ref('billpro_portal.cancel_reason_service').id)):
            self.url_open(f'{self._link(order, "/pause")}&offer={foreign}')
        self.env.invalidate_all()
        Offer = self.env['billpro.leaving.offer']
        offers = Offer.search([('order_id', '=', order.id)])
        self.assertEqual(
            {(offer.offer, offer.reason_id, offer.taken_date) for offer in offers},
            {('change', price, False), ('pause', unused, False)},
        )
        self._assert_done(self._agree(self._choose(self.plus, 3)[1]), 'changed')
        self.assertFalse(offers.filtered('taken_date'))
        self._assert_done(self._agree(self._choose(self.basic, 1)[1]), 'change_planned')
        self.assertEqual(offers.filtered('taken_date').offer, 'change')
        with freeze_time(order.billing_next_event_id.due_date):
            self._run()
        with freeze_time(offers[0].shown_date + timedelta(days=40, minutes=1)):
            self.env.flush_all()
            rows = self.env['billpro.leaving.report'].search([('order_id', '=', order.id)])
            self.assertEqual(rows.mapped('outcome'), ['stays', 'stays'])
            self.assertEqual((rows[0].stayed_30, rows[0].stayed_90), (100, 0))
            order._billing_cancel_subscription(at_once=True)
        report = self.env['billpro.leaving.report']
        with freeze_time(offers[0].shown_date + timedelta(days=95)):
            self.env.flush_all()
            self.env.invalidate_all()
            rows = report.search([('order_id', '=', order.id)], order='offer')
            self.assertEqual(rows.mapped('taken_rate'), [100, 0])
            self.assertEqual(rows.mapped('outcome'), ['left', 'left'])
            self.assertEqual(rows.mapped('days'), [40, 40])
            self.assertEqual((rows[0].stayed_30, rows[0].stayed_90), (100, 0))
            self.assertEqual(rows.mapped('revenue'), [36.3, 36.3])
            self.assertEqual(rows.mapped('company_revenue'), [36.3, 36.3])

    def test_a_discount_is_taken_instead_of_leaving(self):
        """20 % of 48.40 are 9.68, once in twelve months."""
        order = self.subscription
        reason = self.env.ref('billpro_portal.cancel_reason_price')
        path = f'/offer/{reason.id}'
        self._assert_refused(self._post_form(order, path), "isn&#39;t available any more")
        reason.write({'offer': 'discount', 'offer_percent': 20, 'offer_count': 2})
        page = self._get(order, '').text
        fold = page[page.index("Thinking of cancelling?") :]
        self.assertIn("20% off the next 2 payments", fold[: fold.index('</details>')])
        answer = self._get(order, path)
        self._assert_private(answer)
        text = unescape(answer.text)
        self.assertIn("$\xa038.72 instead of $\xa048.40", text)
        agreed = unescape(re.search(r'name="agreed" value="([^"]*)"', answer.text)[1])
        self._assert_refused(
            self._post_form(order, path, agreed=agreed.replace('38.72', '8.72')),
            "has changed meanwhile",
        )
        self._assert_done(self._post_form(order, path, agreed=agreed), 'discount_taken')
        self.assertEqual(order.billing_discount_ids.reason_id, reason)
        opened = self.env['billpro.leaving.offer'].search([('order_id', '=', order.id)])
        self.assertEqual(
            (opened.offer, opened.reason_id, bool(opened.taken_date)), ('discount', reason, True)
        )
        self.assertEqual(order.billing_next_amount, 38.72)
        page = self._get(order, '').text
        self.assertNotIn("Thinking of cancelling?", page)
        self.assertIn("20% off the next 2 payments", page)
        order.billing_discount_ids.taken_back_date = fields.Datetime.now()
        self._assert_refused(
            self._post_form(order, path, agreed=agreed), "isn&#39;t available any more"
        )

    def test_what_credit_pays_is_told(self):
        order = self.subscription
        line = order.order_line
        order._billing_change(line, self.basic, 1, 'now', self._get_shown(self.basic, 1))
        # -40.00 + 10.00, tax -6.30: of 36.30 the next payment takes 12.10.
        page = self._get(order, '').text
        self.assertIn("$\xa012.10 paid by credit", page)
        self.assertIn("There is nothing to do.", page)
        self.assertNotIn("Everything is paid", page)
        with freeze_time(order.billing_next_event_id.due_date):
            self._run()
        page = self._get(order, '').text
        history = page[page.index('billpro_history_heading') :]
        self.assertIn("Credit", history)
        invoice = order.billing_move_ids.filtered(lambda m: m.move_type == 'out_invoice')[-1:]
        self.assertIn(f'/document/invoice/{invoice.id}', history)
        self._check_mail_about_credit()

    def _check_mail_about_credit(self):
        notice = self.subscription.billing_notification_ids.filtered(
            lambda notice: notice.kind == 'paid_by_credit'
        )
        invoice = notice.event_id.invoice_id
        self.assertEqual((len(notice), invoice.amount_total), (1, 12.1))
        notice._send()
        mail = notice.message_id.sudo()
        text = html2plaintext(mail.body)
        self.assertIn("Nothing was charged", text)
        self.assertIn("$\xa012.10", text[text.index("Paid by credit") :])
        self.assertEqual(mail.attachment_ids, invoice.invoice_pdf_report_id)
        kinds = self.subscription.billing_notification_ids.mapped('kind')
        self.assertNotIn('payment_received', kinds)

    def test_who_waits_is_told_what_came_of_it(self):
        order = self.subscription
        order.billing_token_id.demo_simulated_state = 'pending'
        _answer, hidden = self._choose(self.plus, 3)
        response = self._agree(hidden)
        self.assertIn('/progress', response.headers['Location'])
        tx = order.billing_change_ids.event_ids.transaction_ids
        tx._set_error("Declined")
        self._run()
        answer = order.env['billpro.order.attention']._get_result(order)
        self.assertEqual((order.billing_change_ids.state, answer), ('declined', 'not_changed'))
