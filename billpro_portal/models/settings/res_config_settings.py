from odoo import api, fields, models

from .res_company import DEFERRAL_ACCOUNT_TYPES


class ResConfigSettings(models.TransientModel):
    """The settings of billing, company by company."""

    _inherit = 'res.config.settings'

    billing_terms_url = fields.Char(related='company_id.billing_terms_url', readonly=False)
    billing_privacy_url = fields.Char(related='company_id.billing_privacy_url', readonly=False)
    billing_reminder_days = fields.Char(related='company_id.billing_reminder_days', readonly=False)
    billing_notice_days = fields.Integer(related='company_id.billing_notice_days', readonly=False)
    billing_debit_notice_days = fields.Integer(
        related='company_id.billing_debit_notice_days', readonly=False
    )
    billing_mail_sender = fields.Char(related='company_id.billing_mail_sender', readonly=False)
    billing_missed_periods = fields.Selection(
        related='company_id.billing_missed_periods', readonly=False
    )
    billing_tax_change = fields.Selection(related='company_id.billing_tax_change', readonly=False)
    billing_change_up = fields.Selection(related='company_id.billing_change_up', readonly=False)
    billing_change_down = fields.Selection(related='company_id.billing_change_down', readonly=False)
    billing_price_notice_days = fields.Integer(
        related='company_id.billing_price_notice_days', readonly=False
    )
    billing_customer_pause_days = fields.Integer(
        related='company_id.billing_customer_pause_days', readonly=False
    )
    billing_customer_skips = fields.Integer(
        related='company_id.billing_customer_skips', readonly=False
    )
    billing_pay_off_rebate = fields.Float(
        related='company_id.billing_pay_off_rebate', readonly=False
    )
    billing_retry_days = fields.Char(related='company_id.billing_retry_days', readonly=False)
    billing_auto_suspend = fields.Boolean(related='company_id.billing_auto_suspend', readonly=False)
    billing_cancel_after_days = fields.Integer(
        related='company_id.billing_cancel_after_days', readonly=False
    )
    billing_cancel_mode = fields.Selection(related='company_id.billing_cancel_mode', readonly=False)
    billing_cancel_arrears = fields.Selection(
        related='company_id.billing_cancel_arrears', readonly=False
    )
    billing_text_message_url = fields.Char(
        string="Address for answers to text messages",
        compute='_compute_billing_text_message_url',
    )
    billing_british_reminders = fields.Boolean(
        related='company_id.billing_british_reminders', readonly=False
    )
    billing_is_large_seller = fields.Boolean(
        related='company_id.billing_is_large_seller', readonly=False
    )
    billing_credit_statement = fields.Text(
        related='company_id.billing_credit_statement', readonly=False
    )
    billing_link_days = fields.Integer(related='company_id.billing_link_days', readonly=False)
    billing_confirm_changes = fields.Selection(
        related='company_id.billing_confirm_changes', readonly=False
    )
    billing_consumer_law = fields.Selection(
        related='company_id.billing_consumer_law', readonly=False
    )
    billing_usage_grace_hours = fields.Float(
        related='company_id.billing_usage_grace_hours', readonly=False
    )
    billing_usage_late_days = fields.Integer(
        related='company_id.billing_usage_late_days', readonly=False
    )
    billing_usage_threshold = fields.Monetary(
        related='company_id.billing_usage_threshold', readonly=False
    )
    billing_deferral_account_id = fields.Many2one(
        related='company_id.billing_deferral_account_id',
        readonly=False,
        check_company=True,
        domain=[('account_type', 'in', DEFERRAL_ACCOUNT_TYPES)],
    )
    billing_deferral_journal_id = fields.Many2one(
        related='company_id.billing_deferral_journal_id',
        readonly=False,
        check_company=True,
        domain=[('type', '=', 'general')],
    )
    billing_deferral_month = fields.Date(
        related='company_id.billing_deferral_month', readonly=False
    )

    @api.onchange('billing_deferral_account_id', 'billing_deferral_journal_id')
    def _onchange_billing_deferral(self):
        """Begin with the present month when deferred revenue is switched on."""
        if not (self.billing_deferral_account_id and self.billing_deferral_journal_id):
            self.billing_deferral_month = False
        elif not self.billing_deferral_month:
            self.billing_deferral_month = self.company_id._billing_get_today_in_books()

    @api.depends('company_id')
    def _compute_billing_text_message_url(self):
        token = self.env['res.company']._billing_get_text_message_token()
        for settings in self:
            url = settings.company_id.get_base_url()
            settings.billing_text_message_url = f'{url}/text-messages/answer/{token}'
