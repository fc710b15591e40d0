"""Usage: meters, records, and how they become money."""

from . import (
    billing_event,
    product_template,
    sale_order,
    sale_order_line,
    usage_charge,
    usage_charge_change,
    usage_import,
    usage_line,
    usage_meter,
    usage_meter_version,
    usage_period,
    usage_record,
    usage_source,
    usage_taken,
    usage_tier,
    usage_unattributed,
    usage_void,
)
