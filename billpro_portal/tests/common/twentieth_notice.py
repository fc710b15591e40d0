from odoo import api, models
from odoo.orm.model_classes import add_to_registry

from .notification import NotificationCommon


class Thanks(models.AbstractModel):
    """A kind of notice that another addon could add: thanks for an order that is paid at once."""

    _module = None  # Of no addon: it is in the registry as long as a test wants it there.
    _name = 'billpro.notice.thanks'
    _description = "Notice: Thanks"
    _inherit = ['billpro.notice']

    _notice_kind = 'thanks'
    _notice_sequence = 200
    _mail_template = 'billpro_portal.mail_template_resumed'
    _is_about_payment = True

    @api.model
    def _get_label(self):
        return "Thanks"

    @api.model
    def _get_description(self):
        return "When an order is paid at once"

    @api.model
    def _is_outdated(self, notice):
        return notice.order_id.billing_status != 'complete'


class TwentiethNoticeCommon(NotificationCommon):
    """A company that thanks its customers, by a class that is in no addon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        add_to_registry(cls.registry, Thanks)
        cls.addClassCleanup(cls._forget_thanks)
        cls.registry._setup_models__(cls.env.cr, [Thanks._name])

    @classmethod
    def _forget_thanks(cls):
        cls.registry['billpro.notice']._inherit_children.discard(Thanks._name)
        del cls.registry.models[Thanks._name]
        cls.registry._setup_models__(cls.env.cr, [])
