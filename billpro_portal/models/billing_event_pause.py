from odoo import models

from ..billing.lifecycle import DECLINED


class BillproBillingEvent(models.Model):
    """What becomes of open payments when a paused order is resumed."""

    _inherit = 'billpro.billing.event'

    def _is_of_paused_period(self):
        """Return whether the period that the payment is for began while its order was paused.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.period_start) and self.order_id._was_paused_on(self.period_start)

    def _move_behind_pause(self):
        """Let the payment be for the first period that begins after the pause, if there is one.

        What was declined for a period that was paused then, or is followed by others, is cancelled.
        """
        self.ensure_one()
        values = None
        if self.status not in DECLINED:
            values = self.order_id._get_purchase()._prepare_event_after_pause(self)
        others = (self.order_id.billing_event_ids - self).mapped('number')
        self._part_from_invoice()
        if values is None or values.get('number') in others:
            self._apply_trigger('cancel')
            self._get_added_lines().billing_event_id = False
        else:
            self.write(values)

    def _part_from_invoice(self):
        """Delete the invoice of a payment that was paused; what staff have posted they credit."""
        self.ensure_one()
        if invoice := self._get_invoice_by_hand():
            self.invoice_id = False
            self.order_id._ask_staff(
                self.env._("Invoice %s bills what was paused", invoice.name),
                self.env._(
                    "It was posted for a period that began while the order was paused. The"
                    " period isn't charged: credit the invoice, or have it paid in another way."
                ),
            )
        self._discard_draft_invoices()

    def _leave_out_merged(self, leaves):
        """Take payments out of the one they were merged into; it is cancelled without any.

        :param billpro.billing.event leaves: Some of those that it stands for.
        """
        self.ensure_one()
        if not leaves:
            return
        self._part_from_invoice()
        emptied = leaves
        while emptied and self not in emptied:
            parents = emptied.merged_into_id
            emptied._apply_trigger('cancel')
            emptied.merged_into_id = False
            emptied = parents.filtered(lambda event: not event.merged_event_ids)
        if not self.merged_event_ids:
            self._apply_trigger('cancel')
            return
        left = self._get_leaves()
        self.write(
            {
                'amount': self.currency_id.round(sum(left.mapped('amount'))),
                'period_start': min(left.filtered('period_start').mapped('period_start')),
                'period_end': max(left.filtered('period_end').mapped('period_end')),
            }
        )
