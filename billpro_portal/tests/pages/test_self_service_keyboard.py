from odoo.tests import tagged

from ..common.keyboard import Keyboard
from ..common.nightly import nightly
from ..common.page import CARD_FIELDS, PAY_BUTTON
from ..common.self_service import SelfServiceCommon

STATUS = '.o_billpro_overview_status .o_billpro_badge'
ATTENTION = '.o_billpro_attention'
RECEIVED = "Thank you, your payment was received."


@tagged('post_install', '-at_install')
class TestSelfServiceByKeyboard(SelfServiceCommon):
    """The same with nothing but a keyboard; its keys are real ones for the browser."""

    def _start(self, order, tour, moment):
        """Walk by keyboard what a tour does with a pointer."""
        seen = {'billpro_progress_seen': '1'}
        with self._visit(order, moment, kind=Keyboard, cookies=seen) as keyboard:
            getattr(self, f'_walk_{tour}')(keyboard)

    # === WHAT THE PAGES SAY === #

    def _assert_told(self, keyboard, notice, level='success'):
        """Check that the page says what the last action did, and that the focus is there."""
        role = 'status' if level == 'success' else 'alert'
        keyboard.wait_for(f'.o_billpro_page_notice.alert-{level}[role="{role}"]:focus', notice)

    def _assert_attention(self, keyboard, level, title, text, *actions):
        """Check the answer with the one thing that needs the customer."""
        keyboard.wait_for(f'{ATTENTION}.o_billpro_answer_{level} .o_billpro_answer_title', title)
        keyboard.wait_for(f'{ATTENTION} .o_billpro_answer_text', text)
        keyboard.wait_for(f'{ATTENTION} .btn', *actions)

    def _assert_cards(self, keyboard, selected, spare=None):
        """Check the card that is charged, and what the fold with the others says."""
        keyboard.wait_for('.o_billpro_payment_method > ul h3', selected)
        keyboard.wait_for('.o_billpro_payment_card_used', "This card is charged for this order.")
        if spare:
            keyboard.wait_for('.o_billpro_payment_method > .o_billpro_fold > summary', spare)

    def _assert_history(self, keyboard, *rows):
        """Check status and amount of each payment, newest first."""
        keyboard.wait_for(
            '.o_billpro_history tbody .o_billpro_badge, '
            '.o_billpro_history td.o_billpro_history_amount',
            *(text for row in rows for text in row),
        )

    def _open_card_page(self, keyboard, text):
        """Wait for the page of a new card, and check what it says will happen."""
        keyboard.wait_for('.o_billpro_card_page h1', "Update card")
        keyboard.wait_for('.o_billpro_form_text', text)
        keyboard.wait_for('.fake-gateway-card-form label', *CARD_FIELDS)

    def _agree_to_collect(self, keyboard, total, *payments):
        """Agree to collect what is outstanding with the new card."""
        keyboard.wait_for(
            '.o_billpro_outstanding li p', *(text for payment in payments for text in payment)
        )
        keyboard.wait_for('.o_billpro_outstanding_total dd', total)
        keyboard.wait_for(
            f'.o_billpro_card_page:has({PAY_BUTTON}[aria-describedby="billpro_collect_hint"]'
            ':disabled) #billpro_collect_hint',
            "Please tick the box to agree: the button stays disabled until you do.",
        )
        keyboard.tab_to(f"Charge {total} to this card now")
        keyboard.press(' ')

    def _enter_card(self, keyboard, number, label):
        """Enter a card and send it."""
        for field, text in zip(CARD_FIELDS, (number, '12 / 34', '123'), strict=True):
            keyboard.tab_to(field)
            keyboard.type(text)
        self.assertEqual(keyboard.follow(label), [label])

    # === PAYMENTS === #

    def _walk_soft_decline(self, keyboard):
        keyboard.wait_for(STATUS, "Payment declined")
        pay = "Pay $ 24.20 with VISA •••• 4242"
        self._assert_attention(
            keyboard,
            'warning',
            "$ 24.20 is still to pay",
            "Your bank declined VISA •••• 4242. There was not enough money in the account."
            " If you do nothing, we try again on February 11.",
            pay,
            "Update card",
        )
        names = keyboard.follow(pay)
        self.assertNotIn("Cancel subscription", names)  # What is asked for comes first.
        self._assert_told(keyboard, RECEIVED)
        keyboard.wait_for(STATUS, "Active")
        keyboard.wait_for(ATTENTION)
        self._assert_history(
            keyboard, ("Paid", "$ 24.20"), ("Declined", "$ 24.20"), ("Paid", "$ 24.20")
        )

    @nightly("Two of these ways are walked by keyboard for each change.")
    def test_a_soft_decline_is_paid_with_the_same_card(self):
        self._check_soft_decline()

    def _walk_hard_decline(self, keyboard):
        keyboard.wait_for(STATUS, "Suspended")
        self._assert_attention(
            keyboard,
            'danger',
            "Pay $ 72.60 and it goes on at once",
            "Your bank declined VISA •••• 9987. Your bank can tell you why."
            " The selected card was declined for good. Please add another."
            " Nothing is charged by itself while it is stopped.",
            "Update card",
        )
        keyboard.follow("Update card")
        self._open_card_page(
            keyboard,
            "The new card is charged for the payments of this order from now on. $ 72.60 are"
            " outstanding and are collected at once.",
        )
        self._agree_to_collect(
            keyboard,
            "$ 72.60",
            ("Feb 10 – Mar 9, 2027", "Feb 10, 2027", "$ 24.20"),
            ("Mar 10 – Apr 9, 2027", "Mar 10, 2027", "$ 24.20"),
            ("Apr 10 – May 9, 2027", "Apr 10, 2027", "$ 24.20"),
        )
        self._enter_card(keyboard, '4242 4242 4242 4242', "Save card and pay $ 72.60")
        self._assert_told(keyboard, RECEIVED)
        keyboard.wait_for(STATUS, "Active")
        keyboard.wait_for(ATTENTION)
        self._assert_cards(keyboard, "VISA •••• 4242", "1 more saved card")
        self._assert_history(
            keyboard, ("Paid", "$ 72.60"), ("Declined", "$ 24.20"), ("Paid", "$ 24.20")
        )

    def test_a_hard_decline_is_paid_with_another_card(self):
        self._check_hard_decline()

    def _walk_new_card_declined(self, keyboard):
        keyboard.wait_for(STATUS, "Suspended")
        keyboard.follow("Update card")
        self._open_card_page(
            keyboard,
            "The new card is charged for the payments of this order from now on. $ 48.40 are"
            " outstanding and are collected at once.",
        )
        self._agree_to_collect(
            keyboard,
            "$ 48.40",
            ("Feb 10 – Mar 9, 2027", "Feb 10, 2027", "$ 24.20"),
            ("Mar 10 – Apr 9, 2027", "Mar 10, 2027", "$ 24.20"),
        )
        self._enter_card(keyboard, '4000 0000 0000 0341', "Save card and pay $ 48.40")
        self._assert_told(
            keyboard, "The payment was not collected. Nothing was charged.", level='danger'
        )
        keyboard.wait_for(STATUS, "Payment declined")
        self._assert_attention(
            keyboard,
            'warning',
            "$ 48.40 is still to pay",
            "Your bank declined VISA •••• 0341. Your bank can tell you why."
            " If you do nothing, we try again on March 11.",
            "Pay $ 48.40 with VISA •••• 0341",
            "Update card",
        )
        self._assert_cards(keyboard, "VISA •••• 0341", "1 more saved card")
        self._assert_history(
            keyboard, ("Declined", "$ 48.40"), ("Declined", "$ 24.20"), ("Paid", "$ 24.20")
        )

    @nightly("Two of these ways are walked by keyboard for each change.")
    def test_the_new_card_is_declined_too(self):
        self._check_declined_update()

    # === BANK === #

    def _go_to_bank(self, keyboard):
        """Go from the order portal to the bank's question."""
        keyboard.wait_for(STATUS, "Payment declined")
        self._assert_attention(
            keyboard,
            'warning',
            "$ 24.20 waits for your OK",
            "Your bank wants you to confirm it. Nothing is charged before.",
            "Confirm with your bank",
            "Update card",
        )
        keyboard.follow("Confirm with your bank")
        keyboard.wait_for('.o_billpro_authenticate h1', "Confirm your payment")
        keyboard.wait_for(
            '.o_billpro_lead',
            "Your bank asks you to confirm this payment. It is the same payment: you are charged"
            " once.",
        )
        keyboard.wait_for('.o_billpro_charge > :nth-child(-n + 2) dd', "$ 24.20", "VISA •••• 3184")
        keyboard.follow("Confirm with your bank")

    def _answer_bank(self, keyboard, answer):
        keyboard.wait_for('.fake-gateway-3d-secure h2', "Test authentication")
        keyboard.follow(answer)

    def _walk_bank_refuses(self, keyboard):
        refusal = '.o_billpro_authenticate_error[role="alert"]'
        reason = (
            "We are unable to authenticate your payment method. Please choose a different payment"
            " method and try again."
        )
        self._go_to_bank(keyboard)
        self._answer_bank(keyboard, "Fail")
        keyboard.wait_for(refusal, reason)
        # The next key tries again.
        keyboard.wait_for_focus("Confirm with your bank")
        keyboard.press('Enter')
        self._answer_bank(keyboard, "Fail")
        keyboard.wait_for(refusal, reason)
        keyboard.press('Shift+Tab')
        back = keyboard.evaluate('document.querySelector(".o_billpro_back a").innerText.trim()')
        self.assertRegex(back, r'^Back to order S\d+$')
        keyboard.wait_for_focus(back)
        keyboard.press('Enter')
        keyboard.wait_for(f'{ATTENTION} .btn', "Confirm with your bank", "Update card")

    def _walk_bank_confirms(self, keyboard):
        self._go_to_bank(keyboard)
        self._answer_bank(keyboard, "Complete")
        self._assert_told(keyboard, RECEIVED)
        keyboard.wait_for(STATUS, "Active")
        keyboard.wait_for(ATTENTION)
        self._assert_history(keyboard, ("Paid", "$ 24.20"), ("Paid", "$ 24.20"))

    @nightly("Two of these ways are walked by keyboard for each change.")
    def test_the_bank_wants_the_customer(self):
        self._check_authentication()

    # === CARDS === #

    def _walk_expired_card(self, keyboard):
        keyboard.wait_for(STATUS, "Active")
        self._assert_attention(
            keyboard,
            'danger',
            "Your card has expired",
            "VISA •••• 4242 can't be charged any more. Please enter a new one.",
            "Update card",
        )
        keyboard.wait_for('.o_billpro_payment_card .o_billpro_badge', "Expired")
        keyboard.follow("Update card")
        self._open_card_page(
            keyboard,
            "The new card is charged for the payments of this order from now on. Nothing is"
            " charged today.",
        )
        keyboard.wait_for('.o_billpro_outstanding, input[name="collect"]')
        # Nothing was entered. The dialog that says so gives the focus back.
        keyboard.follow("Save card")
        keyboard.wait_for('.modal-body', "Your card number is incomplete.")
        keyboard.press('Enter')
        keyboard.wait_for('.modal-body')
        keyboard.wait_for_focus("Save card")
        self.assertEqual(keyboard.tab_to("Card", 'Shift+Tab'), [*reversed(CARD_FIELDS), "Card"])
        self._enter_card(keyboard, '5555 5555 5555 4444', "Save card")
        self._assert_told(keyboard, "Your card is saved and charged from now on.")
        keyboard.wait_for(STATUS, "Active")
        keyboard.wait_for(ATTENTION)
        self._assert_cards(keyboard, "MasterCard •••• 4444", "1 more saved card")
        keyboard.wait_for(
            '.o_billpro_payment_card_selected .o_billpro_payment_card_text', "Expires 12/2034"
        )
        keyboard.wait_for('.o_billpro_answer_title', "$ 24.20 on February 10")
        keyboard.wait_for(
            '.o_billpro_answer_text',
            "From MasterCard •••• 4444. Everything is paid, and there is nothing to do.",
        )
        self._assert_history(keyboard, ("Paid", "$ 24.20"))

    @nightly("Two of these ways are walked by keyboard for each change.")
    def test_an_expired_card_is_replaced(self):
        self._check_expired_card()

    def _walk_remove_cards(self, keyboard):
        self._assert_cards(keyboard, "VISA •••• 0001", "2 more saved cards")
        keyboard.follow("2 more saved cards")
        keyboard.wait_for(
            '.o_billpro_payment_card_text',
            "Expires 12/2034",
            "Expires 12/2034",
            "Expires 12/2034",
            "Charged for GYM-2, too.",
        )
        # Only the spare card can be removed; the selected one has nothing to press.
        names = keyboard.tab_to("Add a card")
        self.assertEqual(
            names,
            [
                "Use this card VISA •••• 0003",
                "Use as backup VISA •••• 0003",
                "Remove VISA •••• 0003",
                "Use this card VISA •••• 0002",
                "Use as backup VISA •••• 0002",
                "Add a card",
            ],
        )
        keyboard.tab_to("Remove VISA •••• 0003", 'Shift+Tab')
        keyboard.press('Enter')
        keyboard.wait_for(
            '.o_billpro_payment_card details[open] p',
            "The card is deleted. To use it again, you have to enter it anew.",
        )
        # Ask to remove the other order's card instead.
        keyboard.evaluate("""
            document.querySelector('details[open] details[open] [name="token_id"]').value =
                [...document.querySelectorAll('.o_billpro_payment_card')]
                .find((card) => card.textContent.includes("Charged for GYM-2"))
                .querySelector('[name="token_id"]').value;
        """)
        remove = "Remove card VISA •••• 0003"
        self.assertEqual(keyboard.follow(remove), [remove])
        self._assert_told(
            keyboard,
            "VISA •••• 0002 can't be removed: it is charged for GYM-2. Choose another card there"
            " first.",
            level='danger',
        )
        keyboard.wait_for(STATUS, "Active")
        keyboard.follow("2 more saved cards")
        keyboard.follow("Remove VISA •••• 0003")
        self.assertEqual(keyboard.follow(remove), [remove])
        self._assert_told(keyboard, "The card was removed.")
        keyboard.wait_for(STATUS, "Active")
        self._assert_cards(keyboard, "VISA •••• 0001", "1 more saved card")

    def test_cards_are_removed_unless_they_are_charged(self):
        self._check_removal()

    # === LEAVING === #

    def _go_to_cancel(self, keyboard, *consequences):
        """Go from the order portal to the page that cancels the subscription."""
        keyboard.wait_for(STATUS, "Active")
        keyboard.follow("Cancel subscription")
        keyboard.wait_for('.o_billpro_heading h1', "Cancel your subscription")
        keyboard.wait_for('.o_billpro_consequences li', *consequences)

    def _walk_cancel_and_undo(self, keyboard):
        self._go_to_cancel(
            keyboard,
            "You keep access until February 9, 2027, the last day you have paid for.",
            "Nothing more is charged to your card.",
            "What you have paid already is not refunded.",
            "You can change your mind until then.",
        )
        keyboard.tab_to("It is too expensive")
        keyboard.press('ArrowDown')
        keyboard.wait_for_focus("I don't use it enough")
        note = "Is there anything you want to tell us? (optional)"
        self.assertEqual(keyboard.tab_to(note), [note])
        keyboard.type("The pool is closed.")
        self.assertEqual(keyboard.follow("Cancel subscription"), ["Cancel subscription"])
        self._assert_told(keyboard, "Your subscription is cancelled. A confirmation is on its way.")
        keyboard.wait_for(STATUS, "Cancelled – access until February 9")
        self._assert_attention(
            keyboard,
            'info',
            "Yours until February 9",
            "Nothing more is charged. Until then you can take the cancellation back.",
            "Keep my subscription",
        )
        keyboard.follow("Keep my subscription")
        self._assert_told(keyboard, "Your subscription continues.")
        keyboard.wait_for(STATUS, "Active")
        keyboard.wait_for(ATTENTION)
        self._assert_cards(keyboard, "VISA •••• 4242")

    def _walk_cancel_at_once(self, keyboard):
        self._go_to_cancel(
            keyboard,
            "Your subscription ends at once.",
            "Nothing more is charged to your card.",
            "What you have paid already is not refunded.",
        )
        keyboard.follow("Cancel subscription")
        self._assert_told(keyboard, "Your subscription is cancelled. A confirmation is on its way.")
        keyboard.wait_for(STATUS, "Cancelled")
        keyboard.wait_for(ATTENTION)
        self._assert_history(keyboard, ("Paid", "$ 24.20"), ("Paid", "$ 24.20"))

    @nightly("Two of these ways are walked by keyboard for each change.")
    def test_cancelled_and_kept_and_cancelled_at_once(self):
        self._check_cancellation()

    def _walk_contact(self, keyboard):
        keyboard.wait_for(STATUS, "Active")
        keyboard.wait_for('.o_billpro_portal a[href*="/cancel"]')
        keyboard.follow("Contact us about this order")
        keyboard.wait_for('.o_billpro_heading h1', "Contact us about this order")
        keyboard.wait_for(
            '.o_billpro_form_text',
            "Do you want to end or change this order? Write to us: we will answer by mail.",
        )
        # An empty message is not sent: the field gets the focus.
        keyboard.follow("Send message")
        keyboard.wait_for_focus("Your message")
        keyboard.type("May I stop in <b>March</b>?")
        self.assertEqual(keyboard.follow("Send message"), ["Send message"])
        self._assert_told(keyboard, "Your message was sent. We will answer it.")
        keyboard.wait_for(STATUS, "Active")

    @nightly("Two of these ways are walked by keyboard for each change.")
    def test_other_types_write_to_the_seller(self):
        self._check_messages()
