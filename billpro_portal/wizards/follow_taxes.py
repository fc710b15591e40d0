from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

# What the dialog is opened from: the field that keeps it, and what of the orders changes.
SUBJECTS = {
    'account.tax': ('tax_ids', 'rate'),
    'product.template': ('product_ids', 'mapping'),
    'account.fiscal.position': ('position_ids', 'mapping'),
}
# How many orders are shown; the others are followed like them.
PREVIEW_SIZE = 100


class BillproFollowTaxes(models.TransientModel):
    """Let all live subscriptions of a tax, product or fiscal position follow the books' taxes."""

    _name = 'billpro.follow.taxes'
    _description = "Follow Taxes"

    tax_ids = fields.Many2many(
        string="Taxes",
        comodel_name='account.tax',
        relation='billpro_follow_taxes_tax_rel',
        readonly=True,
    )
    product_ids = fields.Many2many(
        string="Products",
        comodel_name='product.template',
        relation='billpro_follow_taxes_product_rel',
        readonly=True,
    )
    position_ids = fields.Many2many(
        string="Fiscal Positions",
        comodel_name='account.fiscal.position',
        relation='billpro_follow_taxes_position_rel',
        readonly=True,
    )
    order_count = fields.Integer(string="Live Subscriptions", readonly=True)
    preview_ids = fields.One2many(
        string="What Changes",
        comodel_name='billpro.follow.taxes.preview',
        inverse_name='wizard_id',
        readonly=True,
    )

    @api.model
    def _open_for(self, records):
        """Return the action that opens the dialog with what would change, and changes nothing.

        :param odoo.models.Model records: Taxes, products or fiscal positions.
        :rtype: dict
        :raise AccessError: If the user isn't a billing manager.
        """
        self._check_is_manager()
        name, _change = SUBJECTS[records._name]
        wizard = self.create({name: [fields.Command.set(records.ids)]})
        wizard._preview()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Follow Taxes"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    @api.model
    def _check_is_manager(self):
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can do this."))

    def _get_orders(self):
        """Return the live subscriptions that the user may change, of the companies worked in.

        :rtype: sale.order
        """
        self.ensure_one()
        orders = self.tax_ids._billing_get_live_subscriptions()
        for domain in (
            self.product_ids and [('order_line.product_template_id', 'in', self.product_ids.ids)],
            self.position_ids and [('fiscal_position_id', 'in', self.position_ids.ids)],
        ):
            if domain:
                orders |= orders._search_billing_live_subscriptions(domain)
        return orders.with_env(self.env).search([('id', 'in', orders.ids)])

    def _get_change(self):
        return 'rate' if self.tax_ids else 'mapping'

    def _preview(self):
        """Find out what would change by doing it, and undoing it."""
        orders = self._get_orders()
        previews = []
        for order in orders[:PREVIEW_SIZE].sudo():
            previews.append({'order_id': order.id, **self._try(order)})
        self.sudo().write(
            {
                'order_count': len(orders),
                'preview_ids': [fields.Command.create(values) for values in previews],
            }
        )

    def _try(self, order):
        """Return what would become of an order.

        :param sale.order order: The order, in superuser mode.
        :return: Values of a preview.
        :rtype: dict
        """
        purchase = order._get_purchase()
        total = sum(order._billing_get_period_lines().mapped('price_total'))
        values = {'old_amount': order.billing_period_amount or total}
        savepoint = self.env.cr.savepoint()
        try:
            order.billing_tax_change = self._get_change()
            order._billing_follow_taxes()
            values['new_amount'] = purchase._get_period_amount(order)
            values['first_date'] = min(
                order.billing_event_ids.filtered(
                    lambda event: event.status == 'scheduled' and not event.adjustment
                ).mapped('due_date'),
                default=False,
            )
        except UserError as error:
            values['note'] = str(error)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()
        return values

    def action_follow(self):
        """Let the orders follow, each alone, and tell their customers of new amounts.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user isn't a billing manager.
        """
        self.ensure_one()
        self._check_is_manager()
        self._get_orders()._billing_have_taxes_followed(self._get_change())
        return {'type': 'ir.actions.act_window_close'}


class BillproFollowTaxesPreview(models.TransientModel):
    """What becomes of an order that follows the books' taxes."""

    _name = 'billpro.follow.taxes.preview'
    _description = "Follow Taxes: Preview"

    wizard_id = fields.Many2one(
        comodel_name='billpro.follow.taxes', required=True, readonly=True, ondelete='cascade'
    )
    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    partner_id = fields.Many2one(related='order_id.partner_id', related_sudo=False)
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    old_amount = fields.Monetary(string="Amount", readonly=True, help="Taxes included.")
    new_amount = fields.Monetary(readonly=True, help="Taxes included.")
    first_date = fields.Datetime(string="From", readonly=True, help="The first new payment.")
    note = fields.Char(readonly=True, help="Why it can't follow.")
