"""What the books of a company must say, worked out from the gateway's ledger and the orders."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from odoo.tools.date_utils import end_of, start_of

from ...billing.calendar import local_date, nth_date

# Types of the gateway's balance transactions that are about payments, and how they are named.
KINDS = {
    'charge': "Payments",
    'refund': "Refunds",
    'refund_failure': "Refunds that came back",
    'adjustment': "Disputes",
    'payout_failure': "Payouts that came back",
    'stripe_fee': "Fees of the account",
}


@dataclass
class Entry:
    """What changed the balance at the gateway."""

    kind: str
    reference: str  # Of the payment in Odoo.
    source: str | None  # The number at the gateway of what it is about.
    payment: str  # The number of the payment.
    moment: datetime
    day: date  # In the books of the company.
    amount: float  # In the currency that the customer pays in; negative if it leaves.
    currency: object
    settled: float  # In the currency of the balance, before fees.
    balance_currency: object
    fee: float
    order: object
    payout: str | None
    arrival_day: date | None


class Gateway:
    """What the gateway knows of a company's money, in the words of its books."""

    def __init__(self, shop):
        self.shop = shop
        self.env = shop.env
        with shop.gateway.store.session(None) as session:
            self.payouts = {one['id']: one for one in session.all('payout')}
            records = session.all('balance_transaction')[::-1]
            self.entries = [
                self._read(session, record) for record in records if record['type'] != 'payout'
            ]

    def _read(self, session, record):
        kinds = {'ch': 'charge', 'dp': 'dispute', 'po': 'payout', 're': 'refund'}
        source = {}
        if record['source']:
            source = session.get(kinds[record['source'].split('_')[0]], record['source'])
        balance_currency = self._get_currency(record['currency'])
        currency = self._get_currency(source.get('currency', record['currency']))
        amount = source.get('amount_captured', source.get('amount', 0))
        sign = -1 if record['amount'] < 0 else 1
        reference = record['description'] or ''
        name = reference.split('-')[0]
        payout = self.payouts.get(record['_payout'])
        moment = datetime.fromtimestamp(record['created'], timezone.utc).replace(tzinfo=None)
        return Entry(
            kind=record['type'],
            reference=reference,
            source=record['source'],
            payment=source.get('payment_intent', ''),
            moment=moment,
            day=self.shop.get_day(moment),
            amount=sign * abs(self._to_units(amount, currency)),
            currency=currency,
            settled=self._to_units(record['amount'], balance_currency),
            balance_currency=balance_currency,
            fee=self._to_units(record['fee'], balance_currency),
            order=self.shop.orders.filtered(lambda order: order.name == name),
            payout=record['_payout'],
            arrival_day=payout and self.get_arrival(payout),
        )

    def get_arrival(self, payout):
        """Return the day on which a payout arrives."""
        return datetime.fromtimestamp(payout['arrival_date'], timezone.utc).date()

    def _get_currency(self, code):
        return (
            self.env['res.currency']
            .with_context(active_test=False)
            .search([('name', '=', code.upper())])
        )

    def _to_units(self, amount, currency):
        return currency.round(amount / 10**currency.decimal_places)

    def get_payouts(self):
        """Return the payouts, oldest first: number, amount, currency, arrival, day at the bank."""
        return [
            (
                number,
                self._to_units(payout['amount'], self._get_currency(payout['currency'])),
                self._get_currency(payout['currency']),
                self.get_arrival(payout),
                self.shop.bank_days.get(number),
            )
            for number, payout in list(self.payouts.items())[::-1]
        ]


class Statement:
    """The trial balance of a company at the end of a day, each account explained line by line."""

    def __init__(self, shop, day):
        self.shop = shop
        self.day = day
        self.currency = shop.currency
        self.gateway = Gateway(shop)
        # Texts and amounts by account.
        self.lines = defaultdict(list)
        self._explain_sales()
        self._explain_outstanding()
        self._explain_payouts()
        self._explain_losses()
        self._explain_deferred()
        self._explain_bank_refunds()
        self.balances = self._get_balances()

    # === WHAT THE BOOKS SAY === #

    def _name_accounts(self):
        """Return the names in the statement by account."""
        shop, company = self.shop, self.shop.company
        receivables = shop.env['account.account'].search(
            [('account_type', '=', 'asset_receivable'), ('company_ids', 'in', company.ids)]
        )
        return {
            **dict.fromkeys(receivables, "Receivable"),
            **{account: name for name, account in shop.accounts.items()},
            **{
                journal.default_account_id: f"Bank {currency.name}"
                for currency, journal in shop.bank_journals.items()
            },
            shop.outstanding: "Outstanding receipts",
            company.transfer_account_id: "On its way to the bank",
            company.income_currency_exchange_account_id: "Exchange",
            company.expense_currency_exchange_account_id: "Exchange",
            company.income_account_id: "Income",
        }

    def _get_balances(self):
        names = self._name_accounts()
        balances = defaultdict(float)
        for account, balance in self.shop.env['account.move.line']._read_group(
            [
                ('company_id', '=', self.shop.company.id),
                ('account_id', '!=', False),
                ('parent_state', '=', 'posted'),
                ('date', '<=', self.day),
            ],
            ['account_id'],
            ['balance:sum'],
        ):
            balances[names.get(account, account.display_name)] += balance
        return {name: self.currency.round(balance) for name, balance in balances.items()}

    def get_aged_receivables(self):
        """Return the journal items of customers that were open at the end of the day."""
        items = self.shop.env['account.move.line'].search(
            [
                ('company_id', '=', self.shop.company.id),
                ('account_id.account_type', '=', 'asset_receivable'),
                ('parent_state', '=', 'posted'),
                ('date', '<=', self.day),
            ]
        )

        def is_open(item):
            partials = item.matched_debit_ids | item.matched_credit_ids
            partials = partials.filtered(lambda partial: partial.max_date <= self.day)
            matched = sum(
                partial.amount if partial.credit_move_id == item else -partial.amount
                for partial in partials
            )
            return not self.currency.is_zero(item.balance + matched)

        return items.filtered(is_open)

    # === WHAT THEY MUST SAY === #

    def _add(self, account, text, amount):
        if not self.currency.is_zero(amount):
            self.lines[account].append((text, self.currency.round(amount)))

    def _value(self, amount, currency, day):
        """Return an amount in the currency of the company, at the rate of a day."""
        return self.currency.round(amount / self.shop.get_rate(currency, day))

    def _value_booked(self, entry):
        """Return what a payment or refund is in the books from its own day on."""
        return self._value(entry.amount, entry.currency, entry.day)

    def _explain_sales(self):
        income, taxes = defaultdict(float), defaultdict(float)
        rounded = 0
        for entry in self.gateway.entries:
            if entry.kind not in {'charge', 'refund'} or entry.day > self.day:
                continue
            net = entry.currency.round(entry.amount * self.shop.get_net_share(entry.order))
            value = self._value_booked(entry)
            tax_value = self._value(entry.amount - net, entry.currency, entry.day)
            net_value = value - tax_value
            if entry.kind == 'charge' and entry.order.purchase_type != 'instalment':
                # Lines are rounded one by one. Parts of others add up to what is paid.
                net_value = self._value(net, entry.currency, entry.day)
            text = f"{KINDS[entry.kind]}, {entry.order.purchase_type}"
            income[text] -= net_value
            taxes[text] -= tax_value
            rounded += net_value + tax_value - value
        for text, amount in income.items():
            self._add("Income", text, amount)
        for text, amount in taxes.items():
            self._add("VAT", text, amount)
        self._add("Exchange", "Invoices: lines rounded one by one", rounded)

    def _is_paid_out(self, entry):
        return entry.arrival_day is not None and entry.arrival_day <= self.day

    def _explain_outstanding(self):
        """Explain the outstanding receipts: what the gateway holds and hasn't paid out."""
        held = defaultdict(float)
        for entry in self.gateway.entries:
            if entry.kind in {'adjustment', 'stripe_fee'}:
                continue
            is_there, is_gone = entry.day <= self.day, self._is_paid_out(entry)
            if is_there and not is_gone:
                held[KINDS[entry.kind]] += self._value_booked(entry)
        for text, amount in held.items():
            self._add("Outstanding receipts", f"{text}, not paid out", amount)

    def _explain_payouts(self):
        fees, disputes, exchange, transit = 0, 0, defaultdict(float), defaultdict(float)
        for number, amount, currency, arrival_day, bank_day in self.gateway.get_payouts():
            if arrival_day > self.day:
                continue
            value = self._value(amount, currency, arrival_day)
            total = -value
            fee = 0
            for entry in self.gateway.entries:
                if entry.payout != number:
                    continue
                fee += entry.fee - (entry.settled if entry.kind == 'stripe_fee' else 0)
                settled = self._value(entry.settled, currency, arrival_day)
                if entry.kind == 'stripe_fee':
                    continue
                total += settled
                if entry.kind == 'adjustment':
                    value_disputed = self._value_disputed(entry)
                    disputes -= value_disputed
                    exchange["Disputes: other rates when paid out"] += value_disputed - settled
                else:
                    exchange["Payments: other rates when paid out"] += (
                        self._value_booked(entry) - settled
                    )
            fee_value = self._value(fee, currency, arrival_day)
            fees += fee_value
            exchange["Payouts: lines rounded one by one"] += total - fee_value
            self._explain_arrival(value, amount, currency, bank_day, exchange, transit)
            if failure := self._get_failure(number):
                self._explain_return(failure, value, transit, exchange)
        self._add("Fees of payments", "Fees of what was paid out", fees)
        self._add("Disputes", "Taken by banks and brought back", disputes)
        for text, difference in exchange.items():
            self._add("Exchange", text, difference)
        for account, balance in transit.items():
            self._add(account, "Payouts", balance)

    def _value_disputed(self, entry):
        """Return what a dispute is on its account, when a payout takes its money or brings it."""
        if entry.settled > 0:
            return -self._value_disputed(self._get_withdrawal(entry.source))
        loss_day = self.shop.loss_days.get(entry.source)
        if loss_day and loss_day < entry.arrival_day:
            return -self._value_loss(entry)
        return self._value(entry.settled, entry.balance_currency, entry.arrival_day)

    def _value_loss(self, entry):
        """Return what the loss of a dispute is in the books."""
        loss_day = self.shop.loss_days[entry.source]
        if entry.arrival_day and entry.arrival_day <= loss_day:
            return -self._value(entry.settled, entry.balance_currency, entry.arrival_day)
        return self._value(-entry.amount, entry.currency, loss_day)

    def _get_withdrawal(self, dispute):
        """Return what took the money of a dispute."""
        return next(
            entry for entry in self.gateway.entries if entry.source == dispute and entry.settled < 0
        )

    def _explain_losses(self):
        for dispute, day in self.shop.loss_days.items():
            if day <= self.day:
                loss = self._value_loss(self._get_withdrawal(dispute))
                self._add("Lost disputes", f"Booked on {day}", loss)
                self._add("Disputes", "Moved to the losses", -loss)

    def _get_failure(self, payout):
        """Return what brought the money of a payout back, if it is back."""
        return next(
            (
                entry
                for entry in self.gateway.entries
                if entry.kind == 'payout_failure'
                and entry.source == payout
                and entry.day <= self.day
            ),
            None,
        )

    def _explain_return(self, failure, arrived, transit, exchange):
        """Explain a payout that the bank has refused, or sent back after it had arrived."""
        value = self._value_booked(failure)
        if failure.source not in self.shop.bank_days:
            transit["On its way to the bank"] -= arrived
            exchange["Payouts: other rates when sent back"] += arrived - value
            return
        day = self.shop.return_days.get(failure.source)
        if not day or day > self.day:
            transit["On its way to the bank"] -= value
            return
        bank_value = self._value(failure.amount, failure.currency, day)
        transit[f"Bank {failure.currency.name}"] -= bank_value
        exchange["Payouts: other rates at the bank"] += bank_value - value

    def _explain_arrival(self, value, amount, currency, bank_day, exchange, transit):
        if not bank_day or bank_day > self.day:
            transit["On its way to the bank"] += value
            return
        bank_value = self._value(amount, currency, bank_day)
        transit[f"Bank {currency.name}"] += bank_value
        exchange["Payouts: other rates at the bank"] += value - bank_value

    def _explain_deferred(self):
        """Explain what customers have paid for days after the last month that has ended."""
        if not self.shop.company.billing_deferral_account_id:
            return
        day = self.day
        if day != end_of(day, 'month'):
            day = start_of(day, 'month') - timedelta(days=1)
        for entry in self.gateway.entries:
            if (
                entry.kind == 'charge'
                and entry.day <= day
                and entry.order.purchase_type == 'subscription'
            ):
                amount = self._get_deferred(entry, day)
                self._add("Deferred revenue", f"Paid ahead: {entry.reference}", -amount)
                self._add("Income", f"Paid ahead: {entry.reference}", amount)

    def _get_deferred(self, entry, day):
        """Return which part of a payment isn't earned yet, in the currency of the company."""
        refunded = sum(
            other.amount
            for other in self.gateway.entries
            if other.kind == 'refund' and other.payment == entry.payment and other.day <= day
        )
        share = self.shop.get_net_share(entry.order)
        paid = entry.currency.round(entry.amount * share)
        # That of the invoice, whose amounts are rounded.
        rate = self._value(paid, entry.currency, entry.day) / paid
        net = entry.currency.round((entry.amount + refunded) * share)
        first_day, last_day = self._get_period(entry)
        days = (last_day - first_day).days + 1
        earned_days = min(max((day - first_day).days + 1, 0), days)
        earned = entry.currency.round(net * earned_days / days)
        return self.currency.round(net * rate) - self.currency.round(earned * rate)

    def _get_period(self, entry):
        """Return the first and the last day that a payment of a subscription is for."""
        order = entry.order
        event = order.billing_transaction_ids.filtered(
            lambda tx: tx.reference == entry.reference
        ).billing_event_id
        if event:
            return event.period_start, event.period_end
        first_day = local_date(entry.moment, order.partner_id.tz)
        interval = (order.billing_interval_count, order.billing_interval_unit)
        return first_day, nth_date(first_day, *interval, 1) - timedelta(days=1)

    def _explain_bank_refunds(self):
        for entry in self.gateway.entries:
            if entry.kind == 'refund_failure' and entry.day <= self.day:
                self._add("Receivable", "Refunds that came back", -self._value_booked(entry))
        for day, amount in self.shop.paid_by_bank:
            if day <= self.day:
                self._add("Receivable", "Paid to customers by bank", amount)
                self._add(f"Bank {self.currency.name}", "Paid to customers", -amount)

    # === COMPARING === #

    def get_expected(self):
        """Return what the accounts must have."""
        return {
            account: self.currency.round(sum(amount for _text, amount in lines))
            for account, lines in self.lines.items()
        }

    def check(self, test):
        """Check each line of the trial balance.

        :param odoo.tests.TransactionCase test: The test.
        """
        zero = self.currency.is_zero
        expected = {name: one for name, one in self.get_expected().items() if not zero(one)}
        balances = {name: one for name, one in self.balances.items() if not zero(one)}
        test.assertEqual(balances, expected, f"\n{self}")
        aged = self.get_aged_receivables()
        test.assertFalse(aged, [(item.move_id.name, item.date, item.balance) for item in aged])

    def __str__(self):
        rows = [f"{self.shop.company.name}, {self.day:%d %B %Y}, {self.currency.name}"]
        for account in sorted({*self.lines, *self.balances}):
            rows.append(f"{account:<34}{self.balances.get(account, 0):>12.2f}")
            rows += [f"    {text:<44}{amount:>12.2f}" for text, amount in self.lines[account]]
        return "\n".join(rows)
