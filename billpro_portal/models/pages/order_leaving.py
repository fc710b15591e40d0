from odoo import models


class BillproOrderLeaving(models.AbstractModel):
    """What the page of an order offers to customers who think of leaving.

    It stands beside the way to cancel, and never on the page on which that is done, where German
    law forbids it.
    """

    _name = 'billpro.order.leaving'
    _description = "Offers on the Page of an Order"

    def _get_offers(self, order):
        """Return what the customer can do instead of leaving, by the reason to leave.

        :param sale.order order: The order.
        :return: The ``reason``, and the ``label`` and ``url`` of what is offered.
        :rtype: list[dict]
        """
        if not order._can_be_cancelled():
            return []
        reasons = self.env['billpro.cancel.reason']._get_of_company(order.company_id)
        reasons = reasons.filtered('offer')
        offers = reasons and self._get_possible(order)
        return [
            {
                'reason': reason.name,
                'label': offers[reason.offer][0],
                # The page that it leads to notes that it was opened.
                'url': f'{order._billing_get_order_link(offers[reason.offer][1])}'
                f'&offer={reason.id}',
            }
            for reason in reasons
            if reason.offer in offers
        ]

    def _get_possible(self, order):
        """Return what can be offered for an order now.

        :param sale.order order: The order.
        :return: Label and path by the value of `billpro.cancel.reason.offer`.
        :rtype: dict[str, tuple[str, str]]
        """
        possible = {}
        if not order._billing_get_refusal_to_pause_by_customer():
            possible['pause'] = self.env._("Pause it instead"), '/pause'
        plans = order._billing_get_customers_plans()
        if any(line.product_id.billing_family_id.customers_may_lower for line in plans):
            possible['change'] = self.env._("Change to a smaller plan"), '/change'
        return possible
