from odoo import api, models

from ..rights.own_context import is_inside


class AccountFiscalPosition(models.Model):
    """Fiscal positions are looked up once for all documents of a customer in a charge run."""

    _inherit = 'account.fiscal.position'

    @api.model
    def _get_fiscal_position(self, partner, delivery=None):
        """Override of `account` to remember the answer while the charge run makes documents.

        Odoo asks document by document. The memory lasts no longer than the transaction, in which
        neither the positions nor the partners change.
        """
        if not is_inside(self.env, 'billing_batch') or not partner.id:
            return super()._get_fiscal_position(partner, delivery=delivery)
        known = self.env.cr.precommit.data.setdefault('billing_fiscal_positions', {})
        key = (self.env.company.id, partner.id, delivery.id if delivery else False)
        if key not in known:
            known[key] = super()._get_fiscal_position(partner, delivery=delivery).id
        return self.browse(known[key])
