from odoo import api, models

from ..rights.own_context import is_inside


class AccountAnalyticDistributionModel(models.Model):
    """Analytic distributions are looked up once for all alike lines of a charge run."""

    _inherit = 'account.analytic.distribution.model'

    @api.model
    def _get_applicable_models(self, vals):
        """Override of `analytic` to remember the answer while the charge run makes documents.

        Odoo asks line by line, mostly the same. The memory lasts no longer than the transaction,
        in which the models don't change.
        """
        if not is_inside(self.env, 'billing_batch'):
            return super()._get_applicable_models(vals)
        known = self.env.cr.precommit.data.setdefault('billing_distribution_models', {})
        key = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(vals.items())
        )
        if key not in known:
            known[key] = super()._get_applicable_models(vals).ids
        return self.browse(known[key])
