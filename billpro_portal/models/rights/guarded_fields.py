"""What decides about money, and who writes it: the addon's own methods alone.

`readonly` keeps people from writing a field in a view; by RPC, API and CSV whoever may edit an
order writes all of it. The addon's own methods check who asks and for what, and then write in
superuser mode, which no request can ask for: the guard lets nothing else pass. It covers
`create` and `write` with all that leads to them: copies, imports, commands of parents, defaults
in the context.
"""

from odoo.exceptions import AccessError

# Whatever the record.
OWN = {
    'sale.order': {
        'billing_anchor_date',
        'billing_anchor_number',
        'billing_authorization_id',
        'billing_balance',
        'billing_cancel_date',
        'billing_cancel_note',
        'billing_cancel_reason_id',
        'billing_change_ids',
        'billing_cancel_requested_date',
        'billing_collection_amount',
        'billing_collection_date',
        'billing_customer_paused_date',
        'billing_backup_token_id',
        'billing_consent_ids',
        'billing_credit_declaration',
        'billing_credited',
        'billing_declaration_ids',
        'billing_discount_ids',
        'billing_dispute_ids',
        'billing_ended_date',
        'billing_event_ids',
        'billing_free_exit_date',
        'billing_owes_arrears',
        'billing_is_disputed',
        'billing_move_ids',
        'billing_notification_ids',
        'billing_other_payments_told',
        'billing_paid',
        'billing_pause_until',
        'billing_paused_date',
        'billing_period_amount',
        'billing_predecessor_id',
        'billing_refunded',
        'billing_resumed_date',
        'billing_skipped',
        'billing_status',
        'billing_successor_ids',
        'billing_summary_pdf',
        'billing_suspended_date',
        'billing_tax_change',
        'billing_token_id',
        'billing_transaction_ids',
        'billing_usage_alert',
        'billing_usage_period_ids',
        'billing_usage_waived',
        'billing_visit_ids',
        'order_link_first_sent_date',
        'order_link_opened_date',
        'order_link_sent_date',
    },
    'sale.order.line': {
        'billing_charge_change_ids',
        'billing_charge_id',
        'billing_event_id',
        'billing_every_periods',
        'billing_is_added',
        'billing_usage_start',
    },
    'payment.transaction': {
        'billing_action_required',
        'billing_advice_code',
        'billing_attempt',
        'billing_authorized_date',
        'billing_capture_reminded',
        'billing_collect_amount',
        'billing_database',
        'billing_decline_class',
        'billing_decline_code',
        'billing_ended',
        'billing_error_code',
        'billing_event_id',
        'billing_for_all_orders',
        'billing_inquiry_count',
        'billing_ip_address',
        'billing_is_card_update',
        'billing_is_release',
        'billing_journal_id',
        'billing_network_advice_code',
        'billing_network_code',
        'billing_next_inquiry',
        'billing_not_attempted',
        'billing_on_account',
        'billing_order_id',
        'billing_outcome_unknown',
        'billing_receipt_pdf',
        'billing_refund_user_id',
        'billing_refusal',
        'billing_resent',
        'billing_return_date',
        'billing_sent_date',
        'billing_superseded',
        'billing_unanswered_date',
    },
    'payment.token': {
        'billing_order_ids',
        'billing_mandate_creditor',
        'billing_mandate_reference',
        'card_brand',
        'card_expiry_date',
        'card_fingerprint',
        'card_last_digits',
        'card_wallet',
    },
    'account.move': {'billing_order_id', 'billing_skipped_amount', 'billpro_einvoice_state'},
    'account.move.line': {'billing_period_end', 'billing_period_start'},
    'billpro.billing.run': {
        'charged_count',
        'company_id',
        'declined_count',
        'due_count',
        'failed_count',
        'seconds',
        'start_date',
        'unknown_count',
    },
    # What is noted by itself.
    'billpro.usage.import': {
        'accepted_count',
        'company_id',
        'done_count',
        'duplicate_count',
        'error_file',
        'refused_count',
        'row_count',
        'state',
        'unattributed_count',
    },
    'billpro.price.increase': {'company_id', 'line_ids', 'preview_number', 'state'},
    'billpro.cancel.subscription': {'unused_amount', 'unused_days'},
    'billpro.bulk.action': {
        'company_ids',
        'confirmed_date',
        'is_told',
        'line_ids',
        'preview_number',
        'state',
        'user_id',
    },
    'billpro.usage.meter': {'is_used', 'version_ids'},
    'billpro.usage.source': {'last_date', 'refused_count', 'taken_ids', 'user_id'},
    # What was sent.
    'billpro.usage.unattributed': {
        'company_id',
        'meter_code',
        'moment',
        'order_name',
        'properties',
        'quantity',
        'reason',
        'record_id',
        'sender_id',
        'subscriber_key',
        'void_reason',
    },
    # What a dialog has made, once.
    'billpro.capture': {'capture_transaction_id'},
    'billpro.charge.card': {'transaction_id'},
    'billpro.refund': {'refund_transaction_id'},
    'billpro.take.payment': {'event_id'},
}

# Of what belongs to orders with a purchase type; on other records they are Odoo's.
OF_ORDERS = {
    'sale.order': {
        'access_token',
        'amount_tax',
        'amount_total',
        'amount_untaxed',
        'currency_id',
        'currency_rate',
        'transaction_ids',
    },
    'sale.order.line': {'invoice_lines', 'price_subtotal', 'price_tax', 'price_total'},
    'account.move': {'amount_residual', 'amount_total', 'transaction_ids'},
    'payment.token': {
        'company_id',
        'partner_id',
        'payment_method_id',
        'provider_id',
        'provider_ref',
    },
}


def guard_of_orders(model, *names):
    """Guard what belongs to orders in more fields, which another room or addon knows of.

    :param str model: The model.
    :param str names: The names of the fields.
    """
    OF_ORDERS[model].update(names)


def get_given_names(env, vals_list):
    """Return the names of the fields that new records are given by whoever creates them.

    :param odoo.api.Environment env: The environment, whose context may have defaults.
    :param list[dict] vals_list: The values.
    :rtype: set[str]
    """
    return {name for vals in vals_list for name in vals} | {
        key.removeprefix('default_') for key in env.context if key.startswith('default_')
    }


def _refuse_payments_of_orders(records):
    """Refuse to link payments of orders to something that their own pages didn't link them to.

    :param odoo.models.BaseModel records: What they were linked to.
    :raise AccessError: Always.
    """
    raise AccessError(
        records.env._("What was paid by an order link is booked by the order itself.")
    )
