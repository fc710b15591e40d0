import re

from babel import dates
from markupsafe import Markup

from odoo import models
from odoo.tools.misc import babel_locale_parse, file_path, get_lang

_NO_BREAK = {ord(' '): '\N{NO-BREAK SPACE}'}
# Brands whose images don't bear their names in Odoo.
_MARKS = {'american_express': 'amex', 'diners_club_international': 'diners'}


class BillproPageWords(models.AbstractModel):
    """How pages write dates, periods and what is paid with, in the reader's language."""

    _name = 'billpro.page.words'
    _description = "Words on the Pages of an Order"

    def _get_day(self, order, day):
        """Return a date in words: "28 December", with the year only if it isn't this one.

        :param sale.order order: The order, whose customer's year it is.
        :param datetime.date day: The date.
        :rtype: str
        """
        if day.year == order._billing_get_today().year:
            text = dates.format_skeleton('MMMMd', day, locale=self._get_locale())
        else:
            text = dates.format_date(day, 'long', locale=self._get_locale())
        return self._keep_together(text)

    def _get_list_day(self, day):
        """Return a date as lists write it: "28 Dec 2026".

        :param datetime.date day: The date.
        :rtype: str
        """
        text = dates.format_skeleton('yMMMd', day, locale=self._get_locale())
        return self._keep_together(text)

    def _get_period(self, first, last):
        """Return a period in words, with its last day: "28 Nov - 27 Dec 2026".

        :param datetime.date first: The first day.
        :param datetime.date last: The last day.
        :rtype: str
        """
        return dates.format_interval(first, last, 'yMMMd', locale=self._get_locale())

    def _keep_together(self, text):
        """Return a text within which no line ends, such as the name of a card.

        :param str text: The text.
        :rtype: str
        """
        return text.translate(_NO_BREAK)

    def _get_locale(self):
        """Return the locale of the reader's language.

        :rtype: babel.Locale
        """
        return babel_locale_parse(get_lang(self.env).code)

    def _get_breakable(self, address):
        """Return a mail address that ends a line where it is joined, never within a word.

        :param str|bool address: The address, if there is one.
        :rtype: Markup|bool
        """
        return address and Markup('<wbr/>').join(re.split(r'(?<=@)|(?=\.)', address))

    def _get_method(self, payment):
        """Return what is or was paid with: its name, and the mark by which customers know it.

        :param payment.token|payment.transaction payment: The stored card, or the payment.
        :return: The ``name`` and ``image_url``; False if there is none.
        :rtype: dict|bool
        """
        if not payment:
            return False
        return {
            'name': payment._get_card_name(),
            'image_url': self._get_mark_url(payment),
        }

    def _get_mark_url(self, payment):
        """Return the address of the image that Odoo has of a card's brand, or of a method.

        :param payment.token|payment.transaction payment: The stored card, or the payment.
        :return: False if Odoo has none.
        :rtype: str|bool
        """
        token = payment if payment._name == 'payment.token' else payment.token_id
        brand = (token.card_brand or '').lower().replace(' ', '_')
        for code in (_MARKS.get(brand, brand), payment.payment_method_id.code):
            path = f'payment/static/img/{code}.png'
            if code and code.isidentifier() and _exists(path):
                return f'/{path}'
        return False


def _exists(path):
    try:
        file_path(path)
    except FileNotFoundError:
        return False
    return True
