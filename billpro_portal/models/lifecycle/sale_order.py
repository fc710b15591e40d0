from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, email_normalize_all, format_date, formatLang
from odoo.tools.sql import column_exists, create_column

from ...billing.actions import (
    OF_SUCCESSION,
    UNLESS_PAID_OTHERWISE,
    OrderAction,
    OrderFacts,
    OrderRefusal,
    order_actions,
    refuse_order_action,
)
from ...billing.calendar import (
    count_intervals,
    find_shortest_interval,
    is_same_interval,
    local_date,
)
from ...billing.lifecycle import (
    COLLECTABLE_ORDERS,
    DECLINED,
    FINAL,
    IN_FLIGHT,
    LIVE,
    OPEN,
    ORDER_LEVELS,
    PAID,
    TransitionRefused,
    next_order_status,
)
from ..rights.guarded_fields import get_given_names
from .product_template import INTERVAL_UNITS

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
    'billing_usage_cap',
)
# What is further away is a slip of the keyboard, and dates end with the year 9999.
MOST_YEARS = 100
LAST_YEAR = 2100
INTERVALS_IN_A_YEAR = {'day': 365, 'week': 52, 'month': 12, 'year': 1}
# What is due is collected within minutes; later it is overdue.
OVERDUE_AFTER = timedelta(hours=1)
# What unit prices are shown with at most.
UNIT_PRICE_DECIMALS = 10


class SaleOrder(models.Model):
    """An order with a purchase type: its terms, its billing status and its payments.

    Orders without a purchase type are plain Odoo orders and stay as they are.
    """

    _name = 'sale.order'
    _inherit = ['sale.order', 'billpro.purchase.features']

    purchase_type = fields.Selection(
        selection='_billing_selection_purchase_type',
        compute='_compute_billing_purchase_type',
        store=True,
        readonly=False,
        precompute=True,
        index='btree_not_null',
        tracking=True,
        help="How the customer pays. Follows the products; leave empty for an ordinary sale.",
    )
    billing_status = fields.Selection(
        selection=[
            ('draft', "Draft"),
            ('pending', "Pending"),
            ('rejected', "Rejected"),
            ('cancelled', "Cancelled"),
            ('active', "Active"),
            ('failed', "Failed"),
            ('suspended', "Suspended"),
            ('paused', "Paused"),
            ('review', "Review"),
            ('complete', "Complete"),
        ],
        default='draft',
        required=True,
        readonly=True,
        copy=False,
        index=True,
        group_expand='_group_expand_billing_status',
    )
    billing_status_level = fields.Char(compute='_compute_billing_status_level')
    billing_transaction_ids = fields.One2many(
        string="Billing Payments",
        comodel_name='payment.transaction',
        inverse_name='billing_order_id',
        readonly=True,
        groups='billpro_portal.group_billing_user,account.group_account_invoice,base.group_system',
    )
    billing_move_ids = fields.One2many(
        string="Billing Invoices",
        comodel_name='account.move',
        inverse_name='billing_order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly,'
        'account.group_account_invoice',
    )
    billing_consent_ids = fields.One2many(
        string="Consents",
        comodel_name='billpro.consent',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_notification_ids = fields.One2many(
        string="Notices",
        comodel_name='billpro.notification',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_interval_count = fields.Integer(
        string="Every",
        compute='_compute_billing_terms',
        store=True,
        readonly=False,
        precompute=True,
    )
    billing_interval_unit = fields.Selection(
        string="Interval",
        selection=INTERVAL_UNITS,
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
    billing_ended_date = fields.Datetime(
        string="Ended On", readonly=True, copy=False, help="When its billing status became final."
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
        string="Charged To",
        comodel_name='payment.token',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The stored card, or other way to pay, that the order's payments are charged to.",
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
    billing_predecessor_id = fields.Many2one(
        string="Goes On With",
        comodel_name='sale.order',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The order that this one renews or takes over, once its customer agrees to it.",
    )
    billing_successor_ids = fields.One2many(
        string="Gone On With By",
        comodel_name='sale.order',
        inverse_name='billing_predecessor_id',
        readonly=True,
    )
    billing_can_change_terms = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_change_type = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_offer = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_give_link = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_copy_link = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_remind = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_cancel_unpaid = fields.Boolean(
        compute='_compute_billing_actions', compute_sudo=True
    )
    billing_can_charge_card = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_change_card = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_take_payment = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_pause = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_resume = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_cancel = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_change_plan = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_adjust = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_pay_early = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_undo_cancellation = fields.Boolean(
        compute='_compute_billing_actions', compute_sudo=True
    )
    billing_can_continue = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_hand_over = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_can_complete = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_is_paused = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)
    billing_is_suspended = fields.Boolean(compute='_compute_billing_actions', compute_sudo=True)

    def _auto_init(self):
        """Override of `base`: installing the addon leaves the orders that there are untouched.

        None of them has a purchase type yet, so there is nothing to store. Odoo would compute it
        order by order, and note that as a change of each; and it would write the first status into
        each row, while nobody could sell.
        """
        if not column_exists(self.env.cr, self._table, 'purchase_type'):
            for field in self._fields.values():
                if field._module == 'billpro_portal' and field.compute and field.store:
                    column_type = field.column_type[1]
                    create_column(self.env.cr, self._table, field.name, column_type, field.string)
            # The value of rows that were there before, which PostgreSQL keeps for all of them at
            # once; Odoo itself gives it to new orders.
            status = self._fields['billing_status']
            column_type = f"{status.column_type[1]} DEFAULT 'draft'"
            create_column(self.env.cr, self._table, status.name, column_type, status.string)
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
                    SQL.identifier(self._table),
                    SQL.identifier(status.name),
                )
            )
        return super()._auto_init()

    @api.model
    def _billing_selection_purchase_type(self):
        return self.env['billpro.purchase.type']._get_selection()

    # === COMPUTE METHODS === #

    @api.depends('order_line.product_id')
    def _compute_billing_purchase_type(self):
        """Follow the products while the order is a quotation.

        A product whose type is changed later doesn't change the orders that exist.
        """
        purchase_types = self.env['billpro.purchase.type']
        for order in self:
            purchase_type = purchase_types._get_type_of_products(order.order_line.product_id)
            if order.state in {'draft', 'sent'} and purchase_type:
                order.purchase_type = purchase_type
            else:
                order.purchase_type = order.purchase_type

    @api.model
    def _billing_get_total_fields(self):
        """Return the stored totals of payments.

        :rtype: list[odoo.fields.Field]
        """
        names = ('paid', 'refunded', 'credited', 'skipped', 'balance')
        return [self._fields[f'billing_{name}'] for name in names]

    def _billing_mark_totals_to_compute(self):
        """Have the totals computed that the charge run left as they were."""
        for field in self._billing_get_total_fields():
            self.env.add_to_compute(field, self)

    @api.depends('order_line.product_id')
    def _compute_billing_terms(self):
        """Take the terms of the product that gives them to the order."""
        for order in self:
            product = order._billing_get_product_of_terms()
            if order.state in {'draft', 'sent'} and product:
                for name in PRODUCT_TERMS:
                    order[name] = product[name]
            else:
                for name in PRODUCT_TERMS:
                    order[name] = order[name]

    @api.depends('order_line.product_id', 'amount_total', 'currency_id')
    def _compute_billing_amounts(self):
        """Take deposit and initial amount of the product that gives the order its terms.

        Fixed amounts of a product are in its company's currency, as its price is.
        """
        for order in self:
            product = order._billing_get_product_of_terms()
            if order.state not in {'draft', 'sent'} or not product:
                order.billing_deposit = order.billing_deposit
                order.billing_initial_amount = order.billing_initial_amount
                continue
            order.update(order._billing_get_product_amounts(product))

    def _billing_get_product_amounts(self, product):
        """Return deposit and initial amount that a product's terms give to the order.

        :param product.product product: The product.
        :return: The values by field, in the currency of the order.
        :rtype: dict
        """
        if product.billing_deposit_type == 'percent':
            deposit = self.amount_total * product.billing_deposit / 100
        else:
            deposit = self._billing_convert_product_amount(product, product.billing_deposit)
        return {
            'billing_deposit': self.currency_id.round(deposit),
            'billing_initial_amount': self._billing_convert_product_amount(
                product, product.billing_initial_amount
            ),
        }

    def _billing_convert_product_amount(self, product, amount):
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

    @api.depends('billing_status')
    def _compute_billing_status_level(self):
        for order in self:
            order.billing_status_level = ORDER_LEVELS[order.billing_status]

    # === WHAT MAY BE DONE === #

    @api.depends(
        'purchase_type',
        'state',
        'billing_status',
        'billing_terms_locked',
        'billing_token_id',
        'billing_cancel_date',
        'billing_authorization_id',
        'billing_other_payments_hold',
        'billing_event_ids.status',
        'billing_predecessor_id',
        'billing_successor_ids.billing_status',
    )
    def _compute_billing_actions(self):
        for order in self:
            possible = order_actions(order._get_billing_facts())
            for action in OrderAction:
                order[f'billing_can_{action.value}'] = action in possible
            order.billing_is_paused = order.billing_status == 'paused'
            order.billing_is_suspended = order.billing_status == 'suspended'

    def _get_billing_facts(self, with_other_payments=True, with_succession=True):
        """Return what decides about what may be done with the order.

        :param bool with_other_payments: Whether to look for payments by other ways than its link.
        :param bool with_succession: Whether to look for orders that go on with it.
        :rtype: billing.actions.OrderFacts
        """
        self.ensure_one()
        cancel_date = self.billing_cancel_date
        purchase = self._get_purchase() if self.purchase_type else None
        return OrderFacts(
            status=self.billing_status,
            capabilities=None if purchase is None else purchase._get_capabilities(self),
            is_quotation=self.state in {'draft', 'sent'},
            is_sale_cancelled=self.state == 'cancel',
            is_locked=self.billing_terms_locked,
            is_paid_otherwise=with_other_payments and bool(self.billing_other_payments_hold),
            has_card=bool(self.billing_token_id),
            has_reserved=self.billing_authorization_id.state == 'authorized',
            is_cancelled=bool(cancel_date),
            is_cancelled_ahead=bool(cancel_date) and cancel_date >= self._billing_get_today(),
            is_billed_after_end=bool(cancel_date) and not self._billing_is_collection_over(),
            is_last_period=with_succession
            and not set(self.billing_event_ids.mapped('status')) & OPEN,
            is_succeeded=with_succession and bool(self._billing_get_successors()),
            is_successor=bool(self.billing_predecessor_id),
        )

    def _get_billing_refusal_of(self, action):
        """Return why something may not be done with the order now, whoever asks.

        :param billing.actions.OrderAction action: What is to be done.
        :return: The reason, whose words are those of the caller; None if it may be done.
        :rtype: billing.actions.OrderRefusal|None
        """
        order = self.sudo()
        asks_for_payments = action in UNLESS_PAID_OTHERWISE
        if asks_for_payments:
            # They leave no trace on the order that would have it computed anew.
            order.invalidate_recordset(['billing_other_payments_hold'], flush=False)
        facts = order._get_billing_facts(asks_for_payments, action in OF_SUCCESSION)
        return refuse_order_action(action, facts)

    def _billing_describe_refusal(self, refusal):
        """Return in words what the order has against something that staff want to do with it.

        :param billing.actions.OrderRefusal refusal: The reason.
        :rtype: str
        """
        self.ensure_one()
        if refusal in {OrderRefusal.ORDINARY, OrderRefusal.TYPE}:
            return self.env._("it isn't that kind of order.")
        if refusal is OrderRefusal.CANCELLED:
            return self.env._("it is cancelled already.")
        if refusal is OrderRefusal.SUCCEEDED:
            names = ', '.join(self.sudo()._billing_get_successors().mapped('name'))
            return self.env._(
                "order %s goes on with it, or waits for the customer to agree.", names
            )
        if refusal is OrderRefusal.GOES_ON:
            return self.env._("it goes on by itself; “Adjust” gives it another end.")
        if refusal is OrderRefusal.NOTHING_LEFT:
            return self.env._("no payment of it is to come any more.")
        return self.env._("its billing status is “%s”.", self._get_billing_status_label())

    # === CONSTRAINT METHODS === #

    @api.constrains('order_line', 'purchase_type')
    def _check_billing_purchase_types_not_mixed(self):
        purchase_types = self.env['billpro.purchase.type']
        labels = dict(self._billing_selection_purchase_type())
        for order in self.filtered(lambda order: order.state in {'draft', 'sent'}):
            lines = order.order_line.filtered('product_id.purchase_type')
            if not lines:
                continue
            purchase_type = purchase_types._get_type_of_products(lines.product_id)
            if not purchase_type:
                first = lines[0].product_id
                second = next(
                    product
                    for product in lines.product_id
                    if not purchase_types._get_type_of_products(first | product)
                )
                raise ValidationError(
                    self.env._(
                        "One order can't mix purchase types: “%(first)s” is sold as"
                        " %(first_type)s, “%(second)s” as %(second_type)s. Make one order for"
                        " each.",
                        first=first.display_name,
                        first_type=labels[first.purchase_type],
                        second=second.display_name,
                        second_type=labels[second.purchase_type],
                    )
                )
            if order.purchase_type != purchase_type:
                product = lines.product_id.filtered(
                    lambda product, purchase_type=purchase_type: (
                        product.purchase_type == purchase_type
                    )
                )[0]
                raise ValidationError(
                    self.env._(
                        "The purchase type of order %(order)s must be that of its products:"
                        " “%(product)s” is sold as %(type)s.",
                        order=order.name,
                        product=product.display_name,
                        type=labels[purchase_type],
                    )
                )

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
                    'billing_usage_cap',
                )
            ):
                raise ValidationError(
                    self.env._("The payment terms of order %s can't be negative.", order.name)
                )
            if order._billing_get_years_of_terms() > MOST_YEARS or any(
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

    def _billing_get_years_of_terms(self):
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
                orders._check_billing_transactions_are_own()
            orders.filtered('purchase_type')._check_billing_created_fields(vals_list)
            for order in orders.filtered('billing_terms_locked'):
                order._check_billing_terms_of_product()
        return orders

    def _check_billing_terms_of_product(self):
        """Check that the order has the terms of its product, no others.

        :raise UserError: If it has others.
        """
        product = self._billing_get_product_of_terms()
        if not product:
            return
        amounts = self._billing_get_product_amounts(product)
        if (
            self.billing_end_date
            or self.billing_first_date
            or any(self[name] != product[name] for name in PRODUCT_TERMS)
            or any(self.currency_id.compare_amounts(self[n], amounts[n]) for n in amounts)
        ):
            self._billing_refuse_locked_terms()

    def _billing_refuse_locked_terms(self):
        raise UserError(self.env._("The product locks the payment terms of order %s.", self.name))

    # === STATUS === #

    def _get_purchase(self):
        """Return the model of the order's purchase type.

        :rtype: billpro.purchase.type
        """
        self.ensure_one()
        return self.env['billpro.purchase.type']._get_types()[self.purchase_type]

    def _apply_billing_trigger(self, trigger, reason):
        """Move the orders through the status table and log it. Nothing else writes a status.

        :param str trigger: A trigger of `billing.lifecycle.ORDER_TRANSITIONS`.
        :param str reason: Why, as a sentence for the chatter.
        :raise UserError: If the table has no such transition for the status of an order.
        """
        self.check_access('write')
        labels = dict(self._fields['billing_status']._description_selection(self.env))
        for order in self:
            status = order.billing_status
            try:
                new_status = next_order_status(status, trigger)
            except TransitionRefused:
                raise UserError(
                    order.env._(
                        "This is not possible for order %(order)s: its billing status is"
                        " “%(status)s”.",
                        order=order.name,
                        status=labels[status],
                    )
                ) from None
            if new_status == status:
                order._message_log(body=reason)
                continue
            order.sudo().billing_status = new_status
            if new_status in FINAL:
                order.sudo().billing_ended_date = fields.Datetime.now()
            if status == 'draft':
                order._portal_ensure_token()  # From now on the link is shown to who only reads.
            order._billing_note_suspension(was_suspended=status == 'suspended', reason=reason)
            order._message_log(
                body=order.env._(
                    "%(reason)s Billing status: %(old)s → %(new)s.",
                    reason=reason,
                    old=labels[status],
                    new=labels[new_status],
                )
            )

    def _billing_follow_payments(self):
        """Move orders through the status table by the state of their payments."""
        for order in self:
            purchase = order._get_purchase()
            if order.billing_cancel_date:
                order._billing_finish_cancellation()
            if order._billing_is_collection_over() and not order.billing_owes_arrears:
                continue
            if order.billing_status not in {*COLLECTABLE_ORDERS, 'review'}:
                continue
            trigger = purchase._get_event_trigger(order)
            if trigger and next_order_status(order.billing_status, trigger) != order.billing_status:
                reason = (
                    purchase._get_review_reason(order)
                    if trigger == 'review'
                    else order._billing_describe_last_payment()
                )
                order._apply_billing_trigger(trigger, reason)

    def _billing_describe_last_payment(self):
        """Return which payment the order's status follows, and how that one stands.

        :rtype: str
        """
        events = self.billing_event_ids
        # The one that was declined may have been cancelled or skipped since.
        last = (events.filtered(lambda e: e.status in PAID | DECLINED) or events)[-1:]
        return self.env._(
            "Payment %(event)s: %(status)s.",
            event=last.display_name,
            status=last._get_status_label(),
        )

    def _get_billing_status_label(self):
        """Return the order's billing status as staff read it.

        :rtype: str
        """
        self.ensure_one()
        return dict(self._fields['billing_status']._description_selection(self.env))[
            self.billing_status
        ]

    def _lock_billing(self):
        """Lock the orders against everything else that moves money or changes their status.

        And those that they go on with, which end by them.
        """
        self.env['billpro.own.transaction']._lock_rows(self | self.sudo().billing_predecessor_id)

    # === SUCCESSION === #

    def _billing_get_successors(self):
        """Return the orders that go on with this one, or do once their customers agree.

        :rtype: sale.order
        """
        return self.billing_successor_ids.filtered(lambda one: one.billing_status != 'cancelled')

    def _billing_is_taken_over(self):
        """Return whether another order goes on already with what this one is to go on with.

        :rtype: bool
        """
        others = self.billing_predecessor_id.billing_successor_ids - self
        return bool(others.filtered(lambda one: one.billing_status in LIVE | {'complete'}))

    def _billing_get_day_after_paid(self):
        """Return the first day that an order which goes on with this one is paid for.

        :return: The day after what is paid; None if that is over, and it begins at once.
        :rtype: datetime.date|None
        """
        self.ensure_one()
        if not self._billing_goes_on():
            return None
        day = self._get_purchase()._get_paid_until(self) + timedelta(days=1)
        return day if day > self._billing_get_today() else None

    def _billing_goes_on(self):
        """Return whether the order is live, and not only for what is owed on it.

        :rtype: bool
        """
        self.ensure_one()
        last_day = self.billing_cancel_date
        return self.billing_status in LIVE and not (
            last_day and last_day < self._billing_get_today()
        )

    # === OVERRIDES OF SALE === #

    @api.model
    def _billing_log_notes(self, notes):
        """Log notes on orders, many at once.

        :param list notes: Pairs of order and body; an order may have several.
        """
        rounds = []
        for order, body in notes:
            bodies = next((bodies for bodies in rounds if order.id not in bodies), None)
            if bodies is None:
                bodies = {}
                rounds.append(bodies)
            bodies[order.id] = body
        for bodies in rounds:
            self.browse(bodies)._message_log_batch(bodies=bodies)

    def _billing_has_followers_of_notes(self):
        """Return whether somebody follows the order down to its internal notes.

        :rtype: bool
        """
        self.ensure_one()
        note_id = self.env['ir.model.data']._xmlid_to_res_id('mail.mt_note')
        return note_id in self.sudo().message_follower_ids.subtype_ids.ids

    # === CONTACT === #

    def _get_payment_contact(self):
        """Return whom mails about payments are for.

        :return: The invoice address if mail reaches it, else the order's contact; empty without an
                 order, as templates are rendered for payments of any kind.
        :rtype: res.partner
        """
        payer = self.partner_invoice_id
        return payer if email_normalize_all(payer.email) else self.partner_id

    # === ADDED LINES === #

    def _billing_get_added_lines(self):
        """Return the lines that no period charges, and that no payment has been found for yet.

        What somebody has invoiced by hand needs none.

        :rtype: sale.order.line
        """
        self.ensure_one()
        added = self.order_line.filtered(
            lambda line: (
                line.billing_is_added
                and not line.billing_event_id
                and not line.display_type
                and not line.is_downpayment
                and not line._billing_is_on_invoice()
            )
        )
        return added - self._billing_get_period_lines() if added else added

    # === CANCELLATION === #

    def _billing_finish_cancellation(self):
        """Drop the payments of a cancelled subscription, and end it when its last day has passed.

        The caller holds the lock. A payment that was on its way extends the access by its period.
        What was used is billed and collected all the same; the order ends when that is done.
        """
        self.ensure_one()
        if self.billing_status not in LIVE:
            return
        events = self.billing_event_ids.filtered(lambda event: event.status in OPEN)
        if self._get_purchase()._is_billed_after_end(self):
            if not events and self._billing_is_usage_billed():
                self._apply_billing_trigger(
                    'complete', self.env._("The cancelled order ended, and its usage is paid.")
                )
            return
        # What was owed was sorted out when it was cancelled: all that is open since is.
        left = events if self.billing_owes_arrears else self._billing_drop_payments()
        requested = self.billing_cancel_requested_date
        paid_since = self.billing_event_ids.filtered(
            lambda event: event.status in PAID and event.completed_date >= requested
        )
        if paid_since.filtered('period_end'):
            self.billing_cancel_date = max(
                self.billing_cancel_date, *paid_since._get_last_days_charged()
            )
        if not left and self.billing_cancel_date < self._billing_get_today():
            self._apply_billing_trigger('complete', self.env._("The cancelled subscription ended."))

    def _billing_drop_payments(self, kept=None):
        """Drop the open payments of a cancelled subscription, but for those that are on their way.

        :param billpro.billing.event kept: What is owed all the same.
        :return: Those that are left.
        :rtype: billpro.billing.event
        """
        self.ensure_one()
        events = self.billing_event_ids.filtered(lambda event: event.status in OPEN)
        left = events.filtered(lambda event: event.status in IN_FLIGHT or event in (kept or ()))
        dropped = events - left
        dropped._apply_trigger('cancel')
        dropped._discard_draft_invoices()
        dropped._release_sources('cancel')
        return left

    def _billing_is_collection_over(self):
        """Return whether the order is cancelled, and nothing more is collected for it.

        :rtype: bool
        """
        self.ensure_one()
        if not self.billing_cancel_date or self._get_purchase()._is_billed_after_end(self):
            return False
        return not self.billing_owes_arrears or not any(
            event.status in OPEN for event in self.billing_event_ids
        )

    def _billing_is_usage_billed(self):
        """Return whether the last period is closed in which usage of a cancelled order may come.

        :rtype: bool
        """
        self.ensure_one()
        periods = self.billing_usage_period_ids
        return bool(periods) and set(periods.mapped('state')) == {'closed'}

    # === CONFIRMATION === #

    def _billing_is_being_confirmed(self):
        """Return whether the payment of the order is what confirms it now.

        :rtype: bool
        """
        self.ensure_one()
        return self.id in self.env.cr.precommit.data.get('billing_confirmed_orders', ())

    # === INTERVALS === #

    @api.constrains('order_line', 'purchase_type')
    def _check_billing_one_interval(self):
        """Check quotations as a whole; products whose interval is changed later change no sale."""
        for order in self.filtered(
            lambda order: (
                order.purchase_type
                and order.state in {'draft', 'sent'}
                and not order._billing_is_being_confirmed()
            )
        ):
            products = order._billing_get_lines_with_interval().product_id
            if refusal := order._get_purchase()._get_refusal_of_intervals(products):
                raise ValidationError(refusal)

    def _billing_get_product_of_terms(self):
        """Return the product that gives the order its terms, the one that is charged most often.

        :return: The first such product of the order's purchase type; none if it has none.
        :rtype: product.product
        """
        self.ensure_one()
        products = self._get_recurring_lines().product_id
        if len(products) < 2 or not self._get_purchase()._bills_longer_lines:
            return products[:1]
        products = self._billing_get_lines_with_interval().product_id or products
        intervals = [(p.billing_interval_count, p.billing_interval_unit) for p in products]
        return products[find_shortest_interval(intervals)]

    def _billing_count_periods_of_lines(self):
        """Return in every how many periods the products with longer intervals are charged.

        :return: The numbers by line, of the lines that not each period charges; none while the
                 intervals don't fit together.
        :rtype: dict[sale.order.line, int]
        """
        self.ensure_one()
        if not self.purchase_type or not self._get_purchase()._bills_longer_lines:
            return {}
        purchase = self._get_purchase()
        shortest = purchase._get_interval(self._billing_get_product_of_terms())
        lines = self._billing_get_lines_with_interval()
        times = {
            line: count_intervals(purchase._get_interval(line.product_id), shortest)
            for line in lines
        }
        return {line: count for line, count in times.items() if count > 1}

    def _billing_get_refusal_of_longer_intervals(self):
        """Return why the order can't be sold with the intervals that its lines have.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        purchase, times = self._get_purchase(), self._billing_count_periods_of_lines()
        for line in self._billing_get_lines_with_interval():
            if line.billing_every_periods != times.get(line, 0):
                return self.env._(
                    "“%(product)s” is charged %(interval)s now, which it wasn't when it was added"
                    " to order %(order)s. Remove it, and add it anew.",
                    product=line.product_id.display_name,
                    interval=purchase._get_interval_text(line.product_id),
                    order=self.name,
                )
        product = self._billing_get_product_of_terms()
        intervals = purchase._get_interval(self), purchase._get_interval(product)
        return (
            bool(times)
            and not is_same_interval(*intervals)
            and self.env._(
                "Products of order %(order)s have longer intervals than “%(product)s”: it recurs as"
                " that one does, %(interval)s.",
                order=self.name,
                product=product.display_name,
                interval=purchase._get_interval_text(product),
            )
        )

    def _billing_get_lines_with_interval(self):
        """Return the lines whose products have the order's interval: not the parts of a combo.

        :rtype: sale.order.line
        """
        return self._get_recurring_lines().filtered(lambda line: not line.combo_item_id)

    def _confirmation_error_message(self):
        """Override of `sale`: the interval of a product may have been changed since it was added.

        What is paid is confirmed, though.
        """
        message = super()._confirmation_error_message()
        if message or not self.purchase_type or self._billing_is_being_confirmed():
            return message
        products = self._billing_get_lines_with_interval().product_id
        return (
            self._get_purchase()._get_refusal_of_intervals(products)
            or self._billing_get_refusal_of_longer_intervals()
        )

    # === ORDER LINK === #

    def _billing_get_order_link(self, suffix=''):
        """Return the relative URL of one of the order's pages, with the order's token.

        :param str suffix: The path below the order, for example `/success`.
        :rtype: str
        """
        self.ensure_one()
        return self.get_portal_url(suffix=suffix)

    def _portal_ensure_token(self):
        """Override of `portal`: whoever may have a link made needn't be able to read the token."""
        is_readable = self._has_field_access(self._fields['access_token'], 'read')
        order = self if is_readable else self.sudo()
        return super(SaleOrder, order)._portal_ensure_token()

    def get_portal_url(
        self, suffix=None, report_type=None, download=None, query_string=None, anchor=None
    ):
        """Override of `portal`: the address without the token for who may not read the link.

        :raise AccessError: If the user may not read the order.
        """
        token = self._fields['access_token']
        if (
            self.purchase_type  # Checks that the order may be read.
            and self.env.user._is_internal()
            and not self._has_field_access(token, 'read')
        ):
            return f'{self.access_url}{suffix or ""}'
        return super().get_portal_url(
            suffix=suffix,
            report_type=report_type,
            download=download,
            query_string=query_string,
            anchor=anchor,
        )

    # === WHAT ALL SHOW === #

    @api.model
    def _billing_format_unit_price(self, price, currency):
        """Return a unit price in words: of one below the minor unit all that there is of it.

        :param float price: The price.
        :param res.currency currency: Its currency.
        :rtype: str
        """
        decimals = len(f'{price:.{UNIT_PRICE_DECIMALS}f}'.rstrip('0').partition('.')[2])
        shown = currency.round(price)
        if decimals <= currency.decimal_places or abs(price - shown) <= abs(price) / 1000:
            return currency.format(price)
        text = formatLang(self.env, price, digits=decimals)
        if currency.position == 'before':
            return f'{currency.symbol}\N{NO-BREAK SPACE}{text}'
        return f'{text}\N{NO-BREAK SPACE}{currency.symbol}'

    def _billing_format_percentage(self, percentage):
        """Return a percentage in words, with the decimals that it has: two at most.

        :param float percentage: The percentage.
        :rtype: str
        """
        decimals = len(f'{percentage:.2f}'.rstrip('0').partition('.')[2])
        return formatLang(self.env, percentage, digits=decimals)

    def _get_due_date_text(self, event):
        return self._billing_get_date_text(event.due_date)

    def _billing_get_date_text(self, moment):
        """Return the customer's date of a moment, in their language.

        :param datetime.datetime|bool moment: The moment in UTC, if there is one.
        :rtype: str
        """
        if not moment:
            return ''
        return format_date(self.env, self._billing_get_date(moment), date_format='long')

    # === WHAT IS OWED === #

    def _billing_get_outstanding_events(self):
        """Return the payments that were declined or are overdue, or that only the customer starts.

        What a change would cost isn't owed, nor what is paid before its day.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        overdue = fields.Datetime.now() - OVERDUE_AFTER
        return self.billing_event_ids.filtered(
            lambda event: (
                (event.status in DECLINED and not event._is_optional())
                or (
                    event.status == 'scheduled'
                    # What is above what was agreed to waits for the customer.
                    and (event.due_date <= overdue or event.is_above_cap)
                )
            )
        )

    # === SUSPENSION === #

    def _billing_note_suspension(self, was_suspended, reason):
        """Ask staff to look after an order that is suspended, as long as it is.

        :param bool was_suspended: Whether it was suspended before.
        :param str reason: Why its status has changed.
        """
        self.ensure_one()
        if self.billing_status == 'suspended':
            self.billing_suspended_date = fields.Datetime.now()
            self._billing_ask_staff(
                'suspended', self.env._("Order suspended: %s", self.name), reason
            )
        elif was_suspended:
            self._billing_withdraw_question('suspended')

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

    def _billing_get_period_lines(self):
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

    def _billing_get_longer_lines(self):
        """Return the lines whose intervals are longer than the order's: not each period has them.

        Optional ones that were not chosen are none.

        :rtype: sale.order.line
        """
        self.ensure_one()
        return self._billing_get_period_lines().filtered(
            lambda line: line.billing_every_periods > 1 and line.product_uom_qty
        )

    def _billing_get_refusal_with_longer_lines(self):
        """Return why an order can't be changed whose lines have several intervals.

        :return: The reason, or False if it has one interval.
        :rtype: str|bool
        """
        longer = self._billing_get_longer_lines()
        return bool(longer) and self.env._(
            "“%(product)s” is charged %(interval)s, and not with each payment of order %(order)s:"
            " this can't be changed. Cancel it, and make another order.",
            product=longer[0].product_id.display_name,
            interval=self._get_purchase()._get_interval_text_of_line(longer[0]),
            order=self.name,
        )

    def _billing_get_longer_lines_due(self, number, event=None):
        """Return the lines with longer intervals that a period charges.

        One is due so many periods after the one that charged it last. If that wasn't charged, as
        the order was paused, it is due in the next one that is; its interval begins there.

        :param int number: The number of the period, from 0.
        :param billpro.billing.event event: The payment of the period, if there is one already.
        :rtype: sale.order.line
        """
        longer = self._billing_get_longer_lines()
        if not longer:
            return longer
        charged = dict.fromkeys(longer, None if self.billing_trial_days else 0)
        for other in self.billing_event_ids.sorted('number'):
            if (
                other != event
                and 0 < other.number <= number
                and other.status not in {'skipped', 'cancelled'}
            ):
                charged |= dict.fromkeys(other.longer_line_ids & longer, other.number - 1)
        return longer.filtered(
            lambda line: (
                charged[line] is None or number >= charged[line] + line.billing_every_periods
            )
        )

    def _billing_get_amount_of_lines(self, lines):
        """Return the total of some of the order's lines, as an invoice of them would have it.

        :param sale.order.line lines: Lines of the order.
        :return: The total, taxes included, in the currency of the order.
        :rtype: float
        """
        self.ensure_one()
        return self._billing_get_totals_of(
            [line._prepare_base_line_for_taxes_computation() for line in lines]
        )[1]

    def _billing_get_totals_of(self, base_lines):
        """Return the totals of lines, as an invoice of them would have them.

        :param list[dict] base_lines: Lines for Odoo's computation of taxes.
        :return: Without and with taxes, in the currency of the order.
        :rtype: tuple[float, float]
        """
        self.ensure_one()
        AccountTax = self.env['account.tax']
        AccountTax._add_tax_details_in_base_lines(base_lines, self.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, self.company_id)
        totals = AccountTax._get_tax_totals_summary(
            base_lines=base_lines, currency=self.currency_id, company=self.company_id
        )
        return (
            self.currency_id.round(totals['base_amount_currency']),
            self.currency_id.round(totals['total_amount_currency']),
        )

    # === TIME === #

    def _get_time_zone(self):
        """Return the time zone in which the order's days are counted: the customer's.

        :return: An IANA name.
        :rtype: str
        """
        self.ensure_one()
        return self.partner_id.tz or self.company_id.partner_id.tz or 'UTC'

    def _billing_get_date(self, moment):
        """Return the date of a moment where the customer is.

        :param datetime.datetime moment: The moment in UTC.
        :rtype: datetime.date
        """
        return local_date(moment, self._get_time_zone())

    def _billing_get_today(self):
        """Return today's date where the customer is.

        :rtype: datetime.date
        """
        return self._billing_get_date(fields.Datetime.now())

    def _check_billing_collection_day(self, day):
        """Check that a payment may be collected on a day.

        :param datetime.date day: The day, in the customer's calendar.
        :raise UserError: If it has passed.
        """
        self.ensure_one()
        if not day or day < self._billing_get_today():
            raise UserError(self.env._("Choose today or a later day."))
