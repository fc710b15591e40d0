from odoo import api, fields, models

from ...billing.calendar import local_date
from ...billing.lifecycle import DECLINED


def _is_settled(notice):
    """Return whether nobody waits any more for a payment that was declined.

    :param billpro.notification notice: The notice that tells of it.
    :rtype: bool
    """
    return notice.event_id.status not in DECLINED or notice.order_id._billing_is_collection_over()


def _is_not_ahead(notice):
    """Return whether a payment that is announced isn't to come any more.

    :param billpro.notification notice: The notice that announces it.
    :rtype: bool
    """
    return (
        notice.event_id.status != 'scheduled'
        or notice.event_id.due_date <= fields.Datetime.now()
        or notice.order_id._billing_is_collection_over()
    )


class BillproNoticePaymentReceived(models.AbstractModel):
    """A scheduled payment is collected."""

    _name = 'billpro.notice.payment_received'
    _description = "Notice: Payment received"
    _inherit = 'billpro.notice'

    _notice_kind = 'payment_received'
    _notice_sequence = 40
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Payment received")

    @api.model
    def _get_example_payment_domain(self):
        return [('billing_event_id', '!=', False), ('state', '=', 'done')]


class BillproNoticePaidByCredit(models.AbstractModel):
    """A scheduled payment was paid in full by what was credited before."""

    _name = 'billpro.notice.paid_by_credit'
    _description = "Notice: Paid by credit"
    _inherit = 'billpro.notice'

    _notice_kind = 'paid_by_credit'
    _notice_sequence = 45
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Paid by credit")

    @api.model
    def _get_documents(self, notice):
        return notice.event_id.invoice_id._billpro_attach_pdf()


class BillproNoticePaymentDeclined(models.AbstractModel):
    """A scheduled payment is declined and will be tried again."""

    _name = 'billpro.notice.payment_declined'
    _description = "Notice: Payment declined"
    _inherit = 'billpro.notice'

    _notice_kind = 'payment_declined'
    _notice_sequence = 50
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Payment declined")

    @api.model
    def _is_outdated(self, notice):
        return _is_settled(notice)


class BillproNoticePaymentFailed(models.AbstractModel):
    """A payment waits for another card, or the order is suspended."""

    _name = 'billpro.notice.payment_failed'
    _description = "Notice: Payment failed"
    _inherit = 'billpro.notice'

    _notice_kind = 'payment_failed'
    _notice_sequence = 60
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Payment failed")

    @api.model
    def _is_outdated(self, notice):
        return _is_settled(notice)


class BillproNoticePaymentAuthentication(models.AbstractModel):
    """The customer's bank asks them to confirm a payment."""

    _name = 'billpro.notice.payment_authentication'
    _description = "Notice: Confirm your payment"
    _inherit = 'billpro.notice'

    _notice_kind = 'payment_authentication'
    _notice_sequence = 70
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Confirm your payment")

    @api.model
    def _is_outdated(self, notice):
        if not notice.event_id:
            return not notice.transaction_id.billing_action_required
        return _is_settled(notice)


class BillproNoticePaymentUpcoming(models.AbstractModel):
    """A scheduled payment is due in some days."""

    _name = 'billpro.notice.payment_upcoming'
    _description = "Notice: Payment coming up"
    _inherit = 'billpro.notice'

    _notice_kind = 'payment_upcoming'
    _notice_sequence = 120
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Payment coming up")

    @api.model
    def _is_outdated(self, notice):
        # What credit pays in full is charged to nobody.
        return _is_not_ahead(notice) or not notice.event_id.amount


class BillproNoticePaymentChanged(models.AbstractModel):
    """Staff have moved, changed, skipped or merged payments."""

    _name = 'billpro.notice.payment_changed'
    _description = "Notice: Payment changed"
    _inherit = 'billpro.notice'

    _notice_kind = 'payment_changed'
    _notice_sequence = 130
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Payment changed")


class BillproNoticeRefund(models.AbstractModel):
    """A refund is approved."""

    _name = 'billpro.notice.refund'
    _description = "Notice: Refund"
    _inherit = 'billpro.notice'

    _notice_kind = 'refund'
    _notice_sequence = 180
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return self.env._("Refund")

    @api.model
    def _get_documents(self, notice):
        return notice.transaction_id.invoice_ids._billpro_attach_pdf()

    @api.model
    def _get_example_payment_domain(self):
        return [('operation', '=', 'refund')]


class BillproNoticeTrialEnding(models.AbstractModel):
    """A free trial ends in some days."""

    _name = 'billpro.notice.trial_ending'
    _description = "Notice: Trial ends"
    _inherit = 'billpro.notice'

    _notice_kind = 'trial_ending'
    _notice_sequence = 190

    @api.model
    def _get_label(self):
        return self.env._("Trial ends")

    @api.model
    def _is_outdated(self, notice):
        return _is_not_ahead(notice)


class BillproNoticeRenewal(models.AbstractModel):
    """A long term renews by itself, and the law wants the customer to be told in time."""

    _name = 'billpro.notice.renewal'
    _description = "Notice: Renewal"
    _inherit = 'billpro.notice'

    _notice_kind = 'renewal'
    _notice_sequence = 35
    _mail_template = 'billpro_portal.mail_template_renewal'

    @api.model
    def _get_label(self):
        return self.env._("Renewal")

    @api.model
    def _get_description(self):
        return self.env._("Before a long term renews, where the law wants it")

    @api.model
    def _is_outdated(self, notice):
        return _is_not_ahead(notice)

    @api.model
    def _follow_sent(self, notice):
        """Override: after a failure it may have come in time all the same, or too late."""
        order, day = notice.order_id, self._get_day(notice)
        if not order._billing_is_renewal_told_in_time(day):
            order._billing_note_missed_renewal(day)
        elif order.billing_free_exit_date == day:
            order.billing_free_exit_date = False

    @api.model
    def _follow_failed(self, notice):
        """Override: whoever wasn't told may leave freely."""
        notice.order_id.billing_free_exit_date = self._get_day(notice)

    @api.model
    def _get_day(self, notice):
        """Return the day of the renewal.

        :param billpro.notification notice: The notice.
        :rtype: datetime.date
        """
        return local_date(notice.event_id.due_date, notice.order_id._get_time_zone())
