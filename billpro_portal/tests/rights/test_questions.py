from odoo.tests import new_test_user, tagged
from odoo.tools.translate import code_translations

from ..common.subscription import SubscriptionCommon

# What Odoo would have read from a file of translations.
FRENCH = {
    "Order suspended: %s": "Commande suspendue : %s",
    "Subscription cancelled: %s": "Abonnement résilié : %s",
}


@tagged('post_install', '-at_install')
class TestQuestions(SubscriptionCommon):
    """What staff are asked is asked once, and taken back, whatever language each of them reads."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['res.lang']._activate_lang('fr_FR')
        key = ('billpro_portal', 'fr_FR')
        known = code_translations.get_python_translations(*key)
        code_translations.python_translations[key] = {**known, **FRENCH}
        cls.addClassCleanup(code_translations.python_translations.__setitem__, key, known)
        cls.order = cls._create_active_order()

    def _in(self, lang):
        return self.order.with_context(lang=lang)

    def _summaries(self):
        return self.order.activity_ids.mapped('summary')

    def test_a_customer_who_deletes_their_account_goes_on_paying(self):
        user = new_test_user(
            self.env, login='leaving', groups='base.group_portal', partner_id=self.customer.id
        )
        user._deactivate_portal_user()
        summary = f"Customer has deleted their account: {self.order.name}"
        self.assertEqual(self._summaries(), [summary])
        self.assertEqual(self.order.billing_status, 'active')

    def test_a_job_asks_and_a_colleague_resumes(self):
        self._in('en_US')._apply_billing_trigger('suspend', "Declined.")
        self.assertEqual(self._summaries(), [f"Order suspended: {self.order.name}"])
        self._in('fr_FR')._apply_billing_trigger('recover', "Paid.")
        self.assertEqual(self._summaries(), [])

    def test_two_colleagues_are_not_asked_the_same(self):
        self._in('fr_FR')._apply_billing_trigger('suspend', "Refusé.")
        self._in('en_US')._apply_billing_trigger('suspend', "Declined.")
        self.assertEqual(self._summaries(), [f"Commande suspendue : {self.order.name}"])

    def test_a_cancellation_is_undone_in_another_language(self):
        self._in('fr_FR')._billing_cancel_subscription(at_once=False)
        self.assertEqual(self._summaries(), [f"Abonnement résilié : {self.order.name}"])
        self._in('en_US')._billing_undo_cancellation()
        self.assertEqual(self._summaries(), [])
