import re

import werkzeug.exceptions

from odoo import models
from odoo.http import request

# What Odoo's modules offer below their page of one order: to accept it, pay it, change its lines.
_BELOW_SALES_PAGE = re.compile(r'/my/orders/<(?:[^<>]*:)?(?P<order>\w+)>.')


class IrHttp(models.AbstractModel):
    """Sale's own roads to an order: the ones with a purchase type have the order link instead."""

    _inherit = 'ir.http'

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Override of `base` to close what any module offers for one order under `/my/orders`.

        The order link has its own pages and ways to pay, which know what the order asks for.

        :raise werkzeug.exceptions.NotFound: For what would change an order with a purchase type.
        """
        super()._pre_dispatch(rule, args)
        below = _BELOW_SALES_PAGE.match(rule.rule)
        if not below:
            return
        value = args[below['order']]
        order_id = value.id if isinstance(value, models.BaseModel) else value
        if not request.env['sale.order'].sudo().browse(order_id).exists().purchase_type:
            return
        reads = request.httprequest.method in {'GET', 'HEAD'}
        if reads and rule.endpoint.routing['type'] == 'http':
            # Checks who asks, and goes on to the order link.
            werkzeug.exceptions.abort(
                request.redirect_query(f'/my/orders/{order_id}', request.httprequest.args)
            )
        raise request.not_found()
