"""The main walk in each company, by staff and as a customer: executed inside Odoo's shell.

A link is sent, opened and paid; pages and documents are there; what is due is collected; money is
paid back.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from odoo import Command, fields

from devtools.neighbours import strangers
from devtools.neighbours.customer import Customer
from devtools.neighbours.serving import serving

if TYPE_CHECKING:
    from odoo.api import Environment

_logger = logging.getLogger(__name__)

PORTAL_PAGES = ('/my', '/my/orders', '/my/quotes', '/my/invoices', '/my/payment_method')
# What each kind of order is sold with.
PRODUCTS = {
    'single': ("Desk", 120.0, {}),
    'subscription': ("Membership", 30.0, {}),
    'instalment': (
        "Course",
        300.0,
        {'billing_instalment_count': 3, 'billing_deposit': 30.0},
    ),
    'metered': ("Water", 2.5, {'billing_initial_amount': 10.0}),
}
SHORT = ('single', 'subscription')
# The kinds of documents that each order has.
DOCUMENTS = {'summary', 'invoice', 'receipt'}
# What is paid first, of those that aren't paid as a whole.
FIRST_AMOUNTS = {'instalment': 30.0, 'metered': 10.0}


def walk(env: Environment, companies: Any = None, *, is_long: bool = False) -> dict[str, Any]:
    """Walk in each company that can sell: those of `strangers`, and those of Odoo's demo data.

    :param odoo.api.Environment env: The superuser's environment.
    :param res.company companies: Only these.
    :param bool is_long: Whether to sell in all ways, and to fetch the documents of all orders:
                         making them takes most of the time.
    :return: The companies, how many documents were fetched, and the failures, each with the name
             of the company and of the step.
    :rtype: dict
    """
    with serving(env) as address:
        courses = [
            _Course(env, company, address, is_long) for company in companies or strangers.of(env)
        ]
        for course in courses:
            course.walk()
    return {
        'companies': [course.company.name for course in courses],
        'documents': sum(len(course.documents) for course in courses),
        'failures': [course.failure for course in courses if course.failure],
    }


class _Course:
    """The walk in one company."""

    def __init__(self, env: Environment, company: Any, address: str, is_long: bool) -> None:
        # As the administrator, who becomes a billing manager when the addon is installed.
        self.env = env(
            user=env.ref('base.user_admin').id,
            su=False,
            context={
                'allowed_company_ids': company.ids,
                # Links are sent by the queue, which no mail server empties here.
                'mail_notify_force_send': False,
            },
        )
        self.company = self.env.company
        self.customer = Customer(address)
        self.is_long = is_long
        self.step = "begin"
        self.failure = ""
        self.documents: list[str] = []
        self.orders: dict[str, Any] = {}

    def walk(self) -> None:
        """Take all steps, up to the first one that fails."""
        with self._told():
            self._publish_provider()
            partner, password = self._create_customer()
            for purchase_type in PRODUCTS if self.is_long else SHORT:
                self._at(f"send the link of a {purchase_type} order")
                self.orders[purchase_type] = self._send_link(partner, purchase_type)
            for purchase_type, order in self.orders.items():
                self._at(f"pay a {purchase_type} order")
                self._commit()
                self.customer.pay(order._billing_get_order_link())
                self._commit()
                _check(order.billing_paid, FIRST_AMOUNTS.get(purchase_type, order.amount_total))
                _check(order.billing_status, 'complete' if purchase_type == 'single' else 'active')
                _check(order.state, 'sale')
            self._at("collect what is due")
            self._collect()
            self._at("refund")
            self._refund(self.orders['single'])
            for purchase_type, order in self.orders.items():
                self._at(f"open the page of a {purchase_type} order")
                page = self.customer.open(order._billing_get_order_link())
                if self.is_long or purchase_type == 'single':
                    self._at(f"fetch the documents of a {purchase_type} order")
                    self.documents += self.customer.fetch_documents(page)
                    _check(DOCUMENTS - set(self.documents), set())
            self._at("log in to the portal")
            self.customer.log_in(partner.email, password)
            for page in PORTAL_PAGES:
                self._at(f"open {page}")
                self.customer.open(page)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Keep in which step something failed, whatever it is, and go on with other companies."""
        try:
            yield
        except Exception as error:
            _logger.exception("%s: %s", self.company.name, self.step)
            self.env.cr.rollback()
            self.failure = f"{self.company.name}: {self.step}: {error!r}"

    def _at(self, step: str) -> None:
        self.step = step

    def _commit(self) -> None:
        """Let requests see what was done, and see what they do."""
        self.env.cr.commit()
        self.env.invalidate_all()
        # Requests take numbers of documents, too.
        self.env['account.move']._get_sequence_cache().clear()

    # === STEPS === #

    def _publish_provider(self) -> None:
        """Let customers pay in this company, in instalments too, as its staff would."""
        providers = self.env['payment.provider'].sudo()
        own = [('code', '=', 'demo'), ('company_id', '=', self.company.id)]
        provider = providers.search(own, limit=1) or self.env.ref(
            'payment.payment_provider_demo'
        ).sudo().copy({'company_id': self.company.id})
        provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})
        # Instalments of months are credit to consumers of the European Union.
        self.company.sudo().billing_credit_statement = "A bank lends, and complies."

    def _create_customer(self) -> tuple[Any, str]:
        """Return a customer, and the password of their login to the portal."""
        email = f'walker-{self.company.id}@customer.example.com'
        password = secrets.token_urlsafe()
        user = (
            self.env['res.users']
            .with_context(no_reset_password=True)
            .create(
                {
                    'name': f"Walker in {self.company.name}",
                    'login': email,
                    'email': email,
                    'password': password,
                    'group_ids': [Command.set(self.env.ref('base.group_portal').ids)],
                    'company_id': self.company.id,
                    'company_ids': [Command.set(self.company.ids)],
                }
            )
        )
        user.partner_id.write(
            {
                'street': self.company.street,
                'city': self.company.city,
                'zip': self.company.zip,
                'state_id': self.company.state_id.id,
                'country_id': self.company.country_id.id,
            }
        )
        return user.partner_id, password

    def _send_link(self, partner: Any, purchase_type: str) -> Any:
        """Return an order whose link was mailed."""
        name, price, terms = PRODUCTS[purchase_type]
        product = self.env['product.product'].create(
            {
                'name': name,
                'list_price': price,
                'type': 'service',
                'purchase_type': purchase_type,
                'company_id': self.company.id,
                **terms,
            }
        )
        order = self.env['sale.order'].create(
            {
                'partner_id': partner.id,
                'order_line': [Command.create({'product_id': product.id})],
            }
        )
        order.action_mail_order_links()
        _check(order.billing_status, 'pending')
        return order

    def _collect(self) -> None:
        """Let the scheduled action collect the next payment of the recurring orders."""
        recurring = [order for kind, order in self.orders.items() if kind != 'single']
        for order in recurring:
            if not order.billing_event_ids:
                self.env['billpro.take.payment'].create(
                    {'order_id': order.id, 'amount': 17.43, 'when': 'later'}
                ).action_take_payment()
        events = [order.billing_event_ids.sudo()[:1] for order in recurring]
        for event in events:
            event.due_date = fields.Datetime.now()
        self._commit()
        self.env.ref('billpro_portal.cron_billing_run').sudo().method_direct_trigger()
        self._commit()
        for event in events:
            _check(event.status, 'completed')
            _check(event.invoice_id.payment_state, 'paid')

    def _refund(self, order: Any) -> None:
        """Pay back a part of what was paid, as staff do."""
        action = order.action_open_refund()
        wizard = self.env[action['res_model']].browse(action['res_id'])
        wizard.amount = 20.0
        wizard.action_refund()
        self._commit()
        _check(order.billing_refunded, 20.0)
        credit_note = order.billing_move_ids.filtered(lambda move: move.move_type == 'out_refund')
        _check([credit_note.state, credit_note.payment_state], ['posted', 'paid'])


class UnexpectedState(Exception):
    """A record is in another state than it should be."""


def _check(found: Any, expected: Any) -> None:
    """Compare what there is with what there should be.

    :raise UnexpectedState: If it is something else.
    """
    if found != expected:
        raise UnexpectedState(f"{found!r} instead of {expected!r}")
