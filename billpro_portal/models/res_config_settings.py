from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = 'res.config.settings'

    billing_terms_url = fields.Char(related='company_id.billing_terms_url', readonly=False)
    billing_privacy_url = fields.Char(related='company_id.billing_privacy_url', readonly=False)
    billing_mail_order_ready = fields.Boolean(
        related='company_id.billing_mail_order_ready', readonly=False
    )
    billing_sms_order_ready = fields.Boolean(
        related='company_id.billing_sms_order_ready', readonly=False
    )
    billing_mail_purchase_confirmation = fields.Boolean(
        related='company_id.billing_mail_purchase_confirmation', readonly=False
    )
    billing_missed_periods = fields.Selection(
        related='company_id.billing_missed_periods', readonly=False
    )
    billing_mail_refund = fields.Boolean(related='company_id.billing_mail_refund', readonly=False)
