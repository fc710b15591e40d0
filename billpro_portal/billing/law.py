"""What consumer law gives the customers of an order, by country, and the words it asks for.

The one place that decides whether a rule applies. Sources, their dates, and what is doubtful stand
in `docs/law.md`. Where sources disagree, the stricter one is here.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from dateutil.relativedelta import relativedelta

# Directive 2011/83/EU, article 9: days from the day after the contract was concluded.
WITHDRAWAL_DAYS = 14
# Article 10: how much longer it is where the consumer was told nothing of it.
UNINFORMED_DAYS = 366
# From this day on contracts have the function: Directive (EU) 2023/2673, article 2.
WITHDRAWAL_SINCE = date(2026, 6, 19)
# Article 13: until when everything is paid back.
REFUND_DAYS = 14
# Of a notice that is about to be too late, staff are told so many days before.
WARNED_DAYS = 3

EUROPEAN_UNION = frozenset(
    [
        'AT',
        'BE',
        'BG',
        'CY',
        'CZ',
        'DE',
        'DK',
        'EE',
        'ES',
        'FI',
        'FR',
        'GR',
        'HR',
        'HU',
        'IE',
        'IT',
        'LT',
        'LU',
        'LV',
        'MT',
        'NL',
        'PL',
        'PT',
        'RO',
        'SE',
        'SI',
        'SK',
    ]
)
# The directive is marked as relevant for them, too.
EUROPEAN_ECONOMIC_AREA = EUROPEAN_UNION | {'IS', 'LI', 'NO'}


@dataclass(frozen=True)
class CountryLaw:
    """What consumers of a country are given; others, where it isn't for consumers alone."""

    # Article 11a of Directive 2011/83/EU: a function on the page, as long as the period lasts.
    withdrawal_days: int = 0
    # Article 8 (2): the button says that to order is to pay.
    has_order_words: bool = False
    # § 312k BGB, article L215-1-1 of the Code de la consommation: a page without a login.
    has_cancel_page: bool = False
    # The French page is for associations and the like as well.
    is_cancel_page_for_all: bool = False


_EUROPEAN = CountryLaw(withdrawal_days=WITHDRAWAL_DAYS, has_order_words=True, has_cancel_page=True)
_NOTHING = CountryLaw()
# Germany and France demand the page to cancel; the others of the area have it as well: nobody is
# denied it by accident, and what it offers is owed to all consumers there.
LAWS = MappingProxyType(
    {
        **dict.fromkeys(EUROPEAN_ECONOMIC_AREA, _EUROPEAN),
        'FR': replace(_EUROPEAN, is_cancel_page_for_all=True),
    }
)


def find_law(country: str, *, is_consumer: bool, is_for_all: bool = False) -> CountryLaw:
    """Return what a customer is given.

    :param str country: The code of the country.
    :param bool is_consumer: Whether they buy as a consumer.
    :param bool is_for_all: Whether the seller gives European rules to all consumers.
    :rtype: CountryLaw
    """
    law = LAWS.get(country, _NOTHING)
    if is_consumer:
        return _EUROPEAN if is_for_all and law is _NOTHING else law
    return CountryLaw(has_cancel_page=law.is_cancel_page_for_all)


# === WORDS === #


@dataclass(frozen=True)
class LegalWords:
    """What buttons say in a language."""

    withdraw: str
    confirm_withdrawal: str
    order: str
    cancel: str
    confirm_cancellation: str
    # Article D215-2 of the Code de la consommation: what was entered is shown once more.
    has_summary: bool = False


# Those of withdrawals and orders are the words of the directives, in their language versions; those
# of cancellations are prescribed in German and French, and said alike in the others.
WORDS = MappingProxyType(
    {
        'en': LegalWords(
            withdraw="Withdraw from contract here",
            confirm_withdrawal="Confirm withdrawal",
            order="Order with obligation to pay",
            cancel="Cancel contracts here",
            confirm_cancellation="Cancel now",
        ),
        'de': LegalWords(
            withdraw="Vertrag widerrufen",
            confirm_withdrawal="Widerruf bestätigen",
            order="Zahlungspflichtig bestellen",
            cancel="Verträge hier kündigen",
            confirm_cancellation="Jetzt kündigen",
        ),
        'fr': LegalWords(
            withdraw="Renoncer au contrat ici",
            confirm_withdrawal="Confirmer la rétractation",
            order="Commande avec obligation de paiement",
            cancel="Résilier votre contrat",
            confirm_cancellation="Notification de la résiliation",
            has_summary=True,
        ),
        'es': LegalWords(
            withdraw="Desistir del contrato aquí",
            confirm_withdrawal="Confirmar desistimiento",
            order="Pedido con obligación de pago",
            cancel="Cancelar contratos aquí",
            confirm_cancellation="Cancelar ahora",
        ),
        'nl': LegalWords(
            withdraw="Hier de overeenkomst herroepen",
            confirm_withdrawal="Herroeping bevestigen",
            order="Bestelling met betalingsverplichting",
            cancel="Contracten hier opzeggen",
            confirm_cancellation="Nu opzeggen",
        ),
        'it': LegalWords(
            withdraw="Recedere dal contratto qui",
            confirm_withdrawal="Conferma recesso",
            order="Ordine con obbligo di pagare",
            cancel="Disdire i contratti qui",
            confirm_cancellation="Disdici ora",
        ),
    }
)


def find_words(lang: str | None) -> LegalWords:
    """Return the words of a language, English where there are none.

    :param str|None lang: The code of the language, such as de_AT.
    :rtype: LegalWords
    """
    return WORDS.get((lang or '')[:2], WORDS['en'])


# === WITHDRAWAL === #


def withdrawal_end(
    concluded: date, delivered: date | None, today: date, *, days: int, is_informed: bool
) -> date | None:
    """Return the last day on which a contract can be withdrawn from.

    A period that ends on a Saturday or Sunday lasts until the Monday: Regulation (EEC, Euratom)
    1182/71, article 3 (4). It knows public holidays, too, which differ by region; on those a
    withdrawal that comes in another way is still in time.

    :param datetime.date concluded: The day of the contract.
    :param datetime.date|None delivered: The day from which on the period counts: that of the
                                         contract, of goods that of their delivery. None if that
                                         isn't known: it hasn't begun, for as long as it could last
                                         at most.
    :param datetime.date today: Today.
    :param int days: How long the period is; 0 where there is no right.
    :param bool is_informed: Whether the consumer was told of the right before the order.
    :return: The day; None where there is no right.
    :rtype: datetime.date|None
    """
    if not days:
        return None
    longest = days + UNINFORMED_DAYS
    if delivered is None:
        end = min(today + timedelta(days=days), concluded + timedelta(days=longest))
    else:
        end = delivered + timedelta(days=days if is_informed else longest)
    return end + timedelta(days={5: 2, 6: 1}.get(end.weekday(), 0))


def amount_used(paid: Decimal, first: date, last: date, today: date, *, is_wished: bool) -> Decimal:
    """Return what a consumer who withdraws owes for what was provided: article 14 (3).

    One-off fees are part of the price that is divided: CJEU, 8 October 2020, C-641/19.

    :param Decimal paid: What was paid.
    :param datetime.date first: The first day that it is for.
    :param datetime.date last: The last day that it is for; before the first for no days at all.
    :param datetime.date today: The day of the withdrawal, which counts as used.
    :param bool is_wished: Whether the consumer asked for the service to begin at once.
    :return: The amount, not rounded.
    :rtype: Decimal
    """
    days = (last - first).days + 1
    if not is_wished or days <= 0:
        return Decimal(0)
    used = min(max((today - first).days + 1, 0), days)
    return paid * used / days


# === INSTALMENTS AS CREDIT === #

# Directive (EU) 2023/2225, article 48: contracts from this day on.
CREDIT_SINCE = date(2026, 11, 20)
# Article 2 (2) (h): without interest they are none if all is paid so many days after the delivery.
CREDIT_FREE_DAYS, CREDIT_FREE_DAYS_OF_LARGE_SELLERS = 50, 14


@dataclass(frozen=True)
class CreditLimit:
    """How many instalments without interest are no credit, and within how many months; 0: any."""

    instalments: int
    months: int = 0


CREDIT_LIMITS = MappingProxyType(
    {
        # Regulation Z, 12 CFR 1026.2 (a) (17): after the down payment.
        'US': CreditLimit(4),
        # Regulated Activities Order, article 60F.
        'GB': CreditLimit(12, months=12),
    }
)


def last_day_without_credit(
    country: str, concluded: date, delivered: date, *, is_consumer: bool, is_large_seller: bool
) -> date | None:
    """Return until when instalments must be paid so that they aren't credit in the European Union.

    :param str country: The code of the customer's country.
    :param datetime.date concluded: The day of the contract.
    :param datetime.date delivered: The day of the delivery.
    :param bool is_consumer: Whether they buy as a consumer.
    :param bool is_large_seller: Whether the seller sells online and isn't small or medium-sized.
    :return: The day; None where there is no such law.
    :rtype: datetime.date|None
    """
    if not is_consumer or country not in EUROPEAN_ECONOMIC_AREA or concluded < CREDIT_SINCE:
        return None
    return delivered + timedelta(
        days=CREDIT_FREE_DAYS_OF_LARGE_SELLERS if is_large_seller else CREDIT_FREE_DAYS
    )


def find_exceeded_limit(
    country: str, count: int, concluded: date, last_due: date, *, is_consumer: bool
) -> CreditLimit | None:
    """Return which limit instalments exceed, so that they may be credit outside of the Union.

    :param str country: The code of the customer's country.
    :param int count: How many there are, the deposit left out.
    :param datetime.date concluded: The day of the contract.
    :param datetime.date last_due: The day of the last one.
    :param bool is_consumer: Whether they buy as a consumer.
    :return: The limit; None if it isn't exceeded, or there is none.
    :rtype: CreditLimit|None
    """
    limit = CREDIT_LIMITS.get(country)
    if not limit or not is_consumer:
        return None
    is_late = limit.months and last_due > concluded + relativedelta(months=limit.months)
    return limit if is_late or count > limit.instalments else None


# === RENEWALS === #


@dataclass(frozen=True)
class RenewalRule:
    """How many days before its renewal customers are told of a term, and from which length on.

    Fewer days before it than the latest ones it is too late: they may leave freely then.
    """

    days: int
    months: int
    latest: int
    is_for_all: bool = False
    # Else it counts if the seller keeps it already.
    is_in_force: bool = True


# By country, and by state where there are rules of one. Each day lies in all known windows.
RENEWALS = MappingProxyType(
    {
        # Three to one months before the last day on which one can leave; associations, too.
        ('FR', ''): RenewalRule(35, 6, 31, is_for_all=True),
        ('IT', ''): RenewalRule(30, 6, 30),
        ('ES', ''): RenewalRule(15, 6, 15),
        ('US', 'CA'): RenewalRule(30, 12, 15),
        ('US', 'NY'): RenewalRule(30, 12, 15),
        ('US', 'MA'): RenewalRule(20, 2, 5),
        # Digital Markets, Competition and Consumers Act 2024, section 258; expected for 2027.
        ('GB', ''): RenewalRule(20, 7, 7, is_in_force=False),
    }
)
LONGEST_RENEWAL_DAYS = max(rule.days for rule in RENEWALS.values())
SHORTEST_RENEWAL_MONTHS = min(rule.months for rule in RENEWALS.values())


def find_renewal_rule(
    country: str, state: str, months: int, *, is_consumer: bool, is_early: bool = False
) -> RenewalRule | None:
    """Return how the law wants the customer to be told of a renewal.

    :param str country: The code of the customer's country.
    :param str state: The code of the state.
    :param int months: How long each term is.
    :param bool is_consumer: Whether they buy as a consumer.
    :param bool is_early: Whether the seller keeps what isn't in force yet.
    :return: The rule; None if no notice is demanded.
    :rtype: RenewalRule|None
    """
    rule = RENEWALS.get((country, state)) or RENEWALS.get((country, ''))
    if not rule or months < rule.months or not (is_consumer or rule.is_for_all):
        return None
    return rule if rule.is_in_force or is_early else None


# === REMINDERS === #


@dataclass(frozen=True)
class ReminderRule:
    """Every how many months customers are reminded of a contract that goes on until they end it."""

    months: int
    is_in_force: bool = True


# Where terms are longer, each renewal is announced.
REMINDERS = MappingProxyType(
    {
        # B&P 17602, as amended by AB 2863, contracts from 1 July 2025.
        ('US', 'CA'): ReminderRule(12),
        ('GB', ''): ReminderRule(6, is_in_force=False),
    }
)
REMINDED_COUNTRIES = frozenset(country for country, _state in REMINDERS)
SHORTEST_REMINDER_MONTHS = min(rule.months for rule in REMINDERS.values())


def reminder_months(
    country: str, state: str, months: int, *, is_consumer: bool, is_early: bool = False
) -> int:
    """Return every how many months the law wants customers to be reminded of their contract.

    :param str country: The code of the customer's country.
    :param str state: The code of the state.
    :param int months: How long each term is; 0 for less than a month.
    :param bool is_consumer: Whether they buy as a consumer.
    :param bool is_early: Whether the seller keeps what isn't in force yet.
    :return: The months; 0 if no reminder is demanded.
    :rtype: int
    """
    rule = REMINDERS.get((country, state)) or REMINDERS.get((country, ''))
    if not rule or not is_consumer or not (rule.is_in_force or is_early):
        return 0
    is_announced = find_renewal_rule(
        country, state, months, is_consumer=is_consumer, is_early=is_early
    )
    return 0 if is_announced else rule.months


# === PRICE CHANGES === #


@dataclass(frozen=True)
class NoticeWindow:
    """How many days before something customers are told of it, at least and at most.

    :param least: At least so many days before.
    :param most: At most so many days before; None if it is never too early.
    """

    least: int = 0
    most: int | None = None


NO_WINDOW = NoticeWindow()
# By country and state. California: B&P 17602 (b) of AB 2863, 7 to 30 days before a fee changes. New
# York: GBL 527-a, 5 to 30 days before a price rises.
PRICE_CHANGES = MappingProxyType(
    {
        ('US', 'CA'): NoticeWindow(7, 30),
        ('US', 'NY'): NoticeWindow(5, 30),
    }
)


def price_change_window(country: str, state: str, *, is_consumer: bool) -> NoticeWindow:
    """Return when the law wants customers to be told of a new price of a subscription.

    :param str country: The code of the customer's country.
    :param str state: The code of the state.
    :param bool is_consumer: Whether they buy as a consumer.
    :return: The window; no limits where no rule is known.
    :rtype: NoticeWindow
    """
    return PRICE_CHANGES.get((country, state), NO_WINDOW) if is_consumer else NO_WINDOW
