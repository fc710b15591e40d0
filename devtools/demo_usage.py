"""A demo order whose usage is counted, with most of a month of it: executed inside Odoo."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from odoo import Command, fields
from odoo.api import Environment

# What the demo's own systems call the customer who uses the machines.
SUBSCRIBER = 'museum'
DAYS = 24
METERS = {
    'laser_minutes': ("Laser cutter", 'uom.product_uom_minute'),
    'filament': ("3D printer filament", 'uom.product_uom_gram'),
}
TIERS = ((60, 0.9), (0, 0.7))
CHARGES: dict[str, tuple[str, dict[str, Any]]] = {
    'laser_minutes': (
        "Laser minutes: 40 included",
        {
            'kind': 'graduated',
            'allowance': 40,
            'tier_ids': [
                Command.create({'up_to': up_to, 'unit_price': price}) for up_to, price in TIERS
            ],
        },
    ),
    'filament': (
        "Filament by 100 g",
        {'kind': 'package', 'package_size': 100, 'unit_price': 4.0},
    ),
}


def create_charges(env: Environment) -> dict[str, Any]:
    """Create what is counted, and what it costs.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The charges by the codes of their meters.
    :rtype: dict
    """
    charges = {}
    for code, (name, unit) in METERS.items():
        meter = env['billpro.usage.meter'].create(
            {'code': code, 'name': name, 'uom_id': env.ref(unit).id}
        )
        charge_name, terms = CHARGES[code]
        charges[code] = env['billpro.usage.charge'].create(
            {'name': charge_name, 'meter_id': meter.id, **terms}
        )
    return charges


def use(order: Any) -> None:
    """Let an order have begun some weeks ago, and be used since.

    :param sale.order order: The order, whose initial payment was approved just now.
    """
    today = fields.Date.today()
    order.write(
        {
            'billing_anchor_date': today - timedelta(days=DAYS),
            'billing_subscriber_key': SUBSCRIBER,
        }
    )
    periods = order.billing_usage_period_ids
    periods.write(periods._prepare(order, 0))
    records = []
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - number)
        if day.isoweekday() > 5:
            continue
        moment = datetime.combine(day, time(18, 30)).isoformat()
        place = {'subscriber': SUBSCRIBER, 'timestamp': moment}
        minutes = {'id': f'job-{number}', 'meter': 'laser_minutes', 'quantity': 3 + number * 7 % 11}
        records.append({**minutes, **place, 'properties': {'material': "plywood"}})
        if number % 3 == 0:
            grams = {'id': f'spool-{number}', 'meter': 'filament', 'quantity': 20 + number * 2.5}
            records.append({**grams, **place})
    order.env['billpro.usage.record'].with_company(order.company_id).ingest(records)
