from contextlib import contextmanager

from markupsafe import Markup, escape

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang

from ...billing.agreement import agreement_text, changes_between, fingerprint, read_agreement
from ...billing.consent_text import consent_version
from ...billing.lifecycle import BEFORE_APPROVAL, IN_FLIGHT
from ...billing.payment_methods import is_card
from ..rights.own_context import INSIDE, is_inside

# Why a link collects nothing.
PAID, UNDER_WAY, UNFIT = 'paid', 'under_way', 'unfit'


class SaleOrder(models.Model):
    """The initial payment: what the customer agrees to, may pay, and what its approval brings.

    What the page showed is what is charged. Right before they order, consumers must be made aware
    of goods, total price and duration, and the trader must be able to prove it: Directive
    2011/83/EU, article 8 (2).

    Odoo's own links, invoices, the bank and the shop are other ways to pay. The order link knows
    what the books know: it asks for what is missing, and for nothing else.
    """

    _inherit = 'sale.order'

    billing_other_payments = fields.Char(
        string="Paid in Another Way",
        compute='_compute_billing_other_payments',
        help="What was paid, or is being paid, by other ways than the order link.",
    )
    billing_other_payments_hold = fields.Selection(
        selection=[
            (PAID, "Paid"),
            (UNDER_WAY, "Being paid"),
            (UNFIT, "To be decided"),
        ],
        string="Why the Link Collects Nothing",
        compute='_compute_billing_other_payments',
    )
    billing_other_payments_told = fields.Boolean(
        readonly=True,
        copy=False,
        help="Whether the salesperson was told that what was paid in another way doesn't fit.",
    )

    def _add_base_lines_for_early_payment_discount(self):
        """Override of `sale`: what a card pays at once has no discount for paying early."""
        if self.purchase_type:
            return []
        return super()._add_base_lines_for_early_payment_discount()

    def _prepare_invoice(self):
        """Override of `sale`: what a card pays at once has no term to pay it in.

        And the taxes of a live order stay as agreed to, whatever address the customer has now:
        without a fiscal position of its own, Odoo would look for the one of today, and name it.
        """
        values = super()._prepare_invoice()
        if is_inside(self.env, 'billing_paid_at_once'):
            values['invoice_payment_term_id'] = False
        if self.purchase_type and not self.fiscal_position_id:
            posted = self.billing_move_ids.filtered(
                lambda move: move.state == 'posted' and move.move_type == 'out_invoice'
            )
            if posted:
                values['fiscal_position_id'] = posted.sorted('id')[-1].fiscal_position_id.id
        return values

    def _billing_confirm_paid(self):
        """Confirm an order that is paid, unless staff have confirmed it before.

        :raise UserError: If that changes what was to be paid: another amount is never booked.
        """
        self.ensure_one()
        if self.state not in {'draft', 'sent'}:
            return
        purchase = self._get_purchase()
        agreed = purchase._get_initial_amount(self)
        with self._billing_being_confirmed(), self._billing_keeping_rewards():
            self.action_confirm()
        amount = purchase._get_initial_amount(self)
        if self.currency_id.compare_amounts(amount, agreed):
            raise UserError(
                self.env._(
                    "Confirming order %(order)s would change what is paid first from %(agreed)s to"
                    " %(amount)s. Put right what changes it, such as a promotion that has ended,"
                    " and try again.",
                    order=self.name,
                    agreed=self.currency_id.format(agreed),
                    amount=self.currency_id.format(amount),
                )
            )

    @contextmanager
    def _billing_keeping_rewards(self):
        """Let rewards be those of the day on which the customer began to pay.

        Beside `sale_loyalty`, which asks Sale's own transactions of the order for that day. Ours
        are among them only meanwhile: they would wake Sale's own confirmation and mails.
        """
        paid = (
            self.sudo()
            ._billing_get_initial_attempts()
            .filtered(lambda tx: tx.state in {'authorized', 'done'})
        )
        own = paid - self.sudo().transaction_ids if 'applied_coupon_ids' in self._fields else ()
        if not own:
            yield
            return
        self.sudo().transaction_ids = [Command.link(tx.id) for tx in own]
        yield  # What fails is rolled back.
        self.sudo().transaction_ids = [Command.unlink(tx.id) for tx in own]

    @contextmanager
    def _billing_being_confirmed(self):
        """Let whatever is done to confirm the order change it.

        Not by the context, which clients send.
        """
        confirmed = self.env.cr.precommit.data.setdefault('billing_confirmed_orders', set())
        confirmed.add(self.id)
        try:
            yield
        finally:
            confirmed.discard(self.id)

    def _billing_get_not_payable_reason(self):
        """Return why the customer can't pay the initial payment now.

        :return: The reason in the customer's words, or False if they can pay.
        :rtype: str|bool
        """
        self.ensure_one()
        reason = False
        if self.billing_status not in BEFORE_APPROVAL:
            reason = self.env._("This order is not open for payment any more.")
        elif self.billing_status == 'draft':
            reason = self.env._("This order is not ready yet.")
        elif self._billing_is_taken_over():
            reason = self.env._("This order is not open for payment any more.")
        elif tx := self._billing_get_payment_in_progress():
            reason = self._billing_get_received_text(tx) or self.env._(
                "Your payment is already being processed."
            )
        elif self._billing_get_other_payments_hold():
            reason = self._billing_get_paid_in_another_way_text()
        elif self.is_expired:
            reason = self.env._("This offer has expired. Please contact us for a new one.")
        elif self._billing_is_predecessor_being_charged():
            reason = self.env._("This order can't be paid just now. Please try again later today.")
        elif not self._billing_is_anything_to_pay():
            reason = self.env._("There is nothing to pay on this order. Please contact us.")
        elif self._billing_get_credit_refusal():
            reason = self.env._("This order can't be paid in instalments yet. Please contact us.")
        return reason

    def _billing_get_received_text(self, tx):
        """Return that a payment is received, in the customer's words, though it isn't booked yet.

        :param payment.transaction tx: The payment.
        :return: The text, or False if it isn't received.
        :rtype: str|bool
        """
        if tx.state != 'done':
            return False
        if tx.operation == 'validation':
            return (
                self.env._("Your card is registered. Your order is being completed.")
                if is_card(tx.payment_method_code)
                else self.env._("Your payment method is registered. Your order is being completed.")
            )
        return self.env._(
            "We have received your payment of %s. Your order is being completed.",
            tx.currency_id.format(tx.amount),
        )

    def _billing_is_predecessor_being_charged(self):
        """Return whether a payment of the order that this one goes on with is on its way.

        What it pays for is known later, and so is what this one begins with.

        :rtype: bool
        """
        before = self.billing_predecessor_id
        return bool(before) and before._billing_goes_on() and before._billing_is_being_charged()

    def _billing_is_being_charged(self):
        """Return whether a scheduled payment of the order is on its way.

        :rtype: bool
        """
        return any(event.status in IN_FLIGHT for event in self.billing_event_ids)

    def _billing_follow_predecessor(self):
        """Let the order begin when what is paid of the one that it goes on with is over.

        That changes until the customer agrees: payments of the other one are collected as before.
        """
        self.ensure_one()
        before = self.billing_predecessor_id
        if before and not self._billing_get_payment_in_progress():
            self._billing_set_free_days(before._billing_get_day_after_paid())

    def _billing_set_free_days(self, day):
        """Let nothing be charged until the first day of the first period that is paid for.

        :param datetime.date|None day: The day; None if it is that on which the customer agrees.
        """
        if not self.billing_predecessor_id:
            return
        days = (day - self._billing_get_today()).days if day else 0
        if days != self.billing_trial_days:
            self.with_context(billing_counts_anew=INSIDE).billing_trial_days = days

    def _billing_is_anything_to_pay(self):
        """Return whether the initial payment is one, or registers a card.

        :rtype: bool
        """
        purchase = self._get_purchase()
        amount = self.currency_id.compare_amounts(purchase._get_initial_amount(self), 0)
        return amount > 0 or (not amount and purchase._requires_card(self))

    def _billing_approve_initial_payment(self, tx):
        """Confirm the order that a transaction has paid and create its draft invoice.

        :param payment.transaction tx: The confirmed transaction, its amount in the currency of
                                       the order.
        :return: The invoices that the transaction pays; empty if it must stay on account because
                 it doesn't fit the order any more.
        :rtype: account.move
        """
        self.ensure_one()
        if note := self._billing_get_note_on_unfit_payment(tx):
            if tx.operation == 'validation':
                self._message_log(body=note)
            else:
                self._billing_report_payment_on_account(tx, note)
            return self.env['account.move']
        purchase = self._get_purchase()
        if purchase._requires_card(self):
            self.billing_token_id = tx.token_id
            self.billing_anchor_date = purchase._get_anchor(self)
            self._billing_set_free_days(self.billing_anchor_date)
        if self._billing_is_credit():
            self.billing_credit_declaration = self.company_id._billing_get_credit_declaration()
        self._billing_confirm_paid()
        self._apply_billing_trigger(
            purchase._get_approval_trigger(self),
            self.env._("A card was registered (%s).", tx.reference)
            if tx.operation == 'validation'
            else self.env._(
                "%(amount)s were paid (%(reference)s).",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
            ),
        )
        self._billing_succeed()
        invoices = self._billing_create_initial_invoices()
        self._billing_reconcile_with_advances(invoices)
        self._billing_report_other_amount(
            invoices, 0 if tx.operation == 'validation' else tx.amount
        )
        self.env['billpro.billing.event'].sudo().create(purchase._prepare_first_events(self))
        self.env['billpro.usage.period'].sudo()._open_first(self)
        self.env['billpro.notification']._queue(
            'purchase_confirmation', self, f'approved-{tx.id}', transaction_id=tx.id
        )
        return invoices

    def _billing_get_note_on_unfit_payment(self, tx):
        """Return what staff must do about an approved payment that the order can't take.

        :param payment.transaction tx: The confirmed transaction.
        :return: The note, or None if the payment fits.
        :rtype: str|None
        """
        if not self.purchase_type:
            return self.env._(
                "%(amount)s were received for order %(order)s, which has no purchase type any more."
                " The payment is on the customer's account: refund it.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            )
        if self.billing_status not in BEFORE_APPROVAL or self._billing_is_taken_over():
            return self.env._(
                "%(amount)s were received for order %(order)s, which was already paid or"
                " closed. The payment is on the customer's account: refund it.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            )
        purchase = self._get_purchase()
        card = purchase._requires_card(self) and tx.token_id
        if card and not self._billing_is_card_of_customer(card):
            return self.env._(
                "%(amount)s were received for order %(order)s with a card of somebody who is not"
                " its customer. The payment is on that customer's account: refund it.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            )
        return self._billing_get_note_on_amount(tx)

    def _billing_get_note_on_amount(self, tx):
        """Return what staff must do about an approved payment of another amount than is missing.

        :param payment.transaction tx: The confirmed transaction.
        :return: The note, or None if it is just what is missing.
        :rtype: str|None
        """
        due = self._billing_get_amount_asked()
        is_other_amount = tx.currency_id != self.currency_id or self.currency_id.compare_amounts(
            0 if tx.operation == 'validation' else tx.amount, due
        )
        if tx.operation == 'validation' and is_other_amount:
            return self.env._(
                "A card was registered (%(reference)s), but %(due)s are still to be paid. The order"
                " link asks for them.",
                reference=tx.reference,
                due=self.currency_id.format(due),
            )
        others = self._billing_get_other_payments()
        # Money that is here counts before what may never come; that is refunded if it does.
        if self._billing_get_other_payments_hold(with_begun=False) or (others and is_other_amount):
            return self.env._(
                "%(amount)s were received for order %(order)s, which is paid in another way, too"
                " (%(others)s). The payment is on the customer's account: refund one of them.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
                others=others or '',
            )
        if is_other_amount:
            return self.env._(
                "%(amount)s were received for order %(order)s, but %(due)s are due. The"
                " payment is on the customer's account: refund it, or correct the order.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
                due=self.currency_id.format(due),
            )
        return None

    def _billing_report_other_amount(self, invoices, amount):
        """Ask a person to look after invoices that leave another amount open than was paid.

        What staff have invoiced before the payment may not be what the lines are now.

        :param account.move invoices: The invoices of the initial payment.
        :param float amount: What is paid of them now, in the currency of the order.
        """
        is_open = sum(move.amount_residual for move in invoices)
        if self.currency_id.compare_amounts(is_open, amount):
            self._billing_ask_staff(
                'initial-invoices',
                self.env._("The invoices of order %s differ from what was paid", self.name),
                self.env._(
                    "%(amount)s were paid, and its invoices have %(open)s open: %(invoices)s. Make"
                    " the invoice that is missing, or credit what is too much.",
                    amount=self.currency_id.format(amount),
                    open=self.currency_id.format(is_open),
                    invoices=', '.join(move.name or self.env._("Draft") for move in invoices),
                ),
            )

    def _billing_create_initial_invoices(self):
        """Return the invoices of the initial payment that are open, as drafts or made by staff.

        What staff have invoiced before isn't invoiced a second time.

        :rtype: account.move
        """
        self.ensure_one()
        purchase = self._get_purchase()
        customers = self._billing_get_card_owners().commercial_partner_id
        by_hand = self._billing_get_documents().filtered(
            lambda move: move.commercial_partner_id in customers
        )
        invoiced = self._billing_get_documented_amounts()['invoiced']
        is_full = self._billing_is_settled_in_full()
        due = (purchase._get_full_amount if is_full else purchase._get_initial_amount)(self)
        invoices = by_hand.filtered(lambda move: move.move_type == 'out_invoice')
        if (
            self.currency_id.is_zero(invoiced)
            or self.currency_id.compare_amounts(invoiced, due) < 0
        ):
            invoices |= purchase._create_initial_invoice(self)
        (invoices | by_hand).billing_order_id = self
        invoices = invoices.filtered(
            lambda move: move.state == 'draft' or not move.currency_id.is_zero(move.amount_residual)
        )
        for invoice in invoices:
            invoice._portal_ensure_token()
        return invoices

    # === TRANSFERS === #

    def action_open_transfer(self):
        """Open the dialog in which staff enter what has arrived of the awaited transfer.

        :return: A window action.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If none is awaited.
        """
        self.ensure_one()
        self._check_billing_user()
        return self._billing_get_one_awaited_transfer().with_env(self.env).action_open_transfer()

    def action_end_transfer(self):
        """Wait no longer for the customer's transfer: the link asks for the payment again.

        :raise AccessError: If the user may not.
        :raise UserError: If none is awaited.
        """
        self.ensure_one()
        self._check_billing_user()
        self.sudo()._lock_billing()
        self._billing_get_one_awaited_transfer()
        self.sudo()._billing_end_transfers(
            self.env._("%s waits for the transfer no longer.", self.env.user.name)
        )

    def _billing_get_one_awaited_transfer(self):
        """Return the transfer that the order waits for.

        :rtype: payment.transaction
        :raise UserError: If there is none.
        """
        tx = self.sudo()._billing_get_awaited_transfers()[:1]
        if not tx:
            raise UserError(self.env._("Order %s awaits no transfer.", self.name))
        return tx

    def _billing_pay_another_way(self, transaction_id):
        """Let the customer choose another way to pay than the awaited transfer.

        The caller holds the lock. What was booked meanwhile, or is another transfer than the page
        has shown, stays.

        :param int transaction_id: The transfer that the page has shown.
        :raise UserError: If the order can't be paid any more.
        """
        self.ensure_one()
        transfers = self._billing_get_awaited_transfers()
        if transaction_id not in transfers.ids:
            return
        if self.is_expired:
            raise UserError(self.env._("This offer has expired. Please contact us for a new one."))
        self._billing_end_transfers(self.env._("The customer pays in another way."))

    # === AGREEMENT === #

    def _billing_get_agreement(self):
        """Return what the customer agrees to: seller, terms, dates, lines and totals.

        :return: Pairs of label and value, in the language of the order's customer whoever looks at
                 them: two of them can be compared.
        :rtype: list[tuple[str, str]]
        """
        self.ensure_one()
        order = self.with_context(lang=self._billing_get_agreement_lang())
        purchase = order._get_purchase()
        return [
            (order.env._("Seller"), order.company_id.name),
            (purchase._get_label(), purchase._get_explanation(order)),
            *((row['label'], row['value']) for row in order._billing_get_terms_today()),
            *(
                pair
                for row in order._billing_get_line_rows()
                for pair in order._billing_get_agreed_line(row)
            ),
            *(
                (row['label'], row['value'])
                for row in order._billing_get_total_rows(order.tax_totals, order.currency_id)
            ),
        ]

    def _billing_get_agreement_lang(self):
        return self.partner_id.lang or self.company_id.partner_id.lang or self.env.user.lang

    def _billing_get_agreed_line(self, row):
        """Return a line of the order as rows of the agreement.

        :param dict row: The line as the pages show it.
        :rtype: list[tuple[str, str]]
        """
        name, description = row['name'], row['description']
        if row['section']:
            return [(name, description)]
        price = ', '.join(filter(None, (row['unit_price'], row['discount'], row['taxes'])))
        pairs = [(name, f'{row["quantity"]} × {price} = {row["subtotal"]}')]
        if description:
            pairs.append((self.env._("Description of “%s”", name), description))
        return pairs

    def _billing_get_shown(self):
        """Return what a page sends back to tell what it showed.

        :rtype: str
        """
        return agreement_text(self._billing_get_agreement())

    def _billing_get_changes_since(self, shown):
        """Return what has changed in the order since it was shown.

        :param str shown: What `_billing_get_shown` returned then.
        :return: A sentence for each change, in the language of the order's customer.
        :rtype: list[str]
        :raise UserError: If no page has sent it.
        """
        self.ensure_one()
        try:
            before = read_agreement(shown)
        except ValueError:
            raise UserError(
                self.env._("Please reload the page and check the order again before you pay.")
            ) from None
        order = self.with_context(lang=self._billing_get_agreement_lang())
        return [
            order._billing_get_change_text(*change)
            for change in changes_between(before, self._billing_get_agreement())
        ]

    def _billing_get_change_text(self, label, before, now):
        """Return in a sentence what has changed.

        :param str label: What the value is of.
        :param str|None before: The value that was shown.
        :param str|None now: The value of today.
        :rtype: str
        """
        if now is None:
            return self.env._("%(label)s: not any more (%(before)s)", label=label, before=before)
        if before is None:
            return self.env._("%(label)s: new, %(now)s", label=label, now=now)
        return self.env._(
            "%(label)s: now %(now)s (before: %(before)s)", label=label, now=now, before=before
        )

    def _check_billing_shown(self, shown):
        """Check that the order is still what was shown.

        :param str shown: What `_billing_get_shown` returned then.
        :raise UserError: If not; the message says what has changed.
        """
        if changes := self._billing_get_changes_since(shown):
            raise UserError(
                self.env._(
                    "This order changed while it was open here, and nothing was charged. Please"
                    " check it again:\n%s",
                    "\n".join(changes),
                )
            )

    # === CONSENT === #

    def _billing_get_consent_key(self):
        """Return what tells a consent from one to another text or to another order.

        :rtype: str
        """
        return (
            f'{self._billing_get_consent()["version"]}-{fingerprint(self._billing_get_agreement())}'
        )

    def _billing_record_consent(self, version, shown, ip_address, wants_start=False):
        """Store what the customer agrees to, unless it is what they have agreed to last.

        :param str version: The version of the text that was shown.
        :param str shown: What `_billing_get_shown` returned for the page.
        :param str ip_address: Where the consent came from.
        :param bool wants_start: Whether the service is to begin before the withdrawal period ends.
        :return: What `_billing_get_consent_key` is now.
        :rtype: str
        :raise UserError: If there is no consent, or not to the text and the order of today.
        """
        self.ensure_one()
        consent = self._billing_get_consent()
        if not version:
            raise UserError(self.env._("Please tick the box to agree before you pay."))
        if version != consent['version']:
            raise UserError(
                self.env._(
                    "The terms changed while this page was open. Please reload the page and read"
                    " them again."
                )
            )
        self._check_billing_shown(shown)
        agreement = self._billing_get_agreement()
        values = self._prepare_billing_consent(
            consent, agreement, wants_start and self._billing_may_ask_to_begin()
        )
        last = self._billing_get_last_consent()
        if (last.version, last.fingerprint) != (version, values['fingerprint']):
            self.env['billpro.consent'].sudo().create({**values, 'ip_address': ip_address})
        self.billing_buyer = self._billing_get_buyer()
        return f'{version}-{fingerprint(agreement)}'

    def _prepare_billing_consent(self, consent, agreement, wants_start):
        """Return what is kept of a consent, in the language of the agreement.

        :param dict consent: As of `_billing_get_consent`.
        :param list agreement: As of `_billing_get_agreement`.
        :param bool wants_start: Whether the service is to begin before the withdrawal period ends.
        :return: Create values of `billpro.consent`.
        :rtype: dict
        """
        order = self.with_context(lang=self._billing_get_agreement_lang())
        if wants_start:
            agreement = [
                *agreement,
                (order.env._("Beginning of the service"), order._billing_get_wish_to_begin()),
            ]
        return {
            'order_id': self.id,
            'partner_id': self.partner_id.id,
            'text': consent['text'],
            'version': consent['version'],
            'agreement': '\n'.join(f'{label}: {value}' for label, value in agreement),
            'fingerprint': fingerprint(agreement),
            'wants_start': wants_start,
            'withdrawal_information': order._billing_get_withdrawal_information(),
        }

    # === PROVIDERS === #

    def _billing_get_checkout_providers(self):
        """Return the providers that the company publishes.

        :rtype: payment.provider
        """
        self.ensure_one()
        return (
            self.env['payment.provider']
            .sudo()
            .search(
                [
                    *self.env['payment.provider']._check_company_domain(self.company_id),
                    ('state', 'in', ['enabled', 'test']),
                    ('is_published', '=', True),
                ]
            )
        )

    def _billing_offers_only_cards(self):
        """Return whether cards are all that the customer can store, as far as is known.

        :rtype: bool
        """
        self.ensure_one()
        providers = self._billing_get_checkout_providers()
        methods = (
            self.env['payment.method']
            .sudo()
            ._get_compatible_payment_methods(
                providers.ids,
                self.partner_invoice_id.id,
                currency_id=self.currency_id.id,
                sale_order_id=self.id,
            )
        )
        return all(
            is_card(method.code)
            for method in methods
            if any(
                provider._billing_can_keep(method) for provider in providers & method.provider_ids
            )
        )

    def _billing_speaks_of_cards(self):
        """Return whether the order is charged to a card, and can be charged to others only.

        :return: That; also where there is no order, as mails are rendered for payments of any.
        :rtype: bool
        """
        return not self or (
            self.billing_token_id._billing_is_card() and self._billing_offers_only_cards()
        )

    def _check_billing_amounts_can_be_paid(self, providers=None):
        """Check that the payments of an order, now and later, can be collected by some provider.

        :param payment.provider providers: By whom; all that the checkout offers if not given.
        :raise ValidationError: If all of them refuse an amount.
        """
        self.ensure_one()
        purchase = self._get_purchase()
        if providers is None:
            providers = self._billing_get_checkout_providers()
            if purchase._requires_card(self):
                providers = providers.filtered('allow_tokenization')
        for amount in (self._billing_get_amount_asked(), *purchase._get_later_amounts(self)):
            refusals = [
                amount and provider._in_billing()._find_amount_refusal(amount, self.currency_id)
                for provider in providers
            ]
            if refusals and all(refusals):
                raise ValidationError(
                    self.env._(
                        "A payment of %(amount)s of order %(order)s can't be collected."
                        " %(reason)s Change the price, the deposit or the number of payments.",
                        amount=self.currency_id.format(amount),
                        order=self.name,
                        reason=refusals[0],
                    )
                )

    # === OTHER WAYS TO PAY === #

    def _billing_take_over_second_payments(self):
        """Take over what was paid for the order by another way, and it doesn't need.

        The caller holds the lock. The salesperson is asked, and it can be refunded from the order.
        """
        self.ensure_one()
        if self.billing_status in BEFORE_APPROVAL:
            return
        for tx in self._search_billing_second_payments():
            if tx._billing_get_orders_paid_elsewhere() != self:
                self._billing_report_payment_of_several(tx)
                continue
            if invoices := tx._billing_get_invoices_paid():
                if invoices <= self._billing_get_documents():
                    tx._billing_take_over(self, invoices)
                self._billing_report_part_on_account(tx)
                continue
            tx._billing_take_over(self, self.env['account.move'])
            if not tx._billing_get_refundable_amount():
                continue  # It was paid back already.
            self._billing_report_payment_on_account(
                tx,
                self.env._(
                    "%(amount)s were received by %(reference)s for order %(order)s, which was"
                    " already paid or closed. The payment is on the customer's account: refund it.",
                    amount=tx.currency_id.format(tx.amount),
                    reference=tx.reference,
                    order=self.name,
                ),
            )

    def _billing_get_documents(self):
        """Return the order's invoices and credit notes, whoever made them.

        :rtype: account.move
        """
        self.ensure_one()
        # Whoever asks, salespeople without access to the books as well, must be told.
        order = self.sudo()
        return (order.invoice_ids | order.billing_move_ids).filtered(
            lambda move: move.move_type in {'out_invoice', 'out_refund'} and move.state != 'cancel'
        )

    def _billing_get_other_transactions(self):
        """Return what providers were asked to collect by other ways than the order link.

        :rtype: payment.transaction
        """
        self.ensure_one()
        order = self.sudo()
        txs = order.transaction_ids | self._billing_get_documents().transaction_ids
        txs = (txs - order.billing_transaction_ids).filtered(
            lambda tx: tx.operation not in {'validation', 'refund'}
        )
        return txs._billing_get_carriers()

    def _billing_get_other_payments_under_way(self, with_begun=True):
        """Return the names of what may be paid any time by another way, or isn't booked yet.

        :param bool with_begun: Whether what somebody may yet pay at a provider's page counts.
        :rtype: list[str]
        """
        txs = self._billing_get_other_transactions().filtered(
            lambda tx: (
                tx.state in {'pending', 'authorized'}
                or (tx.state == 'done' and not tx.payment_id)
                or (with_begun and tx._billing_is_at_payment_page())
            )
        )
        # With a module that reconciles bank statements, payments have no entry until then.
        payments = self._billing_get_documents().matched_payment_ids.filtered(
            lambda payment: (
                not payment.move_id
                and payment.state in {'in_process', 'paid'}
                and 'in_payment' in payment.invoice_ids.mapped('payment_state')
            )
        )
        return [*txs.sorted('id').mapped('reference'), *payments.mapped('name')]

    def _billing_get_advance_lines(self):
        """Return the journal items of money for the order that no document has taken yet.

        :return: What was received, and what was paid back of it.
        :rtype: tuple[account.move.line, account.move.line]
        """
        txs = self._billing_get_other_transactions()
        refunds = txs.child_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        return tuple(
            payments.move_id.line_ids.filtered(
                lambda line: (
                    line.account_id.account_type == 'asset_receivable'
                    and line.parent_state == 'posted'
                    and not line.reconciled
                )
            )
            for payments in (txs.payment_id, refunds.payment_id)
        )

    def _billing_get_documented_amounts(self):
        """Return what of the order is invoiced, paid, open and paid in advance, in its currency.

        Credit notes take back what they credit, reconciled or not: what was paid of it counts no
        more.

        :return: The amounts ``invoiced``, ``settled``, ``open`` and ``advance``.
        :rtype: dict[str, float]
        """
        self.ensure_one()
        documents = self._billing_get_documents().filtered(
            lambda move: move.currency_id == self.currency_id
        )
        credit_notes = documents.filtered(
            lambda move: move.move_type == 'out_refund' and move.state == 'posted'
        )
        invoices = documents.filtered(lambda move: move.move_type == 'out_invoice')
        amounts = dict.fromkeys(('invoiced', 'settled', 'open'), 0.0)
        for invoice in invoices:
            own = credit_notes.filtered(lambda move, of=invoice: move.reversed_entry_id == of)
            credited = sum(own.mapped('amount_total'))
            paid = invoice.amount_total - invoice.amount_residual
            amounts['invoiced'] += max(0.0, invoice.amount_total - credited)
            amounts['settled'] += max(0.0, paid - credited)
            amounts['open'] += max(
                0.0, invoice.amount_residual - sum(own.mapped('amount_residual'))
            )
        loose = credit_notes.filtered(lambda move: move.reversed_entry_id not in invoices)
        for name in ('invoiced', 'settled'):
            amounts[name] -= sum(loose.mapped('amount_total'))
        received, paid_back = self._billing_get_advance_lines()
        excess = sum(paid_back.mapped('amount_residual_currency')) - sum(
            credit_notes.mapped('amount_residual')
        )
        advance = -sum(received.mapped('amount_residual_currency')) - max(0.0, excess)
        return {
            name: self.currency_id.round(amount)
            for name, amount in {**amounts, 'advance': advance}.items()
        }

    def _billing_get_amount_received(self):
        """Return what was received for an order that waits for its first payment.

        :return: The amount in the currency of the order.
        :rtype: float
        """
        amounts = self._billing_get_documented_amounts()
        return max(0.0, self.currency_id.round(amounts['settled'] + amounts['advance']))

    def _billing_get_amount_asked(self):
        """Return what the order link asks for now.

        :return: The amount in the currency of the order; 0 means that nothing is paid, and at most
                 a card registered.
        :rtype: float
        """
        self.ensure_one()
        initial = self._get_purchase()._get_initial_amount(self)
        if self.billing_status not in BEFORE_APPROVAL:
            return initial
        rest = self.currency_id.round(initial - self._billing_get_amount_received())
        return rest if self.currency_id.compare_amounts(rest, 0) > 0 else min(initial, 0.0)

    def _billing_reconcile_with_advances(self, invoices):
        """Pay invoices with the money that came before them.

        :param account.move invoices: The invoices of the initial payment, drafts or posted.
        """
        received, paid_back = self._billing_get_advance_lines()
        if received:
            invoices.filtered(lambda move: move.state == 'draft').action_post()
            self._billing_reconcile_advances(received | paid_back, invoices)
        documents = self._billing_get_documents()
        for tx in self._billing_get_other_transactions():
            paid = tx._billing_get_invoices_paid()
            # What has paid other invoices, too, isn't the order's alone.
            if (
                tx.payment_id.is_reconciled
                and tx._billing_get_orders_paid_elsewhere() == self
                and paid <= documents
            ):
                tx._billing_take_over(self, paid)

    @api.model
    def _billing_reconcile_advances(self, advances, invoices):
        open_lines = (advances | invoices.line_ids).filtered(
            lambda line: line.account_id.account_type == 'asset_receivable' and not line.reconciled
        )
        for lines in open_lines.grouped('account_id').values():
            if len(lines) > 1:
                lines.reconcile()

    # === OTHER PAYMENTS === #

    @api.depends('billing_status', 'purchase_type')
    def _compute_billing_other_payments(self):
        for order in self:
            order.billing_other_payments = order._billing_get_other_payments()
            order.billing_other_payments_hold = order._billing_get_other_payments_hold()

    # === WHAT FOLLOWS FROM IT === #

    def _billing_get_other_payments_hold(self, with_begun=True):
        """Return why an order that waits for its first payment collects nothing by its link.

        :param bool with_begun: Whether what somebody may yet pay at a provider's page counts.
        :return: `paid` if it goes on by itself, `under_way` if that is known later, `unfit` if a
                 person must decide; False if the link asks for what is missing.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.purchase_type or self.billing_status not in BEFORE_APPROVAL:
            return False
        if not self._billing_get_documents() and not self._billing_get_other_transactions():
            return False
        if self._billing_get_other_payments_under_way(with_begun):
            return UNDER_WAY
        if self._billing_get_unfit_reason():
            return UNFIT
        return PAID if self._billing_is_settled_in_full() else False

    def _billing_is_settled_in_full(self):
        """Return whether all was paid that there is ever to pay, and no card is needed.

        :rtype: bool
        """
        full = self._get_purchase()._get_full_amount(self)
        received = self._billing_get_amount_received()
        return (
            full is not False
            and self.currency_id.compare_amounts(received, 0) > 0
            and self.currency_id.compare_amounts(received, full) >= 0
        )

    def _billing_get_unfit_reason(self):
        """Return why what was invoiced and paid by other ways doesn't fit what the order asks for.

        :return: A sentence for staff, or False if the order can go on with it.
        :rtype: str|bool
        """
        self.ensure_one()
        documents = self._billing_get_documents()
        customers = self._billing_get_card_owners().commercial_partner_id
        reason = False
        if documents.filtered(lambda move: move.currency_id != self.currency_id) or any(
            line.currency_id != self.currency_id
            for lines in self._billing_get_advance_lines()
            for line in lines
        ):
            reason = self.env._("It was invoiced or paid in another currency than the order's.")
        elif documents.commercial_partner_id - customers:
            reason = self.env._("An invoice of it is addressed to somebody else.")
        elif self._billing_get_other_transactions().filtered(lambda tx: len(tx.sale_order_ids) > 1):
            reason = self.env._("One payment is for several orders.")
        elif self._billing_get_amount_received() and self._billing_may_rest_be_reserved():
            reason = self.env._("A part of it is paid, and the rest may only be reserved.")
        elif not self._billing_do_documents_fit():
            reason = self.env._(
                "What its invoices bill is not what is to be paid first, or they leave another"
                " amount open than is to be paid."
            )
        return reason

    def _billing_may_rest_be_reserved(self):
        """Return whether the checkout may reserve the rest instead of collecting it.

        :rtype: bool
        """
        return (
            self._get_purchase()._can_be_authorized()
            and not self._billing_is_settled_in_full()
            and any(self._billing_get_checkout_providers().mapped('capture_manually'))
        )

    def _billing_do_documents_fit(self):
        """Return whether the order's invoices can be those of its initial payment.

        :rtype: bool
        """
        purchase = self._get_purchase()
        amounts = self._billing_get_documented_amounts()
        is_full = self._billing_is_settled_in_full()
        due = purchase._get_full_amount(self) if is_full else purchase._get_initial_amount(self)
        if not purchase._can_take_over_invoices(self, amounts['invoiced'], is_full):
            return False
        if self.currency_id.compare_amounts(self._billing_get_amount_received(), due) > 0:
            return False  # What is too much is no part of what is to be paid later.
        missing = max(0.0, self.currency_id.round(due - self._billing_get_amount_received()))
        to_book = amounts['open'] + max(0.0, due - amounts['invoiced'])
        return not self.currency_id.compare_amounts(
            missing, max(0.0, self.currency_id.round(to_book - amounts['advance']))
        )

    # === WORDS === #

    def _billing_get_other_money_rows(self):
        """Return the money that came by other ways, each with its way, document, date and amount.

        What was paid back is negative.

        :rtype: list[dict]
        """
        self.ensure_one()
        documents = self._billing_get_documents()
        # Staff may have paid an invoice with what came by the link and didn't fit then.
        with_own = self.billing_status in BEFORE_APPROVAL
        money = documents._billing_get_other_money(with_own)
        lines = documents.line_ids.browse(
            line_id for parts in money.values() for line_id, _amount in parts
        )
        amounts = [
            -amount if document.move_type == 'out_refund' else amount
            for document in documents.browse(money)
            for _line_id, amount in money[document.id]
        ]
        of = [document for document in documents.browse(money) for _part in money[document.id]]
        rows = [
            self._billing_get_other_money_row(line, amount, document)
            for line, amount, document in zip(lines, amounts, of, strict=True)
        ]
        for lines in self._billing_get_advance_lines():
            rows += [
                self._billing_get_other_money_row(
                    line, -line.amount_residual_currency, documents.browse()
                )
                for line in lines
            ]
        return sorted(rows, key=lambda row: (row['date'], row['line'].id))

    @api.model
    def _billing_get_other_money_row(self, line, amount, document):
        return {
            'line': line,
            'date': line.date,
            'amount': amount,
            'currency': document.currency_id or line.currency_id,
            'way': line.move_id.with_context(lang=self.env.lang)._billing_get_money_way(),
            'reference': line.move_id.origin_payment_id.payment_transaction_id.reference
            or line.move_id.name,
            'document': document,
        }

    def _billing_get_other_payments(self):
        """Return what was paid, or is being paid, by other ways than the link, for staff.

        :return: Amounts with way, reference and invoice; False if there is nothing.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.purchase_type:
            return False
        texts = []
        for row in self._billing_get_other_money_rows():
            names = [row['reference'], *filter(None, [row['document'].name])]
            texts.append(
                self.env._(
                    "%(amount)s by %(way)s (%(names)s)",
                    amount=row['currency'].format(row['amount']),
                    way=row['way'],
                    names=', '.join(names),
                )
            )
        if self.billing_status in BEFORE_APPROVAL:
            texts += [
                self.env._("%s is under way", name)
                for name in self._billing_get_other_payments_under_way()
            ]
        return '; '.join(texts) or False

    def _billing_get_terms_today(self):
        """Return what the customer agrees to pay, and when, and what they have paid already.

        :return: Rows as of `billpro.purchase.type._get_terms`.
        :rtype: list[dict]
        """
        return [*self._get_purchase()._get_terms(self), *self._billing_get_received_rows()]

    def _billing_get_received_rows(self):
        """Return what the customer has paid by other ways before the first payment by the link.

        :return: Rows of ``label``, ``value`` and ``strong`` for the checkout.
        :rtype: list[dict]
        """
        self.ensure_one()
        if self.billing_status not in BEFORE_APPROVAL:
            return []
        return [
            {
                'label': self.env._("Paid already: %s", row['way'])
                if row['amount'] > 0
                else self.env._("Paid back: %s", row['way']),
                'value': row['currency'].format(abs(row['amount'])),
                'strong': False,
            }
            for row in self._billing_get_other_money_rows()
        ]

    def _billing_get_paid_in_another_way_text(self):
        """Return what the customer is told instead of being asked to pay.

        :rtype: str
        """
        self.ensure_one()
        if self._billing_get_other_payments_hold() != PAID:
            return self.env._(
                "It was paid in another way, or is being paid, and nothing is collected here."
                " Please contact us if you think that it is still to be paid."
            )
        ways = ', '.join(dict.fromkeys(row['way'] for row in self._billing_get_other_money_rows()))
        return self.env._(
            "It was paid in another way (%s), and nothing is collected here. It goes on within"
            " minutes; this link then shows your order.",
            ways,
        )

    def _billing_get_consent(self):
        """Return what the customer must agree to before paying.

        :return: The ``text``, the same as ``html`` with links, and its ``version``.
        :rtype: dict
        """
        self.ensure_one()
        company = self.company_id
        documents = [
            (label, url)
            for label, url in (
                (self.env._("terms and conditions"), company.billing_terms_url),
                (self.env._("privacy policy"), company.billing_privacy_url),
            )
            if url
        ]
        if not documents:
            text = self.env._("I have checked this order and agree to it.")
            return {'text': text, 'html': escape(text), 'version': consent_version(text)}
        sentence = (
            self.env._(
                "I have checked this order and agree to it and to the %(first)s and %(second)s."
            )
            if len(documents) == 2
            else self.env._("I have checked this order and agree to it and to the %(first)s.")
        )
        keys = ('first', 'second')
        text = sentence % {
            key: f'{label} ({url})' for key, (label, url) in zip(keys, documents, strict=False)
        }
        html = escape(sentence) % {
            key: Markup('<a href="%s" target="_blank" rel="noopener">%s</a>') % (url, label)
            for key, (label, url) in zip(keys, documents, strict=False)
        }
        return {'text': text, 'html': html, 'version': consent_version(text)}

    # === WHO IS WAITING === #

    @api.model
    def _search_billing_paid_in_another_way(self):
        """Return the orders that wait for their first payment, and were paid in another way.

        :rtype: sale.order
        """
        waiting = [
            ('purchase_type', '!=', False),
            ('billing_status', 'in', list(BEFORE_APPROVAL)),
        ]
        txs = [
            ('state', 'in', ('pending', 'authorized', 'done')),
            ('billing_order_id', '=', False),
        ]
        # Not as one condition: "or" would have the database go through all invoices there are.
        told = self.search([*waiting, ('billing_other_payments_told', '=', True)])
        paid = self.search([*waiting, ('transaction_ids', 'any', txs)])
        return (
            told
            | paid
            | self.search(
                [
                    *waiting,
                    ('state', '=', 'sale'),  # Others have no invoices.
                    ('order_line.invoice_lines.move_id.state', 'in', ('draft', 'posted')),
                ]
            )
        )

    # === ROWS === #

    def _get_order_lines_to_report(self):
        """Override of `sale`: show what is sold.

        Down payments are shown as payments. Optional lines can't be chosen on our pages: only those
        that staff gave a quantity are part of the order. Nor is what a subscription has dropped, or
        was to get and didn't.
        """
        lines = super()._get_order_lines_to_report()
        if not self.purchase_type:
            return lines
        is_changing = self.state == 'sale' and self._get_purchase()._can_change_plan()
        sold = lines.filtered(
            lambda line: (
                not line.is_downpayment
                and (
                    line.display_type
                    or line.product_uom_qty
                    or not (is_changing or line._is_line_optional())
                )
            )
        )
        products = sold.filtered(lambda line: not line.display_type)
        sections = products.parent_id | products.parent_id.parent_id
        return sold.filtered(lambda line: not line.is_optional or line in sections)

    def _billing_get_line_rows(self):
        """Return the order's lines as rows.

        :rtype: list[dict]
        """
        return [self._billing_get_line_row(line) for line in self._get_order_lines_to_report()]

    def _billing_get_line_row(self, line):
        name, _newline, description = (line.name or '').partition('\n')
        if line.display_type:
            return {'section': True, 'name': name, 'description': description}
        return {
            'section': False,
            'name': name,
            'description': description,
            'image_url': line.product_id.image_128
            and self._billing_get_order_link(f'/line/{line.id}/image'),
            **self._billing_get_amount_columns(
                line.product_uom_qty, line.product_uom_id, line, line.currency_id
            ),
        }

    def _billing_get_amount_columns(self, quantity, uom, line, currency):
        """Return the number columns of an order or invoice line.

        :param float quantity: The quantity.
        :param uom.uom uom: Its unit.
        :param line: The `sale.order.line` or `account.move.line`.
        :param res.currency currency: The currency of the line's amounts.
        :rtype: dict
        """
        digits = self.env['decimal.precision'].precision_get('Product Unit')
        quantity_text = formatLang(
            self.env, quantity, digits=0 if quantity == int(quantity) else digits
        )
        return {
            'quantity': quantity_text
            if not uom or uom == self.env.ref('uom.product_uom_unit', raise_if_not_found=False)
            else f'{quantity_text} {uom.name}',
            'unit_price': self._billing_format_unit_price(line.price_unit, currency),
            'discount': line.discount
            and self.env._("%s %% off", self._billing_format_percentage(line.discount)),
            'subtotal': currency.format(line.price_subtotal),
            'taxes': ', '.join(tax.tax_label or tax.name for tax in line.tax_ids),
        }

    def _billing_get_total_rows(self, tax_totals, currency):
        """Return Odoo's tax totals as rows.

        :param dict tax_totals: The `tax_totals` of an order or invoice.
        :param res.currency currency: The document's currency.
        :rtype: list[dict]
        """
        rows = []
        for subtotal in tax_totals['subtotals']:
            rows.append(
                {
                    'label': subtotal['name'],
                    'value': currency.format(subtotal['base_amount_currency']),
                    'strong': False,
                }
            )
            rows += [
                {
                    'label': group['group_name'],
                    'value': currency.format(group['tax_amount_currency']),
                    'strong': False,
                }
                for group in subtotal['tax_groups']
            ]
        rows.append(
            {
                'label': self.env._("Total"),
                'value': currency.format(tax_totals['total_amount_currency']),
                'strong': True,
            }
        )
        return rows
