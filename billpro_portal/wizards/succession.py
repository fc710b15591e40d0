from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class BillproSuccession(models.TransientModel):
    """Let another order go on with a subscription: for its customer, or for another one."""

    _name = 'billpro.succession'
    _inherit = 'billpro.dialog'
    _description = "Go On With Subscription"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    hands_over = fields.Boolean()
    partner_id = fields.Many2one(
        string="New Customer",
        comodel_name='res.partner',
        help="Agrees on a page of their own, and gives a card of their own.",
    )
    runs = fields.Selection(
        selection=[
            ('open', "Until it is cancelled"),
            ('periods', "For a number of periods"),
            ('day', "Until a day"),
        ],
        compute='_compute_runs',
        store=True,
        readonly=False,
    )
    periods = fields.Integer(compute='_compute_runs', store=True, readonly=False)
    last_day = fields.Date(string="Until", help="No period begins after this day.")
    sends_link = fields.Boolean(
        string="Mail the order link now",
        default=True,
        help="Else look at the new order first, and press “Order Link” there.",
    )
    plan = fields.Char(string="What It Costs", compute='_compute_words')
    begins = fields.Char(string="First Payment", compute='_compute_words')
    owed = fields.Char(string="Outstanding", compute='_compute_words')

    @api.depends('order_id')
    def _compute_runs(self):
        """As it ran before; until which day is for staff to say."""
        for wizard in self:
            order = wizard.order_id
            if order.billing_end_date:
                wizard.runs = 'day'
            else:
                wizard.runs = 'periods' if order.billing_cycles else 'open'
            wizard.periods = order.billing_cycles

    @api.depends('order_id', 'hands_over')
    def _compute_words(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            order = wizard.order_id.sudo()
            purchase = order._get_purchase()
            wizard.plan = purchase._get_rates_text(order)
            if order.billing_period_amount:  # What staff have set stays with the order.
                wizard.plan = self.env._(
                    "%(amount)s %(interval)s",
                    amount=order.currency_id.format(purchase._get_lines_amount(order)),
                    interval=purchase._get_interval_text(order),
                )
            day = order._billing_get_day_after_paid()
            wizard.begins = (
                self.env._("On %s, when what is paid is over", format_date(self.env, day))
                if day
                else self.env._("When the customer agrees. The time until then isn't charged.")
            )
            wizard.owed = wizard._describe_arrears(order)

    def _describe_arrears(self, order):
        """Return what becomes of what the order owes.

        :param sale.order order: The order.
        :rtype: str
        """
        amount = order.currency_id.format(order.billing_outstanding)
        if order.currency_id.is_zero(order.billing_outstanding):
            return self.env._("Nothing is owed on order %s.", order.name)
        if self.hands_over and not order._billing_get_arrears_to_owe():
            return self.env._("%(amount)s, waived when it is handed over", amount=amount)
        return self.env._(
            "%(amount)s, still owed on order %(order)s: the new order doesn't charge them",
            amount=amount,
            order=order.name,
        )

    def action_offer(self):
        """Make the new order, and open it.

        :return: A window action.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it isn't possible any more, or something is missing.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        if self.hands_over and not self.partner_id:
            raise UserError(self.env._("Choose the new customer."))
        self.partner_id.check_access('read')
        successor = self.order_id.sudo()._billing_offer_successor(
            partner=self.partner_id if self.hands_over else None,
            terms=self._get_terms(),
            sends_link=self.sends_link,
        )
        return {
            'type': 'ir.actions.act_window',
            'res_model': successor._name,
            'res_id': successor.id,
            'view_mode': 'form',
        }

    def _get_terms(self):
        if self.runs == 'periods' and self.periods < 1:
            raise UserError(self.env._("Enter for how many periods it runs."))
        if self.runs == 'day' and not self.last_day:
            raise UserError(self.env._("Enter until which day it runs."))
        if self.runs == 'periods':
            return {'billing_cycles': self.periods}
        return {'billing_end_date': self.last_day} if self.runs == 'day' else {}
