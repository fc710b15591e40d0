import ast
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ...billing.lifecycle import LIVE
from ..settings.res_company import CANCEL_MODES

# After so many orders it is said how far it is, and looked whether there is time for more.
BATCH_SIZE = 20
# Of which orders something is still to be done, by the status, and what it is then.
_COURSE = {'confirmed': ('ready', 'done'), 'taken_back': ('done', 'undone')}


class BillproBulkAction(models.Model):
    """Something that staff do to many orders at once: pause, resume, cancel, move a payment.

    It shows first what becomes of each order, or why nothing does. Once it is confirmed a job does
    it order by order, each in a transaction of its own, as the user who confirmed it and by the
    method that does it to one order. What became of each is kept.
    """

    _name = 'billpro.bulk.action'
    _inherit = ['billpro.own.fields', 'billpro.job']
    _description = "Action for Many Orders"

    _order = 'id desc'
    kind = fields.Selection(
        string="Action",
        selection=[
            ('pause', "Pause"),
            ('resume', "Resume"),
            ('cancel', "Cancel"),
            ('move', "Move the next payment"),
        ],
        default='pause',
        required=True,
    )
    until = fields.Date(
        string="Paused Until",
        help="The day on which they go on by themselves, where the customer is. Empty: until"
        " somebody resumes them.",
    )
    when = fields.Selection(selection=CANCEL_MODES, default='period_end', required=True)
    reason_id = fields.Many2one(comodel_name='billpro.cancel.reason')
    day = fields.Date(
        string="Collect On",
        help="The day on which the next payment is collected, where the customer is.",
    )
    note = fields.Text(help="Kept on each order; the customers don't see it.")
    order_domain = fields.Char(
        string="All Orders That",
        help="Chosen anew by each preview. Empty: the orders that were chosen in a list.",
    )
    user_id = fields.Many2one(string="By", comodel_name='res.users', readonly=True)
    confirmed_date = fields.Datetime(string="Confirmed On", readonly=True)
    company_ids = fields.Many2many(
        string="Companies",
        comodel_name='res.company',
        relation='billpro_bulk_action_company_rel',
        default=lambda self: self.env.company,
        readonly=True,
    )
    state = fields.Selection(
        string="Status",
        selection=[
            ('draft', "New"),
            ('confirmed', "Under way"),
            ('done', "Done"),
            ('taken_back', "Being undone"),
            ('undone', "Undone"),
        ],
        default='draft',
        required=True,
        readonly=True,
    )
    is_told = fields.Boolean(
        string="Staff Told",
        readonly=True,
        help="Whoever confirmed it was told once that it could not be done to some orders.",
    )
    line_ids = fields.One2many(
        string="Orders",
        comodel_name='billpro.bulk.action.order',
        inverse_name='action_id',
        readonly=True,
    )
    order_count = fields.Integer(
        string="Number of Orders", compute='_compute_counts', compute_sudo=True
    )
    ready_count = fields.Integer(string="To Be Done", compute='_compute_counts', compute_sudo=True)
    done_count = fields.Integer(string="Done", compute='_compute_counts', compute_sudo=True)
    refused_count = fields.Integer(string="Refused", compute='_compute_counts', compute_sudo=True)
    failed_count = fields.Integer(string="Failed", compute='_compute_counts', compute_sudo=True)
    progress = fields.Float(compute='_compute_counts', compute_sudo=True)
    can_change = fields.Boolean(compute='_compute_possible')
    can_confirm = fields.Boolean(compute='_compute_possible')
    can_take_back = fields.Boolean(compute='_compute_possible')

    @api.depends('kind', 'line_ids')
    def _compute_display_name(self):
        kinds = dict(self._fields['kind']._description_selection(self.env))
        for action in self:
            action.display_name = self.env._(
                "%(kind)s: %(count)s orders",
                kind=kinds.get(action.kind, ''),
                count=action.order_count,
            )

    @api.depends('state', 'line_ids.state')
    def _compute_counts(self):
        counted = {
            (action, state): count
            for action, state, count in self.env['billpro.bulk.action.order']._read_group(
                [('action_id', 'in', self.ids)], ['action_id', 'state'], ['__count']
            )
        }
        for action in self:
            counts = {state: count for (other, state), count in counted.items() if other == action}
            action.order_count = total = sum(counts.values())
            for state in ('ready', 'done', 'refused', 'failed'):
                action[f'{state}_count'] = counts.get(state, 0)
            waiting = counts.get(_COURSE.get(action.state, ('',))[0], 0)
            is_begun = action.state != 'draft' and total
            action.progress = 100 * (total - waiting) / total if is_begun else 0

    @api.depends('kind', 'state', 'ready_count', 'done_count')
    def _compute_possible(self):
        for action in self:
            action.can_change = action.state == 'draft'
            action.can_confirm = action.can_change and bool(action.ready_count)
            is_under_way = action.state == 'confirmed' and bool(action.ready_count)
            action.can_take_back = is_under_way or (
                action.state in {'confirmed', 'done'}
                and bool(action.done_count)
                and action._can_be_undone()
            )

    def _can_be_undone(self):
        """Return whether what was done to an order can be undone, as that of one order can.

        :rtype: bool
        """
        self.ensure_one()
        return self.kind != 'resume'

    @api.constrains('reason_id', 'company_ids')
    def _check_reason(self):
        for action in self:
            company = action.sudo().reason_id.company_id
            if company and action.company_ids - company:
                raise ValidationError(
                    self.env._("Choose a reason that all companies of the orders have.")
                )

    def write(self, vals):
        """Override of `base`: what was confirmed stays, and a preview is of what it says.

        :raise UserError: If it is confirmed already.
        """
        terms = {'kind', 'until', 'when', 'reason_id', 'day', 'note', 'order_domain'}
        if not terms.isdisjoint(vals):
            if any(action.state != 'draft' for action in self):
                raise UserError(self.env._("It is confirmed: begin another one."))
            self.sudo().line_ids.write({'state': 'chosen', 'effect': False, 'reason': False})
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_confirmed(self):
        if any(action.state != 'draft' for action in self):
            raise UserError(self.env._("What was confirmed stays as a report."))

    # === PREVIEW === #

    @api.model
    def _open_for(self, orders):
        """Begin something for orders that were chosen, and return the action that shows it.

        :param sale.order orders: The orders.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        self._check_may_act()
        action = self.create({})
        action.sudo()._choose(orders)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("For Many Orders"),
            'res_model': self._name,
            'res_id': action.id,
            'view_mode': 'form',
        }

    @api.model
    def _check_may_act(self):
        """Check that the user may do to an order what this does to many.

        :raise AccessError: If not.
        """
        self.env['sale.order']._check_billing_user()

    def _choose(self, orders):
        """Let it be about orders, and no others.

        :param sale.order orders: The orders.
        """
        self.line_ids.unlink()
        self.company_ids = orders.company_id or self.env.company
        self.line_ids.create(
            [{'action_id': self.id, 'order_id': order.id} for order in orders.sorted('id')]
        )

    def action_preview(self):
        """Find out what becomes of each order; nothing is done.

        :raise AccessError: If the user may not.
        :raise UserError: If it isn't said what is to be done, or with which orders.
        """
        self.ensure_one()
        self._check_may_act()
        if self.state != 'draft':
            return
        if self.kind == 'move' and not self.day:
            raise UserError(self.env._("Choose the day on which the payments are collected."))
        action = self.sudo()
        if self.order_domain:
            action._choose(self._find_orders())
        if not action.line_ids:
            raise UserError(self.env._("Choose orders, in their list or by what they have."))
        orders = action.line_ids.order_id
        changeable = set(orders.with_env(self.env)._filtered_access('write').ids)
        for line in action.line_ids:
            line._preview(line.order_id.id in changeable)
        action._note_preview()

    def _find_orders(self):
        """Return the live orders that were asked for, of those that the user may see.

        :rtype: sale.order
        :raise UserError: If nobody knows what was asked for.
        """
        live = Domain('billing_status', 'in', list(LIVE))
        try:
            return self.env['sale.order'].search(
                Domain(ast.literal_eval(self.order_domain)) & live, order='id'
            )
        except (SyntaxError, TypeError, ValueError) as error:
            raise UserError(self.env._("This isn't understood: %s", self.order_domain)) from error

    # === COURSE === #

    def action_confirm(self):
        """Have it done to all orders to which it can be done.

        :raise AccessError: If the user may not.
        :raise UserError: If there is none.
        """
        self.ensure_one()
        self._check_may_act()
        if self.state != 'draft':
            return
        self._check_preview_is_last()
        if not self.ready_count:
            raise UserError(self.env._("Look first what becomes of the orders: nothing does."))
        self.sudo().write(
            {
                'state': 'confirmed',
                'user_id': self.env.user.id,
                'confirmed_date': fields.Datetime.now(),
            }
        )
        self.env.ref('billpro_portal.cron_bulk_action').sudo()._trigger()

    def action_take_back(self):
        """Leave out what isn't done yet, and have the rest undone where one order's could be.

        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        self._check_may_act()
        if not self.can_take_back:
            return
        action = self.sudo()
        # What failed could still be tried again.
        action.line_ids.filtered(lambda line: line.state in {'ready', 'failed'}).state = 'left_out'
        if action.done_count and action._can_be_undone():
            action.write({'state': 'taken_back', 'user_id': self.env.user.id, 'is_told': False})
        # The job tells of the end.
        self.env.ref('billpro_portal.cron_bulk_action').sudo()._trigger()

    # === THE JOB === #

    @api.model
    def _cron_do_for_many(self):
        """Do what was confirmed and undo what was taken back, order by order."""
        lines = self.env['billpro.bulk.action.order'].search(
            Domain.OR(
                Domain('action_id.state', '=', state) & Domain('state', '=', waiting)
                for state, (waiting, _final) in _COURSE.items()
            ),
            order='id',
        )
        ids = self.env['billpro.failure']._leave_out_waiting(lines, 'many').ids
        self.env['ir.cron']._commit_progress(remaining=len(ids))
        if not self._work_in_batches(ids, BATCH_SIZE, self._do_batch):
            return
        for state, (waiting, final) in _COURSE.items():
            over = Domain('state', '=', state) & Domain(
                'line_ids', 'not any', [('state', '=', waiting)]
            )
            for action in self.search(over):
                self.env['billpro.own.transaction']._commit_alone(
                    action, 'many', partial(action._end, final)
                )

    @api.model
    def _do_batch(self, ids):
        for line_id in ids:
            # By itself: each commit forgets what was read.
            line = self.env['billpro.bulk.action.order'].browse(line_id)
            self.env['billpro.own.transaction']._commit_alone(
                line, 'many', line._work, on_failure=line._note_failed, tells_staff=False
            )

    def _end(self, state):
        """Note that nothing is left to do, and tell who confirmed it what couldn't be done.

        :param str state: Its status from now on.
        """
        self.state = state
        kept_count = len(self.line_ids.filtered(lambda line: line.state == 'kept'))
        undone_count = self.refused_count + self.failed_count + kept_count
        if not undone_count or self.is_told:
            return
        self.is_told = True
        action = self.with_context(lang=self.user_id.lang)
        self.company_ids[0]._billing_ask_staff(
            action.display_name,
            action.env._(
                "It could not be done to %(count)s of %(total)s orders. Why stands in the list"
                " under Sales, Billing, For Many Orders.",
                count=undone_count,
                total=self.order_count,
            ),
            user=self.user_id,
        )
