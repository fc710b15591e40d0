from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import email_normalize_all, format_date, format_datetime, plaintext2html

from ...billing.law import REFUND_DAYS, WARNED_DAYS
from ...billing.lifecycle import IN_FLIGHT
from ...billing.retention import ADDRESS_DAYS
from ..law.sale_order import NO_CONTRACT

# Within the hour from one visitor, and of these for one mail address: each sends a mail there.
MOST_FROM_ADDRESS, MOST_FOR_EMAIL = 20, 5
# How long a receipt is tried again that no mail server takes.
RECEIPT_TRIED_FOR = timedelta(days=1)


class BillproDeclaration(models.Model):
    """What a customer has declared: that they withdraw from a contract, or cancel it.

    It is received, and its receipt is sent, whether we know the contract or not: whoever declares
    something learns nothing of orders. What was declared without an order's link is matched by a
    job, so that the page doesn't even take longer for an order that exists. It is matched if the
    order's number and a mail address of its customer are right, and is carried out by itself then;
    all else is for staff. Kept as evidence, never changed.
    """

    _name = 'billpro.declaration'
    _description = "Customer Declaration"
    _inherit = ['billpro.job.record']

    _order = 'id desc'
    _rec_name = 'reference'
    _tasks_to_do = {
        'declaration': [('state', '=', 'new')],
        'declarations': [('state', '=', 'open')],
    }
    kind = fields.Selection(
        selection=[
            ('withdrawal', "Withdrawal"),
            ('ordinary', "Cancellation"),
            ('cause', "Cancellation for cause"),
        ],
        required=True,
        readonly=True,
    )
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, readonly=True, index=True
    )
    order_id = fields.Many2one(
        comodel_name='sale.order', readonly=True, index='btree_not_null', ondelete='restrict'
    )
    name = fields.Char(string="Customer", required=True, readonly=True)
    reference = fields.Char(string="Contract", required=True, readonly=True)
    email = fields.Char(required=True, readonly=True)
    reason = fields.Text(readonly=True)
    end_date = fields.Date(
        string="Wanted End", readonly=True, help="Empty: the earliest that is possible."
    )
    date = fields.Datetime(
        string="Received On", required=True, readonly=True, default=fields.Datetime.now
    )
    lang = fields.Char(string="Language", readonly=True)
    ip_address = fields.Char(
        string="IP Address", readonly=True, help="Kept for 30 days, against abuse."
    )
    receipt = fields.Text(readonly=True, help="What was mailed to the customer at once.")
    state = fields.Selection(
        selection=[('new', "New"), ('open', "To do"), ('done', "Done")],
        default='new',
        required=True,
        readonly=True,
        index=True,
    )
    is_open = fields.Boolean(compute='_compute_is_open')
    is_withdrawn = fields.Boolean(
        string="Withdrawal Carried Out",
        readonly=True,
        help="It came in time: the contract is ended, and what was paid is to be paid back.",
    )
    currency_id = fields.Many2one(related='order_id.currency_id')
    used_amount = fields.Monetary(
        string="Used",
        readonly=True,
        help="What is owed for what was provided until the withdrawal, by the day: only if the"
        " customer had asked for the service to begin, and was told so.",
    )
    refund_amount = fields.Monetary(
        string="To Refund",
        compute='_compute_refund_amount',
        compute_sudo=True,
        help="What was paid, less what was used and what was paid back.",
    )
    can_refund = fields.Boolean(compute='_compute_refund_amount', compute_sudo=True)
    refund_due_date = fields.Date(string="Refund Until", readonly=True)
    is_warned = fields.Boolean(readonly=True)

    @api.depends('state')
    def _compute_is_open(self):
        for declaration in self:
            declaration.is_open = declaration.state != 'done'

    @api.depends(
        'used_amount',
        'is_withdrawn',
        'order_id.billing_paid',
        'order_id.billing_refunded',
        'order_id.billing_event_ids.status',
    )
    def _compute_refund_amount(self):
        for declaration in self:
            order = declaration.order_id
            left = order.billing_paid - order.billing_refunded - declaration.used_amount
            since = order.billing_cancel_requested_date
            if declaration.is_withdrawn and since and order._billing_wants_start():
                left -= order._billing_get_usage_collected(since)
            declaration.refund_amount = max(left, 0) if declaration.is_withdrawn else 0
            declaration.can_refund = bool(
                order and order.currency_id.compare_amounts(declaration.refund_amount, 0) > 0
            )

    # === RECEIVING === #

    @api.model
    def _get_limit_reason(self, ip_address, email):
        """Return why no more declarations are taken for now, or False.

        :param str ip_address: Where the request comes from.
        :param str email: The mail address that is to get the receipt.
        :rtype: str|bool
        """
        since = fields.Datetime.now() - timedelta(hours=1)
        recent = self.search([('date', '>', since), ('ip_address', '=', ip_address)])
        # By others a customer can't be kept from it.
        for_email = recent.filtered(lambda one: one.email == email)
        if len(recent) >= MOST_FROM_ADDRESS or len(for_email) >= MOST_FOR_EMAIL:
            return self.env._(
                "Too much was sent from here in a short time. Please send it to us by mail instead,"
                " or try again in an hour."
            )
        return False

    @api.model
    def _receive(self, values, order=None):
        """Receive a declaration and send its receipt.

        Sent twice, by a double click or a reload, it is the same one.

        :param dict values: The create values; the mail address is normalised.
        :param sale.order order: The order, if it was declared on its page.
        :return: The declaration.
        :rtype: billpro.declaration
        """
        if order:
            order._lock_billing()
        compared = ('kind', 'company_id', 'reference', 'email', 'name', 'reason', 'end_date')
        since = fields.Datetime.now() - timedelta(hours=1)
        same = [(name, '=', values[name]) for name in compared]
        known = self.search([*same, ('date', '>', since)], limit=1)
        if known and not known._is_taken_back():
            return known
        declaration = self.create({**values, 'order_id': order.id if order else False})
        declaration.receipt = declaration._get_receipt()
        declaration._mail_receipt()
        # It is received all the same, whatever fails: the job tries again.
        if not order or not self.env['billpro.own.transaction']._is_survived(
            declaration, 'declaration', declaration._carry_out
        ):
            self.env.ref('billpro_portal.cron_declarations')._trigger()
        return declaration

    def _is_taken_back(self):
        """Return whether the customer has gone on with the contract that this has cancelled.

        What they declare then is another declaration, though it says the same.

        :rtype: bool
        """
        self.ensure_one()
        return (
            self.kind != 'withdrawal'
            # One that is to be carried out later was never taken back.
            and (self.state == 'done' or (self.state == 'open' and not self.end_date))
            and bool(self.order_id)
            and self.order_id._can_be_cancelled()
        )

    # === RECEIPT === #

    def _get_receipt(self):
        """Return the receipt as text: what was declared, and when it was received.

        :rtype: str
        """
        self.ensure_one()
        declaration = self.with_context(lang=self.lang)
        time_zone = (
            (self.order_id and self.order_id._get_time_zone())
            or self.company_id.partner_id.tz
            or 'UTC'
        )
        received = format_datetime(declaration.env, self.date, tz=time_zone, dt_format='long')
        if time_zone not in received:  # Of some only the offset is named.
            received = f'{received} ({time_zone})'
        rows = [
            (declaration.env._("Received"), received),
            (declaration.env._("To"), self.company_id.name),
            (declaration.env._("What was declared"), declaration._get_kind_text()),
            (declaration.env._("Name"), self.name),
            (declaration.env._("Contract"), self.reference),
            (declaration.env._("Mail address"), self.email),
            (declaration.env._("Reason"), self.reason),
            (declaration.env._("Wanted end"), declaration._get_end_text()),
        ]
        text = '\n'.join(f'{label}: {value}' for label, value in rows if value)
        return f'{declaration._get_receipt_title()}\n\n{text}\n\n{declaration._get_effects()}'

    def _get_receipt_title(self):
        return (
            self.env._("We have received your withdrawal.")
            if self.kind == 'withdrawal'
            else self.env._("We have received your cancellation.")
        )

    def _get_kind_text(self):
        return {
            'withdrawal': self.env._("I withdraw from this contract."),
            'ordinary': self.env._("I cancel this contract."),
            'cause': self.env._("I cancel this contract for cause."),
        }[self.kind]

    def _get_end_text(self):
        """Return when a contract that is cancelled is to end.

        :rtype: str|bool
        """
        if self.kind == 'withdrawal':
            return False
        return (
            format_date(self.env, self.end_date, date_format='long')
            if self.end_date
            else self.env._("as early as possible")
        )

    def _get_effects(self):
        """Return what follows from the declaration, whether we know the contract or not.

        :rtype: str
        """
        if self.kind == 'withdrawal':
            return self.env._(
                "If it came within the withdrawal period, the contract is ended. We then pay back"
                " what is to be paid back until %s, by the means that you paid with.",
                format_date(self.env, self._get_refund_due_date(), date_format='long'),
            )
        return self.env._(
            "The contract ends on the day you want, or as early as it can end. Nothing is charged"
            " for the time after that. Please keep this message."
        )

    def _get_refund_due_date(self):
        return fields.Date.to_date(self.date) + timedelta(days=REFUND_DAYS)

    def _mail_receipt(self):
        """Mail the receipt at once, to the address that the customer gave."""
        self.ensure_one()
        declaration = self.with_context(lang=self.lang)
        company = self.company_id
        body = self.env['ir.qweb']._render(
            'billpro_portal.mail_layout',
            {
                'lang': (self.lang or 'en').replace('_', '-'),
                'company': company,
                'message': self.env['mail.message'].new({'body': plaintext2html(self.receipt)}),
            },
        )
        self.env['mail.mail'].create(
            {
                'model': self._name,
                'res_id': self.id,
                'subject': declaration.env._(
                    "%(title)s %(contract)s",
                    title=declaration._get_receipt_title(),
                    contract=self.reference,
                ),
                'body_html': body,
                'email_from': company.billing_mail_sender or company.email_formatted,
                'email_to': self.email,
                'auto_delete': False,
            }
        )
        self.env.ref('mail.ir_cron_mail_scheduler_action')._trigger()

    @api.model
    def _follow_failed_receipts(self, mails, is_tried_again):
        """Ask staff to send receipts in another way, unless the job is to try again.

        :param mail.mail mails: What could not be sent, or came back, receipts or not.
        :param bool is_tried_again: Whether the mail server may take it later.
        """
        for mail in mails.filtered(lambda mail: mail.model == self._name):
            declaration = self.sudo().browse(mail.res_id)
            if not is_tried_again or declaration.date < fields.Datetime.now() - RECEIPT_TRIED_FOR:
                mail.state = 'cancel'
                self.env['billpro.own.transaction']._is_survived(
                    declaration, 'declarations', declaration._ask_for_receipt
                )

    def _ask_for_receipt(self):
        """Ask staff to confirm the declaration, as the law wants it without undue delay."""
        self.ensure_one()
        summary = self.env._("The receipt for %s was not sent", self.reference)
        note = self.env._(
            "The law wants this to be confirmed without undue delay, on paper or by mail, and no"
            " mail reached %(email)s:\n\n%(receipt)s",
            email=self.email,
            receipt=self.receipt,
        )
        if self.order_id:
            self.order_id._billing_ask_staff(f'declaration-{self.id}-receipt', summary, note)
        else:
            self.company_id._billing_ask_staff(summary, note)

    @api.model
    def _send_receipts_again(self):
        """Queue the receipts once more that no mail server has taken."""
        self.env['mail.mail'].search(
            [('model', '=', self._name), ('state', '=', 'exception')]
        ).mark_outgoing()

    # === CARRYING OUT === #

    @api.model
    def _cron_carry_out(self):
        """Carry out what was declared without a link, and watch that all is paid back in time."""
        for declaration in self.env['billpro.failure']._leave_out_waiting(
            self.search([('state', '=', 'new')]), 'declaration'
        ):
            self.env['billpro.own.transaction']._commit_alone(
                declaration, 'declaration', declaration._match_and_carry_out
            )
            self.env['ir.cron']._commit_progress(1)
        for declaration in self.env['billpro.failure']._leave_out_waiting(
            self.search([('state', '=', 'open'), ('is_withdrawn', '=', True)]), 'declarations'
        ):
            self.env['billpro.own.transaction']._commit_alone(
                declaration, 'declarations', declaration._watch
            )
        for work in (self._send_receipts_again, self._forget_addresses):
            self.env['billpro.own.transaction']._commit_alone(
                self.env.company, 'declarations', work
            )

    def _match_and_carry_out(self):
        """Find the order that a declaration means, unless it was made on its page, and act on it.

        :return: Whether it was the turn of this one.
        :rtype: bool
        """
        declaration = self.try_lock_for_update().filtered_domain([('state', '=', 'new')])
        if declaration:
            declaration.order_id = declaration.order_id or declaration._find_order()
            declaration.order_id._lock_billing()
            declaration._carry_out()
        return bool(declaration)

    def _find_order(self):
        """Return the order with the number, if the mail address is one of its customer.

        :rtype: sale.order
        """
        number = self.reference.strip()
        orders = self.env['sale.order'].search(
            [
                ('company_id', '=', self.company_id.id),
                ('purchase_type', '!=', False),
                ('billing_status', 'not in', list(NO_CONTRACT)),
                ('name', 'in', [number, number.upper()]),
            ]
        )
        for order in orders:
            people = order.partner_id | order.partner_invoice_id
            people |= people.commercial_partner_id
            if any(self.email in email_normalize_all(one.email or '') for one in people):
                return order
        return self.env['sale.order']

    def _carry_out(self):
        """Do what follows from the declaration by itself, and ask staff for the rest."""
        self.ensure_one()
        self.state = 'open'
        if self.order_id:
            note = (
                self._carry_out_withdrawal()
                if self.kind == 'withdrawal'
                else self._carry_out_cancellation()
            )
            self.order_id._message_log(body=self.receipt)
        else:
            note = self.env._(
                "No order has this number with this mail address. Find the contract that is meant,"
                " end it, and pay back what is to be paid back."
            )
        if self.state == 'done':
            return
        summary = self.env._(
            "%(kind)s of %(name)s: %(contract)s",
            kind=dict(self._fields['kind']._description_selection(self.env))[self.kind],
            name=self.name,
            contract=self.reference,
        )
        text = f'{note}\n\n{self.receipt}'
        if self.order_id:
            activity = self.order_id._billing_ask_staff(self._get_subject(), summary, text)
        else:
            activity = self.company_id._billing_ask_staff(summary, text)
        if self.refund_due_date:
            activity.date_deadline = self.refund_due_date

    def _get_subject(self):
        return f'declaration-{self.id}'

    def _get_refund_subject(self):
        return f'declaration-{self.id}-refund'

    def _carry_out_withdrawal(self):
        """End the contract if the withdrawal came in time.

        :return: What staff have to do.
        :rtype: str
        """
        order = self.order_id
        self.refund_due_date = self._get_refund_due_date()
        end = order._billing_get_withdrawal_end()
        if order._billing_get_withdrawal():
            self.state = 'done'
            return ''
        if not end or end < order._billing_get_date(self.date):
            return self.env._(
                "By what is known here, there is no right of withdrawal, or its period was over:"
                " nothing was changed. Decide, and answer the customer."
            )
        self.used_amount = order._billing_get_used_amount(order._billing_get_date(self.date))
        order._billing_end_by_withdrawal()
        self.is_withdrawn = True
        if order._get_open_authorization():
            return self.env._("Release the reserved payment, and end the order.")
        if self._is_settled():
            self.state = 'done'
            return ''
        if not self.can_refund:
            amount = sum(self._get_payments_under_way().mapped('amount'))
            return self.env._("%s is under way", order.currency_id.format(amount))
        note = self.env._(
            "The contract is ended. Pay back %(amount)s until %(date)s: by “Refund” on the"
            " declaration. For what was used, %(used)s are kept.",
            amount=order.currency_id.format(self.refund_amount),
            date=format_date(self.env, self.refund_due_date),
            used=order.currency_id.format(self.used_amount),
        )
        if order._billing_has_goods():
            note += ' ' + self.env._(
                "You may wait until the goods are back, or were shown to be sent back."
            )
        return note

    def _carry_out_cancellation(self):
        """Cancel the contract when its paid period ends, unless it is to run longer.

        :return: What staff have to do.
        :rtype: str
        """
        order = self.order_id
        is_for_cause = self.kind == 'cause'
        if not order._can_be_cancelled():
            is_over = order.billing_cancel_date or order.billing_status == 'complete'
            self.state = 'done' if is_over and not is_for_cause else 'open'
            return self.env._("It can't be cancelled by itself. Decide, and answer the customer.")
        if self.end_date and self.end_date > order._billing_get_cancel_date(at_once=False):
            return self.env._(
                "The contract is to run on until the wanted end: cancel it in time for that."
            )
        is_later = bool(self.end_date and self.end_date > order._billing_get_today())
        order._billing_cancel_subscription(
            at_once=order._billing_cancels_at_once() and not is_later,
            note=self.reason,
        )
        if not is_for_cause:
            self.state = 'done'
        return self.env._(
            "It was cancelled for the end of the paid period. The customer names a cause to end it"
            " at once: decide, and answer."
        )

    # === REFUND === #

    def action_refund(self):
        """Pay back what is to be paid back of the contract, with credit notes.

        :return: A notification with the result; of several, that of the first that isn't done.
        :rtype: dict
        :raise AccessError: If the user may not refund.
        :raise UserError: If nothing is to be refunded, or the provider can't.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can refund payments."))
        self.order_id.check_access('write')
        declaration = self.sudo()
        order = declaration.order_id
        order._lock_billing()
        if not declaration.can_refund:
            raise UserError(self.env._("There is nothing left to refund."))
        if not declaration._get_left_to_refund():
            raise UserError(self.env._("A refund is under way. What comes of it isn't known yet."))
        refund_txs = declaration._refund()
        if not refund_txs:
            raise UserError(
                self.env._(
                    "The payment provider can't refund this. Pay it back by other means, make the"
                    " credit note from the invoice, and mark this as done."
                )
            )
        declaration._close_if_paid_back()
        shown = refund_txs.filtered(lambda tx: tx.state != 'done') or refund_txs
        return shown[0]._billing_get_refund_notification()

    def _get_left_to_refund(self):
        """Return what is to be paid back and isn't on its way.

        :rtype: float
        """
        # Refunds without a final answer, whose amounts are negative, may have moved the money.
        under_way = self.order_id.billing_transaction_ids.filtered(
            lambda tx: tx.operation == 'refund' and tx.state in {'draft', 'pending'}
        )
        return max(self.currency_id.round(self.refund_amount + sum(under_way.mapped('amount'))), 0)

    def _refund(self):
        """Pay back what is left of one payment after the other, as far as their providers can.

        :return: The refunds.
        :rtype: payment.transaction
        """
        refund_txs = self.env['payment.transaction']
        for tx in self.order_id._billing_get_refundable_transactions():
            # Each refund is committed, which gives the lock away: the money may have moved since.
            self.order_id._lock_billing()
            amount = min(self._get_left_to_refund(), tx._billing_get_refundable_amount())
            support = tx._billing_get_support_refund()
            is_part = bool(tx.currency_id.compare_amounts(amount, tx.amount))
            if not amount or support == 'none' or (support == 'full_only' and is_part):
                continue
            refund_tx = tx._billing_create_order_refund(amount)
            refund_tx._billing_send_order_refund()
            refund_txs += refund_tx
        return refund_txs

    def action_done(self):
        """Say that all is done.

        :raise AccessError: If the user isn't a billing user.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can do this."))
        self.order_id.check_access('write')
        self.sudo()._close()
        for declaration in self.sudo().filtered('order_id'):
            declaration.order_id._message_log(
                body=self.env._(
                    "%(person)s marked declaration %(contract)s as done.",
                    person=self.env.user.name,
                    contract=declaration.reference,
                )
            )

    def _close(self):
        self.state = 'done'
        for declaration in self.filtered('order_id'):
            for subject in (declaration._get_subject(), declaration._get_refund_subject()):
                declaration.order_id._billing_withdraw_question(subject)

    def _close_if_paid_back(self):
        """Close the withdrawals of which all is paid back, in whichever way."""
        self.filtered(lambda one: one.is_withdrawn and one._is_settled())._close()

    def _is_settled(self):
        """Return whether nothing is to be paid back, nor can be when what is open has ended.

        :rtype: bool
        """
        self.ensure_one()
        order = self.order_id
        return not (
            self.can_refund or order._get_open_authorization() or self._get_payments_under_way()
        )

    def _get_payments_under_way(self):
        return self.order_id.billing_event_ids.filtered(lambda event: event.status in IN_FLIGHT)

    # === DATES === #

    def _watch(self):
        """Close the withdrawal if all is paid back; warn of the refund if it is due soon."""
        self._close_if_paid_back()
        warned_until = fields.Date.context_today(self) + timedelta(days=WARNED_DAYS)
        if self.is_warned or not self.can_refund or self.refund_due_date > warned_until:
            return
        self.is_warned = True
        warning = self.order_id._billing_ask_staff(
            self._get_refund_subject(),
            self.env._("Refund after withdrawal: %s", self.order_id.name),
            self.env._(
                "%(amount)s must be paid back until %(date)s.",
                amount=self.currency_id.format(self.refund_amount),
                date=format_date(self.env, self.refund_due_date),
            ),
        )
        # The salesperson has been asked, and it isn't done.
        warning.user_id = self.company_id._billing_get_person_to_ask()

    @api.model
    def _forget_addresses(self):
        """Forget where declarations came from when it isn't needed against abuse any more."""
        outdated = fields.Datetime.now() - timedelta(days=ADDRESS_DAYS)
        self.search([('ip_address', '!=', False), ('date', '<', outdated)]).ip_address = False
