from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ..each_alone.own_transaction import GIVE_WAY


class BillproBulkActionOrder(models.Model):
    """What an action for many orders does to one of them, and what became of it.

    Each kind has three methods: that it can be done (`_check_…`), what it will be (`_describe_…`),
    and that it is done (`_do_…`), and most a fourth that undoes it (`_undo_…`). They call what the
    buttons and dialogs of one order call.
    """

    _name = 'billpro.bulk.action.order'
    _inherit = ['billpro.job.record']
    _description = "Order of an Action for Many"

    _order = 'action_id desc, id'
    _rec_name = 'order_id'
    _tasks_to_do = {'many': [('state', 'in', ['ready', 'done', 'failed'])]}
    action_id = fields.Many2one(
        string="For Many Orders",
        comodel_name='billpro.bulk.action',
        required=True,
        readonly=True,
        index=True,
        ondelete='cascade',
    )
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='order_id.partner_id', related_sudo=False)
    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', readonly=True, ondelete='cascade'
    )
    old_day = fields.Date(string="Day Before", readonly=True)
    mark = fields.Datetime(
        readonly=True,
        help="What the order was given when it was done: what has another one by then was done by"
        " somebody else, and isn't undone.",
    )
    effect = fields.Char(string="What Happens", readonly=True)
    reason = fields.Char(string="Why Not", readonly=True)
    result = fields.Char(string="What Happens, or Why Not", compute='_compute_result')
    state = fields.Selection(
        string="Status",
        selection=[
            ('chosen', "Chosen"),
            ('ready', "To be done"),
            ('refused', "Refused"),
            ('done', "Done"),
            ('failed', "Failed"),
            ('left_out', "Left out"),
            ('undone', "Undone"),
            ('kept', "Not undone"),
        ],
        default='chosen',
        required=True,
        readonly=True,
        index=True,
    )
    _order_unique = models.Constraint('unique(action_id, order_id)', "An order is chosen once.")

    @api.depends('effect', 'reason')
    def _compute_result(self):
        for line in self:
            line.result = line.reason or line.effect

    # === PREVIEW === #

    def _preview(self, is_changeable):
        """Find out what will become of the order, or why nothing does.

        :param bool is_changeable: Whether the user may change the order.
        """
        self.ensure_one()
        order, kind = self.order_id.with_company(self.company_id), self.action_id.kind
        self.event_id = kind == 'move' and order.billing_next_event_id
        try:
            if not is_changeable:
                raise UserError(self.env._("You may not change order %s.", order.name))
            getattr(self, f'_check_{kind}')(order)
            effect = getattr(self, f'_describe_{kind}')(order)
            self.write({'state': 'ready', 'effect': effect, 'reason': False})
        except UserError as error:
            self.write({'state': 'refused', 'effect': False, 'reason': str(error)})

    def _check_pause(self, order):
        order._billing_check_can_pause(self.action_id.until)

    def _describe_pause(self, order):
        if until := self.action_id.until:
            return self.env._("Paused until %s.", format_date(self.env, until))
        return self.env._("Paused until somebody resumes it.")

    def _check_resume(self, order):
        order._billing_check_can_resume()

    def _describe_resume(self, order):
        return self.env._("It goes on. No period that began during the pause is charged.")

    def _check_cancel(self, order):
        order._billing_check_can_cancel(self.action_id.when == 'now')

    def _describe_cancel(self, order):
        last_day = order._billing_get_cancel_date(self.action_id.when == 'now')
        text = (
            self.env._("Access until %s.", format_date(self.env, last_day))
            if last_day >= order._billing_get_today()
            else self.env._("It ends at once, and this can't be undone.")
        )
        outstanding = order._billing_get_outstanding_events()
        if not outstanding:
            return text
        amount = order.currency_id.format(sum(outstanding.mapped('amount')))
        is_owed = order._billing_get_arrears_to_owe() or order._get_purchase()._is_billed_after_end(
            order
        )
        return (
            self.env._(
                "%(text)s %(amount)s are outstanding, and still owed.", text=text, amount=amount
            )
            if is_owed
            else self.env._(
                "%(text)s %(amount)s are outstanding, and waived.", text=text, amount=amount
            )
        )

    def _check_move(self, order):
        if not self.event_id:
            raise UserError(self.env._("Order %s has no payment to come.", order.name))
        if self.event_id != order.billing_next_event_id:
            raise UserError(self.env._("The next payment is another one by now."))
        self.event_id._check_can_be_moved(self.action_id.day)
        if order._billing_get_date(self.event_id.due_date) == self.action_id.day:
            raise UserError(
                self.env._("Payment %s is due on that day already.", self.event_id.display_name)
            )

    def _describe_move(self, order):
        return self.env._(
            "Payment %(event)s of %(amount)s: %(old)s → %(new)s",
            event=self.event_id.display_name,
            amount=order.currency_id.format(self.event_id.amount),
            old=format_date(self.env, order._billing_get_date(self.event_id.due_date)),
            new=format_date(self.env, self.action_id.day),
        )

    # === THE JOB === #

    def _work(self):
        """Do it, or undo it, as the user who asked for it; keep what the order has against it.

        :raise Exception: What nobody expects; it is tried again.
        """
        self.ensure_one()
        self.order_id._lock_billing()
        action = self.action_id
        is_taken_back = action.state == 'taken_back'
        if self.state != ('done' if is_taken_back else 'ready'):
            return
        user = action.user_id
        order = self.order_id.with_user(user).with_company(self.company_id)
        order = order.with_context(lang=user.lang)
        line = self.with_context(lang=user.lang)
        name = f'{"_undo" if is_taken_back else "_do"}_{action.kind}'
        try:
            with self.env.cr.savepoint():
                # Who was deleted is nobody, and `with_user` would leave it to the job's own user.
                if not user.active:
                    raise AccessError(self.env._("Only billing users can do this."))
                order._check_billing_user()
                values = getattr(line, name)(order)
                self.write({'reason': False, **values})
        except GIVE_WAY:
            raise
        except UserError as error:
            self.write({'state': 'kept' if is_taken_back else 'refused', 'reason': str(error)})

    def _do_pause(self, order):
        effect = self._describe_pause(order)
        order.sudo()._billing_pause(self.action_id.until)
        return {'state': 'done', 'effect': effect, 'mark': order.billing_paused_date}

    def _undo_pause(self, order):
        if order.billing_paused_date != self.mark:
            raise UserError(self._get_overtaken_text())
        order.action_resume()
        return {'state': 'undone'}

    def _do_resume(self, order):
        effect = self._describe_resume(order)
        order.action_resume()
        return {'state': 'done', 'effect': effect}

    def _do_cancel(self, order):
        action = self.action_id
        effect = self._describe_cancel(order.sudo())
        order.sudo()._billing_cancel_subscription(
            at_once=action.when == 'now', reason=action.reason_id, note=action.note
        )
        return {'state': 'done', 'effect': effect, 'mark': order.billing_cancel_requested_date}

    def _undo_cancel(self, order):
        if order.billing_cancel_requested_date != self.mark:
            raise UserError(self._get_overtaken_text())
        order.action_undo_cancellation()
        return {'state': 'undone'}

    def _do_move(self, order):
        action, event = self.action_id, self.event_id
        self._check_move(order.sudo())
        effect = self._describe_move(order)
        old_day = order._billing_get_date(event.due_date)
        event.with_env(order.env).sudo()._reschedule(action.day, reason=action.note)
        return {'state': 'done', 'effect': effect, 'old_day': old_day, 'mark': event.due_date}

    def _undo_move(self, order):
        if self.event_id.due_date != self.mark:
            raise UserError(self._get_overtaken_text())
        event = self.event_id.with_env(order.env).sudo()
        event._reschedule(self.old_day, reason=self.action_id.note)
        return {'state': 'undone'}

    def _get_overtaken_text(self):
        return self.env._("It was changed since by somebody else.")

    def _note_failed(self, failure, _error):
        """Keep why it could not be done; it is tried again until it is set aside.

        :param billpro.failure failure: What is known of it.
        :param Exception _error: What was raised.
        """
        self.reason = failure.reason
        if failure.set_aside_date:
            self.state = 'failed'

    def _queue_again(self):
        """Override of `billpro.job.record`: what was set aside is waited for anew."""
        for line in self.filtered(lambda line: line.state == 'failed'):
            is_taken_back = line.action_id.state in {'taken_back', 'undone'}
            line.state = 'done' if is_taken_back else 'ready'
            line.action_id.state = 'taken_back' if is_taken_back else 'confirmed'
