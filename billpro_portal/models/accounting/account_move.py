import logging
from contextlib import contextmanager

import psycopg2

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...billing.lifecycle import BEFORE_APPROVAL, IN_FLIGHT, PAID

_logger = logging.getLogger(__name__)
# How an invoice reaches its reader without any e-invoicing.
PLAIN_METHODS = frozenset({'manual', 'email', 'snailmail'})


class AccountMove(models.Model):
    """Invoices and credit notes of orders: what they bill, what paid them, and their documents.

    A credit note may be over a part of an invoice. A final invoice in another currency than the
    company's clears the down payments.

    Where the law, or the accountant, wants electronic invoices, a job sends them after posting, by
    what is set up in Odoo. Opening a document sends nothing, and no error of a tax office or of an
    accounting network is the customer's.
    """

    _inherit = 'account.move'

    billing_order_id = fields.Many2one(
        string="Billed Order",
        comodel_name='sale.order',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        check_company=True,
    )
    billing_skipped_amount = fields.Monetary(
        string="Skipped Payments",
        readonly=True,
        copy=False,
        help="What a final invoice deducts for payments that were skipped or aren't collected.",
    )
    billing_deferral_count = fields.Integer(
        string="Deferred Revenue",
        compute='_compute_billing_deferral_count',
        groups='account.group_account_readonly',
    )
    billpro_einvoice_state = fields.Selection(
        selection=[('due', "To send"), ('sending', "Being sent")],
        string="E-invoice of the Order",
        readonly=True,
        copy=False,
        help="Whether a job has still to send it electronically.",
    )
    _billpro_einvoice_idx = models.Index("(id) WHERE billpro_einvoice_state IS NOT NULL")

    # === DOCUMENTS IN BATCHES === #

    def _billing_set_invoice_date(self):
        """Date draft invoices today as posting them would, but all at once.

        Posting dates them one by one and recomputes everything that depends on it each time. What
        has a date, or a currency rate that was set by hand, is left to it.
        """
        undated = self.with_context(skip_is_manually_modified=True).filtered(
            lambda move: (
                not move.invoice_date
                and move.is_sale_document()
                and move.invoice_currency_rate
                == move._get_expected_currency_rate_at(move.create_date.date())
            )
        )
        today = fields.Date.context_today(self)
        undated.invoice_date = today
        # A draft that waited for its payment is due when it is dated, not when it was made.
        undated.filtered(lambda move: not move.invoice_payment_term_id).invoice_date_due = today

    def _billing_have_run_follow(self):
        """Have the charge run look at once after orders whose invoice was paid in another way."""
        orders = self.sudo().billing_order_id | self.sudo().line_ids.sale_line_ids.order_id
        if orders.filtered(
            lambda order: (
                order.purchase_type
                and (
                    order.billing_status in BEFORE_APPROVAL
                    or not set(order.billing_event_ids.mapped('status')) <= PAID
                )
            )
        ):
            self.env.ref('billpro_portal.cron_billing_run')._trigger()

    # === CREDIT NOTES === #

    def _billing_create_partial_credit_note(self, amount, reason):
        """Create and post a credit note of an amount, taxes in proportion.

        What earlier credit notes already took back is left out first, so that the credit notes
        of an invoice that is paid back in parts add up to the invoice, tax by tax: the last one
        absorbs what rounding left.

        :param float amount: The total to credit, taxes included, in the invoice's currency, at
                             most what isn't credited yet.
        :param str reason: What the credit note says about its reason.
        :return: The posted credit note.
        :rtype: account.move
        """
        self.ensure_one()
        AccountTax = self.env['account.tax']
        base_lines = self._get_rounded_base_and_tax_lines()[0]
        for credit_note in self.reversal_move_ids.filtered(lambda move: move.state == 'posted'):
            base_lines += credit_note._get_rounded_base_and_tax_lines()[0]
        base_lines = AccountTax._turn_base_lines_is_refund_flag_off(base_lines)
        self._billing_take_back_revenue(base_lines)
        credited_lines = AccountTax._billpro_reduce_to_amount(
            base_lines=base_lines,
            company=self.company_id,
            amount=amount,
            computation_key=f'billing_credit_note,{self.id}',
            grouping_function=lambda base_line: {
                'product_id': base_line['product_id'],
                'account_id': base_line['account_id'],
            },
        )
        self._billing_add_unplaced_amount(credited_lines, amount)
        for base_line in credited_lines:
            # The amounts are fixed below; the printed price needs no more digits than they have.
            base_line['price_unit'] = self.currency_id.round(
                self._billing_get_base_line_price(base_line)
            )
        AccountTax._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=credited_lines, company=self.company_id
        )
        credit_note = self.create(
            {
                'move_type': 'out_refund',
                'reversed_entry_id': self.id,
                'billing_order_id': self.billing_order_id.id,
                'company_id': self.company_id.id,
                'journal_id': self.journal_id.id,
                'partner_id': self.partner_id.id,
                'partner_shipping_id': self.partner_shipping_id.id,
                'fiscal_position_id': self.fiscal_position_id.id,
                'currency_id': self.currency_id.id,
                'invoice_origin': self.invoice_origin,
                'invoice_user_id': self.invoice_user_id.id,
                'team_id': self.team_id.id,
                'ref': reason,
                'invoice_payment_term_id': False,
                'invoice_line_ids': [
                    fields.Command.create(self._prepare_billing_credit_note_line(base_line))
                    for base_line in credited_lines
                    if not self._billing_is_empty_base_line(base_line)
                ],
            }
        )
        credit_note.action_post()
        return credit_note

    def _billing_take_back_revenue(self, base_lines):
        """Let a credit note take back revenue, not what is held on an account of down payments.

        A final invoice turns down payments into revenue whole, also what of them was paid back.

        :param list[dict] base_lines: The base lines to credit; changed.
        """
        held_on = self.invoice_line_ids.filtered('is_downpayment').account_id.filtered(
            lambda account: account.internal_group != 'income'
        )
        if not held_on:
            return
        order = self.billing_order_id
        account = order._get_purchase()._get_income_account(order)
        for base_line in base_lines:
            if base_line['account_id'] in held_on:
                base_line['account_id'] = account

    def _billing_add_unplaced_amount(self, base_lines, amount):
        """Put on the largest line what no line got because every share rounded to zero.

        :param list[dict] base_lines: Base lines that should add up to the amount; changed.
        :param float amount: The amount, in the invoice's currency.
        """
        currency, company_currency = self.currency_id, self.company_id.currency_id
        get_total = self.env['account.tax']._billpro_get_total
        unplaced = currency.round(amount - sum(map(get_total, base_lines)))
        if currency.is_zero(unplaced):
            return
        largest = max(base_lines, key=lambda base_line: abs(base_line['price_unit']))
        largest['price_unit'] = currency.round(largest['price_unit'] + unplaced)
        details = largest['tax_details']
        details['delta_total_excluded_currency'] += unplaced
        details['delta_total_excluded'] += company_currency.round(unplaced / largest['rate'])

    @api.model
    def _billing_get_base_line_price(self, base_line):
        """Return what a reduced base line costs, in its currency.

        :param dict base_line: A base line whose taxes, if it has any, are fixed afterwards.
        """
        details = base_line['tax_details']
        if details['taxes_data']:
            return base_line['price_unit']
        # Nothing is fixed on a line without taxes: what rounding left must be in its price.
        return details['total_excluded_currency'] + details['delta_total_excluded_currency']

    def _billing_is_empty_base_line(self, base_line):
        """Return whether a base line carries neither a base nor a tax."""
        details = base_line['tax_details']
        amounts = [
            details['total_excluded_currency'] + details['delta_total_excluded_currency'],
            *(tax_data['tax_amount_currency'] for tax_data in details['taxes_data']),
        ]
        return all(self.currency_id.is_zero(amount) for amount in amounts)

    def _prepare_billing_credit_note_line(self, base_line):
        """Return the values of a credit note line.

        :param dict base_line: A base line of Odoo's tax computation.
        :rtype: dict
        """
        product = base_line['product_id']
        lang = self.partner_id.lang
        return {
            'name': self.with_context(lang=lang).env._(
                "Refund of %(invoice)s: %(product)s",
                invoice=self.name,
                product=product.with_context(lang=lang).display_name,
            )
            if product
            else self.with_context(lang=lang).env._("Refund of %s", self.name),
            'product_id': product.id,
            'account_id': base_line['account_id'].id,
            'quantity': 1.0,
            'price_unit': base_line['price_unit'],
            'tax_ids': [fields.Command.set(base_line['tax_ids'].ids)],
            'analytic_distribution': base_line['analytic_distribution'],
            'extra_tax_data': self.env['account.tax']._export_base_line_extra_tax_data(base_line),
        }

    # === DEFERRAL === #

    def _compute_billing_deferral_count(self):
        counts = dict(
            self.env['billpro.deferral']._read_group(
                [('entry_id', 'in', self.ids)], ['entry_id'], ['__count']
            )
        )
        for move in self:
            move.billing_deferral_count = counts.get(move._origin, 0)

    def action_open_billing_deferrals(self):
        """Open what an entry of deferred revenue changes, invoice by invoice.

        :return: The action.
        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'billpro_portal.action_billpro_deferral'
            ),
            'views': [[False, 'list'], [False, 'pivot']],
            'domain': [('entry_id', '=', self.id)],
            'context': {},
        }

    # === PDF === #

    def _billpro_get_pdf(self):
        """Return the PDF of a posted invoice or credit note, and send it nowhere.

        It is the legal document, if there is one. Where no e-invoicing makes that, it is made now,
        once, and stored; otherwise the plain print stands in for it.

        :return: The name and the content of the file.
        :rtype: tuple[str, bytes]
        """
        self.ensure_one()
        move = self.with_company(self.company_id)
        move._billpro_keep_pdf()
        if document := move.invoice_pdf_report_id:
            return document.name, document.raw
        values = move._billpro_print()
        return values['name'], values['raw']

    def _billpro_keep_pdf(self):
        """Make and store the legal PDF, unless there is one or e-invoicing makes it."""
        self.ensure_one()
        if self._billpro_lacks_pdf():
            self.with_company(self.company_id)._billpro_store_pdf()

    def _billpro_lacks_pdf(self):
        """Return whether there is no legal PDF, and e-invoicing won't make it.

        :rtype: bool
        """
        self.ensure_one()
        move = self.with_company(self.company_id)
        return not (
            move.invoice_pdf_report_id
            or move.billpro_einvoice_state
            or move._billpro_is_einvoiced()
        )

    def _billpro_store_pdf(self):
        """Make and store the legal PDF as Odoo does, but without what calls other systems."""
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return  # Somebody else is making it.
        Send = self.env['account.move.send']
        try:
            with self.env.cr.savepoint():
                settings = Send._get_default_sending_settings(
                    self, sending_methods={'manual'}, extra_edis={}, invoice_edi_format=False
                )
                Send._hook_invoice_document_before_pdf_report_render(self, settings)
                if not settings.get('error'):
                    Send._prepare_invoice_pdf_report({self: settings})
                    Send._hook_invoice_document_after_pdf_report_render(self, settings)
                    Send._link_invoice_documents({self: settings})
            reason = settings.get('error') and Send._format_error_text(settings['error'])
        except psycopg2.OperationalError:
            raise  # The request is repeated.
        except Exception as error:
            _logger.exception("The legal PDF of %s could not be made", self.name)
            reason = self.env['billpro.own.transaction']._get_error_text(error)
        if reason:
            self.billing_order_id._billing_ask_staff(
                f'legal-pdf-{self.id}',
                self.env._("The legal PDF of %s could not be made", self.name),
                reason,
            )

    def _billpro_print(self):
        """Return the plain print, in the layout that is chosen for the customer if that works.

        :return: The values of an attachment.
        :rtype: dict
        """
        self.ensure_one()
        Send = self.env['account.move.send']
        try:
            with self.env.cr.savepoint():
                settings = {'pdf_report': Send._get_default_pdf_report_id(self)}
                Send._prepare_invoice_pdf_report({self: settings})
        except psycopg2.OperationalError:
            raise  # The request is repeated.
        except Exception:
            _logger.exception("%s is printed in Odoo's own layout", self.name)
            settings = {'pdf_report': self.env.ref('account.account_invoices')}
            Send._prepare_invoice_pdf_report({self: settings})
        return settings['pdf_attachment_values']

    def _billpro_attach_pdf(self):
        """Return the PDFs as attachments of a mail.

        :rtype: ir.attachment
        """
        attachments = self.env['ir.attachment']
        for move in self:
            name, content = move._billpro_get_pdf()
            attachments += move.invoice_pdf_report_id or attachments.create(
                {'name': name, 'raw': content, 'mimetype': 'application/pdf'}
            )
        return attachments

    # === E-INVOICING === #

    def _post(self, soft=True):
        """Override of `account` to have a job send the e-invoices of orders.

        What staff have reset to draft is matched anew with what was collected for it.
        """
        of_orders = self.filtered('billing_order_id')
        final = (of_orders - of_orders.filtered('posted_before')).filtered(
            lambda move: move._billing_is_clearing_down_payments()
        )
        posted = super(AccountMove, self - final)._post(soft=soft)
        if final:  # After the down payments that they deduct.
            final._billing_clear_down_payments()
            posted |= super(AccountMove, final)._post(soft=soft)
        (posted & of_orders)._billing_match_collected()
        due = posted.filtered(
            lambda move: (
                move.billing_order_id and move.is_sale_document() and move._billpro_is_einvoiced()
            )
        )
        if due:
            due.sudo().billpro_einvoice_state = 'due'
            self.env.ref('billpro_portal.cron_send_einvoices')._trigger()
        return posted

    def _billpro_is_einvoiced(self):
        """Return whether Odoo would send it electronically, as it is set up.

        :rtype: bool
        """
        self.ensure_one()
        move = self.with_company(self.company_id)
        Send = self.env['account.move.send']
        try:
            networks = move._billpro_get_networks()
            return bool(
                networks
                or Send._get_default_extra_edis(move)
                or Send._get_default_invoice_edi_format(move, sending_methods=networks)
            )
        except psycopg2.Error:
            raise
        except Exception:
            _logger.exception("Whether %s is sent electronically isn't known", self.name)
            return True  # The job finds out, and tells staff.

    def _billpro_get_networks(self):
        """Return over which networks it is sent: those chosen for the customer.

        Mail and post are none: customers of orders have their notices, and the order's page.

        :rtype: set[str]
        """
        return set(self.env['account.move.send']._get_default_sending_methods(self)) - PLAIN_METHODS

    @api.model
    def _billpro_cron_send_einvoices(self, limit=50):
        """Send the e-invoices that are due.

        :param int limit: How many at most in one run.
        """
        waiting = self.env['billpro.failure']._get_waiting_ids(self._name, 'einvoice')
        due = [('billpro_einvoice_state', '!=', False), ('id', 'not in', waiting)]
        self.env['ir.cron']._commit_progress(remaining=self.search_count(due))
        for move in self.search(due, order='id', limit=limit):
            self.env['billpro.own.transaction']._commit_alone(
                move, 'einvoice', move.with_company(move.company_id)._billpro_send_einvoice
            )
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _billpro_send_einvoice(self):
        """Send it once, as it is set up; tell staff if that fails, and let the others go on.

        That it is being sent is committed first. A process that dies then may have sent it: a
        person finds that out.
        """
        self.ensure_one()
        if self.billpro_einvoice_state == 'sending':
            self.billpro_einvoice_state = False
            self._billpro_ask_about_einvoice(self.env._("It was interrupted."))
            return
        if self.invoice_pdf_report_id or self.state != 'posted':
            self.billpro_einvoice_state = False  # Staff were faster.
            return
        self.billpro_einvoice_state = 'sending'
        # From here on the intent is known, whatever happens to this process.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        try:
            self.env['account.move.send']._generate_and_send_invoices(
                self,
                allow_raising=False,
                sending_methods=self._billpro_get_networks() or {'manual'},
            )
            reason = self.env._("The messages of the invoice say why.")
        except Exception as error:
            self.env.cr.rollback()
            _logger.exception("The e-invoice of %s could not be sent", self.name)
            reason = self.env['billpro.own.transaction']._get_error_text(error)
        self.billpro_einvoice_state = False
        if not self.invoice_pdf_report_id:
            self._billpro_ask_about_einvoice(reason)

    def _billpro_ask_about_einvoice(self, reason):
        """Ask staff to see to an e-invoice.

        :param str reason: Why it was not sent.
        """
        self.billing_order_id._billing_ask_staff(
            f'einvoice-{self.id}',
            self.env._("The e-invoice of %s was not sent", self.name),
            self.env._(
                "%s Correct what is wrong, then send it from the invoice. Until then the customer"
                " gets its plain PDF.",
                reason,
            ),
        )

    # === DOWN PAYMENTS === #

    def _get_sync_stack(self, container):
        """Override of `account` to look at what is due of an invoice before its line is made."""
        stack, update_containers = super()._get_sync_stack(container)
        # What comes first is left last: the line that is due is made of all others, at 10.
        return [*stack, (15, self._billpro_sync_amount_due(container))], update_containers

    @contextmanager
    def _billpro_sync_amount_due(self, container):
        """Let nothing be due in one currency and owed in the other: the database refuses that.

        Each down payment that a final invoice deducts was rounded by itself. Where it leaves less
        than the company's currency can tell, that can come to the opposite.
        """
        yield
        for move in container['records']:
            if move.currency_id == move.company_currency_id or move.state != 'draft':
                continue
            lines = move.line_ids.filtered(lambda line: line.display_type != 'payment_term')
            company_currency = move.company_currency_id
            amount = move.currency_id.round(sum(lines.mapped('amount_currency')))
            balance = company_currency.round(sum(lines.mapped('balance')))
            # What is more than each line can have been rounded by has another cause.
            is_rounding = abs(balance) <= len(lines) * company_currency.rounding
            if amount * balance < 0 and is_rounding and move._billpro_bills_order():
                move._billpro_add_rounding(-balance)

    def _billpro_add_rounding(self, rounding):
        """Add an amount in the company's currency to the largest line that has its sign.

        :param float rounding: The amount, as it is on a debit side.
        """
        self.ensure_one()
        alike = self.invoice_line_ids.filtered(
            lambda line: (
                line.display_type == 'product'
                and not line.is_downpayment
                and line.amount_currency * rounding > 0
            )
        )
        largest = alike.sorted(lambda line: abs(line.balance))[-1:]
        largest.balance = self.company_currency_id.round(largest.balance + rounding)

    def _billpro_bills_order(self):
        """Return whether it bills an order with a purchase type.

        :rtype: bool
        """
        self.ensure_one()
        orders = self.billing_order_id | self.line_ids.sale_line_ids.order_id
        return any(order.purchase_type for order in orders)

    def _billing_is_clearing_down_payments(self):
        """Return whether it deducts down payments in another currency than the company's.

        :rtype: bool
        """
        self.ensure_one()
        return self.currency_id != self.company_currency_id and any(
            line.is_downpayment and line.balance > 0 for line in self.invoice_line_ids
        )

    def _billing_clear_down_payments(self):
        """Take from the accounts of down payments what these hold, to the cent, in drafts.

        Rates change, and each invoice is rounded by itself. What was paid in advance becomes
        revenue at the rate of the day on which it was paid (IFRIC 22, "Foreign Currency
        Transactions and Advance Consideration").
        """
        for move in self.filtered(lambda move: move._billing_is_clearing_down_payments()):
            # Posting would do that later, and compute anew by its rate.
            move._billing_set_invoice_date()
            excess = 0.0
            balances = {}
            for account, lines in (
                move._billing_get_down_payment_lines().grouped('account_id').items()
            ):
                deducted = lines.filtered('is_downpayment')
                others = deducted.sale_line_ids.invoice_lines.filtered(
                    lambda line, account=account: line.account_id == account
                )
                others = others.filtered(lambda line: line.parent_state != 'cancel') - lines
                if not deducted or set(others.mapped('parent_state')) != {'posted'}:
                    continue  # What isn't posted yet may still be dated otherwise.
                # A tax that has no account of its own is held where what it is of is held.
                taxes = (move | others.move_id).line_ids.filtered(
                    lambda line, account=account: line.tax_line_id and line.account_id == account
                )
                held = lines | others | taxes
                difference = move.company_currency_id.round(sum(held.mapped('balance')))
                largest = deducted.sorted(lambda line: abs(line.balance))[-1]
                if difference:
                    balances[largest] = largest.balance - difference
                excess += difference
            if excess and (billed := move._billing_get_largest_billed_line()):
                balances[billed] = billed.balance + excess
            # At once: with one of them only, the invoice could be due in one currency and owed in
            # the other.
            move.line_ids = [
                Command.update(line.id, {'balance': move.company_currency_id.round(balance)})
                for line, balance in balances.items()
            ]

    def _billing_get_down_payment_lines(self):
        """Return the invoice lines on accounts that hold down payments.

        :rtype: account.move.line
        """
        self.ensure_one()
        accounts = self.invoice_line_ids.filtered('is_downpayment').account_id
        held_on = accounts.filtered(lambda account: account.internal_group != 'income')
        return self.invoice_line_ids.filtered(lambda line: line.account_id in held_on)

    def _billing_get_largest_billed_line(self):
        """Return the largest line that bills something, if there is any.

        :rtype: account.move.line
        """
        self.ensure_one()
        billed = self.invoice_line_ids.filtered(
            lambda line: line.display_type == 'product' and not line.is_downpayment
        )
        return billed.sorted(lambda line: abs(line.balance))[-1:]

    # === OTHER MONEY === #

    def _billing_get_other_money(self, with_own=False):
        """Return what was reconciled with the documents, other than by payments of our own.

        Credit notes and invoices move no money. One query, whatever the number of documents.

        :param bool with_own: Whether payments by order links are wanted, too.
        :return: By document, pairs of the other journal item's id and an amount in the document's
                 currency.
        :rtype: dict[int, list[tuple[int, float]]]
        """
        found = {}
        if not self.ids:
            return found
        self.env['account.partial.reconcile'].flush_model()
        self.env['account.move.line'].flush_model(['move_id'])
        self.env['account.move'].flush_model(['move_type', 'origin_payment_id'])
        self.env['account.payment'].flush_model(['payment_transaction_id'])
        self.env['payment.transaction'].flush_model(['billing_order_id'])
        query = SQL(' UNION ALL ').join(
            SQL(
                """
                SELECT own.move_id, other.id, part.%(amount)s
                  FROM account_partial_reconcile part
                  JOIN account_move_line own ON own.id = part.%(own)s
                  JOIN account_account account ON account.id = own.account_id
                  JOIN account_move_line other ON other.id = part.%(other)s
                  JOIN account_move document ON document.id = other.move_id
             LEFT JOIN account_payment payment ON payment.id = document.origin_payment_id
             LEFT JOIN payment_transaction tx ON tx.id = payment.payment_transaction_id
                 WHERE own.move_id IN %(ids)s
                   AND other.move_id != own.move_id
                   -- Taxes that are due on payment are reconciled, too, on accounts of their own.
                   AND account.account_type = 'asset_receivable'
                   AND document.move_type NOT IN ('out_invoice', 'out_refund')
                   AND (%(with_own)s OR tx.billing_order_id IS NULL)
                   AND part.%(amount)s != 0
                """,
                own=SQL.identifier(f'{side}_move_id'),
                other=SQL.identifier(f'{counterpart}_move_id'),
                amount=SQL.identifier(f'{side}_amount_currency'),
                ids=tuple(self.ids),
                with_own=with_own,
            )
            for side, counterpart in (('debit', 'credit'), ('credit', 'debit'))
        )
        for move_id, line_id, amount in self.env.execute_query(query):
            found.setdefault(move_id, []).append((line_id, amount))
        return found

    def _has_to_be_paid(self):
        """Override of `account_payment`: not while the order collects the same money itself."""
        return super()._has_to_be_paid() and not self._billing_is_collected_by_order()

    def _get_online_payment_error(self):
        """Override of `account_payment` to tell why it can't be paid now."""
        error = super()._get_online_payment_error()
        if not error and self._billing_is_collected_by_order():
            return self.env._("A payment of this order is being processed already.")
        return error

    def _billing_is_collected_by_order(self):
        """Return whether a payment by the order's link, or of its schedule, is under way for it.

        :rtype: bool
        """
        self.ensure_one()
        move = self.sudo()
        orders = move.billing_order_id | move.invoice_line_ids.sale_line_ids.order_id
        events = orders.billing_event_ids.filtered(lambda event: event.invoice_id == move)
        return any(
            order.billing_status in BEFORE_APPROVAL and order._billing_get_payment_in_progress()
            for order in orders.filtered('purchase_type')
        ) or bool(set(events.mapped('status')) & IN_FLIGHT)

    def _reverse_moves(self, default_values_list=None, cancel=False):
        """Override of `account`: what staff credit by hand is a document of the order, too."""
        reverse_moves = super()._reverse_moves(default_values_list, cancel=cancel)
        for move, reverse in zip(self, reverse_moves, strict=True):
            if order := move.sudo().billing_order_id:
                reverse.sudo().billing_order_id = order
        return reverse_moves

    # === DOCUMENTS THAT STAFF CHANGE === #

    def write(self, vals):
        """Override of `account`: what was paid for an order pays no other document.

        :raise AccessError: If it is linked to one.
        :raise UserError: If the document of an order would be somebody else's.
        """
        result = super().write(vals)
        if 'transaction_ids' in vals:
            self._check_billing_transactions_are_own()
        if 'partner_id' in vals and not self.env.su:
            self.sudo()._check_billing_partner_of_order()
        return result

    def _check_billing_partner_of_order(self):
        """Refuse to bill somebody else for what the card of an order's customer is charged for.

        :raise UserError: If a document is neither for the customer nor for the invoice address.
        """
        for move in self.filtered('billing_order_id'):
            order = move.billing_order_id
            if (
                move.commercial_partner_id
                not in order._billing_get_card_owners().commercial_partner_id
            ):
                raise UserError(
                    self.env._(
                        "The documents of order %s are for its customer: change the invoice"
                        " address of the order instead.",
                        order.name,
                    )
                )

    def _billing_get_collected_payments(self):
        """Return what was collected, or paid back, for the documents by payments of orders.

        :rtype: payment.transaction
        """
        return self.sudo().transaction_ids.filtered(
            lambda tx: tx.billing_order_id and tx.state == 'done' and tx.payment_id
        )

    def _billing_match_collected(self):
        """Reconcile documents with what was collected, or paid back, for them."""
        for move in self.sudo():
            payments = move._billing_get_collected_payments().payment_id
            open_lines = (move | payments.move_id).line_ids.filtered(
                lambda line: (
                    line.account_id.account_type == 'asset_receivable'
                    and line.parent_state == 'posted'
                    and not line.reconciled
                )
            )
            for lines in open_lines.grouped('account_id').values():
                if len(lines.move_id) > 1:
                    lines.reconcile()

    def _billing_pass_on_to(self, corrected):
        """Let a corrected invoice be that of the order, of its payment, and of what was collected.

        :param account.move corrected: The draft invoice that replaces this one.
        """
        self.ensure_one()
        if not self.billing_order_id:
            return
        events = self.billing_order_id.billing_event_ids.filtered(
            lambda event: event.invoice_id == self
        )
        corrected.write(
            {
                'billing_order_id': self.billing_order_id.id,
                'billing_skipped_amount': self.billing_skipped_amount,
            }
        )
        events.invoice_id = corrected
        for tx in self._billing_get_collected_payments():
            tx.invoice_ids = tx.invoice_ids - self | corrected

    def button_cancel(self):
        """Override of `account`: what was collected for it is on the customer's account then.

        Tax authorities cancel invoices, too: it can't be refused.
        """
        invoices = self.filtered(lambda move: move.billing_order_id and move.state != 'cancel')
        result = super().button_cancel()
        invoices._billing_announce_loose_payments()
        return result

    def _billing_announce_loose_payments(self):
        """Ask staff what becomes of money that was collected for invoices that are cancelled."""
        for move in self.sudo():
            txs = move._billing_get_collected_payments().filtered(
                lambda tx: tx._billing_get_refundable_amount()
            )
            if not txs or move.move_type != 'out_invoice':
                continue
            move.billing_order_id._billing_ask_staff(
                f'cancelled-{move.id}',
                self.env._("Invoice %s was cancelled, and had been paid", move.display_name),
                self.env._(
                    "%(payments)s are on the customer's account now. Refund them, or make another"
                    " invoice and match it with them. Before the last instalment of an order"
                    " nothing is to be done: its invoice bills them again.",
                    payments=', '.join(txs.mapped('reference')),
                ),
            )

    def _billing_get_money_way(self):
        """Return how the money of a journal entry came, in the customer's words.

        :rtype: str
        """
        self.ensure_one()
        if tx := self.origin_payment_id.payment_transaction_id:
            return tx._get_card_name()
        ways = {'bank': self.env._("Bank transfer"), 'cash': self.env._("Cash")}
        return ways.get(self.journal_id.type, self.env._("Other"))
