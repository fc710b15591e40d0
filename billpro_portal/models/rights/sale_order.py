from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.tools import plaintext2html

from ...billing.lifecycle import BEFORE_APPROVAL
from .guarded_fields import OF_ORDERS, OWN, _refuse_payments_of_orders, get_given_names


class SaleOrder(models.Model):
    """Who may change an order, and whom the jobs ask about it: somebody who is there."""

    _inherit = 'sale.order'

    def _billing_get_person_to_ask(self, without=None):
        """Return the salesperson, else the leader of the team, else whom the company has.

        :param res.users without: Who can't be asked, whatever they are.
        :rtype: res.users
        """
        self.ensure_one()
        order = self.sudo()
        people = (order.user_id | order.team_id.user_id)._billing_filter_staff(order.company_id)
        if without:
            people -= without
        return people[:1] or order.company_id._billing_get_person_to_ask(without=without)

    def _billing_ask_staff(self, subject, summary, note):
        """Give a person something to look at; once, until somebody has.

        :param str subject: What it is about, in no language: a word, with the id of the record
                            where an order may have several.
        :param str summary: What it is about, a line.
        :param str note: What happened and what to do, as plain text.
        :return: The activity, which they may have been given before.
        :rtype: mail.activity
        """
        self.ensure_one()
        return self._billing_get_questions(subject)[:1] or self.activity_schedule(
            'mail.mail_activity_data_todo',
            billpro_subject=subject,
            summary=summary,
            note=plaintext2html(note),
            user_id=self._billing_get_person_to_ask().id,
        )

    def _billing_withdraw_question(self, subject):
        """Take back what a person was asked: it has answered itself.

        :param str subject: See `_billing_ask_staff`.
        """
        self._billing_get_questions(subject).unlink()

    def _billing_get_questions(self, subject):
        """Return what is still asked about an order.

        :param str subject: See `_billing_ask_staff`.
        :rtype: mail.activity
        """
        return self.activity_ids.filtered(lambda activity: activity.billpro_subject == subject)

    # === GUARDED FIELDS === #

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and any(self.sudo().mapped('purchase_type')):
                return False
        return super()._has_field_access(field, operation)

    def _check_billing_created_fields(self, vals_list):
        """Check the values of new orders whose purchase type is known only now.

        :param list[dict] vals_list: What they were created with.
        :raise AccessError: If a guarded value was among them.
        """
        for name in get_given_names(self.env, vals_list) & OF_ORDERS[self._name]:
            if not self._fields[name].compute:  # Odoo computes these whatever is given.
                self._check_field_access(self._fields[name], 'write')

    def _check_billing_written_state(self):
        """Refuse a status of Odoo that the billing status doesn't follow, as with its buttons.

        The order would look cancelled, and its card be charged all the same.

        :raise UserError: If an order that is sold or can be paid seems to be something else.
        """
        if self.env.su:
            return
        unsold = BEFORE_APPROVAL | {'cancelled'}
        fitting = {'draft': unsold, 'sent': unsold, 'cancel': {'cancelled'}}
        for order in self.sudo().filtered('purchase_type'):
            status = order.billing_status
            if status not in fitting.get(order.state, {status}):
                raise UserError(
                    self.env._("Use the buttons of order %s to change its status.", order.name)
                )

    def _check_billing_transactions_are_own(self):
        """Refuse payments of orders on ordinary ones; those of Odoo are written by the system.

        :raise AccessError: If there is one.
        """
        if self.env.su:
            return
        for order in self.sudo():
            if order.transaction_ids.billing_order_id - order:
                _refuse_payments_of_orders(self)

    # === WHO MAY CHANGE IT === #

    def _check_billing_user(self):
        """Check that the user may act on the payments of the orders.

        :raise AccessError: If not.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can do this."))
        self._check_billing_may_be_changed()

    def _check_billing_may_be_changed(self):
        """Check that the user may see and change the orders.

        :raise AccessError: If not.
        """
        self.check_access('read')
        self.check_access('write')

    def _check_billing_salesperson(self):
        """Check that the user may deal with the customers of the orders.

        Whoever makes invoices may write to sales orders in Odoo, too, and is refused here.

        :raise AccessError: If not.
        """
        self.check_access('write')
        if not self.env.su and not self.env.user.has_group('sales_team.group_sale_salesman'):
            raise AccessError(self.env._("Only salespeople can do this."))
