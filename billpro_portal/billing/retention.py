"""How long what is kept of a customer is kept, by kind; sources stand in `docs/law.md`."""

from datetime import date
from types import MappingProxyType

from dateutil.relativedelta import relativedelta

# From the end of the year. Where sources disagree, the longer time.
INVOICE_YEARS = MappingProxyType(
    {'AT': 7, 'BE': 10, 'DE': 8, 'ES': 6, 'FR': 10, 'GB': 6, 'IT': 10, 'NL': 7}
)
LONGEST_INVOICE_YEARS = 10
# § 147 AO, § 257 HGB: letters of business, and what ends a contract is one.
LETTER_YEARS = 6
# California B&P 17602: three years, or one after the end, the longer.
CONSENT_YEARS, CONSENT_YEARS_AFTER_END = 3, 1
# No law asks for it: as long as somebody may look who has used the link.
VISIT_DAYS = 365
# Where somebody came from, against abuse: with tries to pay and to enter cards, and declarations.
ADDRESS_DAYS = 30
# Who asked for lost links, and for codes: both count within an hour.
LINK_REQUEST_DAYS = CODE_DAYS = 1
# Who asked for another mail address: longer than a request can be answered.
MAIL_CHANGE_DAYS = 30
# Providers can send a message again for 30 days: it must be known then.
WEBHOOK_EVENT_DAYS = 180
# Article L213-1 Code de la consommation: contracts online from 120 euros.
FRENCH_CONTRACT_YEARS = 10


def invoice_kept_until(country: str, day: date) -> date:
    """Return until when an invoice is kept.

    :param str country: The code of the country of the seller.
    :param datetime.date day: The day of the invoice.
    :rtype: datetime.date
    """
    return date(day.year + INVOICE_YEARS.get(country, LONGEST_INVOICE_YEARS), 12, 31)


def declaration_kept_until(day: date) -> date:
    """Return until when a withdrawal or cancellation is kept.

    :param datetime.date day: The day on which it was received.
    :rtype: datetime.date
    """
    return date(day.year + LETTER_YEARS, 12, 31)


def consent_kept_until(day: date, ended: date | None, country: str) -> date | None:
    """Return until when a consent is kept.

    :param datetime.date day: The day on which it was given.
    :param datetime.date|None ended: The day on which the contract ended.
    :param str country: The code of the country of the customer.
    :return: The day; None as long as the contract lasts.
    :rtype: datetime.date|None
    """
    if ended is None:
        return None
    if country == 'FR':
        french: date = ended + relativedelta(years=FRENCH_CONTRACT_YEARS)
        return french
    longer: date = max(
        day + relativedelta(years=CONSENT_YEARS),
        ended + relativedelta(years=CONSENT_YEARS_AFTER_END),
    )
    return longer
