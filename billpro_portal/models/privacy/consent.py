from datetime import timedelta

from odoo import api, fields, models

from ...billing.retention import VISIT_DAYS, consent_kept_until, declaration_kept_until

AT_ONCE = 1000


class BillproConsent(models.Model):
    """How long consents and declarations are kept as evidence."""

    _inherit = 'billpro.consent'

    def _get_kept_until(self):
        """Return until when the consent is kept.

        :return: The day; None as long as the contract lasts.
        :rtype: datetime.date|None
        """
        self.ensure_one()
        order = self.order_id
        country = order.partner_id.country_id or order.company_id.country_id
        return consent_kept_until(
            fields.Date.to_date(self.date),
            order.billing_ended_date and fields.Date.to_date(order.billing_ended_date),
            country.code or '',
        )

    @api.model
    def _cron_delete_outdated(self):
        """Delete consents and declarations that need prove nothing any more, and old visits."""
        self.env['billpro.own.transaction']._commit_alone(
            self.env.company, 'delete_outdated', self._delete_outdated
        )

    @api.model
    def _delete_outdated(self):
        today = fields.Date.context_today(self)
        ended = self.search(
            [('order_id.billing_ended_date', '!=', False)], limit=AT_ONCE, order='id'
        )
        ended.filtered(lambda consent: consent._get_kept_until() < today).unlink()
        declarations = self.env['billpro.declaration'].search(
            [('state', '=', 'done')], limit=AT_ONCE, order='id'
        )
        declarations.filtered(
            lambda one: declaration_kept_until(fields.Date.to_date(one.date)) < today
        ).unlink()
        used_before = fields.Datetime.now() - timedelta(days=VISIT_DAYS)
        self.env['billpro.visit'].search([('date', '<', used_before)], limit=AT_ONCE).unlink()
