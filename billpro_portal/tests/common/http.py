import json
from contextlib import contextmanager
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests.common import HOST

from odoo.addons.base.models.ir_actions_report import IrActionsReport

from ...controllers.confirmation import KNOWN_COOKIE, sign_known
from .billing import BillingCommon
from .browser import BrowserCommon

# Seconds of a whole tour; the machine may be busy.
TOUR_TIMEOUT = 240


class BillingHttpCommon(BillingCommon, BrowserCommon):
    """Requests to the pages of an order."""

    @classmethod
    def _render_real_pdfs(cls):
        """Let requests render PDF files: in tests Odoo answers with their HTML otherwise."""
        render = IrActionsReport._pre_render_qweb_pdf

        def force_rendering(self, *args, **kwargs):
            return render(self.with_context(force_report_rendering=True), *args, **kwargs)

        cls.startClassPatcher(
            patch.object(IrActionsReport, '_pre_render_qweb_pdf', force_rendering)
        )

    def setUp(self):
        super().setUp()
        self._make_known()

    def authenticate(self, *args, browser=None, **kwargs):
        """Override of `HttpCase`: the browser is known to be that of all customers.

        `_forget_browser` makes it a new one.
        """
        session = super().authenticate(*args, browser=browser, **kwargs)
        known = self._make_known()
        if browser:
            browser.set_cookie(KNOWN_COOKIE, known, '/', HOST)
        return session

    def _make_known(self):
        known = sign_known(self.env, self.env['res.partner'].search([]).ids, None)
        self.opener.cookies.set(KNOWN_COOKIE, known, domain=HOST)
        return known

    def _forget_browser(self):
        self.authenticate(None, None)
        self.opener.cookies.clear(HOST, '/', KNOWN_COOKIE)

    def start_tour(self, url_path, tour_name, **kwargs):
        """Override of `HttpCase`: wait for a busy machine, then read anew what requests wrote."""
        self.env.flush_all()
        super().start_tour(url_path, tour_name, timeout=TOUR_TIMEOUT, **kwargs)
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()

    @contextmanager
    def _visit(self, order, moment, suffix='', **kwargs):
        """Open a page of an order, without a tour, with the clock at a moment.

        :param sale.order order: The order.
        :param datetime.datetime moment: The moment.
        :param str suffix: Where the page is, after the order's own path.
        :param kwargs: What `_open_page` takes, too.
        :return: A context manager that gives what acts on the page.
        """
        order._portal_ensure_token()
        with (
            freeze_time(moment, tick=True),
            self._open_page(self._link(order, suffix), **kwargs) as page,
        ):
            yield page
        self.env['account.move']._get_sequence_cache().clear()

    def _link(self, order, suffix=''):
        return order._billing_get_order_link(suffix)

    def _call_json(self, path, params, headers=None):
        """Call a JSON-RPC route as the pages' scripts do; return the answer, errors included."""
        self.env.flush_all()
        answer = self.url_open(
            path,
            # Python's own JSON writes NaN and Infinity, as an attacker can.
            data=json.dumps(self.build_rpc_payload(params)),
            headers={'Content-Type': 'application/json', **(headers or {})},
        ).json()
        self.env.invalidate_all()
        return answer

    def _prepare_new_card(self, **values):
        """Return what Odoo's payment form sends of a card that is entered, with other values."""
        return {
            'provider_id': self.provider.id,
            'payment_method_id': self.payment_method.id,
            'token_id': None,
            'flow': 'direct',
            **values,
        }

    def _post_transaction(self, order, **overrides):
        """Send what the payment form sends; return the JSON-RPC response."""
        page = order.with_context(lang=order.partner_id.lang)
        params = {
            **self._prepare_new_card(
                access_token=order.access_token,
                tokenization_requested=False,
                landing_route='/',
                is_validation=False,
                amount=order.amount_total,
                consent_version=page._billing_get_consent()['version'],
                shown=order._billing_get_shown(),
            ),
            **overrides,
        }
        order_id = params.pop('order_id', order.id)
        headers = params.pop('headers', None)
        return self._call_json(f'/order/{order_id}/transaction', params, headers)

    def _simulate(self, reference, state):
        """Let the Demo provider answer, as its form does."""
        self._call_json(
            '/payment/demo/simulate_payment',
            {'reference': reference, 'simulated_state': state, 'payment_details': '1234'},
        )
