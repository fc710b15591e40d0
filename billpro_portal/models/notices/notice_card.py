from odoo import api, models


def _is_card_replaced(notice):
    """Return whether no order is charged any more to the card that a notice is about.

    :param billpro.notification notice: The notice.
    :rtype: bool
    """
    return not notice.token_id.active or not notice.token_id._get_charged_orders()


class BillproNoticeCardExpiring(models.AbstractModel):
    """The card that is charged expires soon."""

    _name = 'billpro.notice.card_expiring'
    _description = "Notice: Card expires soon"
    _inherit = 'billpro.notice'

    _notice_kind = 'card_expiring'
    _notice_sequence = 80
    _is_about_card = True

    @api.model
    def _get_label(self):
        return self.env._("Card expires soon")

    @api.model
    def _is_outdated(self, notice):
        return _is_card_replaced(notice)


class BillproNoticeCardExpired(models.AbstractModel):
    """The card that is charged has expired."""

    _name = 'billpro.notice.card_expired'
    _description = "Notice: Card expired"
    _inherit = 'billpro.notice'

    _notice_kind = 'card_expired'
    _notice_sequence = 90
    _is_about_card = True

    @api.model
    def _get_label(self):
        return self.env._("Card expired")

    @api.model
    def _is_outdated(self, notice):
        return _is_card_replaced(notice)


class BillproNoticeCardUpdate(models.AbstractModel):
    """Staff ask for another card."""

    _name = 'billpro.notice.card_update'
    _description = "Notice: Card update"
    _inherit = 'billpro.notice'

    _notice_kind = 'card_update'
    _notice_sequence = 100
    _is_about_card = True

    @api.model
    def _get_label(self):
        return self.env._("Card update")


class BillproNoticeCardChanged(models.AbstractModel):
    """A card was added, chosen or removed."""

    _name = 'billpro.notice.card_changed'
    _description = "Notice: Card changed"
    _inherit = 'billpro.notice'

    _notice_kind = 'card_changed'
    _notice_sequence = 110
    _is_about_card = True

    @api.model
    def _get_label(self):
        return self.env._("Card changed")
