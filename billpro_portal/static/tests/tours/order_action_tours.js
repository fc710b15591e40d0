import {
    agree,
    inOrder,
    isTold,
    listOrders,
    notOffered,
    openBillingTab,
    pressInDialog,
    pressInOrder,
    statusIs,
} from './back_office_steps';
import { addTour } from './tour';

// What only billing users may do with an order.
const BILLING_ACTIONS = [
    'action_open_charge_card',
    'action_open_take_payment',
    'action_open_pause',
    'action_resume',
    'action_open_cancel_subscription',
    'action_undo_cancellation',
    'action_open_merge',
    'action_open_capture',
    'action_execute_now',
    'action_open_reschedule',
    'action_open_skip',
];
// What only billing managers may do with it.
const MANAGER_ACTIONS = [
    'action_mark_complete',
    'action_open_refund',
    'action_release',
    'action_was_charged',
    'action_was_not_charged',
];
// What salespeople may do with it.
const SALES_ACTIONS = [
    'action_open_order_link',
    'action_send_reminder',
    'action_request_card_update',
];

/**
 * Steps in an order that cancel its subscription.
 *
 * @param {string} when - When it is to end.
 * @param {string} lastDay - What the dialog says of that.
 * @return {Array<object>} The steps.
 */
function cancelSubscription(when, lastDay) {
    return [
        pressInOrder('action_open_cancel_subscription'),
        {
            content: `It ends ${when}`,
            trigger: `.modal div[name="when"] .o_radio_item:contains("${when}") input`,
            run: 'click',
        },
        {
            content: "The dialog says what that means",
            trigger: `.modal div[name="last_day"]:contains("${lastDay}")`,
        },
        {
            content: "Choose a reason",
            trigger: '.modal div[name="reason_id"] input',
            run: 'click',
        },
        {
            content: "It is too expensive",
            trigger: '.o-autocomplete--dropdown-item:contains("too expensive")',
            run: 'click',
        },
        pressInDialog('action_cancel'),
    ];
}

addTour('orders_as_billing_user', () => [
    ...listOrders,
    ...inOrder("DRAFT", [
        pressInOrder('action_cancel'),
        agree("want to cancel this order"),
        statusIs("Cancelled"),
        notOffered('.o_form_view', [...SALES_ACTIONS, ...BILLING_ACTIONS]),
    ]),
    ...inOrder("PENDING", [
        notOffered('.o_form_view', MANAGER_ACTIONS),
        pressInOrder('action_cancel'),
        agree("want to cancel this order"),
        statusIs("Cancelled"),
    ]),
    ...inOrder("LINK", [
        pressInOrder('action_open_order_link'),
        {
            content: "The QR code is shown",
            trigger: '.modal div[name="qr_code"] img',
        },
        {
            content: "The link can be copied",
            trigger:
                '.modal div[name="link"]:contains("/order/")'
                + ' button.o_btn_char_copy:enabled',
        },
        pressInDialog('action_send_mail'),
        {
            content: "The mail carries the link",
            trigger: '.modal .o_mail_composer_form a[href*="/order/"]',
        },
        {
            content: "Send it",
            trigger: '.modal button.o_mail_send:enabled',
            run: 'click',
        },
        statusIs("Pending"),
        pressInOrder('action_open_order_link'),
        pressInDialog('action_send_sms'),
        isTold("The SMS to +32470123456 is on its way."),
    ]),
    ...inOrder("PAUSE", [
        notOffered('.o_form_view', [...MANAGER_ACTIONS, 'action_open_take_payment']),
        pressInOrder('action_open_pause'),
        {
            content: "Until a day that has passed",
            trigger: '.modal div[name="until"] input',
            run: 'edit 02/10/2027',
        },
        pressInDialog('action_pause'),
        agree("Choose a day in the future."),
        {
            content: "Change the day",
            trigger: '.modal div[name="until"] button',
            run: 'click',
        },
        {
            content: "Until a day to come",
            trigger: '.modal div[name="until"] input',
            run: 'edit 04/15/2027',
        },
        pressInDialog('action_pause'),
        statusIs("Paused"),
        ...openBillingTab,
        {
            content: "It says until when",
            trigger: '.o_form_view div[name="billing_pause_until"]:contains("2027")',
        },
        notOffered('.o_form_view', ['action_open_pause', 'action_request_card_update']),
    ]),
    ...inOrder("RESUME", [
        pressInOrder('action_resume'),
        agree("charged again from the next period on"),
        statusIs("Active"),
    ]),
    ...inOrder("LATER", [
        ...cancelSubscription("When the paid period ends", "keeps access until 03/09/2027"),
        statusIs("Active"),
        notOffered('.o_form_view', ['action_open_pause', 'action_request_card_update']),
    ]),
    ...inOrder("UNDO", [
        pressInOrder('action_undo_cancellation'),
        agree("charged again when the paid period ends"),
        {
            content: "It can be cancelled again",
            trigger:
                '.o_form_view:not(:has(button[name="action_undo_cancellation"]))'
                + ' button[name="action_open_cancel_subscription"]',
        },
    ]),
    ...inOrder("NOW", [
        ...cancelSubscription("At once", "ends at once"),
        statusIs("Complete"),
        notOffered('.o_form_view', BILLING_ACTIONS),
    ]),
    ...inOrder("CARD", [
        pressInOrder('action_request_card_update'),
        agree("asks for another card"),
        isTold("The customer will be asked for another payment method."),
    ]),
    ...inOrder("WATER", [
        pressInOrder('action_open_take_payment'),
        {
            content: "Enter what can't be collected",
            trigger: '.modal div[name="amount"] input',
            run: 'edit -5.00',
        },
        pressInDialog('action_take_payment'),
        agree("Enter an amount above zero."),
        {
            content: "Enter the amount",
            trigger: '.modal div[name="amount"] input',
            run: 'edit 17.43',
        },
        {
            content: "Collect it now",
            trigger: '.modal div[name="when"] .o_radio_item:contains("Now") input',
            run: 'click',
        },
        {
            content: "Collect",
            trigger: '.modal button:contains("Collect Now"):enabled',
            run: 'click',
        },
        agree("charged at once"),
        isTold("1 charged, 0 declined, 0 unknown."),
    ]),
]);

addTour('orders_as_manager', () => [
    ...listOrders,
    ...inOrder("DESK", [
        notOffered('.o_form_view', ['action_mark_complete', 'action_release']),
        pressInOrder('action_open_refund'),
        {
            content: "Enter more than was paid",
            trigger: '.modal div[name="amount"] input',
            run: 'edit 121.01',
        },
        pressInDialog('action_refund'),
        agree("121.01 can't be refunded"),
        {
            content: "Enter a part of it",
            trigger: '.modal div[name="amount"] input',
            run: 'edit 21.00',
        },
        pressInDialog('action_refund'),
        isTold("21.00 were refunded."),
    ]),
    ...inOrder("WATER", [
        pressInOrder('action_mark_complete'),
        agree("can't be undone"),
        statusIs("Complete"),
        notOffered('.o_form_view', ['action_mark_complete', ...BILLING_ACTIONS]),
    ]),
]);

addTour('orders_as_salesperson', () => [
    ...listOrders,
    ...inOrder("DRAFT", [
        {
            content: "Salespeople give the link",
            trigger: '.o_form_view button[name="action_open_order_link"]',
        },
        notOffered('.o_form_view', [...BILLING_ACTIONS, ...MANAGER_ACTIONS]),
    ]),
    ...["CARD", "PAUSED", "CANCELLED", "WATER", "DESK"].flatMap((name) =>
        inOrder(name, [
            ...openBillingTab,
            notOffered('.o_form_view', [...BILLING_ACTIONS, ...MANAGER_ACTIONS]),
        ])
    ),
]);

addTour('orders_as_accountant', () => [
    ...listOrders,
    ...["DRAFT", "PENDING", "CARD", "PAUSED", "CANCELLED", "WATER", "DESK"].flatMap((name) =>
        inOrder(name, [
            ...openBillingTab,
            notOffered('.o_form_view', [
                ...SALES_ACTIONS,
                ...BILLING_ACTIONS,
                ...MANAGER_ACTIONS,
            ]),
        ])
    ),
]);
