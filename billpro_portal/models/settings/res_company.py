from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import email_normalize, format_date, hmac

from ...billing.calendar import local_date
from ...billing.declines import parse_retry_days
from ...billing.notice_dates import LONGEST_LEAD, parse_reminder_days

CANCEL_MODES = [('period_end', "When the paid period ends"), ('now', "At once")]
DEFAULT_LATE_DAYS = 35
DEFERRAL_ACCOUNT_TYPES = ('liability_current', 'liability_non_current')


class ResCompany(models.Model):
    """What a company has set up of billing: when it retries, reminds and gives up."""

    _inherit = 'res.company'

    billing_terms_url = fields.Char(
        string="Terms URL",
        help="Address of your terms and conditions; the checkout links to it.",
    )
    billing_privacy_url = fields.Char(
        string="Privacy URL", help="Address of your privacy policy; the checkout links to it."
    )
    billing_reminder_days = fields.Char(
        string="Remind of unpaid orders after",
        default='1, 3, 7',
        help="Days after the order link was sent, separated by commas, three at most; empty for no"
        " reminders.",
    )
    billing_notice_days = fields.Integer(
        string="Announce payments",
        default=7,
        help="Days before a payment; 0 for no announcements. Ends of trials are announced 7 days"
        " before, as card schemes demand.",
    )
    billing_debit_notice_days = fields.Integer(
        string="Announce debits",
        help="Days before a bank account is debited, if your terms agree on fewer than the scheme"
        " demands: 14 of SEPA and Bacs, 10 of ACH. 0 for what it demands.",
    )
    billing_british_reminders = fields.Boolean(
        string="Reminders in the United Kingdom",
        help="Remind consumers there of their subscriptions as the Digital Markets, Competition and"
        " Consumers Act 2024 will demand: every six months, or before a longer term renews.",
    )
    billing_mail_sender = fields.Char(
        string="Sender of notices",
        help="The address that mails to customers come from, such as Billing"
        " <billing@example.com>. Empty: the salesperson's, else the company's.",
    )
    billing_missed_periods = fields.Selection(
        string="Missed periods",
        selection=[
            ('all', "Collect all"),
            ('latest', "Collect only the latest"),
            ('none', "Collect none"),
        ],
        default='all',
        required=True,
        help="What becomes of a subscription's periods that were not charged in time, for example"
        " because the server was down.",
    )
    billing_tax_change = fields.Selection(
        string="When taxes change",
        selection=[
            ('without', "The price without tax stays"),
            ('with', "The price with tax stays"),
        ],
        default='without',
        required=True,
        help="What becomes of the later payments of live subscriptions, and of orders that aren't"
        " paid yet, when the books' taxes are changed. Customers of subscriptions are told of new"
        " amounts; what was announced stays as it is.",
    )
    billing_change_up = fields.Selection(
        string="Larger plan or quantity",
        selection=[('now', "At once"), ('period_end', "When the paid period ends")],
        default='now',
        required=True,
        help="When a live subscription is changed to what costs more, unless staff choose"
        " otherwise. At once: the days that are left are credited, and charged at the new price.",
    )
    billing_change_down = fields.Selection(
        string="Smaller plan or quantity",
        selection=[('now', "At once"), ('period_end', "When the paid period ends")],
        default='period_end',
        required=True,
        help="When a live subscription is changed to what costs less, unless staff choose"
        " otherwise. At once: what the days that are left cost less is taken off later payments.",
    )
    billing_price_notice_days = fields.Integer(
        string="Announce price increases",
        default=30,
        help="How many days before customers are told of a higher price at least, unless staff"
        " choose more. Laws and debit schemes that want more are kept besides.",
    )
    billing_customer_pause_days = fields.Integer(
        string="Customers pause for",
        help="For how many days at most customers may pause a subscription on its page, once in"
        " twelve months; 0 if they may not.",
    )
    billing_customer_skips = fields.Integer(
        string="Customers skip",
        help="How many payments of a subscription may be skipped in twelve months for customers to"
        " skip the next one on its page; 0 if they may not.",
    )
    billing_pay_off_rebate = fields.Float(
        string="Rebate for paying off",
        digits=(5, 2),
        help="What customers who pay all instalments that are left at once need not pay, in percent"
        " of what is left.",
    )
    _billing_pay_off_rebate_is_a_part = models.Constraint(
        'CHECK (billing_pay_off_rebate >= 0 AND billing_pay_off_rebate < 100)',
        "The rebate for paying off is a percentage below 100.",
    )
    billing_retry_days = fields.Char(
        string="Retry declined payments after",
        default='1, 3, 7',
        help="Days after the decline, separated by commas; empty for no retries. Final declines are"
        " never tried again with the same card.",
    )
    billing_auto_suspend = fields.Boolean(
        string="Suspend when retries run out",
        default=True,
        help="Nothing more is charged until the customer acts. Otherwise later payments go on.",
    )
    billing_cancel_after_days = fields.Integer(
        string="Cancel suspended subscriptions after",
        help="Days; 0 to keep them suspended.",
    )
    billing_cancel_mode = fields.Selection(
        string="Customers cancel subscriptions",
        selection=CANCEL_MODES,
        default='period_end',
        required=True,
    )
    billing_cancel_arrears = fields.Selection(
        string="What is outstanding when they cancel",
        selection=[('waived', "Is waived"), ('owed', "Is still owed")],
        default='waived',
        required=True,
    )
    billing_link_days = fields.Integer(
        string="Close order links after",
        help="Days after an order has ended, completed or cancelled, after which its link opens"
        " nothing any more, its documents neither; 0 to keep them open.",
    )
    billing_confirm_changes = fields.Selection(
        string="Confirm changes by code",
        selection=[('never', "Never"), ('new', "In a new browser"), ('always', "Always")],
        default='new',
        required=True,
        help="Whether customers enter a code that is sent to them before they change cards or plans"
        " by the order link. Paying and cancelling never need one.",
    )
    billing_consumer_law = fields.Selection(
        string="European consumer rights",
        selection=[('law', "Consumers of the European Economic Area"), ('all', "All consumers")],
        default='law',
        required=True,
        help="Who has the withdrawal function, the button that says that ordering is paying, and"
        " the link to the page on which contracts are cancelled. Businesses don't.",
    )
    billing_is_large_seller = fields.Boolean(
        string="Larger online seller",
        help="You sell online and aren't a small or medium-sized enterprise: 250 people or more, or"
        " more than 50 million euros of turnover and 43 million of assets.",
    )
    billing_credit_statement = fields.Text(
        string="Instalments as consumer credit",
        help="Who complies with the law on consumer credit, and how. Empty: instalments that are"
        " consumer credit can't be sold.",
    )
    billing_credit_declared_by_id = fields.Many2one(
        string="Declared by", comodel_name='res.users', readonly=True
    )
    billing_credit_declared_date = fields.Datetime(string="Declared on", readonly=True)
    billing_usage_grace_hours = fields.Float(
        string="Close usage periods after",
        default=1,
        help="Hours after the end of a period in which its last usage may come; then it is billed.",
    )
    billing_usage_late_days = fields.Integer(
        string="Bill late usage",
        default=DEFAULT_LATE_DAYS,
        help="How many days back usage of closed periods is billed, or credited, with the next one;"
        " what is older is shown as not billed.",
    )
    billing_usage_threshold = fields.Monetary(
        string="Bill usage from",
        help="Usage of a running period is billed as soon as it costs so much, without taxes that"
        " aren't in its prices; 0 to bill it when the period ends.",
    )
    billing_deferral_account_id = fields.Many2one(
        string="Deferred revenue account",
        comodel_name='account.account',
        help="Holds what is paid for later months. With a journal, an entry is posted for each"
        " month that has ended.",
    )
    billing_deferral_journal_id = fields.Many2one(
        string="Deferred revenue journal", comodel_name='account.journal'
    )
    billing_deferral_month = fields.Date(
        string="Next month to defer",
        help="A day of the month that the next entry of deferred revenue is for; empty for this"
        " month.",
    )

    def _billing_get_open_day(self, day, journal):
        """Return a day, or the first one after it that no lock date of accounting forbids.

        :param datetime.date day: The day.
        :param account.journal journal: Where the entry is made.
        :rtype: datetime.date
        """
        self.ensure_one()
        while locks := self._get_violated_lock_dates(day, False, journal):
            day = locks[-1][0] + timedelta(days=1)
        return day

    def _billing_date_by(self, records):
        """Return records where today is what it is for the company: in its books.

        Jobs and customers have time zones of their own, which would date entries otherwise.

        :param odoo.models.Model records: The records.
        :rtype: odoo.models.Model
        """
        self.ensure_one()
        time_zone = self.partner_id.tz
        return records.with_context(tz=time_zone) if time_zone else records

    def _billing_get_today_in_books(self):
        """Return today's date where the company is: in its books.

        :rtype: datetime.date
        """
        self.ensure_one()
        return local_date(fields.Datetime.now(), self.partner_id.tz or 'UTC')

    def _get_billing_retry_days(self):
        """Return on which days after a decline it is tried again.

        :rtype: tuple[int, ...]
        """
        self.ensure_one()
        return parse_retry_days(self.billing_retry_days or '')

    def _get_billing_reminder_days(self):
        """Return how many days after the order link customers are reminded of it.

        :rtype: tuple[int, ...]
        """
        self.ensure_one()
        return parse_reminder_days(self.billing_reminder_days or '')

    @api.constrains(
        'billing_reminder_days',
        'billing_notice_days',
        'billing_debit_notice_days',
        'billing_mail_sender',
    )
    def _check_billing_notices(self):
        for company in self:
            try:
                company._get_billing_reminder_days()
            except ValueError:
                raise ValidationError(
                    company.env._(
                        "“%s” are no reminder days. Enter up to three rising numbers separated by"
                        " commas, such as 1, 3, 7.",
                        company.billing_reminder_days,
                    )
                ) from None
            leads = (company.billing_notice_days, company.billing_debit_notice_days)
            if not all(0 <= lead <= LONGEST_LEAD for lead in leads):
                raise ValidationError(
                    company.env._("Payments can be announced up to %s days before.", LONGEST_LEAD)
                )
            if company.billing_mail_sender and not email_normalize(company.billing_mail_sender):
                raise ValidationError(
                    company.env._("“%s” is not an email address.", company.billing_mail_sender)
                )

    @api.constrains('billing_retry_days', 'billing_cancel_after_days')
    def _check_billing_recovery(self):
        for company in self:
            try:
                company._get_billing_retry_days()
            except ValueError:
                raise ValidationError(
                    company.env._(
                        "“%s” are no retry days. Enter rising numbers up to 30 separated by"
                        " commas, such as 1, 3, 7.",
                        company.billing_retry_days,
                    )
                ) from None
            if company.billing_cancel_after_days < 0:
                raise ValidationError(
                    company.env._("Suspended subscriptions can't be cancelled before their time.")
                )

    def write(self, vals):
        """Override to keep who has declared who complies with the law on consumer credit."""
        statement = vals.get('billing_credit_statement') or False
        changed = (
            self.filtered(lambda company: company.billing_credit_statement != statement)
            if 'billing_credit_statement' in vals
            else self.browse()
        )
        result = super().write(vals)
        if changed:
            changed.write(
                {
                    'billing_credit_declared_by_id': self.env.uid,
                    'billing_credit_declared_date': fields.Datetime.now(),
                }
            )
        return result

    @api.model
    def _billing_get_text_message_token(self):
        """Return what the gateway of text messages proves with that it is one.

        :rtype: str
        """
        return hmac(self.env(su=True), 'billpro-text-messages', 'answer')

    def _billing_get_credit_declaration(self):
        """Return who complies with the law on consumer credit, and who has declared it when.

        :return: The text; empty if nobody has.
        :rtype: str
        """
        self.ensure_one()
        if not self.billing_credit_statement or not self.billing_credit_declared_date:
            return ''
        return self.env._(
            "%(statement)s\nDeclared by %(person)s on %(date)s.",
            statement=self.billing_credit_statement,
            person=self.billing_credit_declared_by_id.name,
            date=format_date(self.env, self.billing_credit_declared_date),
        )

    @api.constrains(
        'billing_usage_grace_hours', 'billing_usage_late_days', 'billing_usage_threshold'
    )
    def _check_billing_usage(self):
        for company in self:
            if (
                company.billing_usage_grace_hours < 0
                or company.billing_usage_late_days < 0
                or company.billing_usage_threshold < 0
            ):
                raise ValidationError(
                    company.env._("Hours, days and amounts of usage can't be negative.")
                )

    @api.constrains('billing_price_notice_days')
    def _check_billing_price_notice(self):
        for company in self:
            if company.billing_price_notice_days < 0:
                raise ValidationError(
                    company.env._("Price increases can't be announced after they count.")
                )

    @api.constrains('billing_deferral_account_id', 'billing_deferral_journal_id')
    def _check_billing_deferral(self):
        for company in self:
            account = company.billing_deferral_account_id
            journal = company.billing_deferral_journal_id
            if account and (
                account.account_type not in DEFERRAL_ACCOUNT_TYPES
                or not account.filtered_domain(account._check_company_domain(company))
            ):
                raise ValidationError(
                    company.env._(
                        "Deferred revenue is a liability: “%s” is no such account of the company.",
                        account.display_name,
                    )
                )
            if journal and (
                journal.type != 'general'
                or not journal.filtered_domain(journal._check_company_domain(company))
            ):
                raise ValidationError(
                    company.env._(
                        "“%s” is no journal of the company for miscellaneous entries.",
                        journal.display_name,
                    )
                )

    @api.constrains('billing_terms_url', 'billing_privacy_url')
    def _check_billing_urls(self):
        """Only web addresses may become links at the checkout, `javascript:` and the like not."""
        for company in self:
            for url in (company.billing_terms_url, company.billing_privacy_url):
                if url and not url.lower().startswith(('https://', 'http://')):
                    raise ValidationError(
                        company.env._(
                            "%s is not a web address. Enter one that starts with https://", url
                        )
                    )
