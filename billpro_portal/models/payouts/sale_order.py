from odoo import api, fields, models

from .dispute import UNDECIDED

STOPPING = [('is_stopping', '=', True)]


class SaleOrder(models.Model):
    """The disputes of an order's payments."""

    _inherit = 'sale.order'

    billing_dispute_ids = fields.One2many(
        string="Disputes",
        comodel_name='billpro.dispute',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_is_disputed = fields.Boolean(
        string="Disputed",
        compute='_compute_billing_is_disputed',
        store=True,
        compute_sudo=True,
        help="The customer has taken a payment back through the bank, or the bank asks about it,"
        " and it isn't decided yet.",
    )
    billing_is_stopped = fields.Boolean(
        string="Charges Stopped",
        compute='_compute_billing_is_stopped',
        search='_search_billing_is_stopped',
        compute_sudo=True,
        help="Nothing is charged by itself: a payment is disputed as fraud, and nobody has decided"
        " yet whether the order goes on.",
    )
    billing_is_loss_to_book = fields.Boolean(
        string="Loss to Book",
        compute='_compute_billing_lost',
        compute_sudo=True,
        help="A dispute was decided, and the books don't say so yet.",
    )
    billing_lost = fields.Monetary(
        string="Lost in Disputes",
        compute='_compute_billing_lost',
        compute_sudo=True,
        help="What was paid, and the bank has taken back for good.",
    )

    @api.depends(
        'billing_dispute_ids.booking_state',
        'billing_dispute_ids.amount',
        'billing_dispute_ids.is_return',
    )
    def _compute_billing_lost(self):
        for order in self:
            disputes = order.billing_dispute_ids
            # A debit that was returned is owed again, and no loss.
            lost = disputes.filtered(
                lambda dispute: dispute.state == 'lost' and not dispute.is_return
            )
            order.billing_lost = sum(
                dispute.currency_id._convert(
                    dispute.amount, order.currency_id, order.company_id, dispute.opened_date
                )
                for dispute in lost
            )
            order.billing_is_loss_to_book = bool(
                {'to_book', 'to_take_back'} & set(disputes.mapped('booking_state'))
            )

    @api.depends('billing_dispute_ids.is_stopping')
    def _compute_billing_is_stopped(self):
        for order in self:
            order.billing_is_stopped = any(order.billing_dispute_ids.mapped('is_stopping'))

    @api.model
    def _search_billing_is_stopped(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return [('billing_dispute_ids', 'any' if True in value else 'not any', STOPPING)]

    def action_resume_charges(self):
        """Let the run charge orders again whose payments are disputed as fraud.

        :raise AccessError: If the user may not.
        """
        self._check_billing_user()
        for order in self.sudo():
            stopping = order.billing_dispute_ids.filtered('is_stopping')
            if stopping:
                stopping.is_stopping = False
                order._message_log(body=order.env._("The charges were resumed."))

    @api.depends('billing_dispute_ids.state')
    def _compute_billing_is_disputed(self):
        for order in self:
            order.billing_is_disputed = bool(
                order.billing_dispute_ids.filtered(lambda dispute: dispute.state in UNDECIDED)
            )

    def action_open_disputes(self):
        """Open the list of the order's disputes.

        :return: A window action.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            'billpro_portal.action_billpro_dispute'
        )
        return {**action, 'domain': [('order_id', '=', self.id)], 'context': {}}
