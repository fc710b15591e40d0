from odoo import api, fields, models


class BillproConsent(models.Model):
    """What a customer agreed to before paying. Kept as evidence, never changed."""

    _name = 'billpro.consent'
    _description = "Customer Consent"

    _order = 'id desc'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, index=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(
        string="Customer", comodel_name='res.partner', required=True, readonly=True
    )
    text = fields.Text(required=True, readonly=True)
    version = fields.Char(required=True, readonly=True)
    agreement = fields.Text(
        string="Agreed To",
        readonly=True,
        help="Seller, lines, totals, terms and dates, as they were shown.",
    )
    fingerprint = fields.Char(
        readonly=True, help="The SHA-256 of what was agreed to: another order has another one."
    )
    withdrawal_information = fields.Text(
        readonly=True, help="The instructions on withdrawal and the model form, as they were shown."
    )
    wants_start = fields.Boolean(
        string="Wants It to Begin",
        readonly=True,
        help="The customer has asked for the service to begin before the withdrawal period ends.",
    )
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    ip_address = fields.Char(string="IP Address", readonly=True)

    @api.depends('order_id', 'version')
    def _compute_display_name(self):
        for consent in self:
            consent.display_name = f'{consent.order_id.name} – {consent.version}'
