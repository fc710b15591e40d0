from odoo import api, fields, models

# For so long what a customer does counts as what they were offered, and is the offer noted once.
A_DAY = {'days': 1}


class BillproLeavingOffer(models.Model):
    """An offer that a customer who thinks of leaving has opened, and whether they took it.

    What came of it is for the report on offers.
    """

    _name = 'billpro.leaving.offer'
    _description = "Offer to a Customer Who Thinks of Leaving"

    _order = 'id desc'
    _rec_name = 'order_id'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    reason_id = fields.Many2one(
        comodel_name='billpro.cancel.reason', required=True, readonly=True, ondelete='restrict'
    )
    offer = fields.Selection(
        selection=lambda self: (
            self.env['billpro.cancel.reason']._fields['offer']._description_selection(self.env)
        ),
        required=True,
        readonly=True,
    )
    shown_date = fields.Datetime(
        string="Shown On", required=True, readonly=True, default=fields.Datetime.now
    )
    taken_date = fields.Datetime(string="Taken On", readonly=True)

    @api.model
    def _note_shown(self, order, reason_id):
        """Note that a customer has opened what they are offered for a reason, once a day.

        :param sale.order order: The order.
        :param int reason_id: The reason, as the page's address has it.
        """
        reason = self.env['billpro.cancel.reason']._get_of_company(order.company_id)
        reason = reason.filtered(lambda reason: reason.id == reason_id and reason.offer)
        if reason and not self._get_recent(order).filtered(lambda one: one.reason_id == reason):
            self.create({'order_id': order.id, 'reason_id': reason.id, 'offer': reason.offer})

    @api.model
    def _note_taken(self, order, offer):
        """Note that a customer has done what they were offered, if they were.

        :param sale.order order: The order.
        :param str offer: What they have done, a value of `offer`.
        """
        shown = self._get_recent(order).filtered(lambda one: one.offer == offer)
        shown.filtered(lambda one: not one.taken_date)[:1].taken_date = fields.Datetime.now()

    @api.model
    def _note_change(self, change):
        """Note that a customer has taken a smaller plan, if they were offered one.

        :param billpro.change change: The change that they have agreed to.
        """
        if change.when == 'now':
            is_smaller = change.charge < change.credit
        else:
            present_net = change.browse()._get_totals_together(change.order_id)[0]
            is_smaller = change.period_net < present_net
        if is_smaller:
            self._note_taken(change.order_id, 'change')

    def _get_recent(self, order):
        """Return what was shown on an order within a day, the last one first.

        :param sale.order order: The order.
        :rtype: billpro.leaving.offer
        """
        since = fields.Datetime.subtract(fields.Datetime.now(), **A_DAY)
        return self.search([('order_id', '=', order.id), ('shown_date', '>', since)])
