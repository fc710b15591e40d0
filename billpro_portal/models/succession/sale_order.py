from odoo import Command, models
from odoo.exceptions import UserError

from ...billing.actions import OrderAction


class SaleOrder(models.Model):
    """An order that goes on with another one: with what it sells, for the same customer or another.

    Nobody is charged by what they agreed to before: the new order has a link of its own, on which
    its customer agrees and gives a card. As long as they don't, the other one stays as it is.
    """

    _inherit = 'sale.order'

    # === OFFERING IT === #

    def _billing_offer_successor(self, partner=None, terms=None, sends_link=True):
        """Make an order that goes on with this one, and mail its link.

        :param res.partner partner: To whom it is handed over; nobody else than its customer if not
                                    given.
        :param dict terms: `billing_cycles` or `billing_end_date`, if it isn't to run until it is
                           cancelled; what is handed over keeps its end.
        :param bool sends_link: Whether its customer gets the link by mail now.
        :return: The new order.
        :rtype: sale.order
        :raise UserError: If that isn't possible.
        """
        self.ensure_one()
        self._lock_billing()
        self._billing_check_can_be_succeeded(hands_over=bool(partner))
        if partner == self.partner_id:
            raise UserError(self.env._("%s is its customer already.", partner.display_name))
        successor = self._billing_create_successor(
            {
                **self._prepare_billing_successor(partner or self.partner_id),
                **(self._billing_get_end_to_hand_over() if partner else terms or {}),
            }
        )
        self._message_log(
            body=self.env._(
                "Order %s goes on with it once its customer agrees.", successor._get_html_link()
            )
        )
        successor._message_log(
            body=self.env._(
                "Goes on with order %s once its customer agrees.", self._get_html_link()
            )
        )
        if sends_link:
            successor.action_mail_order_links()
        return successor

    def _billing_check_can_be_succeeded(self, hands_over):
        """Check that another order may go on with this one.

        :param bool hands_over: Whether that is another customer's.
        :raise UserError: If not.
        """
        refusal = self._get_billing_refusal_of(
            OrderAction.HAND_OVER if hands_over else OrderAction.CONTINUE
        )
        if refusal:
            raise UserError(
                self.env._(
                    "No other order can go on with order %(order)s: %(reason)s",
                    order=self.name,
                    reason=self._billing_describe_refusal(refusal),
                )
            )

    def _prepare_billing_successor(self, partner):
        """Return the values of an order that goes on with this one, in which it differs from it.

        :param res.partner partner: Its customer.
        :rtype: dict
        """
        values = {
            'billing_predecessor_id': self.id,
            'billing_cycles': 0,
            'billing_end_date': False,
        }
        if partner != self.partner_id:
            addresses = partner.address_get(['invoice', 'delivery'])
            values |= {
                'partner_id': partner.id,
                'partner_invoice_id': addresses['invoice'],
                'partner_shipping_id': addresses['delivery'],
                'payment_term_id': False,
                'billing_buyer': False,
            }
        return values

    def _billing_create_successor(self, values):
        """Create an order that goes on with this one, with the lines that each period charges.

        :param dict values: In which it differs from this one.
        :rtype: sale.order
        """
        lines = self._billing_get_period_lines().copy_data()
        order = self.with_company(self.company_id)
        successor = order.copy({**values, 'order_line': [Command.create(line) for line in lines]})
        # The terms of the products today aren't those that the customer had.
        successor.write(
            {
                'billing_interval_count': self.billing_interval_count,
                'billing_interval_unit': self.billing_interval_unit,
                'billing_cycles': values['billing_cycles'],
                'billing_end_date': values['billing_end_date'],
                'billing_trial_days': 0,
            }
        )
        position = successor.fiscal_position_id
        successor._compute_fiscal_position_id()
        if successor.fiscal_position_id != position:
            successor._recompute_taxes()
        successor._billing_follow_predecessor()
        return successor

    def _billing_get_end_to_hand_over(self):
        """Return the end of what is left of the order, as terms of the one that goes on with it.

        :rtype: dict
        """
        if not self.billing_cycles:
            return {'billing_end_date': self.billing_end_date}
        number = self.billing_cycles - 1
        last = self._get_purchase()._get_period(self, self.billing_anchor_date, number)[1]
        ends = [day for day in (last, self.billing_end_date) if day]
        return {'billing_end_date': min(ends)}

    # === AGREED TO === #

    def _billing_succeed(self):
        """End the order that this one goes on with, if it is handed over; the caller has the locks.

        Nothing more is collected of it but what is owed, and nothing is paid back.
        """
        self.ensure_one()
        before = self.billing_predecessor_id
        if not before:
            return
        before._message_log(
            body=self.env._("Order %s goes on with it from now on.", self._get_html_link())
        )
        self._message_log(body=self.env._("Goes on with order %s.", before._get_html_link()))
        if before.partner_id == self.partner_id or not before._billing_goes_on():
            return
        if before._billing_is_being_charged():  # It began after the customer did.
            before._billing_ask_staff(
                'handed-over',
                self.env._("Handed over while it was charged: %s", before.name),
                self.env._(
                    "If that payment is collected, refund it, or move the first payment of order"
                    " %s behind the period that it pays for.",
                    self.name,
                ),
            )
        before._billing_end_collection(at_once=True, arrears=before._billing_get_arrears_to_owe())
        self.env['billpro.notification']._queue(
            'cancelled', before, f'order-{before.id}-{before.billing_cancel_requested_date}'
        )

    # === STAFF === #

    def action_open_continue(self):
        """Open the dialog that lets another order go on with this one.

        :return: A window action.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it isn't over, nor about to be.
        """
        return self._billing_open_succession(self.env._("Continue Subscription"), False)

    def action_open_hand_over(self):
        """Open the dialog that hands what is left over to another customer.

        :return: A window action.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it can't be handed over.
        """
        return self._billing_open_succession(self.env._("Hand Over Subscription"), True)

    def _billing_open_succession(self, title, hands_over):
        self.ensure_one()
        self._check_billing_user()
        self._billing_check_can_be_succeeded(hands_over)
        wizard = self.env['billpro.succession'].create(
            {'order_id': self.id, 'hands_over': hands_over}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': title,
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }
