from markupsafe import Markup, escape

from odoo import api, models
from odoo.tools import format_date, formatLang

from ..billing.consent_text import consent_version
from ..billing.lifecycle import BEFORE_APPROVAL, OPEN

# What unit prices are shown with at most.
UNIT_PRICE_DECIMALS = 10

_STATUS_CSS = {
    'complete': 'success',
    'active': 'success',
    'failed': 'warning',
    'suspended': 'danger',
    'paused': 'secondary',
    'cancelled': 'secondary',
}


class SaleOrder(models.Model):
    """What the customer's pages show, ready to print: the templates decide nothing.

    Texts, dates and amounts are in the language of the environment.
    """

    _inherit = 'sale.order'

    # === WORDS === #

    def _get_billing_status_text(self):
        """Return the order's status in the customer's words.

        :rtype: str
        """
        self.ensure_one()
        if self.billing_status in BEFORE_APPROVAL:
            return self.env._("Awaiting payment")
        if self.billing_cancel_date:
            return self._get_cancelled_status_text()
        if status := self._get_authorization_status():
            return status['text']
        return {
            'cancelled': self.env._("Cancelled"),
            'active': self.env._("Active"),
            'failed': self.env._("Payment declined"),
            'suspended': self.env._("Suspended"),
            'paused': self.env._("Paused"),
            'review': self.env._("Active")
            if set(self.billing_event_ids.mapped('status')) & OPEN
            else self.env._("Complete"),
            'complete': self.env._("Complete"),
        }[self.billing_status]

    def _get_consent(self):
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

    # === VALUES OF THE PAGES === #

    def _get_page_values(self):
        """Return the values that all pages of the order share.

        :rtype: dict
        """
        self.ensure_one()
        company = self.company_id
        return {
            'order': self,
            'res_company': company,
            'page_name': 'billpro_order',
            'order_url': self._get_order_link(),
            'contact': {
                'name': company.name,
                'email': company.email,
                'phone': company.phone,
                'website': company.website,
            },
        }

    def _get_checkout_values(self):
        """Return the values of the checkout page, the payment form's aside.

        :rtype: dict
        """
        purchase = self._get_purchase()
        amount = self._get_amount_asked()
        return {
            **self._get_page_values(),
            'terms': self._get_terms_today(),
            'purchase_label': purchase._get_label(),
            'purchase_explanation': purchase._get_explanation(self),
            'lines': self._get_line_rows(),
            'totals': self._get_total_rows(self.tax_totals, self.currency_id),
            'customer': self._get_customer_values(),
            'declined': self._get_declined_reason(),
            'tries_left': self._get_tries_left_text(),
            'consent': self._get_consent(),
            'shown': self._get_shown(),
            'preview': self.billing_status == 'draft',
            'state_route': self._get_order_link('/state'),
            'card_notice': self._get_card_notice(),
            'pay_label': self.env._("Register card")
            if self.currency_id.is_zero(amount)
            else self.env._("Pay %s", self.currency_id.format(amount)),
        }

    def _get_pending_values(self):
        """Return the values of the page that shows a payment under way.

        :rtype: dict
        """
        tx = self._get_payment_in_progress()
        message = self.env._(
            "Your payment provider is still working on this payment. You will find the"
            " result here; nothing is charged twice."
        )
        if received := self._get_received_text(tx):
            message = received
        elif tx._is_at_payment_page():
            message = self.env._(
                "You have begun to pay on your payment provider's own page, and can finish it"
                " there. If you have left that page, you can pay here again in half an hour at the"
                " latest."
            )
        elif tx.billing_awaits_transfer:
            message = self.env._(
                "Your order goes on as soon as your transfer has arrived; you will find the result"
                " here."
            )
        return {
            **self._get_page_values(),
            'message': message,
            'is_received': bool(received),
            'instructions': tx.billing_awaits_transfer and tx.provider_id.pending_msg,
            'amount': tx.currency_id.format(tx.amount),
            'reference': tx.reference,
            'state_route': self._get_order_link('/state'),
        }

    def _get_success_values(self):
        """Return the values of the page that follows the approved initial payment.

        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'message': self._get_success_message(),
            'lines': self._get_line_rows(),
            'totals': self._get_summary_rows(),
            'terms': self._get_purchase()._get_later_terms(self),
        }

    def _get_success_message(self):
        """Return what the approved initial payment has achieved.

        :rtype: str
        """
        confirmation = self.env._("A confirmation is on its way to your mailbox.")
        if self._get_open_authorization():
            return f'{self._get_authorization_text()} {confirmation}'
        if self.billing_authorization_id.state == 'cancel':
            return self.env._("Your payment was released. Nothing was charged.")
        tx = self._get_initial_attempts().filtered(lambda tx: tx.state == 'done')[:1]
        if tx.operation == 'validation':
            return f'{self.env._("Your card is registered.")} {confirmation}'
        if not tx:
            return f'{self.env._("Your order is paid.")} {confirmation}'
        amount = tx.amount if tx != self.billing_authorization_id else self.billing_paid
        return self.env._(
            "We received your payment of %(amount)s. %(confirmation)s",
            amount=tx.currency_id.format(amount),
            confirmation=confirmation,
        )

    def _get_portal_values(self, page=1):
        """Return the values of the order portal.

        :param int page: The page of the billing history, from 1.
        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'status': self._get_authorization_status()
            or {
                'text': self._get_billing_status_text(),
                'css': 'secondary'
                if self.billing_cancel_date
                else _STATUS_CSS.get(self.billing_status, 'info'),
            },
            'subtitle': self.env._(
                "%(type)s · ordered on %(date)s",
                type=self._get_purchase()._get_label(),
                date=format_date(self.env, self.date_order),
            ),
            'document_links': [
                {
                    'label': self.env._("Download order summary (PDF)"),
                    'url': self._get_order_link('/document/summary'),
                }
            ],
            'attention': self._get_attention(),
            'menu': self._get_menu(),
            'next_payment': self._get_next_payment(),
            'upcoming': self._get_upcoming_rows(),
            'cards': self._get_card_values(),
            'history': self._get_history_rows(page),
            'text_messages': self._get_text_message_values(),
            'lines': self._get_line_rows(),
            'totals': self._get_total_rows(self.tax_totals, self.currency_id),
            'summary': self._get_summary_rows(),
            'customer': self._get_customer_values(),
        }

    def _get_payment_values(self, tx):
        """Return the values of the page about one payment or refund.

        :param payment.transaction tx: A payment or refund of the order.
        :rtype: dict
        """
        row = self._get_history_row(tx)
        refunds = tx.child_transaction_ids.filtered(
            lambda child: child.operation == 'refund' and child.state in {'done', 'pending'}
        )
        return {
            **self._get_page_values(),
            'payment': {**row, 'reference': tx.reference},
            'invoices': [
                self._get_invoice_values(move) for move in tx.invoice_ids if move.state == 'posted'
            ],
            'documents': self._get_receipt_links(tx),
            'refunds': [self._get_history_row(refund) for refund in refunds],
        }

    # === PARTS === #

    def _get_customer_values(self):
        """Return who the order is invoiced to.

        :rtype: dict
        """
        partner = self.partner_invoice_id
        return {
            'name': partner.name or partner.parent_id.name,
            'address': '\n'.join(
                line
                for line in partner._display_address(without_company=True).splitlines()
                if line.strip()
            ),
            'email': partner.email or self.partner_id.email,
            'vat': partner.commercial_partner_id.vat,
        }

    def _get_declined_reason(self):
        """Return why the customer's last attempt failed, or False.

        :rtype: str|bool
        """
        last = self._get_initial_attempts().filtered(
            lambda tx: tx.state != 'draft' and not tx.billing_superseded
        )[:1]
        if last.state not in {'error', 'cancel'}:
            return False
        if last.state == 'cancel':
            return self.env._("The payment was cancelled.")
        return last.state_message or self.env._("The payment was declined.")

    def _get_line_rows(self):
        """Return the order's lines as rows.

        :rtype: list[dict]
        """
        return [self._get_line_row(line) for line in self._get_order_lines_to_report()]

    def _get_order_lines_to_report(self):
        """Override of `sale`: show what is sold.

        Down payments are shown as payments. Optional lines can't be chosen on our pages: only those
        that staff gave a quantity are part of the order.
        """
        lines = super()._get_order_lines_to_report()
        if not self.purchase_type:
            return lines
        sold = lines.filtered(
            lambda line: (
                not line.is_downpayment
                and (line.display_type or line.product_uom_qty or not line._is_line_optional())
            )
        )
        products = sold.filtered(lambda line: not line.display_type)
        sections = products.parent_id | products.parent_id.parent_id
        return sold.filtered(lambda line: not line.is_optional or line in sections)

    def _get_line_row(self, line):
        name, _newline, description = (line.name or '').partition('\n')
        if line.display_type:
            return {'section': True, 'name': name, 'description': description}
        return {
            'section': False,
            'name': name,
            'description': description,
            'image_url': line.product_id.image_128
            and self._get_order_link(f'/line/{line.id}/image'),
            **self._get_amount_columns(
                line.product_uom_qty, line.product_uom_id, line, line.currency_id
            ),
        }

    def _get_amount_columns(self, quantity, uom, line, currency):
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
            'unit_price': self._format_unit_price(line.price_unit, currency),
            'discount': line.discount
            and self.env._("%s %% off", formatLang(self.env, line.discount, digits=0)),
            'subtotal': currency.format(line.price_subtotal),
            'taxes': ', '.join(tax.tax_label or tax.name for tax in line.tax_ids),
        }

    @api.model
    def _format_unit_price(self, price, currency):
        """Return a unit price in words: of one below the minor unit all that there is of it.

        :param float price: The price.
        :param res.currency currency: Its currency.
        :rtype: str
        """
        decimals = len(f'{price:.{UNIT_PRICE_DECIMALS}f}'.rstrip('0').partition('.')[2])
        shown = currency.round(price)
        if decimals <= currency.decimal_places or abs(price - shown) <= abs(price) / 1000:
            return currency.format(price)
        text = formatLang(self.env, price, digits=decimals)
        if currency.position == 'before':
            return f'{currency.symbol}\N{NO-BREAK SPACE}{text}'
        return f'{text}\N{NO-BREAK SPACE}{currency.symbol}'

    def _get_total_rows(self, tax_totals, currency):
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

    def _get_summary_rows(self):
        """Return what was paid, refunded and credited and what is still owed, as rows.

        :rtype: list[dict]
        """
        has_total = self._get_purchase()._has_total()
        paid, balance = self.billing_paid, self.billing_balance
        if self.billing_status in BEFORE_APPROVAL:  # What came by other ways isn't taken over yet.
            paid = max(paid, self._get_amount_received())
            balance = max(0.0, balance - paid)
        amounts = [
            *([(self.env._("Order total"), self.amount_total, False)] if has_total else []),
            *self._get_authorization_amounts(),
            (self.env._("Paid"), paid, False),
            (self.env._("Refunded"), self.billing_refunded, False),
            (self.env._("Credited"), self.billing_credited, False),
            *(
                [(self.env._("Skipped"), self.billing_skipped, False)]
                if self.billing_skipped
                else []
            ),
            (self.env._("Balance"), balance, True),
        ]
        return [
            {'label': label, 'value': self.currency_id.format(amount), 'strong': strong}
            for label, amount, strong in amounts
        ]
