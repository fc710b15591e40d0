from odoo import api, fields, models


class BillproOrderLink(models.TransientModel):
    """The dialog with an order's link: copy it, show its QR code, send it, replace it."""

    _name = 'billpro.order.link'
    _inherit = 'billpro.dialog'
    _description = "Order Link"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    can_offer = fields.Boolean(related='order_id.billing_can_offer', related_sudo=False)
    partner_id = fields.Many2one(related='order_id.partner_id', related_sudo=False)
    email = fields.Char(related='order_id.partner_id.email', related_sudo=False)
    phone = fields.Char(related='order_id.partner_id.phone', related_sudo=False)
    link = fields.Char(string="Order Link", related='order_id.order_link', related_sudo=False)
    qr_code = fields.Binary(string="QR Code", compute='_compute_qr_code', attachment=False)
    qr_code_filename = fields.Char(compute='_compute_qr_code')

    @api.depends('order_id')
    def _compute_qr_code(self):
        for wizard in self:
            wizard.qr_code = wizard.order_id._billing_get_order_link_qr()
            wizard.qr_code_filename = f'{wizard.order_id.name}.png'

    @api.model_create_multi
    def create(self, vals_list):
        """Whoever is shown a link may hand it on: the orders count as sent."""
        wizards = super().create(vals_list)
        for order in wizards.order_id:
            if order.billing_status in {'draft', 'rejected'}:
                order._billing_mark_link_sent(
                    self.env._("The order link was shown to %s.", self.env.user.name)
                )
        return wizards

    def action_send_mail(self):
        """Open the mail composer with the order link."""
        return self.order_id.action_send_order_link_mail()

    def action_send_sms(self):
        """Send the order link by SMS."""
        return self.order_id.action_send_order_link_sms()

    def action_revoke(self):
        """Replace the link."""
        return self.order_id.action_revoke_order_link()
