from odoo import fields, models


class MailActivity(models.Model):
    """Which question about an order an activity asks, whatever language it is written in."""

    _inherit = 'mail.activity'

    billpro_subject = fields.Char(string="Question of Billing", readonly=True, copy=False)
