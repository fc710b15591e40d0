from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = 'res.company'

    billing_terms_url = fields.Char(
        string="Terms URL",
        help="Address of your terms and conditions; the checkout links to it.",
    )
    billing_privacy_url = fields.Char(
        string="Privacy URL", help="Address of your privacy policy; the checkout links to it."
    )
    billing_mail_order_ready = fields.Boolean(string="Mail the order link", default=True)
    billing_sms_order_ready = fields.Boolean(string="Send the order link by SMS", default=True)
    billing_mail_purchase_confirmation = fields.Boolean(
        string="Mail the purchase confirmation", default=True
    )
    billing_mail_refund = fields.Boolean(string="Mail refunds with credit note", default=True)

    billing_missed_periods = fields.Selection(
        string="Missed periods",
        selection=[
            ('all', "Collect all"),
            ('latest', "Collect only the latest"),
            ('none', "Collect none"),
        ],
        default='all',
        required=True,
        help="What becomes of a subscription's periods that were not charged in time, for example"
        " because the server was down.",
    )

    @api.constrains('billing_terms_url', 'billing_privacy_url')
    def _check_billing_urls(self):
        """Only web addresses may become links at the checkout, `javascript:` and the like not."""
        for company in self:
            for url in (company.billing_terms_url, company.billing_privacy_url):
                if url and not url.lower().startswith(('https://', 'http://')):
                    raise ValidationError(
                        company.env._(
                            "%s is not a web address. Enter one that starts with https://", url
                        )
                    )
