from odoo import models

# From which part of what is included its customer is told.
MOSTLY = 0.8


class SaleOrderLine(models.Model):
    """What customers are told of what is included."""

    _inherit = 'sale.order.line'

    def _billing_get_reached_allowance(self):
        """Return which notice is due of what is included in the running period.

        :return: The kind of notice; None if much is left, or nothing is included.
        :rtype: str|None
        """
        self.ensure_one()
        used, included = self.billing_usage_quantity, self.billing_charge_id.allowance
        if not included or used < MOSTLY * included:
            return None
        return 'usage_included' if used >= included else 'usage_mostly_included'

    def _billing_get_allowance_text(self, kind):
        """Return how much of what is included is used, in the language of the environment.

        :param str kind: The kind of notice.
        :rtype: str
        """
        charge = self.billing_charge_id
        values = {
            'meter': charge.meter_id.name,
            'used': charge._format_number(self.billing_usage_quantity),
            'included': charge._format_quantity(charge.allowance),
        }
        if kind == 'usage_included':
            return self.env._(
                "%(meter)s: all of the %(included)s that are included are used. What you use beyond"
                " is charged with this period.",
                **values,
            )
        return self.env._(
            "%(meter)s: %(used)s of the %(included)s that are included are used.", **values
        )
