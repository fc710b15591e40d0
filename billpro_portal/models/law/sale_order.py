from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import format_date

from ...billing.calendar import local_date, nth_date
from ...billing.law import (
    WITHDRAWAL_SINCE,
    amount_used,
    find_exceeded_limit,
    find_law,
    find_renewal_rule,
    find_words,
    last_day_without_credit,
    price_change_window,
    reminder_months,
    withdrawal_end,
)
from ...billing.lifecycle import BEFORE_APPROVAL, PAID

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

    billing_free_exit_date = fields.Date(
        string="Free Exit From",
        readonly=True,
        copy=False,
        help="From this renewal on the customer may end the subscription at any time, and is paid"
        " back what is left: the law wanted it to be announced earlier.",
    )
    billing_credit_note = fields.Text(
        string="Instalments as Credit",
        compute='_compute_billing_credit_note',
        compute_sudo=True,
        help="Why the instalments are credit by law, and what follows.",
    )
    billing_credit_declaration = fields.Text(
        string="Declared on Credit",
        readonly=True,
        copy=False,
        help="Who complies with the law on consumer credit, and who has declared it when, as it was"
        " when the customer paid first.",
    )

    def _billing_get_buyer(self):
        """Return whether the customer buys as `consumer` or `business`.

        :rtype: str
        """
        self.ensure_one()
        is_company = self.partner_id.commercial_partner_id.is_company
        return self.billing_buyer or ('business' if is_company else 'consumer')

    def _billing_get_place(self):
        """Return whose address says which law it is.

        :return: The customer, or the company if the country of the customer isn't known.
        :rtype: res.partner
        """
        self.ensure_one()
        partner = self.partner_id
        return partner if partner.country_id else self.company_id.partner_id

    def _billing_get_country(self):
        """Return the country whose law it is.

        :rtype: res.country
        """
        return self._billing_get_place().country_id

    def _billing_get_law(self):
        """Return what the customer is given by law, or by the company.

        :rtype: billing.law.CountryLaw
        """
        self.ensure_one()
        return find_law(
            self._billing_get_country().code or '',
            is_consumer=self._billing_get_buyer() == 'consumer',
            is_for_all=self.company_id.billing_consumer_law == 'all',
        )

    def _billing_get_words(self):
        """Return what buttons say by law, in the language of the environment.

        :rtype: billing.law.LegalWords
        """
        return find_words(self.env.lang)

    def _billing_get_renewal_rule(self):
        """Return how the law wants the customer to be told of a renewal.

        :return: The rule; None if no notice is demanded.
        :rtype: billing.law.RenewalRule|None
        """
        return self._billing_ask_of_term(find_renewal_rule)

    def _billing_get_price_change_window(self):
        """Return when the law wants the customer to be told of a new price.

        :rtype: billing.law.NoticeWindow
        """
        self.ensure_one()
        return price_change_window(
            self._billing_get_country().code or '',
            self._billing_get_place().state_id.code or '',
            is_consumer=self._billing_get_buyer() == 'consumer',
        )

    def _billing_get_reminder_months(self):
        """Return every how many months the law wants the customer to be reminded of the contract.

        :return: The months; nothing if no reminder is demanded.
        :rtype: int|None
        """
        return self._billing_ask_of_term(reminder_months)

    def _billing_ask_of_term(self, rule, periods=1):
        """Return what a rule says of a contract that goes on until the customer ends it.

        :param Callable rule: A function of `billing/law.py`.
        :param int periods: How many periods of the order its term is.
        :return: What the function returns; None for other contracts.
        """
        self.ensure_one()
        if not self._get_purchase()._is_perpetual:
            return None
        months = {'month': 1, 'year': 12}.get(self.billing_interval_unit, 0)
        return rule(
            self._billing_get_country().code or '',
            self._billing_get_place().state_id.code or '',
            months * self.billing_interval_count * periods,
            is_consumer=self._billing_get_buyer() == 'consumer',
            is_early=self.company_id.billing_british_reminders,
        )

    # === RENEWALS THAT WERE NOT ANNOUNCED === #

    def _billing_is_renewal_told_in_time(self, day):
        """Return whether the customer who hears of a renewal now hears of it in time.

        :param datetime.date day: The day of the renewal.
        :rtype: bool
        """
        rule = self._billing_get_renewal_rule()
        return not rule or self._billing_get_today() <= day - timedelta(days=rule.latest)

    def _billing_note_missed_renewal(self, day):
        """Note that a renewal isn't announced in time, and ask staff: the exit is free from it on.

        :param datetime.date day: The day of the renewal.
        """
        self.ensure_one()
        self.billing_free_exit_date = day
        self._billing_ask_staff(
            'renewal',
            self.env._("Renewal announced too late: %s", self.name),
            self.env._(
                "The law of the customer's country wants the renewal on %s to be announced earlier."
                " The customer hears of it now, and may end the subscription freely at any time"
                " after it: what they paid for the days that are left is to be paid back.",
                format_date(self.env, day),
            ),
        )

    def _billing_is_exit_free(self):
        """Return whether the customer may leave at any time, as nobody told of the renewal in time.

        :rtype: bool
        """
        self.ensure_one()
        day = self.billing_free_exit_date
        interval = self.billing_interval_count, self.billing_interval_unit
        return bool(day) and day <= self._billing_get_today() < nth_date(day, *interval, 1)

    def _billing_get_free_exit_refund(self):
        """Return what is to be paid back if the customer leaves today as they may.

        :return: What was paid for the days of the term that are left, today left out.
        :rtype: float
        """
        first = self.billing_free_exit_date
        paid = self.billing_event_ids.filtered(
            lambda event: (
                event.status in PAID and local_date(event.due_date, self._get_time_zone()) == first
            )
        )
        amount = Decimal(str(sum(paid.mapped('amount'))))
        last = nth_date(first, self.billing_interval_count, self.billing_interval_unit, 1)
        used = amount_used(
            amount, first, last - timedelta(days=1), self._billing_get_today(), is_wished=True
        )
        return self.currency_id.round(float(amount - used))

    # === INSTALMENTS AS CREDIT === #

    @api.depends(
        'billing_status',
        'purchase_type',
        'billing_instalment_count',
        'billing_interval_count',
        'billing_interval_unit',
        'billing_first_date',
        'commitment_date',
        'billing_buyer',
        'partner_id.country_id',
        'company_id.country_id',
        'company_id.billing_is_large_seller',
        'company_id.billing_credit_statement',
    )
    def _compute_billing_credit_note(self):
        for order in self:
            is_open = order.purchase_type and order.billing_status in BEFORE_APPROVAL
            order.billing_credit_note = is_open and (
                order._billing_get_credit_refusal() or order._billing_get_credit_warning()
            )

    def _billing_get_last_day_without_credit(self):
        """Return until when instalments must be paid so that they aren't credit.

        What is paid by its delivery is none. Without a delivery date it is delivered at once.

        :return: The day; None if that doesn't matter.
        :rtype: datetime.date|None
        """
        self.ensure_one()
        concluded = self.billing_anchor_date or self._billing_get_today()
        return last_day_without_credit(
            self._billing_get_country().code or '',
            concluded,
            self._billing_get_date(self.commitment_date) if self.commitment_date else concluded,
            is_consumer=self._billing_get_buyer() == 'consumer',
            is_large_seller=self.company_id.billing_is_large_seller,
        )

    def _billing_is_credit(self):
        """Return whether the order's instalments are consumer credit in the European Union.

        :rtype: bool
        """
        last_due = self._get_purchase()._get_last_due_day(self)
        last_day = last_due and self._billing_get_last_day_without_credit()
        return bool(last_day and last_due > last_day)

    def _billing_get_credit_refusal(self):
        """Return why the order can't be sold in its instalments, or False if it can.

        :rtype: str|bool
        """
        if not self._billing_is_credit() or self.company_id._billing_get_credit_declaration():
            return False
        return self.env._(
            "Instalments to a consumer that are due after %(date)s are consumer credit by law"
            " (Directive (EU) 2023/2225). Order %(order)s can be sold so when it is declared in the"
            " settings who complies with that law. Else let the last one be due by then, or enter"
            " the delivery date if it is later.",
            date=format_date(self.env, self._billing_get_last_day_without_credit()),
            order=self.name,
        )

    def _billing_get_credit_warning(self):
        """Return why the order's instalments may be credit outside of the European Union.

        :return: The reason, or False.
        :rtype: str|bool
        """
        last_due = self._get_purchase()._get_last_due_day(self)
        limit = last_due and find_exceeded_limit(
            self._billing_get_country().code or '',
            self.billing_instalment_count,
            self.billing_anchor_date or self._billing_get_today(),
            last_due,
            is_consumer=self._billing_get_buyer() == 'consumer',
        )
        if not limit:
            return False
        values = {
            'country': self._billing_get_country().name,
            'count': limit.instalments,
            'months': limit.months,
        }
        return (
            self.env._(
                "In %(country)s more than %(count)s instalments to a consumer, or any after"
                " %(months)s months, are credit by law, even without interest. Have that checked"
                " before you offer the order.",
                **values,
            )
            if limit.months
            else self.env._(
                "In %(country)s more than %(count)s instalments to a consumer are credit by law,"
                " even without interest. Have that checked before you offer the order.",
                **values,
            )
        )

    # === CONSENT === #

    def _billing_get_last_consent(self):
        """Return what the customer has agreed to last: that is what counts.

        :rtype: billpro.consent
        """
        self.ensure_one()
        # New ones stand last in the cache, whatever the order of the model is.
        return self.sudo().billing_consent_ids.sorted('id')[-1:]

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
