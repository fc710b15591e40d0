"""The boundaries of the charge run."""

from __future__ import annotations

from typing import Any

from odoo import api, models

from odoo.addons.billpro_fake_gateway import crash_points


class BillproBillingRun(models.Model):
    """A charge run whose commits have names."""

    _inherit = 'billpro.billing.run'

    @api.model
    def _open(self, domain: Any) -> Any:
        """Override of `billpro_portal` to name the commit of what was opened."""
        txs = super()._open(domain)
        if txs:
            crash_points.name_next_commit('open')
        return txs

    @api.model
    def _book(self, txs: Any) -> Any:
        """Override of `billpro_portal` to name the commit of what was booked."""
        failed = super()._book(txs)
        if txs:
            crash_points.name_next_commit('book')
        return failed

    @api.model
    def _bill_periods(self, periods: Any, bill: str) -> Any:
        """Override of `billpro_portal` to name the commit of usage that was billed."""
        orders = super()._bill_periods(periods, bill)
        if orders:
            crash_points.name_next_commit('usage')
        return orders
