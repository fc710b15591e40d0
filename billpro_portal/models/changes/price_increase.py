import time
from decimal import Decimal
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_date

from ...billing.calendar import due_datetime
from ...billing.lifecycle import LIVE, OPEN
from ...billing.payment_methods import get_notice_days
from ...billing.price_increase import day_to_tell, earliest_day, raise_price
from ..rights.own_context import INSIDE

# So many orders are committed together. Each that fails is done once more by itself.
BATCH_SIZE = 100
# After which time the charge run goes on, and leaves the other prices to the next one.
SECONDS_FOR_PRICES = 120


class BillproPriceIncrease(models.Model):
    """A higher price of a product for many live subscriptions, which customers are told of before.

    It shows what it comes to before anybody is told. Once it is confirmed a job plans a change for
    each order and queues its notice, in one transaction: nobody is told twice, whatever breaks off.
    What is planned counts from a period's first day on, as planned changes of plans do.
    """

    _name = 'billpro.price.increase'
    _inherit = ['billpro.own.fields']
    _description = "Price Increase"

    _order = 'id desc'
    _check_company_auto = True
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
    )
    product_ids = fields.Many2many(
        string="Products",
        comodel_name='product.product',
        relation='billpro_price_increase_product_rel',
        domain="[('purchase_type', '!=', False)]",
        check_company=True,
    )
    chosen_order_ids = fields.Many2many(
        string="Only These Orders",
        comodel_name='sale.order',
        relation='billpro_price_increase_chosen_rel',
        check_company=True,
        help="Empty: all live orders with the products.",
    )
    method = fields.Selection(
        selection=[('percent', "By percent"), ('price', "To a price")],
        default='percent',
        required=True,
    )
    percent = fields.Float(
        digits=(16, 4), help="By how much unit prices rise, rounded to the currency of the order."
    )
    price = fields.Monetary(
        string="New Unit Price", help="As prices of the product are entered, with or without taxes."
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency',
        required=True,
        default=lambda self: self.env.company.currency_id,
        help="Orders in other currencies keep their price.",
    )
    day = fields.Date(
        string="From",
        required=True,
        default=fields.Date.context_today,
        help="It counts from the first period on that begins on this day or later.",
    )
    notice_days = fields.Integer(
        string="Days of Notice",
        default=lambda self: self.env.company.billing_price_notice_days,
        help="How many days before customers are told at least. Where the law of their country, or"
        " the scheme of their bank, wants more, they are told earlier.",
    )
    state = fields.Selection(
        string="Status",
        selection=[('draft', "New"), ('confirmed', "Confirmed"), ('taken_back', "Taken back")],
        default='draft',
        required=True,
        readonly=True,
    )
    line_ids = fields.One2many(
        string="Orders",
        comodel_name='billpro.price.increase.order',
        inverse_name='increase_id',
        readonly=True,
    )
    ready_count = fields.Integer(string="To Be Told", compute='_compute_counts')
    planned_count = fields.Integer(string="Planned", compute='_compute_counts')
    done_count = fields.Integer(string="Raised", compute='_compute_counts')
    refused_count = fields.Integer(string="Not Raised", compute='_compute_counts')
    progress = fields.Float(compute='_compute_counts')
    can_change = fields.Boolean(compute='_compute_possible')
    can_confirm = fields.Boolean(compute='_compute_possible')
    can_take_back = fields.Boolean(compute='_compute_possible')

    @api.depends('product_ids', 'method', 'percent', 'price', 'day')
    def _compute_display_name(self):
        for increase in self:
            how = self.env._(
                "%(products)s from %(day)s",
                products=', '.join(increase.product_ids.mapped('display_name')),
                day=increase.day and format_date(self.env, increase.day),
            )
            increase.display_name = how

    @api.depends('line_ids.state')
    def _compute_counts(self):
        counted = {
            (increase, state): count
            for increase, state, count in self.env['billpro.price.increase.order']._read_group(
                [('increase_id', 'in', self.ids)], ['increase_id', 'state'], ['__count']
            )
        }
        for increase in self:
            counts = {state: counted.get((increase, state), 0) for state in STATES}
            increase.ready_count = counts['ready']
            increase.planned_count = counts['planned']
            increase.done_count = counts['done']
            increase.refused_count = sum(
                counts[state] for state in ('refused', 'taken_back', 'overtaken')
            )
            total = sum(counts.values())
            is_begun = increase.state != 'draft' and total
            increase.progress = 100 * (total - counts['ready']) / total if is_begun else 0

    @api.depends('state', 'ready_count', 'planned_count')
    def _compute_possible(self):
        for increase in self:
            increase.can_change = increase.state == 'draft'
            increase.can_confirm = increase.can_change and bool(increase.ready_count)
            increase.can_take_back = increase.state == 'confirmed' and bool(
                increase.ready_count or increase.planned_count
            )

    @api.constrains('method', 'percent', 'price', 'notice_days')
    def _check_terms(self):
        for increase in self:
            if increase.notice_days < 0:
                raise ValidationError(self.env._("Customers can't be told after it counts."))
            amount = increase.percent if increase.method == 'percent' else increase.price
            if amount < 0:
                raise ValidationError(self.env._("Enter by how much prices rise, above zero."))

    def write(self, vals):
        """Override of `base`: what customers are told stays, and a preview is of what it says.

        :raise UserError: If it is confirmed already.
        """
        terms = {'product_ids', 'chosen_order_ids', 'method', 'percent', 'price', 'currency_id'}
        if not {*terms, 'day', 'notice_days'}.isdisjoint(vals):
            if any(increase.state != 'draft' for increase in self):
                raise UserError(self.env._("It is confirmed: take it back, and begin another one."))
            self.sudo().line_ids.unlink()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_confirmed(self):
        if any(increase.state != 'draft' for increase in self):
            raise UserError(self.env._("What was confirmed can be taken back, not deleted."))

    # === PREVIEW === #

    @api.model
    def _open_for(self, orders):
        """Return the action that begins an increase for orders that were chosen.

        :param sale.order orders: The orders.
        :rtype: dict
        :raise UserError: If one is of another company: where none is left, all would be raised.
        """
        for order in orders:
            if order.company_id != self.env.company:
                raise UserError(
                    self.env._(
                        "%(order)s is an order of %(company)s. Choose orders of the company that"
                        " you are working in.",
                        order=order.name,
                        company=order.company_id.name,
                    )
                )
        products = orders.order_line.product_id.filtered('purchase_type')
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'billpro_portal.action_billpro_price_increase'
            ),
            'view_mode': 'form',
            'views': [(False, 'form')],
            'context': {
                'default_chosen_order_ids': orders.ids,
                'default_product_ids': products.ids,
            },
        }

    def _check_is_manager(self):
        """Check that the user may raise prices.

        :raise AccessError: If not.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can do this."))
        self.check_access('write')

    def action_preview(self):
        """Find out what it comes to for each order; nobody is told.

        :raise AccessError: If the user isn't a billing manager.
        :raise UserError: If it isn't said what is raised, and to what.
        """
        self.ensure_one()
        self._check_is_manager()
        if self.state != 'draft':
            return
        amount = self.percent if self.method == 'percent' else self.price
        if not self.product_ids or amount <= 0:
            raise UserError(self.env._("Choose products, and by how much their prices rise."))
        orders = self.env['sale.order'].search(self._get_domain(), order='id')
        increase, orders = self.sudo(), orders.sudo().with_company(self.company_id)
        increase.line_ids.unlink()
        increase._read_together(orders)
        vals_list = [
            {'increase_id': increase.id, 'order_id': order.id, **increase._propose(order)}
            for order in orders
        ]
        increase.line_ids.create(vals_list)

    @api.model
    def _read_together(self, orders):
        """Read of all orders what `_propose` would else read of each of them.

        The changes that it makes up belong to one order, of which alone Odoo reads then.

        :param sale.order orders: The orders.
        """
        orders.mapped('billing_change_ids')
        orders.mapped('order_line.tax_ids')
        orders.mapped('billing_event_ids.merged_event_ids')

    def _get_domain(self):
        """Return which orders it is about.

        :rtype: list
        """
        domain = [
            ('company_id', '=', self.company_id.id),
            ('billing_status', 'in', list(LIVE)),
            ('order_line.product_id', 'in', self.product_ids.ids),
        ]
        chosen = self.chosen_order_ids
        return [*domain, ('id', 'in', chosen.ids)] if chosen else domain

    def _propose(self, order):
        """Return what becomes of an order, or why nothing does.

        :param sale.order order: The order.
        :return: Values of `billpro.price.increase.order`.
        :rtype: dict
        """
        lines = (
            order._get_purchase()
            ._get_lines_with_price(order)
            .filtered(lambda line: line.product_id in self.product_ids and line.product_uom_qty > 0)
        )
        values = {'recipient': order.partner_id.email}
        first_day = self._get_first_day(order) if lines else None
        if reason := self._get_refusal(order, lines, first_day):
            return {**values, 'reason': reason}
        present = order._billing_get_planned_changes_on(first_day)
        changes = self.env['billpro.change'].union(
            *(
                self.env['billpro.change'].new(self._prepare_change(line, first_day))
                for line in lines
            )
        )
        old_amount = present._get_totals_together(order)[1]
        new_amount = (present + changes)._get_totals_together(order)[1]
        provider = order.billing_token_id.provider_id
        refusal = provider and provider._in_billing()._find_amount_refusal(
            new_amount, order.currency_id
        )
        if refusal:
            return {**values, 'reason': refusal}
        window = order._billing_get_price_change_window()
        return {
            **values,
            'old_amount': old_amount,
            'new_amount': new_amount,
            'first_day': first_day,
            'tell_day': day_to_tell(first_day, order._billing_get_today(), window),
        }

    def _get_first_day(self, order):
        """Return the first day that the new price of an order counts for.

        :param sale.order order: The order.
        :return: The day, the first one of a period; None if the order ends before.
        :rtype: datetime.date|None
        """
        code = order.billing_token_id.payment_method_id.code
        debit_days = get_notice_days(code, order.company_id.billing_debit_notice_days)
        day = earliest_day(
            self.day,
            order._billing_get_today(),
            max(self.notice_days, debit_days),
            order._billing_get_price_change_window(),
        )
        return order._get_purchase()._get_first_day_from(order, day)

    def _get_refusal(self, order, lines, first_day):
        """Return why the price of an order can't be raised.

        :param sale.order order: The order.
        :param sale.order.line lines: The lines whose price would be raised.
        :param datetime.date|None first_day: The first day that it would count for.
        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        env = self.env
        if order.billing_status not in LIVE:
            return env._("The order isn't live any more.")
        if not lines:
            return env._("No price of it is charged each period.")
        if order.billing_cancel_date:
            return env._(
                "It is cancelled and ends on %s.", format_date(env, order.billing_cancel_date)
            )
        if not first_day:
            return env._("It ends before the new price would count.")
        if not order.partner_id.email:
            return env._("The customer has no email address: they can't be told.")
        refusals = [
            order.with_env(env)._billing_get_refusal_with_longer_lines(),
            order.billing_period_amount
            and env._(
                "Its payments were changed to %s by staff.",
                order.currency_id.format(order.billing_period_amount),
            ),
            self.method == 'price'
            and order.currency_id != self.currency_id
            and env._("It is in %s.", order.currency_id.name),
            *(self._get_refusal_of_line(line, first_day) for line in lines),
        ]
        return next(filter(None, refusals), False)

    def _get_refusal_of_line(self, line, first_day):
        """Return why the price of a line can't be raised.

        :param sale.order.line line: The line.
        :param datetime.date first_day: The first day that it would count for.
        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        env = self.env
        planned = line.order_id.billing_change_ids.filtered(
            lambda change: change.state == 'planned' and change.line_id == line
        )
        if other := planned.filtered('increase_id')[:1]:
            return env._(
                "A higher price is planned already, from %s on.", format_date(env, other.first_day)
            )
        replaced = planned.filtered(
            lambda change: change.product_id != line.product_id and change.first_day <= first_day
        )
        if replaced:
            return env._(
                "It is changed to “%(product)s” on %(day)s.",
                product=replaced.product_id.display_name,
                day=format_date(env, replaced.first_day),
            )
        if self._get_new_price(line) <= line.price_unit:
            return env._("It costs as much, or more, already.")
        return False

    def _get_new_price(self, line):
        """Return the new unit price of a line.

        :param sale.order.line line: The line.
        :rtype: float
        """
        if self.method == 'price':
            # As Odoo makes the price of a line of that of its product.
            product = line.product_id
            taxes = product.taxes_id._filter_taxes_by_company(line.company_id)
            return product._get_tax_included_unit_price_from_price(
                product.uom_id._compute_price(self.price, line.product_uom_id),
                product_taxes=taxes,
                fiscal_position=line.order_id.fiscal_position_id,
            )
        return float(
            raise_price(
                Decimal(repr(line.price_unit)),
                Decimal(repr(self.percent)),
                Decimal(repr(line.currency_id.rounding)),
            )
        )

    def _prepare_change(self, line, first_day):
        """Return the values of the change of a line.

        :param sale.order.line line: The line.
        :param datetime.date first_day: The first day that it counts for.
        :rtype: dict
        """
        return {
            'order_id': line.order_id.id,
            'line_id': line.id,
            'old_product_id': line.product_id.id,
            'product_id': line.product_id.id,
            'old_quantity': line.product_uom_qty,
            'quantity': line.product_uom_qty,
            'old_price_unit': line.price_unit,
            'price_unit': self._get_new_price(line),
            'discount': line.discount,
            'tax_ids': [Command.set(line.tax_ids.ids)],
            'when': 'period_end',
            'state': 'planned',
            'first_day': first_day,
        }

    # === COURSE === #

    def action_confirm(self):
        """Have the customers told, and their new prices planned.

        :raise AccessError: If the user isn't a billing manager.
        :raise UserError: If there is nobody to tell.
        """
        self.ensure_one()
        self._check_is_manager()
        if self.state != 'draft':
            return
        if not self.ready_count:
            raise UserError(self.env._("Look first what it comes to: no order is to be raised."))
        self.sudo().state = 'confirmed'
        self.env.ref('billpro_portal.cron_price_increase').sudo()._trigger()

    def action_take_back(self):
        """Have all that is planned taken back, and the customers told who were told of it.

        :raise AccessError: If the user isn't a billing manager.
        """
        self.ensure_one()
        self._check_is_manager()
        if self.state == 'confirmed':
            self.sudo().state = 'taken_back'
            self.env.ref('billpro_portal.cron_price_increase').sudo()._trigger()

    def action_open_orders(self):
        """Open the list of the orders, by what became of them.

        :return: The action.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'name': self.display_name,
            'res_model': 'billpro.price.increase.order',
            'view_mode': 'list',
            'domain': [('increase_id', '=', self.id)],
            'context': {'group_by': 'state'},
        }

    @api.model
    def _cron_plan(self):
        """Plan and tell what was confirmed, and take back what was taken back, batch by batch."""
        Line = self.env['billpro.price.increase.order']
        found = [
            (Line.search([('state', '=', state), ('increase_id.state', '=', of)], order='id'), name)
            for state, of, name in (
                ('planned', 'taken_back', '_take_back'),
                ('ready', 'confirmed', '_plan'),
            )
        ]
        found = [
            (self.env['billpro.failure']._leave_out_waiting(lines, 'price'), name)
            for lines, name in found
        ]
        self.env['ir.cron']._commit_progress(remaining=sum(len(lines) for lines, _name in found))
        for lines, name in found:
            for start in range(0, len(lines), BATCH_SIZE):
                batch = lines[start : start + BATCH_SIZE]
                batch._do_each_alone('price', name)
                if not self.env['ir.cron']._commit_progress(processed=len(batch)):
                    return  # It goes on at once, with what is left.

    @api.model
    def _carry_out_due(self):
        """Raise the prices whose day has come, for as long as the charge run has time for it."""
        started = time.monotonic()
        changes = self.env['billpro.change'].search(
            [
                ('state', '=', 'planned'),
                ('increase_id', '!=', False),
                # The customer's date may be a day ahead of that of the server.
                ('first_day', '<=', fields.Date.add(fields.Date.today(), days=1)),
            ],
            order='id',
        )
        lines = changes.filtered(lambda change: change._is_time()).increase_id
        lines = self.env['billpro.failure']._leave_out_waiting(lines, 'price')
        for start in range(0, len(lines), BATCH_SIZE):
            lines[start : start + BATCH_SIZE]._do_each_alone('price', '_carry_out')
            if time.monotonic() - started > SECONDS_FOR_PRICES:
                self.env.ref('billpro_portal.cron_billing_run')._trigger()
                break


# What becomes of an order.
STATES = {
    'ready': "To be told",
    'refused': "Not raised",
    'planned': "Planned",
    'done': "Raised",
    'taken_back': "Taken back",
    'overtaken': "Overtaken",
}


class BillproPriceIncreaseOrder(models.Model):
    """What a price increase comes to for an order, and what became of it."""

    _name = 'billpro.price.increase.order'
    _inherit = ['billpro.job.record']
    _description = "Price Increase of an Order"

    _order = 'increase_id desc, id'
    _tasks_to_do = {'price': [('state', 'in', ['ready', 'planned'])]}
    _rec_name = 'order_id'
    increase_id = fields.Many2one(
        comodel_name='billpro.price.increase',
        required=True,
        readonly=True,
        index=True,
        ondelete='cascade',
    )
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='increase_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='order_id.partner_id', related_sudo=False)
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    old_amount = fields.Monetary(
        string="Period so Far", readonly=True, help="What a period costs, taxes included."
    )
    new_amount = fields.Monetary(
        string="Period Then", readonly=True, help="What a period costs, taxes included."
    )
    first_day = fields.Date(string="Counts From", readonly=True)
    tell_day = fields.Date(
        string="Told On", readonly=True, help="At once, unless the law finds that too early."
    )
    recipient = fields.Char(string="Told by Mail to", readonly=True)
    reason = fields.Char(string="Why Not", readonly=True)
    change_ids = fields.One2many(
        comodel_name='billpro.change', inverse_name='increase_id', readonly=True
    )
    state = fields.Selection(
        string="Status",
        selection=list(STATES.items()),
        compute='_compute_state',
        store=True,
        index=True,
    )
    can_take_back = fields.Boolean(compute='_compute_can_take_back')
    _order_unique = models.Constraint('unique(increase_id, order_id)', "An order is raised once.")

    @api.depends('change_ids.state', 'reason')
    def _compute_state(self):
        for line in self:
            states = line.change_ids.mapped('state')
            if 'planned' in states:
                line.state = 'planned'
            elif states:
                line.state = 'done' if 'done' in states else states[0]
            else:
                line.state = 'refused' if line.reason else 'ready'

    @api.depends('state')
    def _compute_can_take_back(self):
        for line in self:
            line.can_take_back = line.state == 'planned'

    # === THE JOBS === #

    def _do_each_alone(self, task, name):
        """Do something for all of them at once or, if that fails, for each; commit.

        :param str task: What is done, a value of `billpro.failure.task`.
        :param str name: The name of the method.
        """
        # What another worker holds is left for later.
        orders = self.order_id.try_lock_for_update(allow_referencing=True)
        lines = self.filtered(lambda line: line.order_id in orders)
        if lines:
            self.env['billpro.own.transaction']._split_until_alone(
                lines.grouped('id').values(), task, partial(self._do, name)
            )
        # Each batch is told and planned by itself: what breaks off goes on behind it.
        self.env.cr.commit()  # pylint: disable=invalid-commit

    @api.model
    def _do(self, name, lines):
        for company, own in lines.grouped('company_id').items():
            getattr(own.with_company(company).with_context(billing_is_told=INSIDE), name)()

    def _plan(self):
        """Plan the new prices, and have the customers told; their orders are locked."""
        self.increase_id._read_together(self.order_id)
        planned = self.filtered(lambda line: line.state == 'ready' and line._is_as_shown())
        Change = self.env['billpro.change']
        vals_list = []
        for line in planned:
            increase = line.increase_id
            purchase = line.order_id._get_purchase()
            vals_list += [
                {**increase._prepare_change(other, line.first_day), 'increase_id': line.id}
                for other in purchase._get_lines_with_price(line.order_id)
                if other.product_id in increase.product_ids and other.product_uom_qty > 0
            ]
        changes = Change.create(vals_list)
        for line in planned:
            line._show_planned_amount()
        self.env['sale.order']._billing_log_notes(
            [
                (
                    change.order_id,
                    self.env._(
                        "Price increase from %(day)s on: %(change)s",
                        day=format_date(self.env, change.first_day),
                        change=change._describe(),
                    ),
                )
                for change in changes
            ]
        )
        planned._tell([line._describe_to_customer() for line in planned])

    def _is_as_shown(self):
        """Return whether an order is still raised as staff were shown; the days may be later ones.

        :rtype: bool
        """
        self.ensure_one()
        values = self.increase_id._propose(self.order_id)
        if not values.get('reason') and self.currency_id.compare_amounts(
            values['new_amount'], self.new_amount
        ):
            values = {'reason': self.env._("The order was changed since it was looked at.")}
        self.write(values)
        return not self.reason

    def _show_planned_amount(self):
        """Let payments to come that the new price counts for be what they will be, or were."""
        for line in self:
            if any(
                event.status in OPEN and event.period_start and event.period_start >= line.first_day
                for event in line.order_id.billing_event_ids
            ):
                line.change_ids[0]._show_planned_amount()

    def _tell(self, texts):
        """Queue a notice for each order.

        :param list[tuple] texts: What it tells, and what it says.
        """
        self.env['billpro.notification']._queue_all(
            'price_increase',
            [
                {
                    'order_id': line.order_id.id,
                    'fact': f'{fact}-{line.id}',
                    'text': text,
                    'send_date': max(
                        fields.Datetime.now(),
                        due_datetime(line.tell_day, line.order_id._get_time_zone()),
                    )
                    if line.tell_day > line.order_id._billing_get_today()
                    else fields.Datetime.now(),
                }
                for line, (fact, text) in zip(self, texts, strict=True)
            ],
            is_demanded=True,
        )

    def _describe_to_customer(self):
        """Return what the customer is told of the new price.

        :return: What is told, and its words in their language.
        :rtype: tuple[str, str]
        """
        order = self.order_id.with_context(lang=self.order_id.partner_id.lang)
        env = order.env
        format_amount = order.currency_id.format
        return 'raised', env._(
            "From %(day)s on you pay %(new)s %(interval)s for %(products)s, taxes included."
            " Until then it is %(old)s.",
            day=format_date(env, self.first_day, date_format='long'),
            new=format_amount(self.new_amount),
            old=format_amount(self.old_amount),
            interval=order._get_purchase()._get_interval_text(order),
            products=', '.join(self.change_ids.with_env(env).product_id.mapped('display_name')),
        )

    def _is_told(self):
        """Return whether the customer was told of the new price.

        :rtype: bool
        """
        self.ensure_one()
        return any(
            notice.fact == f'raised-{self.id}' and notice.state in {'handed_over', 'sent'}
            for notice in self.order_id.billing_notification_ids
            if notice.kind == 'price_increase'
        )

    def _carry_out(self):
        """Raise the prices; the orders are locked."""
        self.change_ids._carry_out()

    def action_take_back(self):
        """Take back what is planned for one order.

        :raise AccessError: If the user isn't a billing manager.
        """
        self.increase_id._check_is_manager()
        self.order_id._check_billing_user()
        self.order_id.sudo()._lock_billing()
        self.sudo()._take_back()

    def _take_back(self):
        """Take back what is planned, and tell the customers who were told; orders are locked."""
        lines = self.filtered(lambda line: line.state == 'planned')
        for line in lines.with_context(billing_is_told=INSIDE):
            planned = line.change_ids.filtered(lambda change: change.state == 'planned')
            planned.state = 'taken_back'
            line._show_planned_amount()
            planned[0]._log(self.env._("Taken back"))
        told = lines.filtered(lambda line: line._is_told())
        told._tell([line._describe_taken_back() for line in told])

    def _describe_taken_back(self):
        """Return what the customer is told when the price stays as it is.

        :return: What is told, and its words in their language.
        :rtype: tuple[str, str]
        """
        order = self.order_id.with_context(lang=self.order_id.partner_id.lang)
        env = order.env
        return 'taken-back', env._(
            "The higher price that we told you of, from %(day)s on, doesn't come. You go on paying"
            " %(old)s %(interval)s, taxes included.",
            day=format_date(env, self.first_day, date_format='long'),
            old=order.currency_id.format(self.old_amount),
            interval=order._get_purchase()._get_interval_text(order),
        )
