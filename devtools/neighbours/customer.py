"""A customer with a browser, as far as money needs one: pages and what their scripts send."""

from __future__ import annotations

import re
from typing import Any

import requests
from lxml import html

SECONDS_TO_ANSWER = 120
DOCUMENT = '/document/'


class WrongAnswer(Exception):
    """The server answered otherwise than it should."""


class Customer:
    """One customer, with a session of their own."""

    def __init__(self, address: str) -> None:
        """Open a browser.

        :param address: The server's address.
        """
        self.address = address
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page.

        :param path: Its path, or its whole address.
        :return: The answer, at the end of redirections.
        """
        return self.session.get(self._url(path), timeout=SECONDS_TO_ANSWER)

    def open(self, path: str) -> Any:
        """Open a page that must be there.

        :param path: Its path, or its whole address.
        :return: The parsed page.
        :raise WrongAnswer: If it isn't there.
        """
        answer = self.get(path)
        _check(answer.status_code == requests.codes.ok, f"{answer.status_code} for {path}")
        return html.fromstring(answer.content)

    def pay(self, link: str) -> Any:
        """Agree and pay what the checkout of an order asks for, with a card of the Demo provider.

        :param link: The order link.
        :return: The page that tells of the success, parsed.
        :raise WrongAnswer: If something is refused.
        """
        page = self.open(link)
        forms = page.xpath('//form[@id="o_payment_form"]')
        _check(bool(forms), "the checkout has no payment form")
        form = forms[0].attrib
        options = page.xpath(
            '//input[@data-provider-code="demo"][@data-payment-option-type="payment_method"]'
        )
        _check(bool(options), "the Demo provider isn't offered")
        option = options[0].attrib
        values = self._call(
            form['data-transaction-route'],
            provider_id=int(option['data-provider-id']),
            payment_method_id=int(option['data-payment-option-id']),
            token_id=None,
            amount=float(form['data-amount']),
            flow='direct',
            tokenization_requested=False,
            landing_route=form['data-landing-route'],
            is_validation=form['data-mode'] == 'validation',
            access_token=form['data-access-token'],
            consent_version=page.xpath('//input[@name="billpro_consent"]')[0].get('value'),
            shown=page.xpath('//*[@data-shown]')[0].get('data-shown'),
        )
        self._call(
            '/payment/demo/simulate_payment',
            reference=values['reference'],
            payment_details='4242',
            simulated_state='done',
        )
        self.open('/payment/status')
        status = self._call('/payment/status/poll')
        _check(status['state'] == 'done', f"the payment is {status['state']}")
        return self.open(status['landing_route'])

    def fetch_documents(self, page: Any) -> list[str]:
        """Fetch each PDF document that a page offers.

        :param page: The parsed page.
        :return: What kinds there are: the part of the path that tells.
        :raise WrongAnswer: If one of them isn't there, or is no PDF.
        """
        links = sorted({link for link in page.xpath('//a/@href') if DOCUMENT in link})
        for link in links:
            answer = self.get(link)
            path = link.partition('?')[0]
            _check(answer.status_code == requests.codes.ok, f"{answer.status_code} for {path}")
            _check(answer.content.startswith(b'%PDF-'), f"{path} is no PDF")
        return [re.sub(r'.*/document/(\w+).*', r'\1', link) for link in links]

    def log_in(self, login: str, password: str) -> None:
        """Log in.

        :param login: The user's login.
        :param password: The user's password.
        :raise WrongAnswer: If that is refused.
        """
        page = self.open('/web/login')
        values = {
            'login': login,
            'password': password,
            'csrf_token': page.xpath('//input[@name="csrf_token"]')[0].get('value'),
        }
        answer = self.session.post(self._url('/web/login'), values, timeout=SECONDS_TO_ANSWER)
        _check(
            not html.fromstring(answer.content).xpath('//form//input[@name="password"]'),
            "the login is refused",
        )

    def _call(self, path: str, **params: Any) -> Any:
        """Call a route as the pages' scripts do.

        :param path: The route.
        :param params: The parameters.
        :return: The result.
        :raise WrongAnswer: If the server answers with an error.
        """
        answer = self.session.post(
            self._url(path),
            json={'jsonrpc': '2.0', 'method': 'call', 'params': params},
            timeout=SECONDS_TO_ANSWER,
        ).json()
        problem = answer.get('error', {}).get('data', {}).get('message')
        _check('error' not in answer, f"{path}: {problem}")
        return answer.get('result')

    def _url(self, path: str) -> str:
        return path if path.startswith('http') else self.address + path


def _check(is_right: bool, problem: str) -> None:
    """Check an answer.

    :raise WrongAnswer: If it isn't right.
    """
    if not is_right:
        raise WrongAnswer(problem)
