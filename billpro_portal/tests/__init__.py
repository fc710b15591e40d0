from importlib.util import find_spec

from . import (
    test_actions,
    test_colors,
    test_constant_queries,
    test_law,
    test_lifecycle,
    test_log_redaction,
    test_new_company,
    test_packages,
    test_payment_methods,
    test_provider_declines,
    test_request_outcomes,
    test_retention,
    test_sale_features,
    test_stripe_limits,
)
from .accounting import (
    test_booking,
    test_books,
    test_books_refuse,
    test_deferral,
    test_documents,
    test_einvoicing,
    test_refund,
    test_refund_instalment,
    test_taxes,
)
from .cancellation import test_cancellation
from .capture import test_capture, test_capture_tours
from .cards import test_order_cards
from .changes import (
    test_adjust,
    test_change,
    test_change_by_keyboard,
    test_change_of_interval,
    test_change_page,
    test_price_increase,
    test_worked_changes,
)
from .charging import test_batch, test_run_queries
from .checkout import (
    test_charge_card,
    test_checkout,
    test_other_payments,
    test_paid_elsewhere,
    test_transfer_on_phone,
    test_transfers,
)
from .declarations import test_declarations, test_law_walks
from .each_alone import test_each_alone
from .details import test_mail_change, test_order_details
from .early import test_pay_early
from .many import test_bulk_action
from .notices import (
    test_notice_templates,
    test_notification,
    test_notification_delivery,
    test_notification_recipient,
    test_notification_timed,
    test_twentieth_notice,
    test_usage_notices,
)
from .orders import (
    test_back_office_list_tours,
    test_billing_lists,
    test_changed_lines,
    test_completion,
    test_confirmation,
    test_list_queries,
    test_order_access,
    test_order_action_tours,
    test_order_import,
    test_order_link,
    test_order_link_tours,
    test_visits,
)
from .pages import (
    test_browser_pages,
    test_confirmation_code,
    test_languages,
    test_order_home,
    test_order_pages,
    test_order_routes,
    test_order_statements,
    test_order_usage,
    test_self_service_access,
    test_self_service_requests,
)
from .payouts import test_payout_import
from .privacy import test_privacy
from .purchase import (
    test_fifth_type,
    test_instalment,
    test_instalment_closing,
    test_instalment_tours,
    test_longer_intervals,
    test_metered,
    test_metered_tours,
    test_purchase_type,
    test_review,
    test_subscription,
    test_subscription_tours,
)
from .reports import test_billing_reports
from .rights import test_billing_rights, test_doors, test_questions, test_read_access
from .schedule import (
    test_customer_schedule,
    test_merging,
    test_possible_actions,
    test_reschedule,
    test_rescheduled_reports,
    test_schedule_actions,
    test_schedule_tours,
)
from .succession import test_succession
from .usage import (
    test_usage_estimate,
    test_usage_import,
    test_usage_meters,
    test_usage_periods,
    test_usage_records,
    test_usage_sources,
)

# Packages that this addon's own checkout has, and another Odoo may be without.
if find_spec('hypothesis'):
    # How patient the laws are, before any is read.
    from .common import hypothesis_profile

    from . import (
        test_agreement,
        test_calendar,
        test_declines,
        test_metering,
        test_money,
        test_notice_dates,
        test_order_life_cycle,
        test_proration,
        test_rating,
        test_schedule_changes,
        test_standing,
        test_usage_batch,
    )
    from .accounting import test_order_report
    from .usage import test_usage_same_bill

if find_spec('fake_gateway'):
    from . import test_six_months
    from .attempts import (
        test_foreign_payments,
        test_giving_up,
        test_provider_contract,
        test_unknown_outcome,
        test_what_takes_days,
        test_whose_payment,
    )
    from .capture import test_capture_gateway
    from .changes import test_change_at_the_bank
    from .charging import test_unknown_exceptions
    from .checkout import test_stored_card_authentication, test_stripe_checkout_tours
    from .each_alone import test_each_payment_alone, test_one_stops_nobody
    from .orders import test_card_limits
    from .pages import test_self_service_keyboard, test_self_service_tours
    from .payouts import test_payouts
    from .recovery import test_backup, test_recovery, test_recovery_stateful
    from .rights import test_guarded_fields
    from .stripe import (
        test_debit_pages,
        test_debits,
        test_stripe_cards,
        test_stripe_refusals,
        test_stripe_requests,
        test_webhook,
        test_webhook_after_payment,
    )
