from datetime import timedelta
from unittest.mock import patch

from babel import dates
from freezegun import freeze_time
from lxml import html

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.base.models.ir_actions_report import IrActionsReport

from ..common.self_service_http import SelfServiceHttpCommon


@tagged('post_install', '-at_install')
class TestOrderStatements(SelfServiceHttpCommon):
    """What the pages say is so."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # As a provider that tells codes says it; none of them is a reason.
        cls.declined = cls.order.billing_event_ids[0].transaction_ids
        cls.declined.billing_decline_class = 'soft'

    def _read(self, order, suffix='', query=''):
        """Return a page of an order, and its words in one line."""
        self.env.flush_all()
        response = self.url_open(f'{self._link(order, suffix)}&{query}')
        self.env.invalidate_all()
        self.assertEqual(response.status_code, 200)
        page = html.fromstring(response.content)
        return page, ' '.join(' '.join(page.xpath('//main//text()')).split())

    def _titles(self, page):
        return [
            ' '.join(title.text_content().split())
            for title in page.xpath('//*[contains(@class, "o_billpro_history_title")]//a/span[1]')
        ]

    # === HISTORY === #

    def test_the_pager_leads_to_the_next_page(self):
        order = self._create_order()
        order._portal_ensure_token()
        for _attempt in range(25):
            self._create_initial_transaction(order, 'error')
        self._create_initial_transaction(order, 'done')._post_process()
        page, _words = self._read(order)
        [second] = {
            link.get('href')
            for link in page.xpath('//nav[contains(@class, "o_billpro_pager")]//a')
            if link.text_content().strip() == "2"
        }
        response = self.url_open(second)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(len(self._titles(html.fromstring(response.content))), 6)

    def test_each_row_says_what_it_is_for(self):
        page, words = self._read(self.order)
        event = self.order.billing_event_ids[0]
        period = dates.format_interval(
            event.period_start, event.period_end, 'yMMMd', locale='en_US'
        )
        self.assertEqual(self._titles(page), [' '.join(period.split()), "First payment"])
        self.assertIn("Your bank can tell you why.", words)
        desk = self._create_paid_order((self.desk, 1), (self.book, 1))
        desk._portal_ensure_token()
        self._refund(desk, 10)
        page, _words = self._read(desk)
        self.assertEqual(
            self._titles(page), ["Refund: Standing desk and more", "Standing desk and more"]
        )

    def test_the_reason_of_a_decline_stands_in_the_mail(self):
        rows = {row['label']: row['value'] for row in self.declined._get_notice_rows()}
        self.assertEqual(rows["Reason"], "Your bank can tell you why.")
        paid = self.order.billing_transaction_ids.filtered(lambda tx: tx.state == 'done')
        self.assertNotIn("Reason", [row['label'] for row in paid._get_notice_rows()])

    def test_what_no_bank_has_declined_has_no_reason(self):
        self.declined.billing_decline_class = False
        _page, words = self._read(self.order)
        self.assertNotIn("Your bank can tell you why.", words)

    def test_a_payment_that_was_paid_back_in_part_says_so(self):
        desk = self._create_paid_order((self.desk, 1))
        desk._portal_ensure_token()
        self._refund(desk, 21)
        _page, words = self._read(desk)
        self.assertIn("Partly refunded", words)
        self.assertIn(
            "$ 21.00 refunded You paid $ 121.00; after the refund that is $ 100.00.",
            words.replace('\xa0', ' '),
        )
        self._refund(desk, 100)
        _page, words = self._read(desk)
        self.assertNotIn("Partly refunded", words)

    def test_a_first_payment_of_nothing_is_no_payment(self):
        nothing = self._create_initial_transaction(self.order, 'done', amount=0)
        page, words = self._read(self.order)
        self.assertEqual(self._titles(page)[1:], ["First payment"])
        self.assertNotIn("$ 0.00", words.replace('\xa0', ' '))
        for suffix in (f'/payment/{nothing.id}', f'/document/receipt/{nothing.id}'):
            response = self.url_open(self._link(self.order, suffix))
            self.assertEqual(response.status_code, 404)
        self.assertNotIn("$ 0.00", self._print_summary())

    def _print_summary(self):
        """Return the words of the order summary in one line."""
        content, _kind = self.env['ir.actions.report']._render_qweb_html(
            'billpro_portal.report_order_summary', self.order.ids
        )
        words = ' '.join(html.fromstring(content).text_content().split())
        return words.replace('\xa0', ' ')

    def test_the_summary_lists_the_payments_to_come(self):
        owed, scheduled = self.order.billing_event_ids
        payments = self.order.env['billpro.order.payments']
        words = ' '.join(
            f"{row['date']} {row['description']} {row['status'] or ''} {row['amount']}"
            for row in payments._get_upcoming_rows(self.order)
        )
        words = ' '.join(words.replace('\xa0', ' ').split())
        self.assertIn("Declined $ 24.20", words)
        self.assertEqual((owed.status, scheduled.status), ('soft_declined', 'scheduled'))
        self.assertIn(f"Payments to come Date For Status Amount {words}", self._print_summary())

    # === DOCUMENTS === #

    def test_no_document_shows_the_placeholder_of_a_logo(self):
        self.assertTrue(self.company.uses_default_logo)
        layouts = self.env['report.layout'].search([]).view_id
        self.assertGreaterEqual(len(layouts), 7)
        for layout in layouts:
            with self.subTest(layout.key):
                self.company.external_report_layout_id = layout
                content, _kind = self.env['ir.actions.report']._render_qweb_html(
                    'billpro_portal.report_order_summary', self.order.ids
                )
                page = html.fromstring(content)
                self.assertFalse(page.xpath('//img[starts-with(@src, "data:")]'))

    def test_documents_are_filtered(self):
        desk = self._create_paid_order((self.desk, 1))
        desk._portal_ensure_token()
        refund = self._refund(desk, 21)
        year = fields.Date.today().year
        names = desk.billing_move_ids.mapped('name')
        self.assertEqual(len(names), 2)
        for chosen, labels in (
            ('', {*names, "Receipt"}),
            ('kind=credit_note', {refund.invoice_ids.name}),
            (f'kind=receipt&year={year}', {"Receipt"}),
            ('kind=nonsense&year=1999', {*names, "Receipt"}),
        ):
            with self.subTest(chosen):
                page, _words = self._read(desk, '/documents', chosen)
                found = {
                    link.text_content().split()[-2]
                    for link in page.xpath('//main//a[contains(@href, "/document/")]')
                }
                self.assertEqual(found, labels)

    def test_no_mail_is_promised_without_an_address(self):
        desk = self._create_paid_order((self.desk, 1))
        desk._portal_ensure_token()
        _page, words = self._read(desk, '/result')
        received = "We received your payment of $ 121.00."
        promised = f"{received} A confirmation is on its way to your mailbox."
        self.assertIn(promised, words.replace('\xa0', ' '))
        self.customer.email = False
        _page, words = self._read(desk, '/result')
        self.assertIn(received, words.replace('\xa0', ' '))
        self.assertNotIn("on its way", words)

    def test_a_document_that_can_not_be_made_says_so_in_words(self):
        desk = self._create_paid_order((self.desk, 1))
        desk._portal_ensure_token()
        self.env.flush_all()
        failure = UserError("Wkhtmltopdf failed (error code: -11).")
        with (
            patch.object(IrActionsReport, '_render_qweb_pdf', side_effect=failure),
            self.assertLogs('odoo.addons.billpro_portal.controllers.order_documents', 'ERROR'),
        ):
            response = self.url_open(self._link(desk, '/document/summary'))
        self.assertEqual(response.status_code, 409)
        self.assertIn(
            "This document can't be made at the moment.",
            html.fromstring(response.content).text_content(),
        )
        self.assertNotIn("Wkhtmltopdf", response.text)

    # === THE PLAN AND WHAT COMES === #

    def test_the_plan(self):
        _page, words = self._read(self.order)
        self.assertIn("$ 24.20 every month, until cancelled", words.replace('\xa0', ' '))

    def test_the_trial_is_over_once_its_first_payment_is_skipped(self):
        self.gym.billing_trial_days = 14
        order = self._create_order((self.gym, 1))
        order._portal_ensure_token()
        self._create_initial_transaction(
            order, 'done', operation='validation', amount=0, token_id=self.card.id
        )._post_process()
        self.card.demo_simulated_state = 'done'
        _page, words = self._read(order)
        self.assertIn("First payment", words)
        self.assertIn("when your free trial ends", words)
        order.billing_event_ids._skip()
        _page, words = self._read(order)
        self.assertIn("Next payment", words)
        self.assertNotIn("trial", words)

    def test_the_year_is_left_out_where_the_customer_is(self):
        day = fields.Date.to_date('2031-01-28')
        words = self.env['billpro.page.words']
        for time_zone, text in (
            ('Pacific/Auckland', "January 28"),
            ('America/New_York', "January 28, 2031"),
        ):
            self.order.partner_id.tz = time_zone
            with freeze_time('2030-12-31 20:00:00'), self.subTest(time_zone):
                self.assertEqual(words._get_day(self.order, day).replace('\xa0', ' '), text)

    def test_no_next_payment_is_promised_while_one_is_owed(self):
        _page, words = self._read(self.order)
        self.assertNotIn("Next payment", words)
        self.assertIn("If you do nothing, we try again on", words)
        self.assertIn("We will try again on", words)

    def test_no_next_payment_is_promised_with_an_expired_card(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        _page, words = self._read(order)
        self.assertIn("Next payment", words)
        self.assertIn("This card is charged for this order.", words)
        order.billing_token_id.card_expiry_date = fields.Date.today() - timedelta(days=1)
        _page, words = self._read(order)
        self.assertNotIn("Next payment", words)
        self.assertNotIn("This card is charged for this order.", words)
        self.assertIn("You chose it for this order, but it can't be charged any more", words)

    def test_a_card_that_is_refused_for_good_is_not_charged(self):
        _page, words = self._read(self.order)
        self.assertIn("This card is charged for this order.", words)
        self.declined.billing_decline_class = 'hard'
        _page, words = self._read(self.order)
        self.assertNotIn("This card is charged for this order.", words)
        self.assertIn("You chose it for this order, but it can't be charged any more", words)

    def test_a_pause_says_until_when(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        order._billing_pause(fields.Date.to_date('2031-07-01'))
        _page, words = self._read(order)
        self.assertIn(
            "Paused until June 30, 2031 Nothing is charged until then. It goes on by itself on"
            " July 1, 2031.",
            words,
        )

    def test_a_pause_without_an_end(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        order._billing_pause(False)
        _page, words = self._read(order)
        self.assertIn("Nothing is charged until we start it again.", words)

    # === CARDS === #

    def test_a_card_that_was_saved_and_declined(self):
        self._create_initial_transaction(
            self.order,
            'done',
            operation='validation',
            amount=0,
            billing_is_card_update=True,
            billing_collect_amount=24.2,
        )
        page, words = self._read(self.order, '/card/result')
        self.assertIn(
            "It is saved, but the payment of $ 24.20 was declined. Your bank can tell you why.",
            words.replace('\xa0', ' '),
        )
        self.declined.billing_decline_class = False
        _page, words = self._read(self.order, '/card/result')
        self.assertIn("It is saved, but $ 24.20 are still outstanding.", words.replace('\xa0', ' '))
        [notice] = page.xpath('//*[contains(@class, "alert") and @tabindex]/@class')
        self.assertIn('alert-warning', notice)

    def test_the_card_of_an_order_that_is_over_can_be_removed(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        card = order.billing_token_id
        order._billing_cancel_subscription(at_once=True)
        page, words = self._read(order)
        self.assertIn("Still stored, and not charged for any order.", words)
        [form] = page.xpath('//form[contains(@action, "/card/remove")]')
        self.assertEqual(form.xpath('.//input[@name="token_id"]/@value'), [str(card.id)])
        response = self._post_form(order, '/card/remove', token_id=card.id)
        self.assertIn('notice=card_removed', response.headers['Location'])
        self.env.invalidate_all()
        self.assertFalse(card.active)
        _page, words = self._read(order)
        self.assertNotIn("Payment methods", words)

    def test_the_checkout_offers_no_expired_card(self):
        new_test_user(
            self.env, login='anna', groups='base.group_portal', partner_id=self.customer.id
        )
        self.authenticate('anna', 'anna')
        order = self._create_order((self.desk, 1))
        order._portal_ensure_token()
        cards = self.card + self.spare
        cards.card_expiry_date = fields.Date.to_date('2033-05-31')
        self.spare.card_expiry_date = fields.Date.today() - timedelta(days=1)
        page, words = self._read(order)
        offered = page.xpath('//input[@data-payment-option-type="token"]/@data-payment-option-id')
        self.assertIn(str(self.card.id), offered)
        self.assertNotIn(str(self.spare.id), offered)
        self.assertIn("Expires 05/2033", words)
        orders = html.fromstring(self.url_open('/my/orders').content).text_content()
        self.assertIn("Payment declined: $ 24.20 is still to pay", orders.replace('\xa0', ' '))

    # === CANCELLING === #

    def test_what_is_owed_is_said_before_and_after_cancelling(self):
        _page, words = self._read(self.order, '/cancel')
        owed = "$ 24.20 are outstanding. You need not pay that any more."
        self.assertIn(owed, words.replace('\xa0', ' '))
        self.order._billing_cancel_subscription(at_once=True)
        rows = {row['label']: row['value'] for row in self.order._get_notice_rows()}
        self.assertEqual(rows["You need not pay any more"].replace('\xa0', ' '), "$ 24.20")
        other = self._create_active_order()
        other._portal_ensure_token()
        _page, words = self._read(other, '/cancel')
        self.assertNotIn("outstanding", words)
        other._billing_cancel_subscription(at_once=True)
        self.assertNotIn(
            "You need not pay any more", [row['label'] for row in other._get_notice_rows()]
        )

    # === FIGURES === #

    def test_discounts_keep_their_decimals(self):
        order = self._create_order((self.desk, 1))
        order._portal_ensure_token()
        for discount, text in ((12.5, "12.5 % off"), (99.9, "99.9 % off"), (10, "10 % off")):
            with self.subTest(discount=discount):
                order.order_line.discount = discount
                _page, words = self._read(order)
                self.assertIn(text, words)

    # === OPENINGS === #

    def test_what_opens_no_page_has_not_opened_the_link(self):
        order = self._create_order()
        order._portal_ensure_token()
        self.env.flush_all()
        link = self.base_url() + self._link(order)
        for method, agent in (
            ('HEAD', 'Mozilla/5.0'),
            ('OPTIONS', 'Mozilla/5.0'),
            ('GET', 'facebookexternalhit/1.1'),
            ('GET', 'WhatsApp/2.23.20.0'),
        ):
            with self.subTest(method=method, agent=agent):
                self.opener.request(method, link, headers={'User-Agent': agent})
                self.env.invalidate_all()
                self.assertFalse(order.order_link_opened_date)
        self._get(order, '', headers={'User-Agent': 'Mozilla/5.0'})
        self.assertTrue(order.order_link_opened_date)

    def test_a_suspended_order_promises_nothing(self):
        with freeze_time(fields.Datetime.now() + timedelta(days=1)):
            self.order._apply_billing_trigger('suspend', "Test.")
            rows = self.order.env['billpro.order.payments']._get_upcoming_rows(self.order)
        self.assertEqual(rows[-1]['status'], "Stopped until you pay")
