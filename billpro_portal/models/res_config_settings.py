from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = 'res.config.settings'

    billing_terms_url = fields.Char(related='company_id.billing_terms_url', readonly=False)
    billing_privacy_url = fields.Char(related='company_id.billing_privacy_url', readonly=False)
    billing_reminder_days = fields.Char(related='company_id.billing_reminder_days', readonly=False)
    billing_notice_days = fields.Integer(related='company_id.billing_notice_days', readonly=False)
    billing_mail_sender = fields.Char(related='company_id.billing_mail_sender', readonly=False)
    billing_missed_periods = fields.Selection(
        related='company_id.billing_missed_periods', readonly=False
    )
    billing_tax_change = fields.Selection(related='company_id.billing_tax_change', readonly=False)
    billing_retry_days = fields.Char(related='company_id.billing_retry_days', readonly=False)
    billing_auto_suspend = fields.Boolean(related='company_id.billing_auto_suspend', readonly=False)
    billing_cancel_after_days = fields.Integer(
        related='company_id.billing_cancel_after_days', readonly=False
    )
    billing_cancel_mode = fields.Selection(related='company_id.billing_cancel_mode', readonly=False)
