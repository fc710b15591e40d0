import json
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ...models.privacy import consent
from ...models.privacy.res_partner import KEPT
from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestPrivacy(SubscriptionCommon):
    """What is kept of a customer: as a file, for how long, and what is erased."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.customer.copy({'name': "Anna Once"})
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_order((cls.gym, 1), partner=cls.anna)
            cls.order._billing_record_consent(
                cls.order._billing_get_consent()['version'],
                cls.order._billing_get_shown(),
                '192.0.2.1',
            )
            card = cls._create_token(partner=cls.anna)
            cls._create_initial_transaction(cls.order, 'done', token_id=card.id)._post_process()

    def _cancel(self):
        with freeze_time('2027-02-01 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)

    def _erase(self):
        self.billing_manager.group_ids += self.env.ref('base.group_partner_manager')
        return self.anna.with_user(self.billing_manager).action_billing_erase_data()

    def _delete_outdated(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_delete_outdated').method_direct_trigger()
        self.env.invalidate_all()

    def test_all_that_is_kept_as_a_file(self):
        with self.assertRaises(AccessError):
            self.anna.with_user(self.salesperson).action_billing_export_data()
        action = self.anna.with_user(self.billing_manager).action_billing_export_data()
        attachment_id = int(action['url'].split('/')[3].split('?')[0])
        kept = json.loads(self.env['ir.attachment'].browse(attachment_id).raw)
        self.assertEqual(kept['res.partner'][0]['name'], "Anna Once")
        self.assertEqual(kept['sale.order'][0]['billing_paid'], 24.2)
        self.assertEqual(kept['billpro.consent'][0]['ip_address'], '192.0.2.1')
        self.assertEqual(kept['payment.transaction'][0]['amount'], 24.2)
        self.assertEqual(len(kept['account.move']), 1)
        self.assertEqual(kept['payment.token'][0]['payment_details'], '4242')
        self.assertNotIn(self.order.access_token or 'no token', json.dumps(kept))
        self.assertFalse(kept['billpro.declaration'])

    def test_whatever_names_an_order_is_in_the_file(self):
        """A model that is new is in `KEPT`, or here: it says nothing of the customer."""
        not_theirs = {
            'billpro.confirmation.code',  # Goes after a day.
            'billpro.deferral',  # Entries of the books.
            'billpro.failure',  # What staff have to look after.
            'billpro.webhook.event',  # Goes after its days.
        }
        with_order = {
            name
            for name, model in self.env.registry.items()
            if name.startswith('billpro.')
            and model._auto
            and not model._abstract
            and not model._transient
            and any(
                field.store and field.comodel_name in {'sale.order', 'res.partner'}
                for field in model._fields.values()
                if field.type == 'many2one'
            )
        }
        self.assertEqual(with_order - not_theirs - set(KEPT), set())

    def test_usage_of_nobody_that_names_the_order(self):
        values = {'moment': '2027-01-12 10:00:00', 'quantity': 1, 'reason': 'meter'}
        values |= {'company_id': self.company.id, 'meter_code': 'none'}
        self.order.billing_subscriber_key = 'anna-1'
        self.env['billpro.usage.unattributed'].create(
            [
                {**values, 'sender_id': 'a', 'order_name': self.order.name},
                {**values, 'sender_id': 'b', 'subscriber_key': 'anna-1'},
                {**values, 'sender_id': 'c', 'subscriber_key': 'ben-1'},
            ]
        )
        records = self.anna.with_user(self.billing_manager)._billing_get_records_of_customer()
        found = records['billpro.usage.unattributed']
        self.assertEqual(set(found.mapped('sender_id')), {'a', 'b'})

    def test_the_file_has_nothing_of_other_companies(self):
        other = self.env['res.company'].create({'name': "Borealis"})
        self.order.billing_token_id.copy({'provider_id': self._create_demo_provider(other).id})
        values = {'kind': 'ordinary', 'name': "Anna", 'reference': "X", 'email': self.anna.email}
        self.env['billpro.declaration'].create(
            [{**values, 'company_id': company.id} for company in (self.company, other)]
        )
        records = self.anna.with_user(self.billing_manager)._billing_get_records_of_customer()
        for model in ('payment.token', 'billpro.declaration'):
            self.assertEqual(records[model].company_id, self.company)
            self.assertEqual(len(records[model]), 1)

    def test_nothing_is_erased_of_an_order_that_goes_on(self):
        with self.assertRaisesRegex(UserError, self.order.name):
            self._erase()

    def test_orders_of_other_companies_go_on(self):
        self._cancel()
        other = self.env['res.company'].create({'name': "Borealis"})
        going_on = self.env['sale.order'].create(
            {
                'company_id': other.id,
                'partner_id': self.anna.id,
                'purchase_type': self.order.purchase_type,
            }
        )
        going_on.billing_status = 'active'
        with self.assertRaisesRegex(UserError, going_on.name):
            self._erase()

    def test_the_books_may_need_what_billing_does_not(self):
        ben = self.customer.copy({'name': "Ben Once"})
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.gym, 1), partner=ben)
            order._apply_billing_trigger('cancel', "Not wanted.")
        self.billing_manager.group_ids += self.env.ref('base.group_partner_manager')
        move = self.env['account.move'].create({'move_type': 'out_invoice', 'partner_id': ben.id})
        ben.with_user(self.billing_manager).action_billing_erase_data()
        self.assertEqual((ben.name, ben.email), ("Ben Once", False))
        move.unlink()
        ben.with_user(self.billing_manager).action_billing_erase_data()
        self.assertEqual((ben.name, ben.street), ("Erased", False))

    def test_the_books_keep_what_they_must(self):
        self._cancel()
        self.company.country_id = self.env.ref('base.de')
        self.anna = self.anna.with_context(tracking_disable=False)
        self.env.cr.flush()
        self.anna.email = 'anna@moved.example.com'
        self.env.cr.flush()
        self.assertTrue(self.anna.message_ids.tracking_value_ids)
        message = self._erase()['params']['message']
        self.env.cr.flush()
        self.assertFalse(self.anna.message_ids.tracking_value_ids)
        self.assertIn("invoices are kept until 12/31/2035", message)
        self.assertIn("Consents are kept until 01/10/2030", message)
        self.assertEqual(
            (self.anna.name, self.anna.email, self.anna.active), ("Anna Once", False, False)
        )
        self.assertFalse(self.order.billing_consent_ids.ip_address)
        self.assertFalse(self.order.billing_token_id.active)
        self.assertEqual(self.order.billing_move_ids.amount_total, 24.2)

    def test_no_address_is_left_in_what_was_logged(self):
        self.anna.phone = '+32 470 12 34 56'
        self.order._billing_log_details(
            self.anna,
            {'email': ('anna@old.example.com', 'anna@new.example.com'), 'zip': ('1', '2')},
        )
        self.order._message_log(
            body="anna@old.example.com has objected; call +32 470 12 34 56.",
            author_id=self.anna.id,
            email_from='anna@old.example.com',
        )
        told = {'body': "Hello", 'partner_ids': self.anna.ids, 'email_from': 'us@company.example'}
        mail = self.order.message_post(**told)
        self._cancel()
        self._erase()
        messages = self.order.message_ids | self.anna.message_ids
        kept = str(messages.read(['body', 'subject', 'outgoing_email_to', 'incoming_email_to']))
        for text in ('anna@', 'example.com', '470 12', '1 → 2'):
            self.assertNotIn(text, kept)
        self.assertIn("… has objected; call ….", kept)
        self.assertIn("The customer changed their details by order", kept)
        theirs = messages.filtered(lambda one: one.author_id == self.anna)
        self.assertEqual(set(theirs.mapped('email_from')), {False})
        self.assertEqual(mail.email_from, 'us@company.example')

    def test_what_nobody_knows_the_end_of_is_kept(self):
        self._cancel()
        self.order.billing_ended_date = False
        self.assertNotIn("Consents are kept", self._erase()['params']['message'])
        with freeze_time('2040-01-11 10:00:00'):
            self._delete_outdated()
        self.assertTrue(self.order.billing_consent_ids)

    def test_what_is_kept_longer_stops_nothing(self):
        self._cancel()
        self.order.partner_id.country_id = self.env.ref('base.fr')
        with freeze_time('2027-01-10 10:00:00'):
            later = self._create_order((self.gym, 1))
            later._billing_record_consent(
                later._billing_get_consent()['version'], later._billing_get_shown(), '192.0.2.1'
            )
            later._apply_billing_trigger('cancel', "Not wanted.")
            declaration = self.env['billpro.declaration']._receive(
                {
                    'kind': 'withdrawal',
                    'company_id': self.company.id,
                    'name': "Anna",
                    'reference': "None",
                    'email': 'anna@customer.example.com',
                    'reason': '',
                    'end_date': False,
                }
            )
            declaration.state = 'done'
            # More than are deleted at once.
            another = declaration.copy({'date': declaration.date, 'state': 'done'})
        mails = self.env['mail.mail'].search(
            [('model', '=', declaration._name), ('res_id', '=', declaration.id)]
        )
        self.assertEqual(len(mails), 1)
        for moment, count in (('2033-12-31 10:00:00', 1), ('2034-01-01 10:00:00', 0)):
            with freeze_time(moment), patch.object(consent, 'AT_ONCE', 1):
                self._delete_outdated()
            self.assertEqual((len(declaration.exists()), len(mails.exists())), (count, count))
            self.assertEqual(len(another.exists()), count)
        self.assertTrue(self.order.billing_consent_ids)
        self.assertFalse(later.billing_consent_ids)

    def test_consents_go_when_their_time_is_over(self):
        self._cancel()
        for moment, count in (('2030-01-10 10:00:00', 1), ('2030-01-11 10:00:00', 0)):
            with freeze_time(moment):
                self._delete_outdated()
            self.assertEqual(len(self.order.billing_consent_ids), count)
