from odoo import api, fields, models
from odoo.exceptions import UserError

from ...billing.sms_text import measure, simplify
from ..rights.own_context import is_inside
from .notification import MAIL, SMS


class BillproNotificationKind(models.Model):
    """A kind of customer notice: its templates, and on which channels each company sends it."""

    _name = 'billpro.notification.kind'
    _description = "Kind of Customer Notice"

    _order = 'sequence, id'
    _rec_name = 'code'
    code = fields.Selection(
        string="Notice", selection='_selection_code', required=True, readonly=True
    )
    sequence = fields.Integer(readonly=True)
    description = fields.Char(string="Sent", translate=True, readonly=True)
    is_manual = fields.Boolean(
        readonly=True, help="Sent when staff press a button: its mail is never switched off."
    )
    is_requested = fields.Boolean(
        readonly=True, help="The customer asked for it: an opt-out of text messages doesn't count."
    )
    mail_template_id = fields.Many2one(comodel_name='mail.template', ondelete='restrict')
    sms_template_id = fields.Many2one(
        string="SMS Template", comodel_name='sms.template', ondelete='restrict'
    )
    mail_on = fields.Boolean(string="Mail", company_dependent=True)
    sms_on = fields.Boolean(string="SMS", company_dependent=True)
    sms_length = fields.Char(string="SMS Length", compute='_compute_sms_length')
    _code_unique = models.Constraint('unique(code)', "There is one row for each kind of notice.")

    @api.model
    def _get(self, code):
        """Return the settings of a kind of notice.

        :param str code: A kind of `billpro.notice`.
        :rtype: billpro.notification.kind
        """
        return self.search([('code', '=', code)]) or self.sudo()._complete().filtered(
            lambda kind: kind.code == code
        )

    @api.model
    def _selection_code(self):
        return self.env['billpro.notice']._get_selection()

    @api.model
    def _complete(self):
        """Make the settings of the kinds that have none: those of addons, or of a new version.

        :return: The new ones.
        :rtype: billpro.notification.kind
        """
        kinds = self.env['billpro.notice']._get_kinds()
        known = set(self.search([('code', 'in', list(kinds))]).mapped('code'))
        return self.create(
            [kind._prepare_settings() for code, kind in kinds.items() if code not in known]
        )

    def _get_channels(self, is_demanded=False):
        """Return on which channels the company of the environment sends the notice.

        :param bool is_demanded: Whether schemes or law demand it, so that it can't be switched off.
        :rtype: list[str]
        """
        self.ensure_one()
        return [
            channel
            for channel, is_on in (
                (
                    MAIL,
                    self.mail_on or is_demanded or is_inside(self.env, 'billing_by_hand'),
                ),
                (SMS, self.sms_on and self.sms_template_id),
            )
            if is_on
        ]

    # === TEXT MESSAGES === #

    def _render_sms(self, record):
        """Return the text of a text message.

        :param record: What the template is rendered for.
        :rtype: str
        """
        self.ensure_one()
        template = self.sms_template_id
        return simplify(template._render_field('body', record.ids, compute_lang=True)[record.id])

    @api.depends('sms_template_id.body')
    @api.depends_context('company', 'lang')
    def _compute_sms_length(self):
        """Tell how long the text message is for the newest record that it could be sent for."""
        for kind in self:
            record = kind.sms_template_id and kind._find_example(kind.sms_template_id.model)
            try:
                kind.sms_length = bool(record) and kind._get_length_text(kind._render_sms(record))
            except UserError:  # People edit templates.
                kind.sms_length = self.env._("The template has an error: see its preview")

    @api.model
    def _get_length_text(self, text):
        """Return how long a text message is, for staff.

        :param str text: The message.
        :rtype: str
        """
        length, count, is_gsm = measure(text)
        if is_gsm:
            return self.env._("%(length)s characters, %(count)s SMS", length=length, count=count)
        return self.env._(
            "%(length)s characters, %(count)s SMS (has letters that SMS have little room for)",
            length=length,
            count=count,
        )

    # === PREVIEW === #

    def _find_example(self, model):
        """Return the newest record of the company that the notice could be about.

        :param str model: The model of a template.
        :return: The record; empty if there is none yet.
        """
        self.ensure_one()
        domain = self.env['billpro.notice']._get_kind(self.code)._get_example_domain(model)
        return self.env[model].search(
            [*domain, ('company_id', '=', self.env.company.id)], order='id desc', limit=1
        )

    def action_preview_mail(self):
        """Open Odoo's preview of the mail, with the newest order, payment or refund it fits."""
        self.ensure_one()
        return self._get_preview_action(
            'mail.template.preview', 'default_mail_template_id', self.mail_template_id
        )

    def action_preview_sms(self):
        """Open Odoo's preview of the text message."""
        self.ensure_one()
        return self._get_preview_action(
            'sms.template.preview', 'default_sms_template_id', self.sms_template_id
        )

    def _get_preview_action(self, model, default, template):
        example = self._find_example(template.model)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Preview: %s", template.name),
            'res_model': model,
            'view_mode': 'form',
            'target': 'new',
            'context': {
                default: template.id,
                'default_resource_ref': f'{example._name},{example.id}' if example else False,
            },
        }

    # === RIGHTS === #

    def _has_field_access(self, field, operation):
        """Override of `base`: what counts for all companies is for administrators."""
        if (
            operation == 'write'
            and not (self.env.su or field.company_dependent)
            and not self.env.user.has_group('base.group_system')
        ):
            return False
        return super()._has_field_access(field, operation)
