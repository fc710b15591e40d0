from datetime import datetime

from freezegun import freeze_time

from odoo import Command

from ...models.usage.usage_record import UsageQuery
from .subscription import SubscriptionCommon


class UsageCommon(SubscriptionCommon):
    """A metered order of Brussels that is live since 10 January 2027, with two meters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.calls = cls._create_meter('api_calls', "API calls")
        cls.storage = cls._create_meter('storage', "Storage", aggregation='max')
        cls.calls_charge = cls._create_charge(cls.calls, unit_price=0.02, allowance=100)
        cls.api = cls._create_sold_product("API access", 1, cls.tax_6, 'metered')
        cls.api.billing_charge_id = cls.calls_charge
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order((cls.api, 1))
        cls.Record = cls.env['billpro.usage.record'].with_user(cls.billing_manager)

    @classmethod
    def _create_meter(cls, code, name, **values):
        return cls.env['billpro.usage.meter'].create(
            {'code': code, 'name': name, 'company_id': cls.company.id, **values}
        )

    @classmethod
    def _create_charge(cls, meter, *tiers, **values):
        """Return a charge; tiers are triples of their end, the price and the flat fee."""
        return cls.env['billpro.usage.charge'].create(
            {
                'name': f"{meter.name} charge",
                'company_id': cls.company.id,
                'currency_id': cls.company.currency_id.id,
                'meter_id': meter.id,
                'tier_ids': [
                    Command.create({'up_to': end, 'unit_price': price, 'flat_fee': fee})
                    for end, price, fee in tiers
                ],
                **values,
            }
        )

    @classmethod
    def _create_disk(cls, *tiers, **values):
        """Return a product whose storage is charged."""
        disk = cls._create_sold_product("Storage", 1, cls.tax_6, 'metered')
        terms = values or {'unit_price': 1}
        disk.billing_charge_id = cls._create_charge(cls.storage, *tiers, **terms)
        return disk

    @classmethod
    def _make_record(cls, sender_id, quantity=1, timestamp='2027-01-15T12:00:00Z', **values):
        """Return a record as another system sends it."""
        return {
            'id': sender_id,
            'meter': 'api_calls',
            **({} if 'subscriber' in values else {'order': cls.order.name}),
            'timestamp': timestamp,
            'quantity': quantity,
            **values,
        }

    def _ingest(self, *records, **options):
        """Send records; return a status and a reason for each."""
        with freeze_time('2027-01-20 10:00:00'):
            answers = self.Record.ingest(list(records), **options)
        self.env.invalidate_all()
        return [(answer['status'], answer.get('reason')) for answer in answers]

    def _count(self, meter, start='2027-01-10', end='2027-02-10', definition=None, order=None):
        """Return what a meter counted of the order between two days in UTC."""
        query = self._get_query(meter, start, end, definition, order)
        return self.env['billpro.usage.record']._count([query])[0]

    def _get_query(self, meter, start, end, definition=None, order=None):
        return UsageQuery(
            (order or self.order).id,
            meter.id,
            datetime.fromisoformat(start),
            datetime.fromisoformat(end),
            definition or meter,
        )
