from werkzeug.urls import url_encode

from odoo import models
from odoo.tools import format_date

from ...billing.law import find_words


class BillproDeclarationPage(models.AbstractModel):
    """The pages on which customers withdraw from a contract or cancel it, with or without a link.

    What may stand there is prescribed. On the page that cancels nothing else is offered:
    § 312k BGB; BGH, 16 July 2026, I ZR 200/25.
    """

    _name = 'billpro.declaration.page'
    _description = "Withdrawal and Cancellation"

    def _get_links(self, company, withdraws=True, cancels=True):
        """Return the links to both pages, which every page has at its foot.

        :param res.company company: The company.
        :param bool withdraws: Whether the reader may have a right of withdrawal.
        :param bool cancels: Whether the reader is given the page that cancels.
        :return: The ``label`` in the words of the law, and the ``url``.
        :rtype: list[dict]
        """
        words = find_words(self.env.lang)
        links = [
            (withdraws, words.withdraw, self._get_url('withdraw', company)),
            (cancels, words.cancel, self._get_url('cancel', company)),
        ]
        return [{'label': label, 'url': url} for is_given, label, url in links if is_given]

    def _get_url(self, page, company):
        """Return the address of one of the pages in the reader's language, for links of merchants.

        :param str page: `withdraw` or `cancel`, as in its address.
        :param res.company company: The company.
        :rtype: str
        """
        # Of an order's page the reader has its customer's language, and may have picked none.
        query = url_encode({'company': company.id, 'lang': self.env.lang or 'en_US'})
        return f'/contract/{page}?{query}'

    # === THE ORDER'S PAGE === #

    def _get_withdrawal_values(self, order):
        """Return what an order's page says of withdrawal, or False.

        :param sale.order order: The order.
        :return: The ``text``, ``label`` and ``url``, the latter two if there is something to do.
        :rtype: dict|bool
        """
        if withdrawal := order._billing_get_withdrawal():
            text = self.env._(
                "You have withdrawn from this contract on %s.",
                order._billing_get_date_text(withdrawal.date),
            )
            if withdrawal.can_refund:
                text += ' ' + self.env._(
                    "We pay back %(amount)s until %(date)s.",
                    amount=order.currency_id.format(withdrawal.refund_amount),
                    date=format_date(self.env, withdrawal.refund_due_date, date_format='long'),
                )
            return {'text': text, 'label': False, 'url': False}
        text = order._billing_get_withdrawal_offer_text()
        return text and {
            'text': text,
            'label': order._billing_get_words().withdraw,
            'url': order._billing_get_order_link('/withdraw'),
        }

    # === THE PAGES === #

    def _get_form_values(self, company, page, values, order=None, error=False, is_summary=False):
        """Return the values of a page on which something is declared.

        :param res.company company: The company.
        :param str page: `withdraw` or `cancel`, as in its address.
        :param dict values: What was entered, or is known.
        :param sale.order order: The order, if it is declared on its page.
        :param str|bool error: Why it wasn't taken.
        :param bool is_summary: Whether what was entered is shown once more, to be confirmed.
        :rtype: dict
        """
        words = find_words(self.env.lang)
        is_withdrawal = page == 'withdraw'
        order_page = self.env['billpro.order.page']
        shared = (
            order_page._get_page_values(order)
            if order
            else {
                **order_page._get_company_values(company),
                'languages': order_page._get_languages(company=company.id),
                'law_links': self._get_links(company),
            }
        )
        # Only in some languages, and never to withdraw, does the first button not confirm.
        asks_again = words.has_summary and not is_withdrawal and not is_summary
        confirm = words.confirm_withdrawal if is_withdrawal else words.confirm_cancellation
        return {
            **shared,
            'title': words.withdraw if is_withdrawal else words.cancel,
            'text': self._get_form_text(is_withdrawal, is_summary),
            'is_withdrawal': is_withdrawal,
            'is_summary': is_summary,
            'values': values,
            'error': error,
            'asks_again': asks_again,
            'confirm_label': self.env._("Continue") if asks_again else confirm,
            'post_url': order._billing_get_order_link('/withdraw')
            if order
            else self._get_url(page, company),
            'back_url': bool(order) and order._billing_get_order_link(),
        }

    def _get_form_text(self, is_withdrawal, is_summary):
        """Return what a page says above its fields.

        :param bool is_withdrawal: Whether it is that of withdrawals.
        :param bool is_summary: Whether it shows what was entered.
        :rtype: str
        """
        if is_summary:
            return self.env._("Please check what you have entered. You can still change it.")
        if is_withdrawal:
            return self.env._(
                "Here you withdraw from a contract within its withdrawal period. You need not give"
                " a reason. We confirm by mail at once what we have received, and when."
            )
        return self.env._(
            "Here you cancel a contract that goes on. We confirm by mail at once what we have"
            " received, and when."
        )

    def _get_receipt_values(self, declaration, company, order=None):
        """Return the values of the page that shows the receipt of a declaration.

        :param billpro.declaration declaration: The declaration.
        :param res.company company: The company.
        :param sale.order order: The order, if it was declared on its page.
        :rtype: dict
        """
        title, *paragraphs = declaration.receipt.split('\n\n')
        page = 'withdraw' if declaration.kind == 'withdrawal' else 'cancel'
        return {
            **self._get_form_values(company, page, {}, order),
            'title': title,
            'paragraphs': paragraphs,
            'mailed_to': self.env._("We have sent this to %s, too.", declaration.email),
        }
