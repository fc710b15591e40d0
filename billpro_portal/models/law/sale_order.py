from odoo import fields, models
from odoo.tools import format_date

from ...billing.law import (
    WITHDRAWAL_SINCE,
    find_law,
    find_words,
    renewal_notice_days,
    withdrawal_end,
)
from ...billing.lifecycle import BEFORE_APPROVAL

NO_CONTRACT = BEFORE_APPROVAL | {'cancelled'}


class SaleOrder(models.Model):
    """As what and where the customer buys, and which rules follow from that.

    What the rules are, decides `billing/law.py`; sources stand in `docs/law.md`.
    """

    _inherit = 'sale.order'

    billing_buyer = fields.Selection(
        string="Buys as",
        selection=[('consumer', "Consumer"), ('business', "Business")],
        copy=False,
        help="Consumers have rights that businesses don't. Empty: a person is a consumer, a company"
        " isn't. It is kept when the customer agrees to the order.",
    )

    def _billing_get_buyer(self):
        """Return whether the customer buys as `consumer` or `business`.

        :rtype: str
        """
        self.ensure_one()
        is_company = self.partner_id.commercial_partner_id.is_company
        return self.billing_buyer or ('business' if is_company else 'consumer')

    def _billing_get_law(self):
        """Return what the customer is given by law, or by the company.

        :rtype: billing.law.CountryLaw
        """
        self.ensure_one()
        company = self.company_id
        return find_law(
            (self.partner_id.country_id or company.country_id).code or '',
            is_consumer=self._billing_get_buyer() == 'consumer',
            is_for_all=company.billing_consumer_law == 'all',
        )

    def _billing_get_words(self):
        """Return what buttons say by law, in the language of the environment.

        :rtype: billing.law.LegalWords
        """
        return find_words(self.env.lang)

    def _billing_get_renewal_notice_days(self):
        """Return how many days before a renewal the law wants the customer to be told.

        :return: The days; 0 if no notice is demanded.
        :rtype: int
        """
        self.ensure_one()
        if not self._get_purchase()._is_perpetual:
            return 0
        months = {'month': 1, 'year': 12}.get(self.billing_interval_unit, 0)
        return renewal_notice_days(
            self.partner_id.country_id.code or '',
            self.partner_id.state_id.code or '',
            months * self.billing_interval_count,
            is_consumer=self._billing_get_buyer() == 'consumer',
        )

    # === WITHDRAWAL === #

    def _billing_get_withdrawable_lines(self):
        """Return the lines that a consumer could withdraw from.

        :rtype: sale.order.line
        """
        return self.order_line.filtered(
            lambda line: line.product_id and not line.product_id.billing_withdrawal_exception
        )

    def _billing_has_goods(self):
        """Return whether goods are delivered, and the period counts from then.

        When customers receive them, nobody knows: Odoo knows when they leave.

        :rtype: bool
        """
        return any(line.product_id.type == 'consu' for line in self.order_line)

    def _billing_get_withdrawal_days(self):
        """Return how many days the customer may withdraw, whether the order is concluded or not.

        :return: The days; 0 if there is no such right.
        :rtype: int
        """
        self.ensure_one()
        has_right = self._billing_get_withdrawable_lines()
        return self._billing_get_law().withdrawal_days if has_right else 0

    def _billing_get_withdrawal_end(self):
        """Return the last day on which the customer may withdraw from the contract.

        :return: The day, which may be over; None if there is no such right, or no contract.
        :rtype: datetime.date|None
        """
        self.ensure_one()
        concluded = self._billing_get_date(self.date_order)
        if self.billing_status in NO_CONTRACT or concluded < WITHDRAWAL_SINCE:
            return None
        return withdrawal_end(
            concluded,
            None if self._billing_has_goods() else concluded,
            self._billing_get_today(),
            days=self._billing_get_withdrawal_days(),
            is_informed=bool(self.sudo().billing_consent_ids.filtered('withdrawal_information')),
        )

    def _billing_may_ask_to_begin(self):
        """Return whether there is something that could begin before the period is over.

        :rtype: bool
        """
        services = self.order_line.filtered(lambda line: line.product_id.type == 'service')
        return bool(services and self._billing_get_withdrawal_days())

    def _billing_get_wish_to_begin(self):
        """Return what a customer says who wants the service to begin at once: article 14 (3).

        :rtype: str
        """
        return self.env._(
            "I want the service to begin before the withdrawal period ends. If I withdraw, I pay"
            " for what was provided until then; once the service is fully provided, I can't"
            " withdraw any more."
        )

    def _billing_get_withdrawal_information(self):
        """Return the instructions on withdrawal and the model form: annex I of the directive.

        :return: The text; empty if there is no right of withdrawal.
        :rtype: str
        """
        self.ensure_one()
        if not self._billing_get_withdrawal_days():
            return ''
        paragraphs = [
            self.env._("Right of withdrawal"),
            self.env._(
                "You have the right to withdraw from this contract within %s days without giving"
                " any reason.",
                self._billing_get_withdrawal_days(),
            ),
            *self._billing_get_withdrawal_paragraphs(),
            self.env._("Model withdrawal form"),
            self.env._(
                "(Complete and return this form only if you wish to withdraw from the contract.)"
            ),
            self.env._("To %s:", self._billing_get_seller_text()),
            self.env._(
                "I/We* hereby give notice that I/We* withdraw from my/our* contract of sale of the"
                " following goods*/for the provision of the following service*:"
            ),
            self.env._("Ordered on*/received on*:"),
            self.env._("Name of consumer(s):"),
            self.env._("Address of consumer(s):"),
            self.env._("Signature of consumer(s) (only if this form is notified on paper):"),
            self.env._("Date:"),
            self.env._("* Delete as appropriate."),
        ]
        return '\n\n'.join(paragraphs)

    def _billing_get_seller_text(self):
        """Return name, address, telephone number and mail address of the seller, in one line.

        :rtype: str
        """
        company = self.company_id
        address = company.partner_id._display_address(without_company=True).splitlines()
        parts = [company.name, *address, company.phone, company.email]
        return ', '.join(part.strip() for part in parts if part and part.strip())

    def _billing_get_withdrawal_paragraphs(self):
        """Return how to withdraw, and what follows: annex I (A) of the directive.

        :rtype: list[str]
        """
        has_goods = self._billing_has_goods()
        begins = (
            self.env._(
                "The withdrawal period ends %s days after the day on which you, or somebody whom"
                " you have named and who isn't the carrier, receive the last of the goods.",
                self._billing_get_withdrawal_days(),
            )
            if has_goods
            else self.env._(
                "The withdrawal period ends %s days after the day on which the contract is"
                " concluded.",
                self._billing_get_withdrawal_days(),
            )
        )
        return [
            begins,
            self.env._(
                "To withdraw, you must inform us (%s) of your decision by an unequivocal statement,"
                " such as a letter or a mail. You may use the model form below, but it is not"
                " obligatory.",
                self._billing_get_seller_text(),
            ),
            self.env._(
                "You may also withdraw online: choose “%s” on the page of your order, or at the"
                " foot of our pages. We then confirm by mail without undue delay that we have"
                " received your withdrawal, with its content, its date and its time.",
                self._billing_get_words().withdraw,
            ),
            self.env._(
                "To meet the deadline, it is enough to send your withdrawal before the period has"
                " ended."
            ),
            self.env._("Effects of withdrawal"),
            self.env._(
                "If you withdraw from this contract, we pay back all payments received from you,"
                " including the costs of the least expensive standard delivery, without undue delay"
                " and at the latest 14 days from the day on which we are informed of your"
                " withdrawal, by the same means of payment that you have used, unless you have"
                " expressly agreed otherwise. You are charged no fee for it."
            ),
            *(self._billing_get_paragraphs_on_goods() if has_goods else []),
            *(
                [
                    self.env._(
                        "If you asked for the service to begin during the withdrawal period, you"
                        " pay an amount in proportion to what was provided until you told us of"
                        " your withdrawal, in comparison with the full coverage of the contract."
                    )
                ]
                if self._billing_may_ask_to_begin()
                else []
            ),
        ]

    def _billing_get_paragraphs_on_goods(self):
        """Return what becomes of goods: annex I (A) of the directive.

        :rtype: list[str]
        """
        return [
            self.env._(
                "We may wait with the refund until we have received the goods back, or you have"
                " shown that you sent them back, whichever is earlier."
            ),
            self.env._(
                "Send the goods back to us without undue delay and at the latest 14 days from the"
                " day on which you tell us of your withdrawal. You bear the direct cost of"
                " returning them. You are only liable for what they have lost in value by handling"
                " that was not necessary to see what they are, and that they work."
            ),
        ]

    def _billing_get_withdrawal_offer_text(self):
        """Return until when the customer may withdraw, or False if they can't any more.

        :rtype: str|bool
        """
        self.ensure_one()
        end = self._billing_get_withdrawal_end()
        if not end or end < self._billing_get_today():
            return False
        if self._billing_has_goods():
            return self.env._(
                "You can withdraw from this contract until %s days after you have received the"
                " goods, without giving a reason.",
                self._billing_get_withdrawal_days(),
            )
        return self.env._(
            "You can withdraw from this contract until %s, without giving a reason.",
            format_date(self.env, end, date_format='long'),
        )
