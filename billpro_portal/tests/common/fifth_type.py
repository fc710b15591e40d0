from datetime import timedelta

from odoo import api, fields, models
from odoo.orm.model_classes import add_to_registry

from ...billing.calendar import due_datetime
from .subscription import SubscriptionCommon


class Halves(models.AbstractModel):
    """A purchase type that another addon could add: a half at the checkout, a half in ten days."""

    _module = None  # Of no addon: it is in the registry as long as a test wants it there.
    _name = 'billpro.purchase.halves'
    _description = "Two Halves"
    _inherit = ['billpro.purchase.type']

    _purchase_type = 'halves'
    _purchase_sequence = 50
    _has_schedule = True

    @api.model
    def _get_label(self):
        return "Two halves"

    @api.model
    def _get_description(self):
        return "Customers pay a half at the checkout, and the other one ten days later."

    @api.model
    def _get_explanation(self, order):
        return "You pay a half now. Your card is saved and charged once more, ten days later."

    @api.model
    def _get_terms(self, order):
        return [self._get_today_row(order)]

    @api.model
    def _get_initial_amount(self, order):
        return order.currency_id.round(order.amount_total / 2)

    @api.model
    def _prepare_first_events(self, order):
        day = order.billing_anchor_date + timedelta(days=10)
        return [
            {
                'order_id': order.id,
                'number': 1,
                'due_date': due_datetime(day, order._get_time_zone()),
                'amount': order.amount_total - self._get_initial_amount(order),
                'note': "Second half",
            }
        ]

    @api.model
    def _create_initial_invoice(self, order):
        return self.env['account.move'].create(self._prepare_half(order))

    @api.model
    def _prepare_event_invoice(self, event):
        return self._prepare_half(event.order_id)

    def _prepare_half(self, order):
        return {
            **self._prepare_paid_invoice(order),
            'invoice_line_ids': [
                fields.Command.create(line._prepare_invoice_line(quantity=line.product_uom_qty / 2))
                for line in order.order_line
            ],
        }

    @api.model
    def _get_event_trigger(self, order, **outcome):
        return super()._get_event_trigger(order, ends=True, **outcome)


class FifthTypeCommon(SubscriptionCommon):
    """A company that sells desks in two halves, by a class that is in no addon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        add_to_registry(cls.registry, Halves)
        cls.addClassCleanup(cls._forget_halves)
        cls.registry._setup_models__(cls.env.cr, [Halves._name])
        cls.sofa = cls._create_sold_product("Sofa", 200, cls.tax_21, Halves._purchase_type)

    @classmethod
    def _forget_halves(cls):
        cls.registry['billpro.purchase.type']._inherit_children.discard(Halves._name)
        del cls.registry.models[Halves._name]
        cls.registry._setup_models__(cls.env.cr, [])
