from odoo import api, models

from ...billing.lifecycle import LIVE


class BillproNoticeUsageMostlyIncluded(models.AbstractModel):
    """Most of what a period includes is used: 80 %."""

    _name = 'billpro.notice.usage_mostly_included'
    _description = "Notice: 80 % of what is included are used"
    _inherit = 'billpro.notice'

    _notice_kind = 'usage_mostly_included'
    _notice_sequence = 182

    @api.model
    def _get_label(self):
        return self.env._("80% of what is included are used")

    @api.model
    def _is_outdated(self, notice):
        return notice._is_usage_outdated()


class BillproNoticeUsageIncluded(models.AbstractModel):
    """All that a period includes is used: the rest costs."""

    _name = 'billpro.notice.usage_included'
    _description = "Notice: What is included is used up"
    _inherit = 'billpro.notice'

    _notice_kind = 'usage_included'
    _notice_sequence = 184

    @api.model
    def _get_label(self):
        return self.env._("What is included is used up")

    @api.model
    def _is_outdated(self, notice):
        return notice._is_usage_outdated()


class BillproNoticeUsageAlert(models.AbstractModel):
    """Usage costs as much as the customer wanted to be told of."""

    _name = 'billpro.notice.usage_alert'
    _description = "Notice: Spending alert"
    _inherit = 'billpro.notice'

    _notice_kind = 'usage_alert'
    _notice_sequence = 186

    @api.model
    def _get_label(self):
        return self.env._("Spending alert")

    @api.model
    def _is_outdated(self, notice):
        return notice._is_usage_outdated()


class BillproNoticeUsagePrice(models.AbstractModel):
    """Usage costs something else from a day on, or is charged that wasn't before."""

    _name = 'billpro.notice.usage_price'
    _description = "Notice: Price of usage"
    _inherit = 'billpro.notice'

    _notice_kind = 'usage_price'
    _notice_sequence = 188

    @api.model
    def _get_label(self):
        return self.env._("Price of usage")

    @api.model
    def _is_outdated(self, notice):
        return notice.order_id.billing_status not in LIVE
