from . import billing_run, payment_provider, payment_transaction
