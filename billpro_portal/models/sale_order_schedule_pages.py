from odoo import models
from odoo.tools import format_date

from ..billing.lifecycle import CHARGEABLE_ORDERS, LIVE, OPEN


class SaleOrder(models.Model):
    """What the customer's pages show of the card on file and of the payments to come."""

    _inherit = 'sale.order'

    # === CARD === #

    def _get_card_notice(self):
        """Return what becomes of the card that the customer enters at the checkout, or False.

        :rtype: str|bool
        """
        return self._get_purchase()._requires_card(self) and self.env._(
            "Your card is saved and charged for the later payments listed here."
        )

    def _get_card_on_file(self):
        """Return the card that the order's payments are charged to, or False when none will be.

        :return: The card as the billing history names it: "Visa •••• 4242".
        :rtype: str|bool
        """
        token = self.billing_token_id
        return self.billing_status in LIVE and bool(token) and token._get_card_name()

    # === SCHEDULE === #

    def _get_next_payment(self):
        """Return the payment that the customer can expect next, or False.

        :return: Its ``date``, ``amount`` and ``card``, ready to print.
        :rtype: dict|bool
        """
        event = self.billing_next_event_id
        if not event or self.billing_status not in CHARGEABLE_ORDERS or self.billing_cancel_date:
            return False
        return {
            'date': self._get_due_date_text(event),
            'amount': event.currency_id.format(event.amount),
            'card': self._get_card_on_file(),
        }

    def _get_due_date_text(self, event):
        return self._get_date_text(event.due_date)

    def _get_date_text(self, moment):
        """Return the customer's date of a moment, in their language.

        :param datetime.datetime|bool moment: The moment in UTC, if there is one.
        :rtype: str
        """
        return format_date(self.env, self._get_date(moment)) if moment else ''

    def _get_upcoming_rows(self):
        """Return the payments still to come or to be remedied, as rows.

        :rtype: list[dict]
        """
        purchase = self._get_purchase()
        outstanding = self._get_outstanding_events()
        return [
            {
                'date': self._get_due_date_text(event),
                'amount': event.currency_id.format(event.amount),
                'description': ' · '.join(
                    purchase._get_event_terms(leaf) for leaf in event._get_leaves()
                ),
                'explanation': self._get_event_explanation(event),
                **self._get_event_status(event, is_overdue=event in outstanding),
            }
            for event in self.billing_event_ids
            if event.status in OPEN
        ]

    def _get_event_status(self, event, is_overdue):
        """Return the status of a scheduled payment in the customer's words.

        :param billpro.billing.event event: The payment.
        :param bool is_overdue: Whether it should have been collected by now.
        :return: The ``status`` and its ``css``.
        :rtype: dict
        """
        text, css = {
            'scheduled': (self.env._("Overdue"), 'warning')
            if is_overdue
            else (self.env._("Scheduled"), 'info'),
            'paused': (self.env._("Paused"), 'secondary'),
            'processing': (self.env._("In progress"), 'info'),
            'unknown': (self.env._("In progress"), 'info'),
            'soft_declined': (self.env._("Declined"), 'warning'),
            'hard_declined': (self.env._("Declined"), 'danger'),
            'action_required': (self.env._("To be confirmed with your bank"), 'warning'),
        }[event.status]
        return {'status': text, 'css': css}
