from odoo import models

from ..billing.lifecycle import LIVE


class SaleOrder(models.Model):
    """What staff add to a live order to be charged once: a fee, or a credit."""

    _inherit = 'sale.order'

    def _get_added_lines(self):
        """Return the lines that no period charges, and that no payment has been found for yet.

        What somebody has invoiced by hand needs none.

        :rtype: sale.order.line
        """
        self.ensure_one()
        added = self.order_line.filtered(
            lambda line: (
                line.billing_is_added
                and not line.billing_event_id
                and not line.display_type
                and not line.is_downpayment
                and not line._is_on_invoice()
            )
        )
        return added - self._get_period_lines() if added else added


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _mark_as_added(self):
        """Remember which lines were added to orders while they are charged."""
        types = self.env['billpro.purchase.type']._get_types()
        self.filtered(
            lambda line: (
                line.order_id.billing_status in LIVE
                and line.order_id.purchase_type
                and types[line.order_id.purchase_type]._charges_added_lines
            )
        ).sudo().billing_is_added = True

    def _is_on_invoice(self):
        """Return whether the line is on an invoice already, whoever has made it.

        :rtype: bool
        """
        self.ensure_one()
        return any(line.parent_state != 'cancel' for line in self.invoice_lines)


class BillproBillingEvent(models.Model):
    """Payments that charge once, besides what they are for, what was added to a live order."""

    _inherit = 'billpro.billing.event'

    def _get_added_lines(self):
        """Return the lines that the payments charge once.

        :rtype: sale.order.line
        """
        return self.order_id.order_line.filtered(lambda line: line.billing_event_id in self)

    def _take_up_added_lines(self):
        """Let payments to come charge what was added to their orders, if that leaves something."""
        for event in self:
            lines = event.order_id._get_added_lines()
            if not lines:
                continue
            purchase = event.order_id._get_purchase()
            added = purchase._get_added_amount(event.order_id, event._get_added_lines() | lines)
            left = event.amount - event.added_amount + added
            if event.currency_id.compare_amounts(left, 0) > 0:
                lines.billing_event_id = event
                event._set_added_amount(added)

    def _set_added_amount(self, added):
        """Change what the payment charges for its added lines.

        :param float added: The amount, taxes included, in the currency of the order.
        """
        self.ensure_one()
        self.write(
            {
                'amount': self.currency_id.round(self.amount - self.added_amount + added),
                'added_amount': added,
            }
        )

    def _release_added_lines(self):
        """Take what was added off a payment that is skipped, so that another one charges it.

        Not if it was tried before: the bank may approve that all the same, with what was added.

        :return: The added lines, whether they were taken off or not.
        :rtype: sale.order.line
        """
        self.ensure_one()
        leaves = self._get_leaves()
        lines = leaves._get_added_lines()
        if not (self | leaves).transaction_ids:
            for leaf in leaves:
                if own_lines := leaf._get_added_lines():
                    leaf._leave_out_added(own_lines)
        return lines

    def _pass_on_added_lines(self, lines):
        """Let the next payment charge what was added to this one, or ask somebody to.

        :param sale.order.line lines: What was added to this payment, which is skipped.
        """
        order = self.order_id
        taker = order.billing_next_event_id
        if (
            taker.status == 'scheduled'
            and not taker.first_declined_date
            and not taker.requested_date
            and taker.invoice_id.state != 'posted'
        ):
            old_amount = taker.amount
            taker._take_up_added_lines()
            if taker.currency_id.compare_amounts(taker.amount, old_amount):
                taker._tell_of_new_amount(old_amount, is_lasting=False)
        left = lines & self._get_leaves()._get_added_lines()
        if not taker and not order._get_purchase()._can_take_payments():
            left = lines  # None is to come.
        if left:
            order._ask_staff(
                self.env._("%s isn't charged", ', '.join(left.mapped('name'))),
                self.env._(
                    "It was to be charged with payment %s, which was skipped. If it is still owed,"
                    " invoice it by hand, or add it to the order anew.",
                    self.display_name,
                ),
            )

    def _leave_out_invoiced_lines(self):
        """Charge nothing for what somebody has invoiced by hand, before the invoices are made."""
        for event in self:
            for leaf in event._get_leaves().filtered('added_amount'):
                own = event._get_sources().invoice_id
                invoiced = leaf._get_added_lines().filtered(
                    lambda line, own=own: any(
                        invoice_line.parent_state != 'cancel' and invoice_line.move_id not in own
                        for invoice_line in line.invoice_lines
                    )
                )
                if invoiced:
                    leaf._leave_out_added(invoiced)

    def _leave_out_added(self, lines):
        """Take added lines off the payment, and off the one that it is merged into.

        :param sale.order.line lines: Some of its added lines.
        """
        self.ensure_one()
        order = self.order_id
        old_amount = self.amount
        lines.billing_event_id = False
        self._discard_draft_invoices()
        self._set_added_amount(
            order._get_purchase()._get_added_amount(order, self._get_added_lines())
        )
        merged = self.merged_into_id
        while merged:
            merged._discard_draft_invoices()
            merged.amount = merged.currency_id.round(merged.amount + self.amount - old_amount)
            merged = merged.merged_into_id
        order._message_log(
            body=self.env._(
                "Payment %(event)s is %(amount)s now, without %(lines)s.",
                event=self.display_name,
                amount=self.currency_id.format(self.amount),
                lines=', '.join(lines.mapped('name')),
            )
        )
