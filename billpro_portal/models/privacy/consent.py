from datetime import timedelta
from itertools import islice

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models

from ...billing.retention import (
    CONSENT_YEARS,
    CONSENT_YEARS_AFTER_END,
    LETTER_YEARS,
    VISIT_DAYS,
    consent_kept_until,
    declaration_kept_until,
)

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
        return consent_kept_until(
            fields.Date.to_date(self.date),
            fields.Date.to_date(order.billing_ended_date or None),
            order._billing_get_country().code or '',
        )

    @api.model
    def _cron_delete_outdated(self):
        """Delete consents and declarations that need prove nothing any more, and old visits."""
        for delete in (self._delete_consents, self._delete_declarations, self._delete_visits):
            while self.env['billpro.own.transaction']._commit_alone(
                self.env.company, 'delete_outdated', delete
            ):
                self.env['ir.cron']._commit_progress(AT_ONCE)

    @api.model
    def _delete_consents(self):
        """Delete some of the consents that need prove nothing any more.

        :return: Whether there were any.
        :rtype: bool
        """
        today = fields.Date.context_today(self)
        ended = today - relativedelta(years=CONSENT_YEARS_AFTER_END)
        return self._delete_some(
            self.search(
                [
                    ('date', '<', today - relativedelta(years=CONSENT_YEARS)),
                    ('order_id.billing_ended_date', '<', ended),
                ],
                order='id',
            ),
            lambda one: one._get_kept_until() < today,
        )

    @api.model
    def _delete_declarations(self):
        """Delete some of the declarations that need prove nothing any more.

        :return: Whether there were any.
        :rtype: bool
        """
        today = fields.Date.context_today(self)
        return self._delete_some(
            self.env['billpro.declaration'].search(
                [('state', '=', 'done'), ('date', '<', today - relativedelta(years=LETTER_YEARS))],
                order='id',
            ),
            lambda one: declaration_kept_until(fields.Date.to_date(one.date)) < today,
        )

    @api.model
    def _delete_visits(self):
        """Delete some of the visits that nobody needs to know of any more.

        :return: Whether there were any.
        :rtype: bool
        """
        used_before = fields.Datetime.now() - timedelta(days=VISIT_DAYS)
        visits = self.env['billpro.visit'].search([('date', '<', used_before)], limit=AT_ONCE)
        return bool(visits) and visits.unlink()

    @api.model
    def _delete_some(self, records, is_outdated):
        """Delete the first of records that aren't kept any longer, with the mails about them.

        :param odoo.models.Model records: All that could be: some are kept longer than others.
        :param Callable is_outdated: Says it of one of them.
        :return: Whether there were any.
        :rtype: bool
        """
        found = islice((one.id for one in records if is_outdated(one)), AT_ONCE)
        outdated = records.browse(list(found))
        if not outdated:
            return False
        about_them = [('model', '=', records._name), ('res_id', 'in', outdated.ids)]
        self.env['mail.mail'].search(about_them).unlink()
        return outdated.unlink()
