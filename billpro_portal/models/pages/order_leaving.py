from odoo import models
from odoo.exceptions import UserError

from ...billing.agreement import agreement_text


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
        possible = reasons and self._get_possible(order)
        offers = {
            reason: possible.get(reason.offer) or self._get_discount(order, reason)
            for reason in reasons
        }
        return [
            {
                'reason': reason.name,
                'label': offer[0],
                # The page that it leads to notes that it was opened.
                'url': f'{order._billing_get_order_link(offer[1])}&offer={reason.id}',
            }
            for reason, offer in offers.items()
            if offer
        ]

    def _get_discount(self, order, reason):
        """Return the discount that is offered for a reason.

        :param sale.order order: The order.
        :param billpro.cancel.reason reason: The reason.
        :return: Label and path; None if none is.
        :rtype: tuple[str, str]|None
        """
        if reason.offer != 'discount':
            return None
        try:
            offer = order.with_env(self.env)._billing_propose_offer(reason)
        except UserError:
            return None
        return offer._describe(offer.count), f'/offer/{reason.id}'

    def _get_discount_values(self, order, reason):
        """Return the values of the page on which the customer takes a discount.

        :param sale.order order: The order.
        :param billpro.cancel.reason reason: The reason for which it is offered.
        :rtype: dict
        :raise UserError: If none is.
        """
        offer = order.with_env(self.env)._billing_propose_offer(reason)
        rows = offer._get_rows()
        return {
            **self.env['billpro.order.schedule']._get_shared_values(order),
            'title': offer._describe(offer.count),
            'text': [
                self.env._("Your subscription goes on as it is, with the discount."),
                self.env._("You can cancel it at any time all the same."),
            ],
            'rows': rows,
            'options': [],
            'hidden': {'agreed': agreement_text(rows)},
            'action_url': order._billing_get_order_link(f'/offer/{reason.id}'),
            'confirm_label': self.env._("Take the discount"),
        }

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
