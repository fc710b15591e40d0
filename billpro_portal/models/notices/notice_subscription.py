from odoo import api, models

from ...billing.lifecycle import LIVE


class BillproNoticePaused(models.AbstractModel):
    """A subscription is paused."""

    _name = 'billpro.notice.paused'
    _description = "Notice: Subscription paused"
    _inherit = 'billpro.notice'

    _notice_kind = 'paused'
    _notice_sequence = 140

    @api.model
    def _get_label(self):
        return self.env._("Subscription paused")

    @api.model
    def _is_outdated(self, notice):
        return notice.order_id.billing_status != 'paused'


class BillproNoticeResumed(models.AbstractModel):
    """A paused subscription goes on."""

    _name = 'billpro.notice.resumed'
    _description = "Notice: Subscription resumed"
    _inherit = 'billpro.notice'

    _notice_kind = 'resumed'
    _notice_sequence = 150

    @api.model
    def _get_label(self):
        return self.env._("Subscription resumed")

    @api.model
    def _is_outdated(self, notice):
        return notice.order_id.billing_status == 'paused'


class BillproNoticeCancelled(models.AbstractModel):
    """A subscription is cancelled."""

    _name = 'billpro.notice.cancelled'
    _description = "Notice: Cancellation"
    _inherit = 'billpro.notice'

    _notice_kind = 'cancelled'
    _notice_sequence = 160

    @api.model
    def _get_label(self):
        return self.env._("Cancellation")

    @api.model
    def _is_outdated(self, notice):
        return not notice.order_id.billing_cancel_date


class BillproNoticeCancelUndone(models.AbstractModel):
    """A cancellation is taken back."""

    _name = 'billpro.notice.cancel_undone'
    _description = "Notice: Cancellation undone"
    _inherit = 'billpro.notice'

    _notice_kind = 'cancel_undone'
    _notice_sequence = 170

    @api.model
    def _get_label(self):
        return self.env._("Cancellation undone")

    @api.model
    def _is_outdated(self, notice):
        return bool(notice.order_id.billing_cancel_date)


class BillproNoticeContractReminder(models.AbstractModel):
    """A contract goes on until the customer ends it, and the law wants them to be reminded."""

    _name = 'billpro.notice.contract_reminder'
    _description = "Notice: Reminder of the subscription"
    _inherit = 'billpro.notice'

    _notice_kind = 'contract_reminder'
    _notice_sequence = 37
    _mail_template = 'billpro_portal.mail_template_contract_reminder'

    @api.model
    def _get_label(self):
        return self.env._("Reminder of the subscription")

    @api.model
    def _get_description(self):
        return self.env._("Every year or half-year, where the law wants it")

    @api.model
    def _is_outdated(self, notice):
        order = notice.order_id
        return order.billing_status not in LIVE or bool(order.billing_cancel_date)


class BillproNoticePriceIncrease(models.AbstractModel):
    """A subscription is to cost more, or after all isn't."""

    _name = 'billpro.notice.price_increase'
    _description = "Notice: Price increase"
    _inherit = 'billpro.notice'

    _notice_kind = 'price_increase'
    _notice_sequence = 138
    _is_made_together = True

    @api.model
    def _get_label(self):
        return self.env._("Price increase")

    @api.model
    def _is_outdated(self, notice):
        """Override: a price that was taken back, has been raised, or won't come isn't announced."""
        order = notice.order_id
        is_to_come = order.billing_status in LIVE and not order.billing_cancel_date
        is_announced = is_to_come and order.billing_change_ids.filtered(
            lambda change: (
                change.state == 'planned' and notice.fact == f'raised-{change.increase_id.id}'
            )
        )
        return notice.fact.startswith('raised-') and not is_announced

    @api.model
    def _refresh(self, notice):
        """Override: it may have waited for weeks, until the law let it be told."""
        line = notice.order_id.billing_change_ids.increase_id.filtered(
            lambda line: notice.fact == f'raised-{line.id}'
        )
        if line and line._waits_for_law(notice):
            line._follow_order()
            notice.text = line._describe_to_customer()[1]
