from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class BillproAdjust(models.TransientModel):
    """Adjust what the next payments of a live subscription come to, as it is shown before."""

    _name = 'billpro.adjust'
    _inherit = 'billpro.agreed.dialog'
    _description = "Adjust Subscription"

    _terms = ('order_id', 'what', 'percent', 'count', 'product_id', 'text', 'price')
    what = fields.Selection(
        selection=[
            ('discount', "A discount on the next payments"),
            ('charge', "Charge something with the next payment"),
            ('credit', "Credit something with the next payment"),
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
            return self.env['billpro.discount']._propose(order, self.percent, self.count)._get_rows()
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
        else:
            order._billing_charge_once(wizard.product_id, wizard.text, wizard._get_price(), shown)
        return {'type': 'ir.actions.act_window_close'}
