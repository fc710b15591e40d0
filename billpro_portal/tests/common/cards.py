"""Stripe's test cards, as the fake gateway knows them, by what becomes of their payments."""

GOOD = '4242424242424242'
NO_FUNDS = '4000000000009995'
LOST = '4000000000009987'
NEEDS_BANK = '4000002760003184'
# Its bank wants the customer, and declines it all the same.
DECLINED_BY_BANK = '4000008400001629'
