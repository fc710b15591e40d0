from odoo import models
from odoo.exceptions import UserError

from ..billing.lifecycle import DECLINED, LIVE, OPEN
from .own_context import is_inside


class SaleOrder(models.Model):
    """*Create Invoice* on an order with scheduled payments: it makes the next one's invoice.

    Odoo would bill what is delivered, or ordered, and deduct down payments: a credit note, or an
    invoice of what the schedule collects as well.
    """

    _inherit = 'sale.order'

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Override of `sale`: scheduled payments have their own invoices."""
        scheduled = self.filtered(lambda order: order._is_invoiced_by_schedule())
        if not scheduled or is_inside(self.env, 'billing_paid_at_once'):
            return super()._create_invoices(grouped=grouped, final=final, date=date)
        invoices, refusals = scheduled._create_next_invoices()
        if others := self - scheduled:
            others = others.with_context(raise_if_nothing_to_invoice=False)
            invoices |= super(SaleOrder, others)._create_invoices(
                grouped=grouped, final=final, date=date
            )
        if not invoices and self.env.context.get('raise_if_nothing_to_invoice', True):
            raise UserError('\n'.join(refusals))
        return invoices.with_env(self.env)

    def _is_invoiced_by_schedule(self):
        """Return whether payments are scheduled that have, or will have, invoices of their own.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.purchase_type
            and self.billing_status in LIVE
            and OPEN & set(self.sudo().billing_event_ids.mapped('status'))
        )

    def _create_next_invoices(self):
        """Create the draft invoice of the next payment of each order.

        The card is charged for it on its day. If staff post it, and it is paid in another way
        before, it isn't charged any more.

        :return: The invoices, due when their payments are, and why others have none.
        :rtype: tuple[account.move, list[str]]
        :raise AccessError: If the user may not change the orders.
        """
        self.check_access('write')
        orders = self.sudo()
        orders._lock_billing()
        invoices, refusals = self.env['account.move'].sudo(), []
        for order in orders:
            event = order._get_next_event_to_invoice()
            if not event:
                refusals.append(order._get_refusal_to_invoice())
                continue
            order._get_purchase()._create_event_invoices(event)
            if not self.env['billpro.billing.run'].sudo()._set_aside_wrong_invoices(event):
                refusals.append(event.status_message)
                continue
            event.invoice_id.invoice_date_due = max(
                order._get_date(event.due_date), order._get_today()
            )
            invoices |= event.invoice_id
        return invoices, refusals

    def _get_events_to_collect(self):
        """Return the payments that are to be collected, the next one first.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        return self.billing_event_ids.filtered(
            lambda event: event.status in {'scheduled', *DECLINED}
        ).sorted(lambda event: (event.due_date, event.number))

    def _get_next_event_to_invoice(self):
        """Return the next payment that is to be collected and has no invoice yet.

        :rtype: billpro.billing.event
        """
        return self._get_events_to_collect().filtered(lambda event: not event.invoice_id)[:1]

    def _get_refusal_to_invoice(self):
        """Return why there is no payment to invoice.

        :rtype: str
        """
        self.ensure_one()
        if events := self._get_events_to_collect():
            return self.env._(
                "All scheduled payments of order %(order)s have their invoices: %(invoices)s.",
                order=self.name,
                invoices=', '.join(events.invoice_id.mapped('display_name')),
            )
        return self.env._(
            "Order %(order)s has no payment to invoice now: it is “%(status)s”.",
            order=self.name,
            status=self._get_billing_status_label(),
        )
