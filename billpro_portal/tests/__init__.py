from importlib.util import find_spec

from . import (
    test_back_office_list_tours,
    test_billing_lists,
    test_billing_reports,
    test_billing_rights,
    test_booking,
    test_cancellation,
    test_capture,
    test_capture_tours,
    test_changed_lines,
    test_charge_card,
    test_checkout,
    test_completion,
    test_constant_queries,
    test_documents,
    test_each_alone,
    test_instalment,
    test_instalment_closing,
    test_instalment_tours,
    test_lifecycle,
    test_list_queries,
    test_log_redaction,
    test_merging,
    test_metered,
    test_metered_tours,
    test_new_company,
    test_notification,
    test_notification_delivery,
    test_notification_timed,
    test_order_access,
    test_order_action_tours,
    test_order_cards,
    test_order_import,
    test_order_link,
    test_order_link_tours,
    test_order_pages,
    test_purchase_type,
    test_refund,
    test_refund_instalment,
    test_request_outcomes,
    test_reschedule,
    test_rescheduled_reports,
    test_review,
    test_run_queries,
    test_sale_features,
    test_schedule_actions,
    test_schedule_tours,
    test_self_service_access,
    test_self_service_requests,
    test_subscription,
    test_subscription_tours,
)

# Packages that this addon's own checkout has, and another Odoo may be without.
if find_spec('hypothesis'):
    # How patient the laws are, before any is read.
    from .common import hypothesis_profile

    # isort: split
    from . import (
        test_calendar,
        test_declines,
        test_money,
        test_notice_dates,
        test_order_life_cycle,
        test_schedule_changes,
    )

if find_spec('fake_gateway'):
    from . import (
        test_capture_gateway,
        test_card_limits,
        test_each_payment_alone,
        test_recovery,
        test_recovery_stateful,
        test_self_service_keyboard,
        test_self_service_tours,
        test_stripe_cards,
        test_stripe_checkout_tours,
        test_stripe_requests,
        test_unknown_exceptions,
        test_unknown_outcome,
        test_webhook,
        test_webhook_after_payment,
    )
