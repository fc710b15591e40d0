from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang

from ...billing.lifecycle import BEFORE_APPROVAL
from ...billing.rating import (
    Graduated,
    InvalidCharge,
    Package,
    Percentage,
    PerUnit,
    Tier,
    Volume,
)
from ...billing.usage_batch import MOST_DECIMALS
from ..rights.own_context import INSIDE

# What customers have agreed to; all of it, as names and notes say nothing of the price.
NO_TERMS = frozenset({'active', 'name'})


class BillproUsageCharge(models.Model):
    """How the usage of a period becomes money.

    Products have it, and order lines take it over. Once a customer has agreed to it, it stays as it
    is: another price is another charge.
    """

    _name = 'billpro.usage.charge'
    _description = "Usage Charge"

    _order = 'name, id'
    _check_company_auto = True
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        index=True,
        default=lambda self: self.env.company,
        ondelete='restrict',
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency',
        required=True,
        default=lambda self: self.env.company.currency_id,
        ondelete='restrict',
    )
    meter_id = fields.Many2one(
        comodel_name='billpro.usage.meter',
        required=True,
        index=True,
        check_company=True,
        ondelete='restrict',
    )
    uom_id = fields.Many2one(related='meter_id.uom_id')
    kind = fields.Selection(
        selection=[
            ('per_unit', "Per unit"),
            ('package', "Per started package"),
            ('graduated', "Graduated tiers"),
            ('volume', "Volume tiers"),
            ('percentage', "Percentage"),
        ],
        default='per_unit',
        required=True,
    )
    unit_price = fields.Float(
        string="Price",
        min_display_digits='Product Price',
        help="Of a unit, or of a package: with all its decimals.",
    )
    package_size = fields.Float(min_display_digits=0, help="How many units a package has.")
    block_size = fields.Float(
        string="Counted in Blocks of",
        min_display_digits=0,
        help="Tiers count started blocks of so many units; 0 to count units.",
    )
    tier_ids = fields.One2many(
        string="Tiers", comodel_name='billpro.usage.tier', inverse_name='charge_id', copy=True
    )
    percent = fields.Float(min_display_digits=0, help="Of what is counted, which is an amount.")
    event_fee = fields.Monetary(string="Fee per Record")
    event_minimum = fields.Monetary(string="At Least per Record")
    event_maximum = fields.Monetary(string="At Most per Record", help="0 for no limit.")
    free_events = fields.Integer(string="Free Records", help="The first ones of each period.")
    allowance = fields.Float(
        string="Included", min_display_digits=0, help="How much of each period costs nothing."
    )
    minimum = fields.Monetary(help="What a whole period costs at least.")
    maximum = fields.Monetary(help="What a whole period costs at most; 0 for no limit.")
    line_ids = fields.One2many(
        string="Order Lines", comodel_name='sale.order.line', inverse_name='billing_charge_id'
    )
    is_agreed = fields.Boolean(compute='_compute_is_agreed', compute_sudo=True)

    @api.depends('line_ids.order_id.billing_status')
    def _compute_is_agreed(self):
        OrderLine = self.env['sale.order.line']
        live = [('order_id.billing_status', 'not in', [*BEFORE_APPROVAL, 'cancelled'])]
        for charge in self:
            own = ('=', charge._origin.id)
            charge.is_agreed = charge._origin and bool(
                OrderLine.search_count([('billing_charge_id', *own), *live], limit=1)
                or self.env['billpro.usage.charge.change'].search_count(
                    [('charge_id', *own)], limit=1
                )
                # What comes late of a period is rated as the period was.
                or self.env['billpro.usage.line'].search_count([('charge_id', *own)], limit=1)
            )

    @api.constrains(
        'kind',
        'unit_price',
        'package_size',
        'block_size',
        'tier_ids',
        'percent',
        'event_fee',
        'event_minimum',
        'event_maximum',
        'free_events',
        'allowance',
        'minimum',
        'maximum',
    )
    def _check_terms(self):
        for charge in self:
            try:
                rules = charge._get_rules()
            except InvalidCharge as error:
                raise ValidationError(charge._describe_problem(error.problem)) from None
            if isinstance(rules, Percentage) and rules.needs_events:
                charge._check_counts_amounts()

    def _check_counts_amounts(self):
        """Check that what is charged for each record has records that add up.

        :raise ValidationError: If the meter counts something else.
        """
        if self.meter_id.aggregation != 'sum':
            raise ValidationError(
                self.env._(
                    "Charge “%(charge)s” looks at each record: meter “%(meter)s” must add their"
                    " quantities up.",
                    charge=self.name,
                    meter=self.meter_id.name,
                )
            )

    def _describe_problem(self, problem):
        """Return what is wrong with the terms.

        :param str problem: See `billing.rating.InvalidCharge`.
        :rtype: str
        """
        problems = {
            'negative': self.env._("prices and quantities can't be negative."),
            'size': self.env._("a package needs a size."),
            'tiers': self.env._("each tier must end after the one before it."),
            'last_tier': self.env._("the last tier has no end, and only that one."),
            'bounds': self.env._("the maximum is less than the minimum."),
            'event_bounds': self.env._("a record would cost less at most than at least."),
        }
        return self.env._(
            "Charge “%(charge)s”: %(problem)s", charge=self.name, problem=problems[problem]
        )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base`: tiers are checked together, when all of them are there."""
        charges = super(
            BillproUsageCharge, self.with_context(billing_charge_written=INSIDE)
        ).create(vals_list)
        return charges.with_env(self.env)

    def write(self, vals):
        """Override of `base`: what a customer has agreed to stays as it is.

        :raise UserError: If it would be changed.
        """
        if vals.keys() - NO_TERMS:
            self._check_is_not_agreed()
        charges = self.with_context(billing_charge_written=INSIDE)
        return super(BillproUsageCharge, charges).write(vals)

    def _check_is_not_agreed(self):
        """Check that no customer has agreed to the charges.

        :raise UserError: If one has.
        """
        for charge in self.filtered('is_agreed'):
            raise UserError(
                self.env._(
                    "Customers have agreed to charge “%s”: it can't be changed any more. Make a"
                    " copy of it.",
                    charge.name,
                )
            )

    def copy_data(self, default=None):
        """Override of `base`: a copy is told from what it was made of."""
        vals_list = super().copy_data(default)
        for charge, vals in zip(self, vals_list, strict=True):
            if 'name' not in (default or {}):
                vals['name'] = self.env._("%s (copy)", charge.name)
        return vals_list

    def _get_rules(self):
        """Return what rates usage by these terms.

        :rtype: billing.rating.Charge
        :raise InvalidCharge: If the terms contradict each other.
        """
        self.ensure_one()
        terms = {
            'allowance': _exact(self.allowance),
            'minimum': _exact(self.minimum),
            'maximum': _exact(self.maximum) or None,
        }
        match self.kind:
            case 'per_unit':
                return PerUnit(unit_price=_exact(self.unit_price), **terms)
            case 'package':
                size = _exact(self.package_size)
                return Package(price=_exact(self.unit_price), size=size, **terms)
            case 'percentage':
                return Percentage(
                    percent=_exact(self.percent),
                    event_fee=_exact(self.event_fee),
                    event_minimum=_exact(self.event_minimum),
                    event_maximum=_exact(self.event_maximum) or None,
                    free_events=self.free_events,
                    **terms,
                )
        tiers = tuple(
            Tier(_exact(tier.up_to) or None, _exact(tier.unit_price), _exact(tier.flat_fee))
            for tier in self.tier_ids
        )
        tiered = Graduated if self.kind == 'graduated' else Volume
        return tiered(tiers=tiers, block=_exact(self.block_size) or None, **terms)

    # === WORDS === #

    def _get_prices(self, order):
        """Return what usage costs, in words.

        :param sale.order order: Whose prices they are.
        :return: Pairs of what it is, empty for all of it, and what it costs.
        :rtype: list[tuple[str, str]]
        """
        self.ensure_one()
        if self.kind in {'graduated', 'volume'}:
            prices = self._get_tier_prices(order)
        else:
            prices = [('', self._get_price(order))]
        bounds = (
            (self.env._("included in each period"), self.allowance, self._format_quantity),
            (self.env._("at least in each period"), self.minimum, self.currency_id.format),
            (self.env._("at most in each period"), self.maximum, self.currency_id.format),
        )
        return prices + [(label, put(value)) for label, value, put in bounds if value]

    def _describe_prices(self, order):
        """Return what usage costs as one text.

        :param sale.order order: Whose prices they are.
        :rtype: str
        """
        return '; '.join(
            f'{label}: {value}' if label else value for label, value in self._get_prices(order)
        )

    def _get_price(self, order):
        """Return the only price.

        :param sale.order order: Whose price it is.
        :rtype: str
        """
        if self.kind == 'percentage':
            return self._get_percentage()
        price = order._billing_format_unit_price(self.unit_price, self.currency_id)
        if self.kind == 'package':
            return self.env._(
                "%(price)s per started %(size)s",
                price=price,
                size=self._format_quantity(self.package_size),
            )
        return self.env._("%(price)s per %(unit)s", price=price, unit=self.uom_id.name)

    def _get_percentage(self):
        """Return what a percentage costs.

        :rtype: str
        """
        fee = self.currency_id.format
        parts = (
            (self.percent, self.env._("%s%%", self._format_number(self.percent))),
            (self.event_fee, self.env._("%s each", fee(self.event_fee))),
            (self.event_minimum, self.env._("at least %s each", fee(self.event_minimum))),
            (self.event_maximum, self.env._("at most %s each", fee(self.event_maximum))),
            (self.free_events, self.env._("the first %s free", self.free_events)),
        )
        return ', '.join(text for value, text in parts if value)

    def _get_tier_prices(self, order):
        """Return the prices of tiers.

        :param sale.order order: Whose prices they are.
        :rtype: list[tuple[str, str]]
        """
        unit = self._format_quantity(self.block_size) if self.block_size else self.uom_id.name
        prices = []
        for tier in self.tier_ids:
            price = self.env._(
                "%(price)s per %(unit)s",
                price=order._billing_format_unit_price(tier.unit_price, self.currency_id),
                unit=unit,
            )
            if tier.flat_fee:
                price = self.env._(
                    "%(price)s and %(fee)s once",
                    price=price,
                    fee=self.currency_id.format(tier.flat_fee),
                )
            prices.append((self._get_tier_label(tier), price))
        return prices

    def _get_tier_label(self, tier):
        """Return which quantities a tier has.

        :param billpro.usage.tier tier: The tier.
        :rtype: str
        """
        if not tier.up_to:
            return (
                self.env._("beyond")
                if self.kind == 'graduated'
                else self.env._("if it is more, for all")
            )
        number = self._format_number(tier.up_to)
        if self.kind == 'graduated':
            return self.env._("up to %s", number)
        return self.env._("if it is up to %s, for all", number)

    def _format_quantity(self, quantity):
        """Return a quantity with its unit.

        :param float|decimal.Decimal quantity: The quantity.
        :rtype: str
        """
        return f'{self._format_number(quantity)} {self.uom_id.name}'

    def _format_number(self, number):
        """Return a number with the decimals that it has.

        :param float|decimal.Decimal number: The number.
        :rtype: str
        """
        decimals = len(f'{number:.{MOST_DECIMALS}f}'.rstrip('0').partition('.')[2])
        return formatLang(self.env, float(number), digits=decimals)


def _exact(value):
    """Return a number of a field as the decimal that was entered.

    :param float value: The number.
    :rtype: decimal.Decimal
    """
    return Decimal(repr(value))
