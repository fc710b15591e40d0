from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..billing.declines import parse_retry_days


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

    billing_retry_days = fields.Char(
        string="Retry declined payments after",
        default='1, 3, 7',
        help="Days after the decline, separated by commas; empty for no retries. Final declines are"
        " never tried again with the same card.",
    )
    billing_auto_suspend = fields.Boolean(
        string="Suspend when retries run out",
        default=True,
        help="Nothing more is charged until the customer acts. Otherwise later payments go on.",
    )
    billing_cancel_after_days = fields.Integer(
        string="Cancel suspended subscriptions after",
        help="Days; 0 to keep them suspended.",
    )
    billing_cancel_mode = fields.Selection(
        string="Customers cancel subscriptions",
        selection=[('period_end', "When the paid period ends"), ('now', "At once")],
        default='period_end',
        required=True,
    )
    billing_mail_cancelled = fields.Boolean(string="Mail cancellations", default=True)
    billing_mail_cancel_undone = fields.Boolean(string="Mail undone cancellations", default=True)

    def _get_billing_retry_days(self):
        """Return on which days after a decline it is tried again.

        :rtype: tuple[int, ...]
        """
        self.ensure_one()
        return parse_retry_days(self.billing_retry_days or '')

    @api.constrains('billing_retry_days', 'billing_cancel_after_days')
    def _check_billing_recovery(self):
        for company in self:
            try:
                company._get_billing_retry_days()
            except ValueError:
                raise ValidationError(
                    company.env._(
                        "“%s” are no retry days. Enter rising numbers up to 30 separated by"
                        " commas, such as 1, 3, 7.",
                        company.billing_retry_days,
                    )
                ) from None
            if company.billing_cancel_after_days < 0:
                raise ValidationError(
                    company.env._("Suspended subscriptions can't be cancelled before their time.")
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
