"""Odoo's other providers that store cards, one file each: what they say, and what they can tell."""

from . import (
    provider_adyen,
    provider_authorize_net,
    provider_flutterwave,
    provider_mercado_pago,
    provider_razorpay,
    provider_worldline,
    provider_xendit,
)
