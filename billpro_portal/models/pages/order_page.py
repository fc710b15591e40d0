from werkzeug.urls import url_encode

from odoo import models
from odoo.tools import format_date, format_time

from ...billing.colors import darker, readable
from ...billing.lifecycle import BEFORE_APPROVAL, LIVE, OPEN, TOLD_BY_SMS

SHOWN_VISITS = 20
_DARKEST_PANEL = '#fde4e7'  # Of what links stand on: see `order_variables.scss`.


class BillproOrderPage(models.AbstractModel):
    """What the page of an order shows once its initial payment is approved, ready to print.

    Rows, texts and buttons are made by presenters, of which this is the first; templates decide
    nothing. Methods take the order and are called in its environment, which has the reader's
    language and rights: `order.env['billpro.order.page']._get_portal_values(order)`.
    """

    _name = 'billpro.order.page'
    _description = "Page of an Order"

    # === VALUES === #

    def _get_page_values(self, order):
        """Return the values that all pages of the order share.

        :param sale.order order: The order.
        :rtype: dict
        """
        order.ensure_one()
        law = order._billing_get_law()
        return {
            **self._get_company_values(order.company_id),
            'order': order,
            'order_url': order._billing_get_order_link(),
            'home_url': len(self.env['billpro.order.home']._get_orders(order)) > 1
            and order._billing_get_order_link('/orders'),
            'languages': self._get_languages(access_token=order.access_token or ''),
            'law_links': self.env['billpro.declaration.page']._get_links(
                order.company_id,
                withdraws=bool(order._billing_get_withdrawal_days()),
                cancels=law.has_cancel_page,
            ),
        }

    def _get_company_values(self, company):
        """Return the values that all pages of a company share, with an order or without.

        :param res.company company: The company.
        :rtype: dict
        """
        return {
            'res_company': company,
            'page_name': 'billpro_order',
            'logo_url': not company.sudo().uses_default_logo
            and f'/web/binary/company_logo?company={company.id}',
            'brand_style': self._get_brand_style(company),
            'contact': {
                'name': company.name,
                'email': company.email,
                'email_text': self.env['billpro.page.words']._get_breakable(company.email),
                'phone': company.phone,
                'website': company.website,
            },
        }

    def _get_portal_values(self, order, page=1, past=None):
        """Return the values of the order portal.

        :param sale.order order: The order.
        :param int page: The page of the billing history, from 1.
        :param int past: The number of the period of usage before which past ones are listed.
        :rtype: dict
        """
        return {
            **self._get_page_values(order),
            'title': self._get_title(order),
            'image_url': self._get_image_url(order),
            'answer': self.env['billpro.order.answer']._get_answer(order),
            'facts_title': self.env._("Your plan")
            if order._get_purchase()._has_schedule
            else self.env._("Your order"),
            'facts': self._get_facts(order),
            'offers': self.env['billpro.order.leaving']._get_offers(order),
            'document_links': [
                {
                    'label': self.env._("All documents"),
                    'url': order._billing_get_order_link('/documents'),
                },
                {
                    'label': self.env._("Order summary (PDF)"),
                    'url': order._billing_get_order_link('/document/summary'),
                },
            ],
            'usage': self.env['billpro.order.usage']._get_usage_values(order, past),
            'upcoming': self.env['billpro.order.payments']._get_upcoming_groups(order),
            'cards': self.env['billpro.order.cards']._get_card_values(order),
            'history': self.env['billpro.order.payments']._get_history_rows(order, page),
            'text_messages': self._get_text_message_values(order),
            'visits': self._get_visits(order),
            'withdrawal': self.env['billpro.declaration.page']._get_withdrawal_values(order),
            'lines': order._billing_get_line_rows(),
            'totals': order._billing_get_total_rows(order.tax_totals, order.currency_id),
            'summary': self._get_page_summary_rows(order),
            'opens_lines': not order._get_purchase()._has_schedule,
        }

    def _get_brand_style(self, company):
        """Return the color of a company for buttons and links, dark enough to be read everywhere.

        :param res.company company: The company.
        :return: The style of the page, or False if the company has no color of its own.
        :rtype: str|bool
        """
        color = readable(company.primary_color or '', _DARKEST_PANEL)
        if not color:
            return False
        return f'--o-billpro-primary: {color}; --o-billpro-primary-hover: {darker(color)}'

    def _get_languages(self, **parameters):
        """Return the languages that the reader can choose from, each with the address of its page.

        :param dict parameters: What else the address says, such as the token of the order.
        :return: The ``code`` for browsers, the ``name`` and ``url``; nothing if there is one only.
        :rtype: list[dict]
        """
        languages = self.env['res.lang']._get_frontend()
        if len(languages) < 2:
            return []
        return [
            {
                'code': code.replace('_', '-'),
                'name': language.name.split(' / ')[-1],
                # Of the page that is shown, whichever it is.
                'url': f'?{url_encode({**parameters, "lang": code})}',
            }
            for code, language in languages.items()
            if code != self.env.lang
        ]

    # === WHAT WAS BOUGHT === #

    def _get_title(self, order):
        """Return what was bought, as the page is called: the product, or the first of several.

        :param sale.order order: The order.
        :rtype: str
        """
        names = order._get_order_lines_to_report().product_id.mapped('name')
        if len(names) > 1:
            return self.env._("%s and more", names[0])
        return names[0] if names else self.env._("Order %s", order.name)

    def _get_image_url(self, order):
        """Return the address of the picture of the product that gives the page its title.

        :param sale.order order: The order.
        :return: False if it has none.
        :rtype: str|bool
        """
        line = order._get_order_lines_to_report().filtered('product_id')[:1]
        return bool(line.product_id.image_128) and order._billing_get_order_link(
            f'/line/{line.id}/image'
        )

    def _get_facts(self, order):
        """Return what is true of the order beside its payments, each with what changes it.

        :param sale.order order: The order.
        :return: The ``label``, the ``lines``, a ``note`` and the ``actions`` of each, as of
                 `_get_menu`.
        :rtype: list[dict]
        """
        plan = order._get_purchase()._get_plan_text(order)
        discount = order._billing_get_running_discount().with_env(self.env)
        menu = self._get_menu(order)
        ordered = format_date(
            self.env, order._billing_get_date(order.date_order), date_format='long'
        )
        facts = [
            {
                'label': self.env._("How you pay"),
                'lines': [order._get_purchase()._get_label()],
                'note': self.env._("Ordered on %s", ordered),
                'actions': [] if plan else menu,
            },
            {
                'label': self.env._("You pay"),
                'lines': [
                    plan,
                    discount and not order.billing_cancel_date and discount._describe(),
                ],
                'note': self._get_renewal_text(order),
                'actions': menu,
            },
            self._get_billed_to_fact(order),
        ]
        facts = [{**fact, 'lines': list(filter(None, fact['lines']))} for fact in facts]
        return [fact for fact in facts if fact['lines']]

    def _get_billed_to_fact(self, order):
        customer = self._get_customer_values(order)
        return {
            'label': self.env._("Billed to"),
            'lines': [customer['name'], *customer['address'].splitlines(), customer['email']],
            'note': customer['vat'] and self.env._("Tax ID: %s", customer['vat']),
            'actions': self.env['billpro.order.details']._get_menu_items(order),
        }

    def _get_renewal_text(self, order):
        """Return when a subscription goes on, if it does so by itself, or False.

        :param sale.order order: The order.
        :rtype: str|bool
        """
        payment = self.env['billpro.order.payments']._get_next_payment(order)
        if not payment or not order._get_purchase()._is_perpetual:
            return False
        return self.env._("Renews on %s", payment['day'])

    # === WORDS === #

    def _get_billing_status_text(self, order):
        """Return the order's status in the customer's words.

        :param sale.order order: The order.
        :rtype: str
        """
        order.ensure_one()
        if order.billing_status in BEFORE_APPROVAL:
            return self.env._("Awaiting payment")
        if order._billing_get_withdrawal():
            return self.env._("Withdrawn")
        if order.billing_cancel_date:
            return self._get_cancelled_status_text(order)
        if status := self._get_authorization_status(order):
            return status['text']
        return {
            'cancelled': self.env._("Cancelled"),
            'active': self.env._("Active"),
            'failed': self.env._("Payment declined"),
            'suspended': self.env._("Suspended"),
            'paused': self.env._("Paused"),
            'review': self.env._("Active")
            if set(order.billing_event_ids.mapped('status')) & OPEN
            else self.env._("Complete"),
            'complete': self.env._("Complete"),
        }[order.billing_status]

    def _get_cancelled_status_text(self, order):
        """Return the status of a cancelled subscription in the customer's words.

        :param sale.order order: The order.
        :rtype: str
        """
        if order.billing_cancel_date < order._billing_get_today():
            return self.env._("Cancelled")
        return self.env._(
            "Cancelled – access until %s",
            self.env['billpro.page.words']._get_day(order, order.billing_cancel_date),
        )

    def _get_authorization_status(self, order):
        """Return the status of an order that is or was authorised, as ``text`` and ``css``.

        :param sale.order order: The order.
        :return: None for all other orders, and for captured ones.
        :rtype: dict|None
        """
        order.ensure_one()
        state = order.billing_authorization_id.state
        if state == 'authorized':
            return {'text': self.env._("Authorised"), 'css': 'info'}
        if state == 'cancel':
            return {'text': self.env._("Released – nothing was charged"), 'css': 'secondary'}
        return None

    def _get_card_notices(self, is_card):
        """Return what can be said of a card or another way to pay that was added or chosen.

        :param bool is_card: Whether it can only be a card.
        :rtype: dict
        """
        if is_card:
            texts = (
                self.env._("Your card is saved and charged from now on."),
                self.env._("The card could not be saved. Please try again or use another one."),
                self.env._("The card is charged from now on."),
                self.env._("The card was removed."),
            )
        else:
            texts = (
                self.env._("It is saved and charged from now on."),
                self.env._("It could not be saved. Please try again or use another one."),
                self.env._("It is charged from now on."),
                self.env._("It was removed."),
            )
        added, failed, selected, removed = texts
        backup_set = self.env._("Your backup is saved. Nothing is charged now.")
        backup_ended = self.env._("There is no backup any more.")
        return {
            'backup_set': ('success', backup_set),
            'backup_ended': ('success', backup_ended),
            'card_added': ('success', added),
            'card_failed': ('danger', failed),
            'card_selected': ('success', selected),
            'card_removed': ('success', removed),
        }

    def _get_notice(self, order, key):
        """Return what the last action did, in the customer's words.

        :param sale.order order: The order.
        :param str key: What was done, from a request: only known keys say something.
        :return: The ``level`` and ``text``, or False.
        :rtype: dict|bool
        """
        if key == 'card_added_not_paid':
            return self._get_card_added_not_paid_notice(order)
        notices = {
            **self._get_card_notices(order._billing_offers_only_cards()),
            'processing': (
                'info',
                self.env._("Your bank is asked for the payment. You will find the result here."),
            ),
            'paid': ('success', self.env._("Thank you, your payment was received.")),
            'not_all_paid': (
                'warning',
                self.env._("Something is still to pay. It is shown below."),
            ),
            'not_paid': (
                'danger',
                self.env._("The payment was not collected. Nothing was charged."),
            ),
            'cancelled': (
                'success',
                self.env._("Your subscription is cancelled. A confirmation is on its way.")
                if order.partner_id.email
                else self.env._("Your subscription is cancelled."),
            ),
            'cancel_undone': ('success', self.env._("Your subscription continues.")),
            'changed': ('success', self.env._("Your subscription is changed.")),
            'change_planned': ('success', self.env._("Your change is planned.")),
            'change_waits': (
                'info',
                self.env._(
                    "Your bank waits for you to confirm the payment. Nothing has changed yet."
                ),
            ),
            'early_undone': ('success', self.env._("Nothing was charged, and nothing changes.")),
            'change_undone': ('success', self.env._("Your change is taken back.")),
            'not_changed': (
                'danger',
                self.env._("The payment was declined. Nothing has changed."),
            ),
            'paused': ('success', self.env._("Your subscription is paused.")),
            'resumed': ('success', self.env._("Your subscription continues.")),
            'skipped': ('success', self.env._("The payment is skipped.")),
            'discount_taken': ('success', self.env._("You have the discount now.")),
            'text_messages_off': (
                'success',
                self.env._("You get no more text messages from us."),
            ),
            'text_messages_on': ('success', self.env._("You get text messages again.")),
            'usage_alert_on': (
                'success',
                self.env._(
                    "We will tell you when the usage of a period reaches %s.",
                    order.currency_id.format(order.billing_usage_alert),
                ),
            ),
            'usage_alert_off': ('success', self.env._("You have no spending alert any more.")),
            'try_again': (
                'danger',
                self.env._(
                    "Nothing was done yet: you have logged in or out, or the page was open for too"
                    " long. Please try again."
                ),
            ),
            'mail_change_asked': (
                'info',
                self.env._(
                    "We have written to both mail addresses. It changes once both have agreed."
                ),
            ),
            'details_changed': ('success', self.env._("Your details are changed.")),
            'message_sent': ('success', self.env._("Your message was sent. We will answer it.")),
        }
        level, text = notices.get(key, (False, False))
        return bool(level) and {'level': level, 'text': text}

    def _get_card_added_not_paid_notice(self, order):
        """Return that a new card was saved, and that what is outstanding was declined with it.

        :param sale.order order: The order.
        :return: The ``level`` and ``text``; that the card was saved if all was paid since.
        :rtype: dict
        """
        if not (outstanding := order._billing_get_outstanding_events()):
            return self._get_notice(order, 'card_added')
        total = order.currency_id.format(sum(outstanding.mapped('amount')))
        last = outstanding.transaction_ids.sorted('id')[-1:]
        if last.state == 'error' and last.billing_decline_class:
            reason = self.env['billpro.order.payments']._get_decline_reason(last)
            text = self.env._("It is saved, but the payment of %s was declined.", total)
            return {'level': 'warning', 'text': f'{text} {reason}'.strip()}
        text = self.env._("It is saved, but %s are still outstanding.", total)
        return {'level': 'warning', 'text': text}

    def _get_menu(self, order):
        """Return what the customer may do besides: cancel, or write to us.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        if order.billing_status not in LIVE:
            return []
        change = order.env['billpro.order.change']._get_menu_item(order)
        early = order.env['billpro.order.schedule']._get_early_items(order)
        if order._can_be_cancelled():
            return [
                *([change] if change else []),
                *early,
                *order.env['billpro.order.schedule']._get_menu_items(order),
                {
                    'label': self.env._("Cancel subscription"),
                    'url': order._billing_get_order_link('/cancel'),
                },
            ]
        return [
            *early,
            {
                'label': self.env._("Contact us about this order"),
                'url': order._billing_get_order_link('/contact'),
            },
        ]

    # === PARTS === #

    def _get_customer_values(self, order):
        """Return who the order is invoiced to.

        :param sale.order order: The order.
        :rtype: dict
        """
        partner = order.partner_invoice_id
        return {
            'name': partner.name or partner.parent_id.name,
            'address': '\n'.join(
                line
                for line in partner._display_address(without_company=True).splitlines()
                if line.strip()
            ),
            'email': self.env['billpro.page.words']._get_breakable(
                partner.email or order.partner_id.email
            ),
            'vat': partner.commercial_partner_id.vat,
        }

    def _get_summary_rows(self, order, below_total=False):
        """Return what was paid, refunded and credited and what is still owed, as rows.

        :param sale.order order: The order.
        :param bool below_total: Whether they stand below the order's total already.
        :rtype: list[dict]
        """
        has_total = order._get_purchase()._has_total()
        paid, balance = order.billing_paid, order.billing_balance
        if order.billing_status in BEFORE_APPROVAL:  # What came by other ways isn't taken over yet.
            paid = max(paid, order._billing_get_amount_received())
            balance = max(0.0, balance - paid)
        amounts = [
            *self._get_authorization_amounts(order),
            (self.env._("Paid"), paid, False),
            *self._get_taken_back_amounts(order),
            (self.env._("Balance"), balance, True),
        ]
        if has_total and not below_total:
            amounts.insert(0, (self.env._("Order total"), order.amount_total, False))
        if not has_total:  # Where nothing is to be reached, what is zero says nothing.
            amounts = [row for row in amounts if not order.currency_id.is_zero(row[1])]
        return self._get_amount_rows(order, amounts)

    def _get_page_summary_rows(self, order):
        """Return what the page says of an order's money besides its answer: nothing zero.

        What was paid in all is a figure of orders with a total only, and what is owed stands in
        the answer.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        paid = order.billing_paid if order._get_purchase()._has_total() else 0
        amounts = [
            *self._get_authorization_amounts(order),
            *([(self.env._("Paid"), paid, False)] if paid else []),
            *self._get_taken_back_amounts(order),
        ]
        return self._get_amount_rows(order, amounts)

    def _get_amount_rows(self, order, amounts):
        return [
            {'label': label, 'value': order.currency_id.format(amount), 'strong': strong}
            for label, amount, strong in amounts
        ]

    def _get_taken_back_amounts(self, order):
        """Return what was paid back, credited or left out, as the summary lists it: nothing zero.

        A credit note that belongs to a refund is its document, and no second amount.

        :param sale.order order: The order.
        :return: Tuples of label, amount and whether it is strong.
        :rtype: list[tuple[str, float, bool]]
        """
        currency = order.currency_id
        notes_of_refunds = order.billing_transaction_ids.filtered(
            lambda tx: tx.operation == 'refund'
        ).invoice_ids.filtered(
            lambda move: move.move_type == 'out_refund' and move.state == 'posted'
        )
        rebate = sum(order.billing_event_ids.filtered('early_done_date').mapped('rebate_amount'))
        amounts = [
            (self.env._("Refunded"), order.billing_refunded, False),
            (
                self.env._("Credited"),
                order.billing_credited - sum(notes_of_refunds.mapped('amount_total')),
                False,
            ),
            (self.env._("Skipped"), order.billing_skipped - rebate, False),
            (self.env._("Rebate for paying early"), rebate, False),
        ]
        return [row for row in amounts if not currency.is_zero(row[1])]

    def _get_authorization_amounts(self, order):
        """Return what is reserved, or was released, as the summary of the order lists it.

        :param sale.order order: The order.
        :return: Tuples of label, amount and whether it is strong.
        :rtype: list[tuple[str, float, bool]]
        """
        order.ensure_one()
        tx = order.billing_authorization_id
        if not tx:
            return []
        if tx.state == 'authorized':
            return [(self.env._("Authorised, not charged yet"), tx.amount, False)]
        captured = sum(
            tx._billing_get_captures_and_voids()
            .filtered(lambda child: child.state == 'done')
            .mapped('amount')
        )
        released = order.currency_id.round(tx.amount - captured)
        if order.currency_id.is_zero(released):
            return []
        return [(self.env._("Released, not charged"), released, False)]

    def _get_visits(self, order):
        """Return who has used the order's link, newest first.

        :param sale.order order: The order.
        :return: The ``deed``, ``date`` and ``network`` of each.
        :rtype: list[dict]
        """
        visits = order.billing_visit_ids[:SHOWN_VISITS]
        zone = order._get_time_zone()
        deeds = dict(visits._fields['deed']._description_selection(self.env))
        return [
            {
                'deed': deeds[visit.deed],
                'date': self.env._(
                    "%(day)s, %(time)s",
                    day=order._billing_get_date_text(visit.date),
                    time=format_time(self.env, visit.date, tz=zone, time_format='short'),
                ),
                'network': visit.ip_address,
            }
            for visit in visits
        ]

    def _get_text_message_values(self, order):
        """Return whether the customer gets text messages and how to change it, or False.

        :param sale.order order: The order.
        :rtype: dict|bool
        """
        order.ensure_one()
        kinds = self.env['billpro.notification.kind'].sudo().with_company(order.company_id)
        is_used = kinds.search([('is_requested', '=', False)]).filtered('sms_on')
        is_reachable = order.partner_id.phone and not order.billing_phone_problem
        if not is_used or not is_reachable or order.billing_status not in TOLD_BY_SMS:
            return False
        is_opted_out = order._billing_is_opted_out_of_sms()
        return {
            'text': self.env._("You get no text messages from us.")
            if is_opted_out
            else self.env._(
                "We send text messages to the number that ends with %s.",
                order._billing_get_sms_number()[-3:],
            ),
            'label': self.env._("Send me text messages")
            if is_opted_out
            else self.env._("Stop text messages"),
            'wanted': '1' if is_opted_out else '',
            'url': order._billing_get_order_link('/text-messages'),
        }

    # === CANCEL AND CONTACT === #

    def _get_cancel_values(self, order):
        """Return the values of the page on which the customer cancels the subscription.

        :param sale.order order: The order.
        :rtype: dict
        """
        reasons = self.env['billpro.cancel.reason']._get_of_company(order.company_id)
        return {
            **self._get_page_values(order),
            'title': self.env._("Cancel your subscription"),
            'text': self._get_cancel_sentences(order),
            'reasons': [{'id': reason.id, 'name': reason.name} for reason in reasons],
            'cancel_url': order._billing_get_order_link('/cancel'),
            'back_url': order._billing_get_order_link(),
            'confirm_label': self.env._("Cancel subscription"),
        }

    def _get_cancel_sentences(self, order):
        """Return what happens if the customer cancels now.

        :param sale.order order: The order.
        :rtype: list[str]
        """
        at_once = order._billing_cancels_at_once()
        last_day = order._billing_get_cancel_date(at_once)
        has_access = last_day >= order._billing_get_today()
        if order._get_purchase()._is_billed_after_end(order):
            charges = self._get_sentences_on_usage(order)
            access = self.env._(
                "You keep access until %s.", format_date(self.env, last_day, date_format='long')
            )
        else:
            charges = self._get_sentences_on_end(order)
            is_owed = last_day in order._billing_get_arrears_to_owe().mapped('period_end')
            day = format_date(self.env, last_day, date_format='long')
            access = (
                self.env._("You keep access until %s.", day)
                if is_owed
                else self.env._("You keep access until %s, the last day you have paid for.", day)
            )
        return [
            access if has_access else self.env._("Your subscription ends at once."),
            *charges,
            self.env._("We pay back what you have paid for the time after that.")
            if order._billing_is_exit_free()
            else self.env._("What you have paid already is not refunded."),
            *([self.env._("You can change your mind until then.")] if has_access else []),
        ]

    def _get_sentences_on_end(self, order):
        """Return what is charged for an order that is cancelled: nothing, but for what it owes.

        :param sale.order order: The order.
        :rtype: list[str]
        """
        if arrears := order._billing_get_arrears_to_owe():
            amount = order.currency_id.format(sum(arrears.mapped('amount')))
            return [
                self.env._("%s are outstanding, and still to be paid.", amount),
                self.env._("Nothing else is charged."),
            ]
        sentences = [
            self.env._("Nothing more is charged to your card.")
            if order.billing_token_id._billing_is_card()
            else self.env._("Nothing more is charged.")
        ]
        if outstanding := order._billing_get_outstanding_events():
            sentences.append(
                self.env._(
                    "%s are outstanding. You need not pay that any more.",
                    order.currency_id.format(sum(outstanding.mapped('amount'))),
                )
            )
        return sentences

    def _get_sentences_on_usage(self, order):
        """Return what is still charged for an order that is cancelled, as it was used.

        :param sale.order order: The order.
        :rtype: list[str]
        """
        sentences = [self.env._("What you use until then is still charged.")]
        if outstanding := order._billing_get_outstanding_events():
            sentences.append(
                self.env._(
                    "%s are outstanding, and still to be paid.",
                    order.currency_id.format(sum(outstanding.mapped('amount'))),
                )
            )
        return sentences

    def _get_contact_values(self, order, value='', error=False):
        """Return the values of the page on which the customer writes to the salesperson.

        :param sale.order order: The order.
        :param str value: What was typed.
        :param str|bool error: Why it was not sent.
        :rtype: dict
        """
        return {
            **self._get_page_values(order),
            'title': self.env._("Contact us about this order"),
            'text': self.env._(
                "Do you want to end or change this order? Write to us: we will answer by mail."
            ),
            'contact_url': order._billing_get_order_link('/contact'),
            'back_url': order._billing_get_order_link(),
            'error': error,
            'value': value,
        }
