from odoo import api, models
from odoo.exceptions import UserError


class PaymentLinkWizard(models.TransientModel):
    """Odoo's payment link asks for any amount: an order with a purchase type asks for its own."""

    _inherit = 'payment.link.wizard'

    @api.model
    def default_get(self, fields):
        """Override of `payment` to lead to the order link.

        :raise UserError: For an order that has one.
        """
        self.env['sale.order']._check_billing_other_link(
            self.env.context.get('active_model'), self.env.context.get('active_id')
        )
        return super().default_get(fields)

    def _prepare_url(self, base_url, related_document):
        """Override of `sale` to lead to the order link.

        :raise UserError: For an order that has one.
        """
        self.env['sale.order']._check_billing_other_link(
            related_document._name, related_document.id
        )
        return super()._prepare_url(base_url, related_document)


class PortalShare(models.TransientModel):
    """Odoo's sharing sends a link that a draft doesn't answer, and nobody notes that."""

    _inherit = 'portal.share'

    @api.model
    def default_get(self, fields):
        """Override of `portal` to lead to the order link.

        :raise UserError: For an order that has one.
        """
        self.env['sale.order']._check_billing_other_link(
            self.env.context.get('active_model'), self.env.context.get('active_id')
        )
        return super().default_get(fields)

    @api.depends('res_model', 'res_id')
    def _compute_share_link(self):
        """Override of `portal` to lead to the order link.

        :raise UserError: For an order that has one.
        """
        for share in self:
            self.env['sale.order']._check_billing_other_link(share.res_model, share.res_id)
        super()._compute_share_link()

    def action_send_mail(self):
        """Override of `portal` to lead to the order link.

        :raise UserError: For an order that has one.
        """
        for share in self:
            self.env['sale.order']._check_billing_other_link(share.res_model, share.res_id)
        return super().action_send_mail()


class PaymentCaptureWizard(models.TransientModel):
    """Odoo's own dialog to capture payments: orders have one that knows what they ask for."""

    _inherit = 'payment.capture.wizard'

    def action_capture(self):
        """Override of `payment` to lead to the order's own dialog.

        :raise UserError: For payments of orders.
        """
        if orders := self.sudo().transaction_ids.billing_order_id:
            raise UserError(
                self.env._(
                    "The payment of order %s is captured with the button “Capture” of the order.",
                    ', '.join(orders.mapped('name')),
                )
            )
        return super().action_capture()
