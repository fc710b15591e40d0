from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import RedirectWarning
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.account.models.account_move_send import AccountMoveSend

from ...models.accounting.account_move import AccountMove
from ..common.http import BillingHttpCommon

LOGGER = 'odoo.addons.billpro_portal.models.accounting.account_move'


@tagged('post_install', '-at_install')
class TestEInvoicing(BillingHttpCommon):
    """A country whose invoices go to a tax office, as its module would send them."""

    def setUp(self):
        super().setUp()
        self.is_applicable = True
        self.sent = []

        def call_office(_send, invoices_data):
            for invoice, settings in invoices_data.items():
                self.sent.append(invoice.name)
                self._answer(invoice, settings)

        for name, replacement in (
            ('_get_all_extra_edis', self._get_all_extra_edis),
            ('_call_web_service_after_invoice_pdf_render', call_office),
        ):
            self.startPatcher(patch.object(AccountMoveSend, name, replacement))
        self.order = self._create_paid_order()
        self.invoice = self.order.billing_move_ids

    def _get_all_extra_edis(self, *_args):
        return {'office': {'label': "Office", 'is_applicable': lambda _move: self.is_applicable}}

    def _answer(self, invoice, settings):
        """Let the office accept; tests replace it."""

    def _run_job(self):
        with self._committing_env() as env:
            env['account.move']._billpro_cron_send_einvoices()

    def _open_document(self, move):
        move.billing_order_id._portal_ensure_token()
        self.env.flush_all()
        response = self.url_open(
            self._link(move.billing_order_id, f'/document/invoice/{move.id}'), timeout=60
        )
        self.env.invalidate_all()
        self.assertEqual(response.status_code, 200)
        self.assertIn(move.name, response.text)
        return response

    def _assert_left_to_staff(self, reason):
        self.assertFalse(self.invoice.billpro_einvoice_state)
        self.assertFalse(self.invoice.invoice_pdf_report_id)
        (activity,) = self.order.activity_ids
        self.assertEqual(activity.summary, f"The e-invoice of {self.invoice.name} was not sent")
        self.assertIn(reason, activity.note)
        self._open_document(self.invoice)

    # === DOCUMENTS === #

    def test_opening_sends_nothing(self):
        self._open_document(self.invoice)
        self.assertFalse(self.sent)
        self.assertFalse(self.invoice.invoice_pdf_report_id)
        self.assertEqual(self.invoice.billpro_einvoice_state, 'due')

    def test_mailing_sends_nothing(self):
        credit_note = self._refund(self.order, 21).invoice_ids
        with self._committing_env() as env:
            env['billpro.notification']._cron_send()
        mail = self.env['mail.mail'].search([('attachment_ids', '!=', False)])
        self.assertIn(credit_note.name.replace('/', '_'), mail.attachment_ids.name)
        self.assertEqual(mail.attachment_ids.res_id, mail.mail_message_id.id)
        self.assertFalse(self.sent)

    def test_legal_pdf_without_einvoicing(self):
        """It is stored, and the accountant's subscribers aren't told by whoever looks at it."""
        self.is_applicable = False
        self.invoice.journal_id.incoming_einvoice_notification_email = 'books@aurora.example'
        order = self._create_paid_order()
        invoice = order.billing_move_ids
        self.assertFalse(invoice.billpro_einvoice_state)
        mails = self.env['mail.mail'].search_count([])
        content = self._open_document(invoice).content
        self.assertEqual(content, invoice.invoice_pdf_report_id.raw)
        self.assertEqual(self._open_document(invoice).content, content)
        self.assertEqual(self.env['mail.mail'].search_count([]), mails)
        self.assertFalse(self.sent)

    def test_legal_pdf_that_fails(self):
        self.is_applicable = False
        self.invoice.billpro_einvoice_state = False
        hook = '_hook_invoice_document_after_pdf_report_render'
        with (
            patch.object(AccountMoveSend, hook, side_effect=RuntimeError("No stamp")),
            mute_logger(LOGGER),
        ):
            self._open_document(self.invoice)
        self.assertFalse(self.invoice.invoice_pdf_report_id)
        self.assertIn("No stamp", self.order.activity_ids.note)

    # === THE JOB === #

    def test_sent_once(self):
        for _time in range(2):
            self._run_job()
        self.assertEqual(self.sent, [self.invoice.name])
        self.assertFalse(self.invoice.billpro_einvoice_state)
        content = self._open_document(self.invoice).content
        self.assertEqual(content, self.invoice.invoice_pdf_report_id.raw)
        self.assertEqual(self.sent, [self.invoice.name])
        self.assertFalse(self.order.activity_ids)

    def test_refused(self):
        other = self._create_paid_order().billing_move_ids

        def refuse(invoice, settings):
            if invoice == self.invoice:
                settings['error'] = {'error_title': "Office", 'errors': ["The VAT number is wrong"]}

        self._answer = refuse
        self._run_job()
        self._assert_left_to_staff("The messages of the invoice say why.")
        self.assertIn("The VAT number is wrong", self.invoice.message_ids[:1].body)
        self.assertTrue(other.invoice_pdf_report_id)

    def test_whatever_is_raised(self):
        other = self._create_paid_order().billing_move_ids
        reason = "The company has no state"

        reason = "The company has no state"

        def refuse(invoice, _settings):
            if invoice == self.invoice:
                raise RedirectWarning(reason, 1, "Open it")

        self._answer = refuse
        with mute_logger(LOGGER):
            self._run_job()
        self._assert_left_to_staff(reason)
        self.assertTrue(other.invoice_pdf_report_id)

    def test_what_cannot_be_noted_stops_no_other(self):
        other = self._create_paid_order().billing_move_ids

        def refuse(invoice, _settings):
            if invoice == self.invoice:
                raise RuntimeError("No stamp")

        self._answer = refuse
        with (
            patch.object(AccountMove, '_billpro_ask_about_einvoice', side_effect=KeyError("user")),
            mute_logger(LOGGER, 'odoo.addons.billpro_portal.models.each_alone.own_transaction'),
        ):
            self._run_job()
        self.assertTrue(other.invoice_pdf_report_id)
        failure = self.env['billpro.failure'].search([('task', '=', 'einvoice')])
        self.assertEqual(failure.order_id, self.order)
        with freeze_time(failure.next_try):
            self._run_job()
        self._assert_left_to_staff("It was interrupted.")
        self.assertFalse(failure.exists())

    def test_interrupted(self):
        """The office may have it already."""
        self.invoice.billpro_einvoice_state = 'sending'
        self._run_job()
        self.assertFalse(self.sent)
        self._assert_left_to_staff("It was interrupted.")
