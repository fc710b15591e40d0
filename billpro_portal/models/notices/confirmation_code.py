import re
import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import consteq, email_normalize_all, hmac

from ...billing.retention import CODE_DAYS
from .notification import MAIL, SMS

DIGITS = 6
VALID_MINUTES = 10
MOST_TRIES = 5
# Each is a mail or a text message to somebody who may not have asked for it.
CODES_PER_HOUR_AND_CUSTOMER = 5
CODES_PER_HOUR_AND_VISITOR = 10


class BillproConfirmationCode(models.Model):
    """A code that a customer was sent, to show that a browser that is new is theirs.

    It is kept as a hash, counts once, and only in the browser that has asked for it: whose session
    says which one it is. The visitor's address is kept for a day, as their requests are counted.
    """

    _name = 'billpro.confirmation.code'
    _description = "Code that Confirms a Change"

    partner_id = fields.Many2one(
        comodel_name='res.partner', required=True, readonly=True, index=True, ondelete='cascade'
    )
    ip_address = fields.Char(string="IP Address", readonly=True, index=True)
    channel = fields.Char(readonly=True)
    code_hash = fields.Char(readonly=True, groups=fields.NO_ACCESS)
    tries = fields.Integer(readonly=True)

    @api.model
    def _get_code_channels(self, order):
        """Return by what the customer of an order can be sent a code, the best way first.

        :param sale.order order: The order, in superuser mode.
        :return: The addresses by channel: of its contact only, whatever else the order says.
        :rtype: dict[str, str]
        """
        channels = {}
        if addresses := email_normalize_all(order.partner_id.email or ''):
            channels[MAIL] = ', '.join(addresses)
        kinds = self.env['billpro.notification.kind'].with_company(order.company_id)
        is_reachable = order.partner_id.phone and not order.billing_phone_problem
        if is_reachable and kinds.search([('sms_template_id', '!=', False)]).filtered('sms_on'):
            channels[SMS] = order._billing_get_sms_number()
        return channels

    @api.model
    def _send(self, order, channel, ip_address):
        """Send the customer of an order another code.

        :param sale.order order: The order, in superuser mode.
        :param str channel: A key of `_get_code_channels`.
        :param str ip_address: The address of the visitor.
        :return: The code; none if too many were sent within the hour.
        :rtype: billpro.confirmation.code
        :raise UserError: If the mail can't be sent.
        """
        limits = {
            ('partner_id', order.partner_id.id): CODES_PER_HOUR_AND_CUSTOMER,
            ('ip_address', ip_address): CODES_PER_HOUR_AND_VISITOR,
        }
        since = fields.Datetime.now() - timedelta(hours=1)
        if self.env['billpro.own.transaction']._is_limit_reached(self._name, since, limits):
            return self.browse()
        code = ''.join(secrets.choice('0123456789') for _digit in range(DIGITS))
        record = self.create(
            {'partner_id': order.partner_id.id, 'channel': channel, 'ip_address': ip_address}
        )
        record.code_hash = record._hash(code)
        address = self._get_code_channels(order)[channel]
        in_language = order.with_context(lang=order.partner_id.lang or order.env.lang)
        if channel == MAIL:
            record._mail(in_language, address, code)
        else:
            record._text(in_language, address, code)
        return record

    def _mail(self, order, address, code):
        """Mail the code at once.

        :param sale.order order: The order, in the customer's language.
        :param str address: The address, or several.
        :param str code: The code.
        :raise UserError: If it can't be sent.
        """
        order._billing_mail_at_once(
            address,
            # First: who reads mails in a list, or on a locked phone, need not open it.
            order.env._(
                "%(code)s is your code for %(company)s", code=code, company=order.company_id.name
            ),
            order.env['ir.qweb']._render('billpro_portal.confirmation_code_mail', {'code': code}),
        )

    def _text(self, order, number, code):
        """Send the code as a text message at once; the list of messages doesn't keep it.

        :param sale.order order: The order, in the customer's language.
        :param str number: The number.
        :param str code: The code.
        """
        text = order.env._(
            "%(code)s is your code for %(company)s. It is valid for ten minutes.",
            code=code,
            company=order.company_id.name[:20].strip(),
        )
        order.env['sms.sms'].create({'number': number, 'body': text}).send(unlink_failed=True)

    def _take(self, order, entered):
        """Return whether what was entered is the code, and use it up; wrong tries are counted.

        :param sale.order order: The order, whose customer the code must have been sent to.
        :param str entered: What was entered; blanks and dashes don't matter.
        :rtype: bool
        """
        if not self._is_open(order):
            return False
        # Two tries at once wait for each other.
        self.env['billpro.own.transaction']._lock_rows(self)
        self.tries += 1
        entered = re.sub(r'[\s-]', '', str(entered))
        if self.tries > MOST_TRIES or not consteq(self.code_hash, self._hash(entered)):
            return False
        self.code_hash = False
        return True

    def _is_open(self, order):
        """Return whether the code can still be entered.

        :param sale.order order: The order.
        :rtype: bool
        """
        since = fields.Datetime.now() - timedelta(minutes=VALID_MINUTES)
        return bool(
            self.exists()
            and self.partner_id == order.partner_id
            and self.code_hash
            and self.create_date > since
            and self.tries < MOST_TRIES
        )

    def _hash(self, code):
        """Return what is kept of a code: of two equal ones it differs.

        :param str code: The code.
        :rtype: str
        """
        return hmac(self.env(su=True), 'billpro_portal.confirmation_code', (self.id, code))

    @api.autovacuum
    def _gc_codes(self):
        """Forget the codes, and the addresses of visitors."""
        since = fields.Datetime.now() - timedelta(days=CODE_DAYS)
        self.search([('create_date', '<', since)]).unlink()
