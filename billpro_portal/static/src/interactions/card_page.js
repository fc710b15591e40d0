import { patch } from '@web/core/utils/patch';

import { PaymentForm } from '@payment/interactions/payment_form';

patch(PaymentForm.prototype, {

    /**
     * Add what the customer ticked on the page that adds a card: to collect the outstanding
     * payments, and to use the card for all orders.
     *
     * @override method from @payment/interactions/payment_form
     * @return {object} The transaction route params.
     */
    _prepareTransactionRouteParams() {
        const transactionRouteParams = super._prepareTransactionRouteParams(...arguments);
        const cardPage = this.el.closest('.o_billpro_card_page');
        if (cardPage) {
            const ticked = (name) => cardPage.querySelector(`input[name="${name}"]:checked`);
            // The amount that the customer read, not the one of the moment.
            transactionRouteParams['collect_amount'] = Number(ticked('collect')?.value || 0);
            transactionRouteParams['all_orders'] = Boolean(ticked('all_orders'));
        }
        return transactionRouteParams;
    },

});
