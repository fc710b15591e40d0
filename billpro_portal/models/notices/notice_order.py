from odoo import api, models

from ...billing.actions import OrderAction


class BillproNoticeOrderReady(models.AbstractModel):
    """The order link, which staff send."""

    _name = 'billpro.notice.order_ready'
    _description = "Notice: Order ready"
    _inherit = 'billpro.notice'

    _notice_kind = 'order_ready'
    _notice_sequence = 10
    _is_sent_again = False  # Staff have written it themselves.

    @api.model
    def _get_label(self):
        return self.env._("Order ready")


class BillproNoticeOrderReminder(models.AbstractModel):
    """An order waits for its initial payment."""

    _name = 'billpro.notice.order_reminder'
    _description = "Notice: Order reminder"
    _inherit = 'billpro.notice'

    _notice_kind = 'order_reminder'
    _notice_sequence = 20

    @api.model
    def _get_label(self):
        return self.env._("Order reminder")

    @api.model
    def _is_outdated(self, notice):
        return bool(notice.order_id._get_billing_refusal_of(OrderAction.REMIND))


class BillproNoticeOrderLinks(models.AbstractModel):
    """The customer has lost the links to the orders, and asked for them."""

    _name = 'billpro.notice.order_links'
    _description = "Notice: Order links"
    _inherit = 'billpro.notice'

    _notice_kind = 'order_links'
    _notice_sequence = 22

    @api.model
    def _get_label(self):
        return self.env._("Order links")


class BillproNoticeTransferAwaited(models.AbstractModel):
    """The customer has chosen to transfer the money, and is told how."""

    _name = 'billpro.notice.transfer_awaited'
    _description = "Notice: Transfer details"
    _inherit = 'billpro.notice'

    _notice_kind = 'transfer_awaited'
    _notice_sequence = 25
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Transfer details")

    @api.model
    def _is_outdated(self, notice):
        return not notice.transaction_id.billing_awaits_transfer


class BillproNoticePurchaseConfirmation(models.AbstractModel):
    """The initial payment is approved, or a card is registered."""

    _name = 'billpro.notice.purchase_confirmation'
    _description = "Notice: Purchase confirmation"
    _inherit = 'billpro.notice'

    _notice_kind = 'purchase_confirmation'
    _notice_sequence = 30

    @api.model
    def _get_label(self):
        return self.env._("Purchase confirmation")

    @api.model
    def _is_outdated(self, notice):
        return notice.order_id.billing_authorization_id.state == 'cancel'

    @api.model
    def _get_documents(self, notice):
        """Override: consumers get what they agreed to on a durable medium.

        With it come the instructions on withdrawal, and their wish that the service begin:
        Directive 2011/83/EU, article 8 (7).
        """
        consent = notice.order_id._billing_get_last_consent()
        if not consent.withdrawal_information:
            return super()._get_documents(notice)
        content, kind = self.env['ir.actions.report']._render_qweb_pdf(
            'billpro_portal.action_report_consent', consent.ids
        )
        return self.env['ir.attachment'].create(
            {
                'name': f'{self.env._("Consent")} {notice.order_id.name}.{kind}',
                'raw': content,
            }
        )
