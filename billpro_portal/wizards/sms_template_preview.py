from odoo import api, fields, models

from ..billing.sms_text import simplify


class SmsTemplatePreview(models.TransientModel):
    _inherit = 'sms.template.preview'

    billing_sms_length = fields.Char(compute='_compute_billing_sms_length')

    @api.depends('body')
    def _compute_billing_sms_length(self):
        """Tell how many messages the text takes, which is what they cost by."""
        kinds = self.env['billpro.notification.kind']
        for preview in self:
            preview.billing_sms_length = kinds._get_length_text(simplify(preview.body or ''))
