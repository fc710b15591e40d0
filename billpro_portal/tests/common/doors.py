"""Who may call the addon's public methods and write its fields, by RPC as everywhere else.

What is missing here fails `test_doors`: whoever adds a method or a field says who it is for.
"""

# Roles of `common.rights.GROUPS` that may call a method, by who it is for.
SALESPEOPLE = {
    'salesperson of own orders',
    'salesperson of all orders',
    'billing user',
    'billing manager',
}
BILLING_USERS = {'billing user', 'billing manager'}
BILLING_MANAGERS = {'billing manager'}
INVOICING = {'invoicing', 'bookkeeper'}
ADMINISTRATORS = {'administrator'}
# Whoever may write to the record, or read it.
WRITERS = 'write'
READERS = 'read'
# Odoo's own method with Odoo's own rights; the addon only adds to it.
ODOO = 'odoo'

METHODS = {
    'account.move': {
        'action_open_billing_deferrals': READERS,
        'button_cancel': ODOO,
        'create': ODOO,
        'write': ODOO,
    },
    'account.move.reversal': {'reverse_moves': ODOO},
    'account.payment': {'create': ODOO, 'write': ODOO},
    'account.tax': {'write': ODOO},
    'billpro.attempt.report': {'action_open_order': READERS},
    'billpro.billing.event': {
        'action_execute_now': BILLING_USERS,
        'action_open_invoice': READERS,
        'action_open_merge': BILLING_USERS,
        'action_open_reschedule': BILLING_USERS,
        'action_open_skip': BILLING_USERS,
        'action_open_transaction': READERS,
        'action_print_receipt': READERS,
        'action_was_charged': BILLING_MANAGERS,
        'action_was_not_charged': BILLING_MANAGERS,
    },
    'billpro.billing.exception': {
        'action_execute_now': BILLING_USERS,
        'action_open': READERS,
        'action_open_order': READERS,
        'action_request_card_update': SALESPEOPLE,
        'action_try_again': BILLING_USERS,
    },
    'billpro.billing.run': {'action_run_now': BILLING_MANAGERS},
    'billpro.cancel.subscription': {'action_cancel': BILLING_USERS},
    'billpro.cancel.reason': {'write': ODOO},
    'billpro.capture': {'action_capture': BILLING_USERS},
    'billpro.card.expiry': {
        'action_open_order': READERS,
        'action_request_card_update': SALESPEOPLE,
    },
    'billpro.cash.report': {'action_open_order': READERS},
    'billpro.charge.card': {'action_charge': BILLING_USERS},
    'billpro.collection.report': {'action_open_order': READERS},
    'billpro.deferral.report': {'action_open_order': READERS},
    'billpro.dialog': {'create': ODOO, 'write': ODOO},
    'billpro.dispute': {
        'action_book': INVOICING | BILLING_MANAGERS,
        'action_book_otherwise': INVOICING | BILLING_MANAGERS,
        'action_open_entry': READERS,
        'action_reopen_booking': INVOICING | BILLING_MANAGERS,
    },
    'billpro.follow.taxes': {'action_follow': BILLING_MANAGERS},
    'billpro.merge': {'action_merge': BILLING_USERS},
    'billpro.mrr.report': {'action_open_order': READERS},
    'billpro.notification': {'action_send_again': SALESPEOPLE},
    'billpro.notification.kind': {
        'action_preview_mail': READERS,
        'action_preview_sms': READERS,
    },
    'billpro.order.link': {
        'action_revoke': SALESPEOPLE,
        'action_send_mail': SALESPEOPLE,
        'action_send_sms': SALESPEOPLE,
        'create': ODOO,
    },
    'billpro.order.report': {'action_open_order': READERS},
    'billpro.pause': {'action_pause': BILLING_USERS},
    'billpro.payout': {
        'action_book': INVOICING,
        'action_open_entry': READERS,
        'action_reconcile_bank': INVOICING,
    },
    'billpro.payout.import': {'action_import': INVOICING},
    'billpro.recovery.report': {'action_open_order': READERS},
    'billpro.refund': {'action_refund': BILLING_MANAGERS},
    'billpro.reschedule': {'action_reschedule': BILLING_USERS},
    'billpro.skip': {'action_skip': BILLING_USERS},
    'billpro.take.payment': {'action_take_payment': BILLING_USERS},
    'billpro.webhook.event': {'action_process_again': BILLING_MANAGERS},
    # Odoo's own dialogs; see `wizards.other_links`.
    'payment.capture.wizard': {'action_capture': ODOO},
    'payment.link.wizard': {'default_get': ODOO},
    'payment.provider': {
        'action_billpro_create_webhook': ADMINISTRATORS,
        'action_billpro_test_connection': ADMINISTRATORS,
    },
    'payment.token': {'get_linked_records_info': READERS},
    'payment.transaction': {
        'action_capture': BILLING_USERS,
        'action_refund': BILLING_MANAGERS,
        'action_void': BILLING_MANAGERS,
        'action_was_executed': BILLING_MANAGERS,
        'action_was_not_executed': BILLING_MANAGERS,
        'create': ODOO,
        'write': ODOO,
    },
    'res.users': {'action_archive': ODOO, 'write': ODOO},
    'portal.share': {'action_send_mail': ODOO, 'default_get': ODOO},
    'sale.order': {
        'action_cancel_unpaid': WRITERS,
        'action_draft': ODOO,
        'action_mail_order_links': SALESPEOPLE,
        'action_mark_complete': BILLING_MANAGERS,
        'action_open_billing_invoices': READERS,
        'action_open_billing_notices': READERS,
        'action_open_billing_payments': READERS,
        'action_open_billing_refunds': READERS,
        'action_open_cancel_subscription': BILLING_USERS,
        'action_open_capture': BILLING_USERS,
        'action_open_charge_card': BILLING_USERS,
        'action_open_disputes': READERS,
        'action_open_merge': BILLING_USERS,
        'action_open_order_link': SALESPEOPLE,
        'action_open_pause': BILLING_USERS,
        'action_open_refund': BILLING_MANAGERS,
        'action_open_take_payment': BILLING_USERS,
        'action_quotation_send': ODOO,
        'action_refund_on_account': BILLING_MANAGERS,
        'action_release': BILLING_MANAGERS,
        'action_request_card_update': SALESPEOPLE,
        'action_resume': BILLING_USERS,
        'action_resume_charges': BILLING_USERS,
        'action_revoke_order_link': SALESPEOPLE,
        'action_send_order_link_mail': SALESPEOPLE,
        'action_send_order_link_sms': SALESPEOPLE,
        'action_send_reminder': SALESPEOPLE,
        'action_undo_cancellation': BILLING_USERS,
        'create': ODOO,
        'get_portal_url': READERS,
        'message_post': ODOO,
        'write': ODOO,
    },
    'sale.order.line': {'create': ODOO, 'unlink': ODOO, 'write': ODOO},
}

# Fields that are written by whoever may write the record. All others of the addon are guarded
# (`models.guarded_fields.OWN`), computed and not stored, or of models that nobody may write.
FIELDS = {
    # Settings, of those who set up products and companies.
    'product.template': {
        'billing_cycles',
        'billing_deposit',
        'billing_deposit_type',
        'billing_initial_amount',
        'billing_instalment_count',
        'billing_interval_count',
        'billing_interval_unit',
        'billing_lock_pricing',
        'billing_lock_terms',
        'billing_trial_days',
        'purchase_type',
    },
    'res.company': {
        'billing_auto_suspend',
        'billing_cancel_after_days',
        'billing_cancel_mode',
        'billing_debit_notice_days',
        'billing_deferral_account_id',
        'billing_deferral_journal_id',
        'billing_deferral_month',
        'billing_mail_sender',
        'billing_missed_periods',
        'billing_notice_days',
        'billing_privacy_url',
        'billing_reminder_days',
        'billing_retry_days',
        'billing_tax_change',
        'billing_terms_url',
    },
    # Of administrators.
    'payment.provider': {
        'billpro_adjustment_account_id',
        'billpro_creditor_identifier',
        'billpro_dispute_account_id',
        'billpro_fee_account_id',
        'billpro_loss_account_id',
        'billpro_payouts_since',
        'billpro_tested_date',
        'billpro_webhook_version',
        'webhook_refused_date',
    },
    # Of administrators, while no order is charged to the card.
    'payment.token': {'provider_ref', 'stripe_mandate', 'stripe_payment_method'},
    # Of salespeople, until the customer has agreed; see `sale.order._check_billing_written_terms`.
    'sale.order': {
        'access_token',
        'billing_cycles',
        'billing_deposit',
        'billing_end_date',
        'billing_first_date',
        'billing_initial_amount',
        'billing_instalment_count',
        'billing_interval_count',
        'billing_interval_unit',
        'billing_trial_days',
        'purchase_type',
    },
    'sale.order.line': {'billing_each_period'},
    # Of billing managers; what counts for all companies, of administrators.
    # Whoever may edit an activity may edit which question it is: one is asked once more at worst.
    'mail.activity': {'billpro_subject'},
    'billpro.cancel.reason': {'active', 'company_id', 'name', 'sequence'},
    'billpro.notification.kind': {
        'code',
        'description',
        'is_manual',
        'is_requested',
        'mail_on',
        'mail_template_id',
        'sequence',
        'sms_on',
        'sms_template_id',
    },
    # What a dialog asks for.
    'billpro.cancel.subscription': {'note', 'order_id', 'reason_id', 'when'},
    'billpro.capture': {'amount', 'order_id', 'transaction_id'},
    'billpro.charge.card': {'has_consent', 'order_id', 'token_id'},
    'billpro.follow.taxes': {
        'order_count',
        'position_ids',
        'preview_ids',
        'product_ids',
        'tax_ids',
    },
    'billpro.merge': {'day', 'event_ids', 'order_id', 'reason'},
    'billpro.order.link': {'order_id'},
    'billpro.pause': {'order_id', 'until'},
    'billpro.payout.import': {'file', 'file_name', 'payment_method_line_id'},
    'billpro.refund': {'amount', 'order_id', 'transaction_id'},
    'billpro.reschedule': {'amount', 'day', 'event_id', 'reason', 'scope'},
    'billpro.skip': {'event_id', 'reason'},
    'billpro.take.payment': {'amount', 'due_date', 'note', 'order_id', 'when'},
}
