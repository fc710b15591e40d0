import re
from datetime import timedelta

from freezegun import freeze_time
from lxml import html

from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tests.common import MockEmail

from ..common.self_service_http import SelfServiceHttpCommon

OLD, NEW = 'anna@peeters.example', 'anna@new.example'
ASKED = "Aurora Studio is to write to anna@new.example from now on. Do you agree?"
WAITS = "Thank you. It is changed as soon as the other address has agreed, too."
OVER = "This request is over. Nothing is changed by it."
DONE = "From now on we write to anna@new.example."


@tagged('post_install', '-at_install')
class TestMailChange(SelfServiceHttpCommon, MockEmail):
    """Another mail address counts once the old one and the new one have agreed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = OLD

    def _ask(self, email=NEW):
        """Ask for another address; return the answer, and the links by who was sent them."""
        with self.mock_mail_gateway(mail_unlink_sent=True):
            answer = self._post_form(self.order, '/details/mail-address', email=email)
        return answer, {
            mail['email_to'][0]: re.search(
                r'href="http://[^/]+(/order/mail-address/[^"]+)"', mail['body']
            )[1]
            for mail in self._mails
        }

    def _read(self, link, status=200):
        page = self.url_open(link)
        self.assertEqual(page.status_code, status)
        self._assert_private(page)
        shown = html.fromstring(page.content)
        (text,) = shown.find_class('o_billpro_form_text')
        return text.text_content().strip(), shown

    def _answer(self, link, answer):
        """Answer as the page does; return what it says then."""
        self.env.flush_all()
        csrf = self._read(link)[1].xpath('//input[@name="csrf_token"]/@value')
        self.url_open(link, data={'csrf_token': csrf[0] if csrf else '', 'answer': answer})
        self.env.invalidate_all()
        return self._read(link)[0]

    def _notes(self):
        return ' '.join(self.order.message_ids.mapped('body'))

    # === BOTH AGREE === #

    def test_both_agree(self):
        payer = self.order.partner_invoice_id
        answer, links = self._ask()
        self._assert_done(answer, 'mail_change_asked')
        self.assertEqual(list(links), [OLD, NEW])  # The old one is told first.
        subjects = [mail['subject'] for mail in self._mails]
        self.assertEqual(
            subjects,
            [
                "Are you changing your mail address for Aurora Studio?",
                "Is this your new mail address for Aurora Studio?",
            ],
        )
        old_mail, new_mail = (mail['body'] for mail in self._mails)
        self.assertIn(NEW, old_mail)
        for secret in (self.order.access_token, self.order.name, OLD, "Peeters"):
            self.assertNotIn(secret, new_mail)  # It may be a stranger's.
        waiting = html.fromstring(self._get(self.order, '/details').content).text_content()
        self.assertIn(f"wait for them to agree to {NEW}.", waiting)
        text, page = self._read(links[NEW])
        self.assertEqual(text, ASKED)
        self.assertNotIn(OLD, page.text_content())
        self.assertEqual(self._answer(links[NEW], 'agree'), WAITS)
        self.assertEqual(self.customer.email, OLD)
        self.assertEqual(self._answer(links[OLD], 'agree'), DONE)
        self.assertEqual((self.customer.email, payer.email), (NEW, NEW))
        self.assertEqual(self._read(links[NEW])[0], DONE)
        self.assertIn(f"Email: {OLD} → {NEW}", self._notes())
        self.assertEqual(self.order.billing_visit_ids[0].deed, 'details')

    def test_one_is_not_enough(self):
        for side in (OLD, NEW):
            _answer, links = self._ask()
            for _time in range(2):
                self.assertEqual(self._answer(links[side], 'agree'), WAITS)
            self.assertEqual(self.customer.email, OLD)

    def test_a_page_changes_nothing_by_being_opened(self):
        _answer, links = self._ask()
        for link in links.values():
            self._read(link)
            self.url_open(link, method='HEAD')
            # Another site's form has no token of the session.
            self.url_open(link, data={'answer': 'agree', 'csrf_token': 'x'})
        self.env.invalidate_all()
        change = self.env['billpro.mail.change']._get_open(self.customer)
        self.assertEqual((change.old_agreed, change.new_agreed), (False, False))

    # === SOMEBODY OBJECTS === #

    def test_the_old_address_objects(self):
        _answer, links = self._ask('mallory@example.com')
        self._answer(links['mallory@example.com'], 'agree')
        self.assertEqual(self._answer(links[OLD], 'object'), OVER)
        self.assertEqual(self._answer(links['mallory@example.com'], 'agree'), OVER)
        self.assertEqual(self._answer(links[OLD], 'agree'), OVER)
        self.assertEqual(self.customer.email, OLD)
        (question,) = self.order._billing_get_questions('mail-change')
        self.assertIn(f"{OLD} has objected to mallory@example.com", question.note)

    def test_the_new_address_objects(self):
        _answer, links = self._ask()
        self._answer(links[OLD], 'agree')
        self.assertEqual(self._answer(links[NEW], 'object'), OVER)
        self.assertEqual(self.customer.email, OLD)
        self.assertFalse(self.order._billing_get_questions('mail-change'))
        self.assertIn(f"{NEW} has said that it isn't theirs.", self._notes().replace('&#39;', "'"))

    # === WHAT ENDS A REQUEST === #

    def test_a_later_request_takes_its_place(self):
        _answer, links = self._ask()
        self._answer(links[OLD], 'agree')
        _answer, later = self._ask('anna@third.example')
        self.assertEqual(self._answer(links[NEW], 'agree'), OVER)
        self.assertEqual(self._answer(later['anna@third.example'], 'agree'), WAITS)
        self.assertEqual(self.customer.email, OLD)

    def test_it_expires_and_staff_come_first(self):
        _answer, links = self._ask()
        change = self.env['billpro.mail.change']._get_open(self.customer)
        change._agree('old')
        with freeze_time(change.create_date + timedelta(hours=48, seconds=1)):
            change._agree('new')
            self.assertEqual(self._read(links[NEW])[0], OVER)
        self.assertEqual(self.customer.email, OLD)
        self.customer.email = 'anna@staff.example'
        change._agree('new')
        self.assertEqual(self.customer.email, 'anna@staff.example')
        with freeze_time(change.create_date + timedelta(days=31)):
            change._gc_mail_changes()
        self.assertFalse(change.exists())
        self._read(links[NEW], status=404)

    def test_it_is_over_when_the_order_is_given_to_another_customer(self):
        _answer, links = self._ask()
        self._answer(links[OLD], 'agree')
        other = self.other_customer
        other.email = 'theo@other.example'
        self.order.write({'partner_id': other.id, 'partner_invoice_id': other.id})
        self.assertEqual(self._answer(links[NEW], 'agree'), OVER)
        self.assertEqual((self.customer.email, other.email), (OLD, 'theo@other.example'))

    def test_it_is_over_when_the_customer_has_got_a_login(self):
        """Whoever gets the mails of a login could reset its password."""
        _answer, links = self._ask()
        self._answer(links[OLD], 'agree')
        new_test_user(self.env, login='anna', groups='base.group_portal').partner_id = self.customer
        self.customer.email = OLD
        self.assertEqual(self._answer(links[NEW], 'agree'), OVER)
        self.assertEqual(self.customer.email, OLD)

    def test_the_address_of_others_stays(self):
        payer = self.env['res.partner'].create({'name': "Peeters Office", 'email': OLD})
        self.order.partner_invoice_id = payer
        _answer, links = self._ask()
        self._answer(links[OLD], 'agree')
        self.assertEqual(self._answer(links[NEW], 'agree'), DONE)
        self.assertEqual((self.customer.email, payer.email), (NEW, OLD))

    def test_no_other_link_opens_it(self):
        _answer, links = self._ask()
        path, _sep, key = links[NEW].partition('?access_token=')
        other_key = links[OLD].partition('=')[2]
        for link in (
            path,
            f'{path}?access_token=',
            f'{path}?access_token=é',
            f'{path}?access_token={key[:-1]}',
            f'{path}?access_token={self.order.access_token}',
            f'/order/mail-address/999999?access_token={key}',
        ):
            text, page = self._read(link, status=404)
            self.assertEqual(text, OVER)
            self.assertNotIn(NEW, page.text_content())
        self.assertNotEqual(key, other_key)

    # === WHO MAY ASK, AND HOW OFTEN === #

    def test_it_is_asked_for_three_times_a_day(self):
        for number in range(4):
            answer, links = self._ask(f'anna{number}@new.example')
            self.assertEqual(len(links), 2 if number < 3 else 0)
        self.assertEqual(answer.status_code, 409)
        self.assertIn("several times today", answer.text)

    def test_what_is_no_new_address_is_refused(self):
        for email in ('', 'anna', 'a@b.example, c@d.example'):
            answer, links = self._ask(email)
            self.assertEqual((answer.status_code, links), (422, {}))
            shown = html.fromstring(answer.content)
            (field,) = shown.xpath('//input[@name="email"]')
            self.assertIn('billpro_email_error', field.get('aria-describedby'))
            (problem,) = shown.xpath('//*[@id="billpro_email_error"]')
            self.assertEqual(problem.text_content().strip(), "Please enter one mail address.")
        answer, links = self._ask(OLD.upper())
        self.assertEqual((answer.status_code, links), (409, {}))
        self.customer.email = False
        answer, links = self._ask()
        self.assertEqual((answer.status_code, links), (409, {}))
        self.assertFalse(self.env['billpro.mail.change'].search([]))

    def test_who_has_a_login_uses_it(self):
        new_test_user(self.env, login='anna', groups='base.group_portal').partner_id = self.customer
        answer, links = self._ask()
        self.assertEqual((answer.status_code, links), (409, {}))
        self._forget_browser()
        page = self._get(self.order, '/details')
        self.assertNotIn('name="email"', page.text)
        self.authenticate('anna', 'anna')
        self.customer.email = OLD
        answer, links = self._ask()
        self._assert_done(answer, 'mail_change_asked')
        self._answer(links[OLD], 'agree')
        self.assertEqual(self._answer(links[NEW], 'agree'), DONE)
        self.assertEqual(self.customer.email, NEW)

    def test_a_new_browser_is_asked_for_a_code_first(self):
        self._forget_browser()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            page = self._post_form(self.order, '/details/mail-address', email=NEW)
        self.assertIn("Confirm that it is you", page.text)
        self.assertEqual([mail['email_to'] for mail in self._mails], [[OLD]])
        self.assertFalse(self.env['billpro.mail.change'].search([]))
