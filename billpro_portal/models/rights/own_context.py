"""What our own methods tell each other by the context, and remember within a transaction.

A request brings a context, too, and could tell them the same: that no money moves, that lines are
looked at later. So the keys that begin with `billing_` count only with a value that no request can
bring; JSON becomes plain strings, lists and numbers.

A key reaches what Odoo calls in between, which knows nothing of ours. Where our own method calls
another one of ours, an argument says it.
"""

# The keys, and what each one says. `devtools/tests/test_own_context.py` finds others.
KEYS = {
    'billing_answers': "a list that collects what the provider answers to a charge, so that it can"
    " be taken in once more if taking it in breaks off",
    'billing_archive_used_cards': "cards are archived although live orders are charged to them:"
    " they can't be charged any more",
    'billing_batch': "documents of many orders are made at once: what Odoo looks up for each of"
    " them is looked up once",
    'billing_by_hand': "staff send the notice, whatever kinds are switched on",
    'billing_charge_written': "tiers are written with their charge, which is checked when all of"
    " them are there",
    'billing_counts_anew': "a subscription gets the interval of the plan that it is changed to, or"
    " the days that somebody has paid before it, which its customer or staff agreed to",
    'billing_fixed_taxes': "the taxes of lines on the invoice that is made, by line",
    'billing_is_told': "the customer is told of what changes by a notice of its own",
    'billing_lines_changing': "lines of an order are changed by a method that lets its payments"
    " follow when it is done",
    'billing_makes_mails': "many mails are made at once, whose template has no name",
    'billing_moves_no_money': "the request only asks: its failure says nothing about the payment",
    'billing_paid_at_once': "the invoice is of what a card pays now: it has no term to pay it in",
    'billing_post_processing_triggered': "the caller books what is done: Odoo's job isn't needed",
    'billing_repeated_request': "the request was sent before: that one may have been executed even"
    " if this one isn't tried",
    'billing_replaces_plan': "the product of a line is replaced by another one of its plan family:"
    " the periods that were invoiced stay what they were",
    'billing_request_of_order': "the request to the provider is about a payment of an order",
}
# What the transaction of the database remembers until it ends (`cr.precommit.data`), and why it
# can't be out of date: no context, as it must not outlive the transaction or come from a request.
MEMORY = {
    'billing_confirmed_orders': "the orders that are being confirmed, which may be changed",
    'billing_default_journals': "the journals of documents that the run makes; it changes none",
    'billing_distribution_models': "the analytic distributions of lines that the run makes; it"
    " changes no model of them",
    'billing_fiscal_positions': "the fiscal positions of documents that the run makes; it changes"
    " no position and no partner",
    'billing_notes': "the notes on orders that are logged all at once when the invoices are paid",
}


class _Inside(str):
    """A string, so that a context can still be sent to the browser with an action."""


INSIDE = _Inside('inside')


class Answers(list):
    """Where the answers of a provider are collected, to be worked through later."""


class FixedTaxes(dict):
    """What keeps the taxes of order lines on an invoice as they are: Odoo's data by line id."""


def is_inside(env, key):
    """Say whether one of our own methods has set a key of the context.

    :param odoo.api.Environment env: The environment.
    :param str key: The key.
    :rtype: bool
    """
    return env.context.get(key) is INSIDE


def get_answers(env):
    """Return where answers are collected, if they are.

    :param odoo.api.Environment env: The environment.
    :return: The answers so far.
    :rtype: Answers | None
    """
    answers = env.context.get('billing_answers')
    return answers if isinstance(answers, Answers) else None
