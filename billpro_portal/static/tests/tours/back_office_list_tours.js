import { addTour } from './tour';

/**
 * Steps that open an entry of the menu Billing.
 *
 * @param {string} menu - The external identifier of the menu, without the module.
 * @param {string} title - What is opened.
 * @param {string} view - A selector of its view.
 * @return {Array<object>} The steps.
 */
function open(menu, title, view) {
    return [
        {
            content: "Open the menu Billing",
            trigger: '.o_menu_sections [data-menu-xmlid="billpro_portal.menu_billing"]',
            run: 'click',
        },
        {
            content: `Choose ${title}`,
            trigger: `.o-dropdown--menu [data-menu-xmlid="billpro_portal.${menu}"]`,
            run: 'click',
        },
        {
            content: `${title} is shown`,
            trigger: `.o_action_manager:has(.o_breadcrumb:contains("${title}")) ${view}`,
        },
    ];
}

/**
 * Steps that press a button for the rows of a list with a text.
 *
 * @param {string} text - What the row shows.
 * @param {string} button - The name of the button.
 * @param {string} answer - A selector of what follows.
 * @return {Array<object>} The steps.
 */
function pressForRow(text, button, answer) {
    return [
        ...selectRow(text),
        { content: "Press the button", trigger: `button[name="${button}"]`, run: 'click' },
        { content: "Confirm", trigger: '.modal .modal-footer .btn-primary', run: 'click' },
        { content: "See the answer", trigger: answer },
    ];
}

function selectRow(text) {
    return [
        {
            content: `Select ${text}`,
            trigger: `.o_data_row:contains("${text}") .o_list_record_selector input`,
            run: 'click',
        },
        {
            content: "It is selected",
            trigger:
                '.o_action_manager:has(.o_selection_box)'
                + ` .o_data_row_selected:contains("${text}")`,
        },
    ];
}

const openLists = [
    ...open('menu_billing_orders', "Orders by Status", '.o_list_view .o_group_header'),
    { content: "Show the kanban", trigger: '.o_switch_view.o_kanban', run: 'click' },
    { content: "It has a column for active orders", trigger: '.o_kanban_group:contains("Failed")' },
    ...open('menu_billing_events', "Scheduled Payments", '.o_list_view .o_data_row'),
    { content: "Show the calendar", trigger: '.o_switch_view.o_calendar', run: 'click' },
    { content: "It is a calendar", trigger: '.o_calendar_view .fc-daygrid-day' },
    ...open('menu_billing_card_expiries', "Cards Expiring", '.o_list_view .o_data_row'),
    ...open('menu_billing_runs', "Billing Runs", '.o_list_view'),
];
const openReports = [
    ...open('menu_collection_report', "Collected Money", '.o_graph_view canvas'),
    { content: "Show the pivot", trigger: '.o_switch_view.o_pivot', run: 'click' },
    { content: "It has totals", trigger: '.o_pivot_view:contains("Refunded")' },
    { content: "Show the list", trigger: '.o_switch_view.o_list', run: 'click' },
    { content: "It has payments", trigger: '.o_list_view .o_data_row:contains("Initial payment")' },
    ...open('menu_recovery_report', "Declined Payments", '.o_graph_view canvas'),
    ...open('menu_attempt_report', "Retry Success", '.o_pivot_view:contains("First attempt")'),
    ...open('menu_mrr_report', "Recurring Revenue", '.o_graph_view canvas'),
    ...open('menu_cash_report', "Scheduled Cash", '.o_graph_view canvas'),
    ...open('menu_deferral_report', "Deferred Revenue", '.o_pivot_view:contains("Deferred")'),
];

addTour('lists_as_billing_user', () => [
    ...openLists,
    ...openReports,
    ...open('menu_billing_exceptions', "Billing Exceptions", '.o_list_view .o_data_row'),
    ...pressForRow(
        "Needs another payment method",
        'action_execute_now',
        '.modal:contains("can\'t be collected now")',
    ),
    { content: "Close it", trigger: '.modal .modal-footer .btn-primary', run: 'click' },
    {
        content: "Unselect",
        trigger: '.o_data_row:contains("Needs another payment method") .o_list_record_selector input',
        run: 'click',
    },
    {
        content: "Nothing is selected",
        trigger: '.o_action_manager:not(:has(.o_selection_box)) .o_list_view',
    },
    ...pressForRow(
        "Declined, tried again",
        'action_execute_now',
        '.o_notification:contains("1 charged, 0 declined, 0 unknown.")',
    ),
]);

addTour('lists_as_manager', () => [
    ...openLists,
    ...openReports,
    ...open('menu_billing_pending_orders', "Pending Orders", '.o_list_view .o_data_row'),
    ...pressForRow(
        "Bart Claes",
        'action_send_reminder',
        '.o_notification:contains("will be reminded")',
    ),
    ...open('menu_billing_card_expiries', "Cards Expiring", '.o_list_view .o_data_row'),
    ...pressForRow(
        "Expires soon",
        'action_request_card_update',
        '.o_notification:contains("asked for another payment method")',
    ),
]);

addTour('lists_as_accountant', () => [
    ...openLists,
    ...openReports,
    ...open('menu_billing_pending_orders', "Pending Orders", '.o_list_view .o_data_row'),
    ...selectRow("Bart Claes"),
    {
        content: "Nothing can be done with it",
        trigger:
            '.o_action_manager:not(:has(button[name="action_send_reminder"],'
            + ' button[name="action_cancel_unpaid"]))',
    },
    ...open('menu_billing_exceptions', "Billing Exceptions", '.o_list_view .o_data_row'),
    ...selectRow("Needs another payment method"),
    {
        content: "Nothing can be done with it either",
        trigger:
            '.o_action_manager:not(:has(button[name="action_execute_now"],'
            + ' button[name="action_request_card_update"]))',
    },
]);
