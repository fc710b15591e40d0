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
    billing_retry_days = fields.Char(related='company_id.billing_retry_days', readonly=False)
    billing_auto_suspend = fields.Boolean(related='company_id.billing_auto_suspend', readonly=False)
    billing_cancel_after_days = fields.Integer(
        related='company_id.billing_cancel_after_days', readonly=False
    )
    billing_cancel_mode = fields.Selection(related='company_id.billing_cancel_mode', readonly=False)
    billing_mail_cancelled = fields.Boolean(
        related='company_id.billing_mail_cancelled', readonly=False
    )
    billing_mail_cancel_undone = fields.Boolean(
        related='company_id.billing_mail_cancel_undone', readonly=False
    )
