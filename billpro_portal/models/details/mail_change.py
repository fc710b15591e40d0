from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import consteq, email_normalize_all, hmac

from ...billing.retention import MAIL_CHANGE_DAYS

VALID_HOURS = 48
# Each writes to an address that somebody has entered, and to the customer.
REQUESTS_PER_DAY_AND_CUSTOMER = 3
REQUESTS_PER_DAY_AND_VISITOR = 5
OLD, NEW = 'old', 'new'


class BillproMailChange(models.Model):
    """A customer is to be written to at another mail address, if the old and the new one agree.

    The old address is told at once. Each has a link of its own, which opens nothing of the order:
    whoever has the new address may be a stranger. Who reads the old one can object.
    """

    _name = 'billpro.mail.change'
    _description = "Request of Another Mail Address"

    _order = 'id desc'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(
        comodel_name='res.partner', required=True, readonly=True, index=True, ondelete='cascade'
    )
    old_email = fields.Char(required=True, readonly=True)
    new_email = fields.Char(required=True, readonly=True)
    old_agreed = fields.Boolean(readonly=True)
    new_agreed = fields.Boolean(readonly=True)
    state = fields.Selection(
        selection=[('open', "Open"), ('done', "Done"), ('ended', "Ended")],
        required=True,
        readonly=True,
        default='open',
    )
    ip_address = fields.Char(string="IP Address", readonly=True, index=True)
    user_id = fields.Many2one(string="By", comodel_name='res.users', readonly=True)

    @api.model
    def _get_open(self, partner):
        """Return the request that waits for an answer, if there is one.

        :param res.partner partner: The customer.
        :rtype: billpro.mail.change
        """
        return self.search(
            [('partner_id', '=', partner.id), ('state', '=', 'open')], limit=1
        ).filtered(lambda change: change._is_open())

    @api.model
    def _request(self, order, email, user, ip_address):
        """Ask the old and the new address whether the customer is to be written to at the new one.

        A request takes the place of the one before.

        :param sale.order order: The order, in superuser mode.
        :param str email: The new address.
        :param res.users user: The login with which it is asked for.
        :param str ip_address: The address of the visitor.
        :raise UserError: If there is no old address, or too much was asked, or no mail can be sent.
        """
        partner = order.partner_id
        if not email_normalize_all(partner.email or ''):
            raise UserError(
                self.env._(
                    "We have no mail address of yours that could confirm this. Please contact us."
                )
            )
        limits = {
            ('partner_id', partner.id): REQUESTS_PER_DAY_AND_CUSTOMER,
            ('ip_address', ip_address): REQUESTS_PER_DAY_AND_VISITOR,
        }
        since = fields.Datetime.now() - timedelta(days=1)
        if self.env['billpro.own.transaction']._is_limit_reached(self._name, since, limits):
            raise UserError(
                self.env._(
                    "This was asked for several times today. Please wait a day, or contact us."
                )
            )
        self.search([('partner_id', '=', partner.id), ('state', '=', 'open')]).state = 'ended'
        change = self.create(
            {
                'order_id': order.id,
                'partner_id': partner.id,
                'old_email': partner.email,
                'new_email': email,
                'ip_address': ip_address,
                'user_id': user.id,
            }
        )
        order._billing_log_by_customer(
            self.env._("The customer asks to be written to at %s: both addresses are asked.", email)
        )
        for side in (OLD, NEW):  # If the old one can't be told, nobody is asked.
            change._mail(side)

    def _mail(self, side):
        """Ask one of the addresses.

        :param str side: `old` or `new`.
        :raise UserError: If the mail can't be sent.
        """
        order = self.order_id.with_context(lang=self.partner_id.lang or self.env.lang)
        company = order.company_id.name
        if side == NEW:
            subject = order.env._("Is this your new mail address for %s?", company)
            request = order.env._(
                "Somebody has asked %s to write to this address from now on.", company
            )
        else:
            subject = order.env._("Are you changing your mail address for %s?", company)
            request = order.env._(
                "Somebody has asked %(company)s to write to %(email)s from now on, and no longer to"
                " this address.",
                company=company,
                email=self.new_email,
            )
        body = order.env['ir.qweb']._render(
            'billpro_portal.mail_change_mail',
            {
                'request_text': request,
                'is_new': side == NEW,
                'url': f'{order.get_base_url()}{self._get_url(side)}',
            },
        )
        order._billing_mail_at_once(self._get_address(side), subject, body)

    def _get_address(self, side):
        if side == NEW:
            return self.new_email
        return ', '.join(email_normalize_all(self.old_email))

    # === THE LINKS === #

    def _get_url(self, side):
        """Return the address of the page on which one of the two answers.

        :param str side: `old` or `new`.
        :rtype: str
        """
        return f'/order/mail-address/{self.id}?access_token={self._get_key(side)}'

    def _get_key(self, side):
        return hmac(
            self.env(su=True), 'billpro_portal.mail_change', (self.id, side, self.new_email)
        )

    def _get_side(self, key):
        """Return which of the two addresses a link was sent to.

        :param str key: The key of the link, from a request.
        :return: `old` or `new`; None if it is neither's.
        :rtype: str|None
        """
        if not self.exists() or not isinstance(key, str) or not key.isascii():
            return None
        return next((side for side in (OLD, NEW) if consteq(self._get_key(side), key)), None)

    def _is_open(self):
        """Return whether the request can still be answered.

        Staff may have changed the address meanwhile, or given the order to another customer; and
        the contact may be one by now whom whoever has asked may not change.

        :rtype: bool
        """
        since = fields.Datetime.now() - timedelta(hours=VALID_HOURS)
        return bool(
            self.exists()
            and self.state == 'open'
            and self.create_date > since
            and self.partner_id.email == self.old_email
            and self.partner_id == self.order_id.partner_id
            and not self.order_id._billing_get_refusal_of_details(self.user_id)
        )

    # === THE ANSWERS === #

    def _agree(self, side):
        """Take one of the two at their word, and change the address once both have agreed.

        :param str side: `old` or `new`.
        """
        self.order_id._lock_billing()  # Two answers at once wait for each other.
        if not self._is_open():
            return
        self[f'{side}_agreed'] = True
        if self.old_agreed and self.new_agreed:
            self.state = 'done'
            self.order_id._billing_set_mail_address(self.new_email, self.user_id)

    def _object(self, side):
        """End the request: nothing is changed by it.

        :param str side: `old` or `new`.
        """
        self.order_id._lock_billing()  # Two answers at once wait for each other.
        if not self._is_open():
            return
        self.state = 'ended'
        note = (
            self.env._("%s has said that it isn't theirs. The mail address stays.", self.new_email)
            if side == NEW
            else self.env._(
                "%(old)s has objected to %(new)s: somebody else has the order's link. The mail"
                " address stays. Consider to replace the link.",
                old=self.old_email,
                new=self.new_email,
            )
        )
        self.order_id._billing_log_by_customer(note)
        if side == OLD:
            self.order_id._billing_ask_staff(
                'mail-change', self.env._("Customer objects to a new mail address"), note
            )

    @api.autovacuum
    def _gc_mail_changes(self):
        """Forget the requests, and the addresses of visitors; what was done is in the chatter."""
        since = fields.Datetime.now() - timedelta(days=MAIL_CHANGE_DAYS)
        self.search([('create_date', '<', since)]).unlink()
