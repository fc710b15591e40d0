import logging

import psycopg2

from odoo import api, fields, models

_logger = logging.getLogger(__name__)

# How an invoice reaches its reader without any e-invoicing.
PLAIN_METHODS = frozenset({'manual', 'email', 'snailmail'})


class AccountMove(models.Model):
    """The documents of invoices and credit notes of orders: their PDF, and their e-invoicing.

    Where the law, or the accountant, wants electronic invoices, a job sends them after posting, by
    what is set up in Odoo. Opening a document sends nothing, and no error of a tax office or of an
    accounting network is the customer's.
    """

    _inherit = 'account.move'

    billpro_einvoice_state = fields.Selection(
        selection=[('due', "To send"), ('sending', "Being sent")],
        string="E-invoice of the Order",
        readonly=True,
        copy=False,
        help="Whether a job has still to send it electronically.",
    )

    _billpro_einvoice_idx = models.Index("(id) WHERE billpro_einvoice_state IS NOT NULL")

    # === PDF === #

    def _billpro_get_pdf(self):
        """Return the PDF of a posted invoice or credit note, and send it nowhere.

        It is the legal document, if there is one. Where no e-invoicing makes that, it is made now,
        once, and stored; otherwise the plain print stands in for it.

        :return: The name and the content of the file.
        :rtype: tuple[str, bytes]
        """
        self.ensure_one()
        move = self.with_company(self.company_id)
        if not (
            move.invoice_pdf_report_id
            or move.billpro_einvoice_state
            or move._billpro_is_einvoiced()
        ):
            move._billpro_store_pdf()
        if document := move.invoice_pdf_report_id:
            return document.name, document.raw
        values = move._billpro_print()
        return values['name'], values['raw']

    def _billpro_store_pdf(self):
        """Make and store the legal PDF as Odoo does, but without what calls other systems."""
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return  # Somebody else is making it.
        Send = self.env['account.move.send']
        try:
            with self.env.cr.savepoint():
                settings = Send._get_default_sending_settings(
                    self, sending_methods={'manual'}, extra_edis={}, invoice_edi_format=False
                )
                Send._hook_invoice_document_before_pdf_report_render(self, settings)
                if not settings.get('error'):
                    Send._prepare_invoice_pdf_report({self: settings})
                    Send._hook_invoice_document_after_pdf_report_render(self, settings)
                    Send._link_invoice_documents({self: settings})
            reason = settings.get('error') and Send._format_error_text(settings['error'])
        except psycopg2.OperationalError:
            raise  # The request is repeated.
        except Exception as error:
            _logger.exception("The legal PDF of %s could not be made", self.name)
            reason = self.env['billpro.own.transaction']._get_reason(error)
        if reason:
            self.billing_order_id._ask_staff(
                self.env._("The legal PDF of %s could not be made", self.name), reason
            )

    def _billpro_print(self):
        """Return the plain print, in the layout that is chosen for the customer if that works.

        :return: The values of an attachment.
        :rtype: dict
        """
        self.ensure_one()
        Send = self.env['account.move.send']
        try:
            with self.env.cr.savepoint():
                settings = {'pdf_report': Send._get_default_pdf_report_id(self)}
                Send._prepare_invoice_pdf_report({self: settings})
        except psycopg2.OperationalError:
            raise  # The request is repeated.
        except Exception:
            _logger.exception("%s is printed in Odoo's own layout", self.name)
            settings = {'pdf_report': self.env.ref('account.account_invoices')}
            Send._prepare_invoice_pdf_report({self: settings})
        return settings['pdf_attachment_values']

    def _billpro_attach_pdf(self):
        """Return the PDFs as attachments of a mail.

        :rtype: ir.attachment
        """
        attachments = self.env['ir.attachment']
        for move in self:
            name, content = move._billpro_get_pdf()
            attachments += move.invoice_pdf_report_id or attachments.create(
                {'name': name, 'raw': content, 'mimetype': 'application/pdf'}
            )
        return attachments

    # === E-INVOICING === #

    def _post(self, soft=True):
        """Override of `account` to have a job send the e-invoices of orders.

        What staff have reset to draft is matched anew with what was collected for it.
        """
        of_orders = self.filtered('billing_order_id')
        final = (of_orders - of_orders.filtered('posted_before')).filtered(
            lambda move: move._is_clearing_down_payments()
        )
        posted = super(AccountMove, self - final)._post(soft=soft)
        if final:  # After the down payments that they deduct.
            final._clear_down_payments()
            posted |= super(AccountMove, final)._post(soft=soft)
        (posted & of_orders)._match_collected()
        due = posted.filtered(
            lambda move: (
                move.billing_order_id and move.is_sale_document() and move._billpro_is_einvoiced()
            )
        )
        if due:
            due.sudo().billpro_einvoice_state = 'due'
            self.env.ref('billpro_portal.cron_send_einvoices')._trigger()
        return posted

    def _billpro_is_einvoiced(self):
        """Return whether Odoo would send it electronically, as it is set up.

        :rtype: bool
        """
        self.ensure_one()
        move = self.with_company(self.company_id)
        Send = self.env['account.move.send']
        try:
            networks = move._billpro_get_networks()
            return bool(
                networks
                or Send._get_default_extra_edis(move)
                or Send._get_default_invoice_edi_format(move, sending_methods=networks)
            )
        except psycopg2.Error:
            raise
        except Exception:
            _logger.exception("Whether %s is sent electronically isn't known", self.name)
            return True  # The job finds out, and tells staff.

    def _billpro_get_networks(self):
        """Return over which networks it is sent: those chosen for the customer.

        Mail and post are none: customers of orders have their notices, and the order's page.

        :rtype: set[str]
        """
        return set(self.env['account.move.send']._get_default_sending_methods(self)) - PLAIN_METHODS

    @api.model
    def _billpro_cron_send_einvoices(self, limit=50):
        """Send the e-invoices that are due.

        :param int limit: How many at most in one run.
        """
        waiting = self.env['billpro.failure']._get_waiting_ids(self._name, 'einvoice')
        due = [('billpro_einvoice_state', '!=', False), ('id', 'not in', waiting)]
        self.env['ir.cron']._commit_progress(remaining=self.search_count(due))
        for move in self.search(due, order='id', limit=limit):
            self.env['billpro.own.transaction']._commit_alone(
                move, 'einvoice', move.with_company(move.company_id)._billpro_send_einvoice
            )
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _billpro_send_einvoice(self):
        """Send it once, as it is set up; tell staff if that fails, and let the others go on.

        That it is being sent is committed first. A process that dies then may have sent it: a
        person finds that out.
        """
        self.ensure_one()
        if self.billpro_einvoice_state == 'sending':
            self.billpro_einvoice_state = False
            self._billpro_ask_about_einvoice(self.env._("It was interrupted."))
            return
        if self.invoice_pdf_report_id or self.state != 'posted':
            self.billpro_einvoice_state = False  # Staff were faster.
            return
        self.billpro_einvoice_state = 'sending'
        # From here on the intent is known, whatever happens to this process.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        try:
            self.env['account.move.send']._generate_and_send_invoices(
                self,
                allow_raising=False,
                sending_methods=self._billpro_get_networks() or {'manual'},
            )
            reason = self.env._("The messages of the invoice say why.")
        except Exception as error:
            self.env.cr.rollback()
            _logger.exception("The e-invoice of %s could not be sent", self.name)
            reason = self.env['billpro.own.transaction']._get_reason(error)
        self.billpro_einvoice_state = False
        if not self.invoice_pdf_report_id:
            self._billpro_ask_about_einvoice(reason)

    def _billpro_ask_about_einvoice(self, reason):
        """Ask staff to see to an e-invoice.

        :param str reason: Why it was not sent.
        """
        self.billing_order_id._ask_staff(
            self.env._("The e-invoice of %s was not sent", self.name),
            self.env._(
                "%s Correct what is wrong, then send it from the invoice. Until then the customer"
                " gets its plain PDF.",
                reason,
            ),
        )
