from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class BillproAdjust(models.TransientModel):
    """Adjust what the next payments of a live subscription come to, as it is shown before."""

    _name = 'billpro.adjust'
    _inherit = 'billpro.agreed.dialog'
    _description = "Adjust Subscription"

    _terms = (
        'order_id',
        'what',
        'percent',
        'count',
        'product_id',
        'text',
        'price',
        'day',
        'payments',
        'last_day',
    )
    what = fields.Selection(
        selection=[
            ('discount', "A discount on the next payments"),
            ('charge', "Charge something with the next payment"),
            ('credit', "Credit something with the next payment"),
            ('trial', "A longer trial"),
            ('day', "Another billing day"),
            ('end', "Another end"),
        ],
        default='discount',
    )
    percent = fields.Float(
        string="Discount (%)",
        digits=(5, 2),
        default=20.0,
        help="Of what each payment is by then; 100 makes it free.",
    )
    count = fields.Integer(string="Payments", default=1, help="How many of the next ones.")
    product_id = fields.Many2one(
        comodel_name='product.product',
        domain=lambda self: self._get_product_domain(),
        help="Whose taxes and account it has; one that is sold once.",
    )
    text = fields.Char(help="What the customer reads on the page and the invoice.")
    price = fields.Float(
        string="Amount",
        digits='Product Price',
        help="As prices of the product are entered, with or without taxes.",
    )

    day = fields.Date(
        string="From",
        compute='_compute_day',
        store=True,
        readonly=False,
        help="The first day that is paid for as before. What lies between is free in a trial, and"
        " paid by its days otherwise.",
    )

    payments = fields.Integer(
        string="Payments Still to Come",
        help="0: as long as it isn't cancelled, or until the day that you enter.",
    )
    last_day = fields.Date(
        string="Until", help="Periods that begin until then are charged, whole ones."
    )

    @api.depends('order_id', 'what')
    def _compute_day(self):
        for wizard in self:
            wizard.day = (
                wizard.what in {'trial', 'day'}
                and wizard.order_id.sudo()._billing_get_usual_day_to_move_to()
            )

    @api.model
    def _get_product_domain(self):
        types = self.env['billpro.purchase.subscription']._one_off_types
        return [('sale_ok', '=', True), ('purchase_type', 'in', [False, *types])]

    def _get_rows(self):
        self.ensure_one()
        wizard = self.sudo()
        try:
            return wizard._get_rows_of_choice(), False
        except AccessError:
            raise
        except UserError as error:
            return [], str(error)

    def _get_rows_of_choice(self):
        order = self.order_id
        if self.what == 'discount':
            return (
                self.env['billpro.discount']._propose(order, self.percent, self.count)._get_rows()
            )
        if self.what == 'trial':
            return order._billing_get_trial_rows(self.day)
        if self.what == 'day':
            return order._billing_get_day_rows(self.day)
        if self.what == 'end':
            return order._billing_get_end_rows(self.payments, self.last_day)
        if not self.product_id or not self.text or not self.price:
            return []
        return order._billing_get_once_rows(self.product_id, self.text, self._get_price())

    def _get_price(self):
        return -abs(self.price) if self.what == 'credit' else abs(self.price)

    def action_adjust(self):
        """Do it as it was shown.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it isn't possible, or comes to something else than was shown.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        wizard = self.sudo()
        order, shown = wizard.order_id, wizard.shown
        if wizard.what == 'discount':
            order._billing_give_discount(wizard.percent, wizard.count, shown)
        elif wizard.what == 'trial':
            order._billing_make_trial_longer(wizard.day, shown)
        elif wizard.what == 'day':
            order._billing_change_day(wizard.day, shown)
        elif wizard.what == 'end':
            order._billing_change_end(wizard.payments, wizard.last_day, shown)
        else:
            order._billing_charge_once(wizard.product_id, wizard.text, wizard._get_price(), shown)
        return {'type': 'ir.actions.act_window_close'}
