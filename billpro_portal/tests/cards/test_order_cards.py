from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from ...models.orders import sale_order
from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestOrderCards(SubscriptionCommon):
    """The card rules of the order portal."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order()
            cls.card = cls.order.billing_token_id
            cls.spare = cls._create_token()

    def _row(self, card, order=None):
        order = order or self.order
        values = order.env['billpro.order.cards']._get_card_values(order)
        rows = [*values['rows'], *values['more_rows']]
        return next(row for row in rows if row['id'] == card.id)

    def test_live_and_fine(self):
        values = self.order.env['billpro.order.cards']._get_card_values(self.order)
        self.assertEqual([row['id'] for row in values['rows']], [self.card.id])
        self.assertEqual(values['more'], "1 more saved card")
        self.assertEqual([row['id'] for row in values['more_rows']], [self.spare.id])
        self.assertTrue(values['add_url'])
        self.assertFalse(values['offer_all_orders'])
        row = self._row(self.card)
        self.assertEqual(
            (row['name'], row['expiry'], row['badge']),
            ("Demo •••• 4242", "Expires 01/2030", False),
        )
        self.assertEqual(
            (row['is_selected'], row['can_select'], row['can_remove']), (True, False, False)
        )
        row = self._row(self.spare)
        self.assertEqual(
            (row['is_selected'], row['can_select'], row['can_remove']), (False, True, True)
        )

    def test_expiry(self):
        self.card.card_expiry_date = date(2027, 2, 28)
        for day, state in (
            ('2027-01-14', 'valid'),
            ('2027-01-15', 'expiring'),
            ('2027-02-28', 'expiring'),
            ('2027-03-01', 'expired'),
        ):
            with freeze_time(f'{day} 10:00:00'):
                self.card.invalidate_recordset(['card_state'])
                self.assertEqual(self.card.card_state, state, day)
        with freeze_time('2027-01-20 10:00:00'):
            self.card.invalidate_recordset(['card_state'])
            (item,) = self.order.env['billpro.order.attention']._get_attention(self.order)
            self.assertEqual(item['title'], "Your card expires soon")
            self.assertIn("expires on February\xa028.", item['text'])
            self.assertEqual([action['label'] for action in item['actions']], ["Update card"])
            self.assertEqual(
                self._row(self.card)['badge'], {'text': "Expires soon", 'css': 'warning'}
            )

    def test_selecting(self):
        self.order._billing_select_card(self.spare)
        self.assertEqual(self.order.billing_token_id, self.spare)
        self.assertTrue(self._row(self.card)['can_remove'])
        self.order._billing_remove_card(self.card)
        self.assertFalse(self.card.active)
        self.assertEqual(
            len(self.order.env['billpro.order.cards']._get_card_values(self.order)['rows']), 1
        )

    def test_for_all_orders(self):
        other = self._create_active_order()
        foreign = self._create_order((self.gym, 1), partner=self.other_customer)
        self._create_initial_transaction(
            foreign, 'done', token_id=self._create_token(partner=self.other_customer).id
        )._post_process()
        self.assertTrue(
            self.order.env['billpro.order.cards']._get_card_values(self.order)['offer_all_orders']
        )
        self.order._billing_select_card(self.spare, for_all_orders=True)
        self.assertEqual((self.order | other).billing_token_id, self.spare)
        self.assertNotEqual(foreign.billing_token_id, self.spare)

    def test_a_used_card_is_not_removed_and_the_orders_are_named(self):
        other = self._create_active_order()
        card = other.billing_token_id
        row = self._row(card)
        self.assertFalse(row['can_remove'])
        self.assertEqual(row['note'], f"Charged for {other.name}, too.")
        with self.assertRaisesRegex(UserError, f"charged for {other.name}"):
            self.order._billing_remove_card(card)
        with self.assertRaisesRegex(UserError, f"charged for {self.order.name}"):
            self.order._billing_remove_card(self.card)
        self.assertEqual(self.card.get_linked_records_info()[0]['name'], self.order.name)
        other._billing_cancel_subscription(at_once=True)
        self.order._billing_remove_card(card)
        self.assertFalse(card.active)

    def test_switching_the_provider_off_ends_its_cards(self):
        self.provider.state = 'disabled'
        self.assertFalse(self.card.active)
        (item,) = self.order.env['billpro.order.attention']._get_attention(self.order)
        self.assertEqual(item['title'], "Your card can't be charged any more")
        self.assertEqual(
            self.order.env['billpro.order.cards']._get_card_values(self.order)['rows'], []
        )

    def test_other_peoples_cards(self):
        foreign = self._create_token(partner=self.other_customer)
        with self.assertRaisesRegex(UserError, "not available"):
            self.order._billing_get_card(foreign.id)
        with self.assertRaisesRegex(UserError, "not available"):
            self.order._billing_get_card(None)
        values = self.order.env['billpro.order.cards']._get_card_values(self.order)
        self.assertNotIn(foreign.id, [row['id'] for row in [*values['rows'], *values['more_rows']]])

    def test_a_companys_card(self):
        company = self.env['res.partner'].create({'name': "Peeters NV", 'is_company': True})
        self.customer.parent_id = company
        card = self._create_token(partner=company)
        self.assertEqual(self.order._billing_get_card(card.id), card)
        colleague = self.env['res.partner'].create({'name': "Tom", 'parent_id': company.id})
        with self.assertRaises(UserError):
            self.order._billing_get_card(self._create_token(partner=colleague).id)

    def test_view_only(self):
        self.order._billing_pause()
        values = self.order.env['billpro.order.cards']._get_card_values(self.order)
        self.assertFalse(values['add_url'])
        rows = [*values['rows'], *values['more_rows']]
        self.assertFalse(any(row['can_select'] or row['can_remove'] for row in rows))
        with self.assertRaisesRegex(UserError, "can't be changed any more"):
            self.order._check_billing_cards_can_be_changed()
        self.order._billing_resume()
        self.order._billing_cancel_subscription(at_once=True)
        values = self.order.env['billpro.order.cards']._get_card_values(self.order)
        self.assertFalse(values['add_url'])
        [row] = values['rows']
        self.assertEqual(
            (row['id'], row['can_select'], row['can_remove']), (self.card.id, False, True)
        )

    def _register(self, order=None, address='198.51.100.7', **values):
        order = order or self.order
        return self._create_initial_transaction(
            order,
            operation='validation',
            amount=0,
            billing_is_card_update=True,
            billing_ip_address=address,
            **values,
        )

    def test_registering_is_limited_by_order_and_address(self):
        with patch.object(sale_order, 'CARDS_PER_HOUR_AND_ADDRESS', 7):
            for _number in range(4):
                self._register()
            self.assertFalse(self.order._billing_get_card_limit_reason('198.51.100.7'))
            self._register()
            self.assertIn(
                "Too many cards", self.order._billing_get_card_limit_reason('203.0.113.9')
            )
            other = self._create_active_order()
            self.assertFalse(other._billing_get_card_limit_reason('198.51.100.7'))
            self._register(other)
            self._register(other)
            self.assertIn("Too many cards", other._billing_get_card_limit_reason('198.51.100.7'))
            self.assertFalse(other._billing_get_card_limit_reason('203.0.113.9'))

    def test_a_registered_card_is_selected_and_collects_what_was_agreed(self):
        self.card.demo_simulated_state = 'cancel'
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        self.assertEqual(self.order.billing_status, 'suspended')
        card = self._create_token()
        with freeze_time('2027-02-11 10:00:00'):
            tx = self._register(token_id=card.id, billing_collect_amount=24.2)
            tx._set_done()
            tx._post_process()
            self.assertEqual(self.order.billing_token_id, card)
            self.assertEqual(self.order.billing_collection_amount, 24.2)
            self._run()
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('active', 48.4))
        self._assert_books_closed(self.order)

    def test_a_registered_card_does_not_collect_another_amount(self):
        self.card.demo_simulated_state = 'cancel'
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        with freeze_time('2027-02-11 10:00:00'):
            tx = self._register(token_id=self.spare.id, billing_collect_amount=20.0)
            tx._set_done()
            tx._post_process()
            self._run()
        self.assertEqual(self.order.billing_token_id, self.spare)
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('suspended', 24.2))

    def test_staff_ask_for_another_card(self):
        self.order.with_user(self.billing_manager).action_request_card_update()
        self.assertEqual(self.order.billing_notification_ids.sorted('id')[-1:].kind, 'card_update')
        self.customer.email = False
        with self.assertRaisesRegex(UserError, "no email address"):
            self.order.with_user(self.billing_manager).action_request_card_update()
