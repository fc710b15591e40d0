from odoo import models
from odoo.tools import format_date

from ..lifecycle.plurals import choose_plural

# From here on the checkout says how many tries are left.
TRIES_LEFT_TOLD_FROM = 3


class BillproCheckoutPage(models.AbstractModel):
    """What the checkout of an order shows, and what stands in its place while nothing can be paid.

    What the customer agrees to is no word of this page: `checkout/sale_order.py` makes it.
    """

    _name = 'billpro.checkout.page'
    _description = "Checkout of an Order"

    def _get_checkout_values(self, order):
        """Return the values of the checkout page, the payment form's aside.

        :param sale.order order: The order.
        :rtype: dict
        """
        purchase = order._get_purchase()
        amount = order._billing_get_amount_asked()
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'terms': order._billing_get_terms_today(),
            'purchase_label': purchase._get_label(),
            'purchase_explanation': purchase._get_explanation(order),
            'lines': order._billing_get_line_rows(),
            'totals': order._billing_get_total_rows(order.tax_totals, order.currency_id),
            'customer': self.env['billpro.order.page']._get_customer_values(order),
            'to_confirm': self._get_to_confirm_values(order),
            'declined': self._get_declined_reason(order),
            'tries_left': self._get_tries_left_text(order),
            'consent': order._billing_get_consent(),
            'text_messages': self.env['billpro.order.page']._get_text_message_values(order),
            'withdrawal': self._get_withdrawal_values(order),
            'shown': order._billing_get_shown(),
            'preview': order.billing_status == 'draft',
            'state_route': order._billing_get_order_link('/state'),
            'card_notice': self._get_card_notice(order),
            'is_card': order._billing_offers_only_cards(),
            'pay_label': self._get_pay_label(order, amount),
        }

    def _get_pay_label(self, order, amount):
        """Return what the button says: to consumers that they order, and have to pay for it.

        That is so also where nothing is paid today: CJEU, 30 May 2024, C-400/22. Only the words on
        the button count: CJEU, 7 April 2022, C-249/21.

        :param sale.order order: The order.
        :param float amount: What is paid today.
        :rtype: str
        """
        if order._billing_get_law().has_order_words:
            return order._billing_get_words().order
        if order.currency_id.is_zero(amount):
            return self._get_register_label(order)
        return self.env._("Pay %s", order.currency_id.format(amount))

    def _get_withdrawal_values(self, order):
        """Return what a consumer is told of the right of withdrawal before they order, or False.

        :param sale.order order: The order.
        :return: The ``title``, the ``paragraphs``, and the ``wish`` that the service begin at once.
        :rtype: dict|bool
        """
        title, *paragraphs = order._billing_get_withdrawal_information().split('\n\n')
        return bool(title) and {
            'title': title,
            'paragraphs': paragraphs,
            'wish': order._billing_may_ask_to_begin() and order._billing_get_wish_to_begin(),
        }

    def _get_to_confirm_values(self, order):
        """Return what the customer's bank wants them to confirm, or False.

        :param sale.order order: The order.
        :return: The ``text`` and the ``url`` of the page on which they do.
        :rtype: dict|bool
        """
        tx = order._billing_get_open_authentication()[:1]
        return tx and {
            'text': self.env._(
                "Your bank wants you to confirm the payment of %(amount)s with %(card)s.",
                amount=tx.currency_id.format(tx.amount),
                card=tx._get_card_name(),
            ),
            'url': order._billing_get_order_link(f'/authenticate/{tx.id}'),
        }

    def _get_register_label(self, order):
        """Return what the button says if nothing is paid at first.

        :param sale.order order: The order.
        :rtype: str
        """
        return (
            self.env._("Register card")
            if order._billing_offers_only_cards()
            else self.env._("Register payment method")
        )

    def _get_declined_reason(self, order):
        """Return why the customer's last attempt failed, or False.

        :param sale.order order: The order.
        :rtype: str|bool
        """
        last = order._billing_get_initial_attempts().filtered(
            lambda tx: tx.state != 'draft' and not tx.billing_superseded
        )[:1]
        if last.state not in {'error', 'cancel'}:
            return False
        if last.state == 'cancel':
            return self.env._("The payment was cancelled.")
        return last.state_message or self.env._("The payment was declined.")

    def _get_tries_left_text(self, order):
        """Return how often the customer may still try, once that comes to an end.

        :param sale.order order: The order.
        :return: The text, or False as long as there are many tries left.
        :rtype: str|bool
        """
        left = order._billing_count_tries_left()
        if left > TRIES_LEFT_TOLD_FROM:
            return False
        if left <= 0:
            return self.env._("Please wait an hour before you try again, or contact us.")
        text = self.env._(
            "one: You can try once more within the hour."
            " | other: You can try %(count)s more times within the hour.",
            count=left,
        )
        return choose_plural(self.env, text, left)

    def _get_card_notice(self, order):
        """Return what becomes of the card that the customer enters at the checkout, or False.

        :param sale.order order: The order.
        :rtype: str|bool
        """
        if not order._get_purchase()._requires_card(order):
            return False
        if order._billing_offers_only_cards():
            return self.env._("Your card is saved and charged for the later payments listed here.")
        return self.env._(
            "What you pay with is saved and charged for the later payments listed here."
        )

    # === AFTERWARDS === #

    def _get_pending_values(self, order):
        """Return the values of the page that shows a payment under way.

        :param sale.order order: The order.
        :rtype: dict
        """
        tx = order._billing_get_payment_in_progress()
        message = self.env._(
            "Your payment provider is still working on this payment. You will find the"
            " result here; nothing is charged twice."
        )
        if received := order._billing_get_received_text(tx):
            message = received
        elif expected := tx._billing_get_expected_date():
            message = self.env._(
                "Your bank is asked for the payment by %(method)s. That takes some days: we expect"
                " the money by %(date)s, and your order goes on then. You will find the result"
                " here; nothing is charged twice.",
                method=tx.payment_method_id.name,
                date=format_date(self.env, expected, date_format='long'),
            )
        elif tx._billing_is_at_payment_page():
            message = self.env._(
                "You have begun to pay on your payment provider's own page, and can finish it"
                " there. If you have left that page, you can pay here again in half an hour at the"
                " latest."
            )
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'message': message,
            'is_received': bool(received),
            'amount': tx.currency_id.format(tx.amount),
            'reference': tx.reference,
            **self._get_state_values(order),
        }

    def _get_state_values(self, order):
        """Return where a page asks whether a payment is still under way, and what it says then.

        :param sale.order order: The order.
        :rtype: dict
        """
        return {
            'state_route': order._billing_get_order_link('/state'),
            'lost_message': self.env._("We could not get any news. We will try again in a moment."),
            'news_message': self.env._("There is news about your payment. The page is reloading."),
        }

    def _get_transfer_values(self, order):
        """Return the values of the page that says how to transfer the money that is awaited.

        :param sale.order order: The order.
        :rtype: dict
        """
        tx = order._billing_get_awaited_transfers()[:1]
        provider = tx.provider_id._in_billing()
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'way': tx.provider_id.name,
            'amount': tx.currency_id.format(tx.amount),
            'recipient': tx.company_id.name,
            'reference': tx._billing_get_transfer_reference(),
            'instructions': provider._get_transfer_instructions(tx),
            'qr_code': provider._get_transfer_qr_code(tx),
            'transaction_id': tx.id,
            'other_way_url': not order.is_expired and order._billing_get_order_link('/other-way'),
            **self._get_state_values(order),
        }

    def _get_success_values(self, order):
        """Return the values of the page that follows the approved initial payment.

        :param sale.order order: The order.
        :rtype: dict
        """
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'message': self._get_success_message(order),
            'lines': order._billing_get_line_rows(),
            'totals': self.env['billpro.order.page']._get_summary_rows(order),
            'terms': order._get_purchase()._get_later_terms(order),
        }

    def _get_success_message(self, order):
        """Return what the approved initial payment has achieved.

        :param sale.order order: The order.
        :rtype: str
        """
        confirmation = ''
        is_released = order.billing_authorization_id.state == 'cancel'
        if order.partner_id.email and not is_released:
            confirmation = self.env._("A confirmation is on its way to your mailbox.")
        return f'{self._get_achievement(order)} {confirmation}'.strip()

    def _get_achievement(self, order):
        """Return what came of the initial payment.

        :param sale.order order: The order.
        :rtype: str
        """
        if order._get_open_authorization():
            return self.env['billpro.order.attention']._get_authorization_text(order)
        if order.billing_authorization_id.state == 'cancel':
            return self.env._("Your payment was released. Nothing was charged.")
        done = order._billing_get_initial_attempts().filtered(lambda tx: tx.state == 'done')
        # What came beyond it is on account, and newer.
        tx = done.filtered('invoice_ids')[:1] or done[-1:]
        if tx.operation == 'validation':
            return (
                self.env._("Your card is registered.")
                if order.billing_token_id._billing_is_card()
                else self.env._("Your payment method is registered.")
            )
        if not tx:
            return self.env._("Your order is paid.")
        amount = tx.amount if tx != order.billing_authorization_id else order.billing_paid
        return self.env._("We received your payment of %s.", tx.currency_id.format(amount))

    def _get_closed_values(self, order):
        """Return the values of the page that stands in place of a checkout that is closed.

        :param sale.order order: The order.
        :return: False as long as the order can be paid.
        :rtype: dict|bool
        """
        icon = False
        if order.billing_status == 'cancelled':
            title = self.env._("This order was cancelled")
            message = self._get_cancelled_message(order)
        elif order._billing_get_other_payments_hold():
            title = self.env._("This order is paid already")
            message = order._billing_get_paid_in_another_way_text()
            icon = 'check'
        elif order.is_expired:
            title = self.env._("This offer has expired")
            message = self.env._("Please contact us for a new one.")
        else:
            return False
        page = self.env['billpro.order.page']._get_page_values(order)
        return {**page, 'title': title, 'message': message, 'icon': icon}

    def _get_cancelled_message(self, order):
        """Return what the customer of a cancelled order is told, and of money that came late.

        :param sale.order order: The order.
        :rtype: str
        """
        order.ensure_one()
        if amount := order.billing_on_account_amount:
            return self.env._(
                "It can't be paid any more. Your payment of %s arrived all the same: it was not"
                " needed, and we will pay it back to you. Please contact us if you have questions.",
                order.currency_id.format(amount),
            )
        refunds = order.billing_transaction_ids.filtered(
            lambda tx: tx.operation == 'refund' and tx.state in {'draft', 'pending', 'done'}
        )
        if refunds:
            return self.env._(
                "It can't be paid any more. Your payment arrived all the same; %s of it were paid"
                " back to you. Please contact us if you have questions.",
                order.currency_id.format(-sum(refunds.mapped('amount'))),
            )
        return self.env._("It can't be paid any more. Please contact us if you need help.")
