import base64
import io

import qrcode
from PIL import Image

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..common.billing import BillingCommon


@tagged('post_install', '-at_install')
class TestOrderLink(BillingCommon):
    def test_the_link_is_stable_until_revoked(self):
        order = self._create_order()
        link = order.order_link
        self.assertEqual(
            link, f'{order.get_base_url()}/order/{order.id}?access_token={order.access_token}'
        )
        order.invalidate_recordset()
        self.assertEqual(order.order_link, link)
        order.action_revoke_order_link()
        self.assertNotEqual(order.order_link, link)

    def test_showing_the_link_makes_the_order_pending(self):
        order = self._create_order(sent=False)
        self.assertEqual((order.state, order.billing_status), ('draft', 'draft'))
        action = order.with_user(self.salesperson).action_open_order_link()
        self.assertEqual(action['res_model'], 'billpro.order.link')
        self.assertEqual((order.state, order.billing_status), ('sent', 'pending'))
        self.assertTrue(order.order_link_sent_date)
        self.assertIn("The order link was shown to salesperson", str(order.message_ids[:1].body))
        self.assertIn("Draft → Pending", str(order.message_ids[:1].body))

    def test_the_qr_code_holds_the_link(self):
        order = self._create_order()
        wizard = self.env['billpro.order.link'].create({'order_id': order.id})
        image = Image.open(io.BytesIO(base64.b64decode(wizard.qr_code))).convert('1')
        expected = qrcode.QRCode(border=4)
        expected.add_data(order.order_link)
        expected.make()
        matrix = expected.get_matrix()
        size = image.width // len(matrix)
        read = [
            [not image.getpixel((x * size + 1, y * size + 1)) for x in range(len(matrix))]
            for y in range(len(matrix))
        ]
        self.assertEqual(read, matrix)
        self.assertEqual(wizard.qr_code_filename, f'{order.name}.png')

    def test_sms_goes_to_the_number_in_e164(self):
        order = self._create_order(sent=False)
        order.with_user(self.salesperson).action_send_order_link_sms()
        sms = self.env['sms.sms'].search([('mail_message_id.res_id', '=', order.id)])
        self.assertEqual(sms.number, '+32470123456')
        self.assertIn(order.order_link, sms.body)
        self.assertIn(order.name, sms.body)
        self.assertLessEqual(len(sms.body), 160)
        self.assertEqual(order.billing_status, 'pending')

    def test_a_number_without_country_is_read_in_the_companys(self):
        self.customer.country_id = False
        self.assertEqual(self._create_order()._billing_get_sms_number(), '+32470123456')

    def test_a_bad_number_is_shown_to_staff_and_nothing_is_sent(self):
        order = self._create_order(sent=False)
        self.customer.phone = '12'
        with self.assertRaisesRegex(UserError, "“12” of Anna Peeters is not valid"):
            order.action_send_order_link_sms()
        self.customer.phone = False
        with self.assertRaisesRegex(UserError, "Anna Peeters has no phone number"):
            order.action_send_order_link_sms()
        self.assertEqual(order.billing_status, 'draft')
        self.assertFalse(self.env['sms.sms'].search([('mail_message_id.res_id', '=', order.id)]))

    def test_mail_carries_the_link_and_makes_the_order_pending(self):
        order = self._create_order(sent=False)
        action = order.with_user(self.salesperson).action_send_order_link_mail()
        template = self.env.ref('billpro_portal.mail_template_order_ready')
        self.assertEqual(action['context']['default_template_id'], template.id)
        composer = (
            self.env['mail.compose.message']
            .with_user(self.salesperson)
            .with_context(**action['context'])
            .create({})
        )
        composer._action_send_mail()
        self.assertEqual((order.state, order.billing_status), ('sent', 'pending'))
        message = order.message_ids.filtered(lambda m: m.message_type == 'comment')[:1]
        self.assertIn(order.order_link.replace('&', '&amp;'), str(message.body))
        self.assertIn("Proceed to checkout", str(message.body))
        self.assertEqual(message.partner_ids, self.customer)

    def test_mail_needs_an_address(self):
        order = self._create_order(sent=False)
        self.customer.email = False
        with self.assertRaisesRegex(UserError, "Anna Peeters has no email address"):
            order.action_send_order_link_mail()

    def test_a_cancelled_order_has_no_link_until_reopened(self):
        order = self._create_order()
        order._action_cancel()
        self.assertEqual((order.state, order.billing_status), ('cancel', 'cancelled'))
        with self.assertRaisesRegex(UserError, "is cancelled"):
            order.action_open_order_link()
        order.action_draft()
        self.assertEqual((order.state, order.billing_status), ('draft', 'draft'))
        order.action_open_order_link()
        self.assertEqual(order.billing_status, 'pending')

    def test_a_complete_order_cannot_be_cancelled(self):
        order = self._create_paid_order()
        with self.assertRaisesRegex(UserError, "its billing status is “Complete”"):
            order._action_cancel()
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))

    def test_only_web_addresses_become_terms(self):
        with self.assertRaisesRegex(UserError, "is not a web address"):
            self.company.billing_terms_url = 'javascript:alert(1)'
