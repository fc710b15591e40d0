from odoo import api, models

from ..lifecycle.kinds import find_kinds


class BillproNotice(models.AbstractModel):
    """What every kind of notice says of itself; each one is a class of its own.

    Another addon adds a kind by adding a model that inherits this one, sets `_notice_kind` and
    the template of its mail, and overrides what differs. Its settings are made from it.
    """

    _name = 'billpro.notice'
    _description = "Kind of Notice"

    _notice_kind = None  # The technical value of `billpro.notification.kind`.
    _notice_sequence = 100  # The place in selections.
    _mail_template = None  # External ids of templates, for settings that are made from the class.
    _sms_template = None
    _is_manual = False  # Whether staff ask for it: its mail is never switched off.
    _is_requested = False  # Whether the customer has asked for it.
    _is_about_payment = False  # Whether its mail is for whoever pays, not for who has ordered.
    _is_about_card = False  # Whether it tells of an order's card.
    # Whether very many may be due at once; the template is one for the notice itself.
    _is_made_together = False
    _is_sent_again = True  # Whether a mail that didn't go out is tried again by itself.

    # === THE LIST OF KINDS === #

    @api.model
    def _get_kinds(self):
        """Return the models of all installed kinds by technical value.

        :return: An ordered mapping of kinds to (empty) model records.
        :rtype: dict
        """
        kinds = sorted(find_kinds(self), key=lambda kind: kind._notice_sequence)
        return {kind._notice_kind: kind for kind in kinds}

    @api.model
    def _get_kind(self, code):
        """Return the model of a kind.

        :param str code: The kind.
        :return: The model; that of all kinds if the kind's addon was uninstalled.
        :rtype: billpro.notice
        """
        return self._get_kinds().get(code, self.env['billpro.notice'])

    @api.model
    def _get_selection(self):
        """Return the selection values of the fields that name a kind.

        :rtype: list[tuple[str, str]]
        """
        return [(code, kind._get_label()) for code, kind in self._get_kinds().items()]

    # === WHAT EACH KIND ANSWERS === #

    @api.model
    def _get_label(self):
        """Return the kind's name for staff.

        :rtype: str
        """
        return ''

    @api.model
    def _get_description(self):
        """Return when it is sent, for settings that are made from the class.

        :rtype: str
        """
        return ''

    @api.model
    def _prepare_settings(self):
        """Return the settings that the kind begins with.

        :return: Create values of `billpro.notification.kind`.
        :rtype: dict
        """
        templates = {
            'mail_template_id': self._mail_template,
            'sms_template_id': self._sms_template,
        }
        return {
            'code': self._notice_kind,
            'sequence': self._notice_sequence,
            'description': self._get_description(),
            'is_manual': self._is_manual,
            'is_requested': self._is_requested,
            **{name: xmlid and self.env.ref(xmlid).id for name, xmlid in templates.items()},
        }

    @api.model
    def _is_outdated(self, notice):
        """Return whether what a notice tells is no longer true.

        Customers and staff change their minds, and jobs may have stood still for days.

        :param billpro.notification notice: The notice, which wasn't sent yet.
        :rtype: bool
        """
        return False

    @api.model
    def _refresh(self, notice):
        """Let a notice say what is true on the day on which it is sent.

        :param billpro.notification notice: The notice, which isn't outdated.
        """

    @api.model
    def _follow_sent(self, notice):
        """Do what follows when the notice was sent.

        :param billpro.notification notice: The notice.
        """

    @api.model
    def _follow_failed(self, notice):
        """Do what follows when the notice could not be sent, or came back; staff are told.

        :param billpro.notification notice: The notice.
        """

    @api.model
    def _get_documents(self, notice):
        """Return what is attached to the mail besides the reports of its template.

        :param billpro.notification notice: The notice.
        :rtype: ir.attachment
        """
        return self.env['ir.attachment']

    @api.model
    def _get_example_domain(self, model):
        """Return which records the preview of a template may show.

        :param str model: The model of the template.
        :rtype: list
        """
        domain = {
            'sale.order': [('purchase_type', '!=', False)],
            'billpro.billing.event': [('number', '>', 0)],
            'payment.transaction': [('billing_order_id', '!=', False)],
            'billpro.notification': [('kind', '=', self._notice_kind)],
        }[model]
        if self._is_about_card and model == 'sale.order':
            domain += [('billing_token_id', '!=', False)]
        if model == 'payment.transaction':
            domain += self._get_example_payment_domain()
        return domain

    @api.model
    def _get_example_payment_domain(self):
        """Return which payments the preview of a template may show: by default declined ones.

        :rtype: list
        """
        return [
            ('billing_event_id', '!=', False),
            ('state', 'in', ['error', 'cancel', 'pending']),
        ]
