from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..billing.calendar import local_date
from ..billing.lifecycle import BEFORE_APPROVAL
from .guarded_fields import get_given_names

# Terms that an order takes over from its product as they are.
PRODUCT_TERMS = (
    'billing_interval_count',
    'billing_interval_unit',
    'billing_trial_days',
    'billing_cycles',
    'billing_instalment_count',
)
TERMS = (
    *PRODUCT_TERMS,
    'billing_deposit',
    'billing_initial_amount',
    'billing_end_date',
    'billing_first_date',
)
# What is further away is a slip of the keyboard, and dates end with the year 9999.
MOST_YEARS = 100
LAST_YEAR = 2100
INTERVALS_IN_A_YEAR = {'day': 365, 'week': 52, 'month': 12, 'year': 1}


class SaleOrder(models.Model):
    """How a recurring order is paid: its terms, its card and its schedule."""

    _inherit = 'sale.order'

    billing_interval_count = fields.Integer(
        string="Every",
        compute='_compute_billing_terms',
        store=True,
        readonly=False,
        precompute=True,
    )
    billing_interval_unit = fields.Selection(
        string="Interval",
        selection=[
            ('day', "Days"),
            ('week', "Weeks"),
            ('month', "Months"),
            ('year', "Years"),
        ],
        compute='_compute_billing_terms',
        store=True,
        readonly=False,
        precompute=True,
    )
    billing_trial_days = fields.Integer(
        string="Free Trial (days)",
        compute='_compute_billing_terms',
        store=True,
        readonly=False,
        precompute=True,
    )
    billing_cycles = fields.Integer(
        string="Periods",
        compute='_compute_billing_terms',
        store=True,
        readonly=False,
        precompute=True,
        help="How many periods the subscription runs; 0 until it is cancelled.",
    )
    billing_instalment_count = fields.Integer(
        string="Instalments",
        compute='_compute_billing_terms',
        store=True,
        readonly=False,
        precompute=True,
        help="How many payments follow the deposit.",
    )
    billing_deposit = fields.Monetary(
        string="Deposit",
        compute='_compute_billing_amounts',
        store=True,
        readonly=False,
        help="What is paid at the checkout; 0 registers a card only.",
    )
    billing_initial_amount = fields.Monetary(
        string="Initial Amount",
        compute='_compute_billing_amounts',
        store=True,
        readonly=False,
        help="What is paid at the checkout; 0 registers a card only.",
    )
    billing_first_date = fields.Date(
        string="First Instalment On",
        help="Empty: one interval after the initial payment is approved.",
    )
    billing_end_date = fields.Date(
        string="Runs Until", help="No period begins after this day; empty for no end."
    )
    billing_terms_locked = fields.Boolean(
        compute='_compute_billing_terms_locked', compute_sudo=True
    )
    billing_anchor_date = fields.Date(
        string="Counted From",
        readonly=True,
        copy=False,
        help="The customer's date from which all periods are counted.",
    )
    billing_anchor_number = fields.Integer(
        readonly=True,
        copy=False,
        help="The number of the period that begins on the day all are counted from; not 0 after"
        " staff moved it.",
    )
    billing_period_amount = fields.Monetary(
        string="Changed Amount",
        readonly=True,
        copy=False,
        help="What staff changed the later payments to; 0: what the order's lines add up to.",
    )
    billing_token_id = fields.Many2one(
        string="Selected Card",
        comodel_name='payment.token',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The stored card that the order's payments are charged to.",
    )
    billing_event_ids = fields.One2many(
        string="Schedule",
        comodel_name='billpro.billing.event',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_next_event_id = fields.Many2one(
        string="Next Payment",
        comodel_name='billpro.billing.event',
        compute='_compute_billing_next_event_id',
        compute_sudo=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_next_date = fields.Datetime(
        string="Next Payment On", compute='_compute_billing_next_event_id', compute_sudo=True
    )
    billing_next_amount = fields.Monetary(
        string="Next Amount", compute='_compute_billing_next_event_id', compute_sudo=True
    )
    billing_outstanding = fields.Monetary(
        string="Outstanding",
        compute='_compute_billing_outstanding',
        compute_sudo=True,
        help="Payments that were declined and not collected since.",
    )

    # === COMPUTE METHODS === #

    @api.depends('order_line.product_id')
    def _compute_billing_terms(self):
        """Take the terms of the first product that has the order's purchase type."""
        for order in self:
            product = order._get_recurring_lines()[:1].product_id
            if order.state in {'draft', 'sent'} and product:
                for name in PRODUCT_TERMS:
                    order[name] = product[name]
            else:
                for name in PRODUCT_TERMS:
                    order[name] = order[name]

    @api.depends('order_line.product_id', 'amount_total', 'currency_id')
    def _compute_billing_amounts(self):
        """Take deposit and initial amount of the first product that has the order's type.

        Fixed amounts of a product are in its company's currency, as its price is.
        """
        for order in self:
            product = order._get_recurring_lines()[:1].product_id
            if order.state not in {'draft', 'sent'} or not product:
                order.billing_deposit = order.billing_deposit
                order.billing_initial_amount = order.billing_initial_amount
                continue
            order.update(order._get_product_amounts(product))

    def _get_product_amounts(self, product):
        """Return deposit and initial amount that a product's terms give to the order.

        :param product.product product: The product.
        :return: The values by field, in the currency of the order.
        :rtype: dict
        """
        if product.billing_deposit_type == 'percent':
            deposit = self.amount_total * product.billing_deposit / 100
        else:
            deposit = self._convert_product_amount(product, product.billing_deposit)
        return {
            'billing_deposit': self.currency_id.round(deposit),
            'billing_initial_amount': self._convert_product_amount(
                product, product.billing_initial_amount
            ),
        }

    def _convert_product_amount(self, product, amount):
        """Return an amount of a product's terms in the currency of the order.

        :param product.product product: The product.
        :param float amount: The amount, in the currency of the product.
        :rtype: float
        """
        return product.currency_id._convert(
            amount, self.currency_id, self.company_id, self.date_order or fields.Date.today()
        )

    @api.depends('order_line.product_id.billing_lock_terms')
    def _compute_billing_terms_locked(self):
        for order in self:
            order.billing_terms_locked = any(
                order.order_line.product_id.mapped('billing_lock_terms')
            )

    @api.depends(
        'billing_event_ids.status', 'billing_event_ids.due_date', 'billing_event_ids.amount'
    )
    def _compute_billing_next_event_id(self):
        for order in self:
            event = order.billing_event_ids.filtered(
                lambda event: event.status == 'scheduled'
            ).sorted(lambda event: (event.due_date, event.number))[:1]
            order.billing_next_event_id = event
            order.billing_next_date = event.due_date
            order.billing_next_amount = event.amount

    @api.depends('billing_event_ids.status', 'billing_event_ids.amount')
    def _compute_billing_outstanding(self):
        for order in self:
            order.billing_outstanding = (
                order._get_purchase()._get_outstanding(order) if order.purchase_type else 0
            )

    # === CONSTRAINT METHODS === #

    @api.constrains(*TERMS)
    def _check_billing_terms(self):
        for order in self.filtered('purchase_type'):
            if order.billing_interval_unit and order.billing_interval_count < 1:
                raise ValidationError(
                    self.env._("The interval of order %s must be at least 1.", order.name)
                )
            if any(
                order[name] < 0
                for name in (
                    'billing_trial_days',
                    'billing_cycles',
                    'billing_instalment_count',
                    'billing_deposit',
                    'billing_initial_amount',
                )
            ):
                raise ValidationError(
                    self.env._("The payment terms of order %s can't be negative.", order.name)
                )
            if order._get_years_of_terms() > MOST_YEARS or any(
                order[name] and order[name].year > LAST_YEAR
                for name in ('billing_first_date', 'billing_end_date')
            ):
                raise ValidationError(
                    self.env._(
                        "The payments of order %(order)s would go on for more than %(years)s years,"
                        " or after %(last)s.",
                        order=order.name,
                        years=MOST_YEARS,
                        last=LAST_YEAR,
                    )
                )

    def _get_years_of_terms(self):
        """Return roughly how long the trial and all payments of a limited number take.

        :return: Years.
        :rtype: float
        """
        payments = max(1, self.billing_cycles, self.billing_instalment_count)
        in_a_year = INTERVALS_IN_A_YEAR.get(self.billing_interval_unit, 1)
        return (
            self.billing_trial_days / INTERVALS_IN_A_YEAR['day']
            + payments * self.billing_interval_count / in_a_year
        )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `sale`: new orders have the terms of products that lock them.

        :raise UserError: If somebody else than the system gives an order other terms.
        """
        orders = super().create(vals_list)
        if not self.env.su:
            if 'transaction_ids' in get_given_names(self.env, vals_list):
                orders._check_transactions_are_own()
            orders.filtered('purchase_type')._check_created_fields(vals_list)
            for order in orders.filtered('billing_terms_locked'):
                order._check_terms_of_product()
        return orders

    def _check_terms_of_product(self):
        """Check that the order has the terms of its product, no others.

        :raise UserError: If it has others.
        """
        product = self._get_recurring_lines()[:1].product_id
        if not product:
            return
        amounts = self._get_product_amounts(product)
        if (
            self.billing_end_date
            or self.billing_first_date
            or any(self[name] != product[name] for name in PRODUCT_TERMS)
            or any(self.currency_id.compare_amounts(self[n], amounts[n]) for n in amounts)
        ):
            self._refuse_locked_terms()

    def _refuse_locked_terms(self):
        raise UserError(self.env._("The product locks the payment terms of order %s.", self.name))

    def _check_written_terms(self, vals):
        """Check that the terms of payment among what is written may be changed.

        :param dict vals: What is written.
        :raise UserError: If the terms of an order can't be changed, or not any more.
        """
        if set(TERMS).intersection(vals):
            for order in self:
                order._check_terms_can_be_changed()
        if 'purchase_type' in vals:
            for order in self:
                if order.purchase_type != vals['purchase_type']:
                    order._check_type_can_be_changed()
                    if order.billing_terms_locked and not self.env.su:
                        order._refuse_locked_terms()

    def _check_terms_can_be_changed(self):
        self._check_type_can_be_changed()
        if self.billing_terms_locked and not self.env.su:
            self._refuse_locked_terms()

    def _check_type_can_be_changed(self):
        self._check_no_payment_in_progress()
        if self.purchase_type and self.billing_status not in BEFORE_APPROVAL:
            raise UserError(
                self.env._(
                    "The customer agreed to the payment terms of order %s: they can't be changed"
                    " any more.",
                    self.name,
                )
            )

    # === ACTIONS === #

    def action_open_take_payment(self):
        """Open the dialog that takes or schedules a payment.

        :raise AccessError: If the user may not.
        :raise UserError: If the order's type has no payments besides its schedule.
        """
        self.ensure_one()
        self._check_billing_user()
        if not self.purchase_type or not self._get_purchase()._can_take_payments():
            raise UserError(
                self.env._("Order %s has a schedule: no other payments are taken.", self.name)
            )
        wizard = self.env['billpro.take.payment'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Take a Payment"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    # === PARTS OF THE ORDER === #

    def _get_recurring_lines(self):
        """Return the lines whose products make the order what it is, and give it its terms.

        :rtype: sale.order.line
        """
        self.ensure_one()
        return self.order_line.filtered(
            lambda line: (
                line.product_id.purchase_type
                and line.product_id.purchase_type == self.purchase_type
                and not line._billing_is_reward()
            )
        )

    def _get_period_lines(self):
        """Return the lines that each period charges: those, and what goes with them each time.

        :rtype: sale.order.line
        """
        self.ensure_one()
        recurring_lines = self._get_recurring_lines()
        return self.order_line.filtered(
            lambda line: (
                line in recurring_lines or (line.billing_each_period and not line.display_type)
            )
        )

    def _get_amount_of_lines(self, lines):
        """Return the total of some of the order's lines, as an invoice of them would have it.

        :param sale.order.line lines: Lines of the order.
        :return: The total, taxes included, in the currency of the order.
        :rtype: float
        """
        self.ensure_one()
        AccountTax = self.env['account.tax']
        base_lines = [line._prepare_base_line_for_taxes_computation() for line in lines]
        AccountTax._add_tax_details_in_base_lines(base_lines, self.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, self.company_id)
        totals = AccountTax._get_tax_totals_summary(
            base_lines=base_lines, currency=self.currency_id, company=self.company_id
        )
        return self.currency_id.round(totals['total_amount_currency'])

    # === TIME === #

    def _get_time_zone(self):
        """Return the time zone in which the order's days are counted: the customer's.

        :return: An IANA name.
        :rtype: str
        """
        self.ensure_one()
        return self.partner_id.tz or self.company_id.partner_id.tz or 'UTC'

    def _get_date(self, moment):
        """Return the date of a moment where the customer is.

        :param datetime.datetime moment: The moment in UTC.
        :rtype: datetime.date
        """
        return local_date(moment, self._get_time_zone())

    def _get_today(self):
        """Return today's date where the customer is.

        :rtype: datetime.date
        """
        return self._get_date(fields.Datetime.now())

    def _check_collection_day(self, day):
        """Check that a payment may be collected on a day.

        :param datetime.date day: The day, in the customer's calendar.
        :raise UserError: If it has passed.
        """
        self.ensure_one()
        if not day or day < self._get_today():
            raise UserError(self.env._("Choose today or a later day."))
