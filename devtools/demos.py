"""The demos of `./dev run`: what their databases hold, and what runs beside their servers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools import databases, odoo_server, paths
from fake_gateway import FakeGateway

WEBHOOK_ROUTE = '/payment/stripe/webhook'
# Stripe documentation, "Testing"; all that the gateway knows are in `fake_gateway/cards.py`.
CARDS = (
    ('4242 4242 4242 4242', "approved (Mastercard: 5555 5555 5555 4444)"),
    ('4000 0025 0000 3155', "3-D Secure once: when it is saved, then never again"),
    ('4000 0027 6000 3184', "3-D Secure at every payment"),
    ('4000 0000 0000 0002', "declined"),
    ('4000 0000 0000 9995', "declined: insufficient funds"),
    ('4000 0000 0000 9987', "declined: lost card"),
    ('4000 0000 0000 0069', "declined: expired card"),
    ('4000 0000 0000 0341', "can be saved, then every charge is declined"),
    ('4000 0000 0000 0259', "approved, and disputed by the cardholder"),
)


class Demo:
    """Orders that are paid with Odoo's Demo provider."""

    database = 'billpro_run'
    log_name = 'odoo.log'
    further_addons: tuple[str, ...] = ()
    addons_path: tuple[Path, ...] = ()

    def __init__(self, port: int) -> None:
        """Keep where the server is.

        :param port: The port that it listens on.
        """
        self.port = port
        self.address = f'http://{odoo_server.HOST}:{port}'
        # Tells what the database was made from.
        name = self.database.removeprefix('billpro_')
        self.mark = paths.state_directory() / f'{name}-database.json'

    @contextmanager
    def running(self, _reset: bool) -> Iterator[Callable[[], None]]:
        """Have what the demo needs besides Odoo run while the block is executed.

        :param _reset: Whether to begin anew.
        :return: What to call when the server answers.
        """
        yield lambda: None

    def addon_key(self) -> str:
        """Return what changes whenever the database needs an upgrade."""
        return databases.addon_hash()

    def create_script(self) -> str:
        """Return the code that fills the database, executed in Odoo's shell."""
        return _script('DemoPayments(env)')

    def parameters(self) -> dict[str, str]:
        """Return the system parameters that depend on where things run."""
        return {}

    def advice(self) -> list[str]:
        """Return the lines that tell what to try."""
        return []


class StripeDemo(Demo):
    """The same orders paid with Stripe, for which the fake gateway answers beside the server."""

    database = 'billpro_run_stripe'
    log_name = 'odoo-stripe.log'
    further_addons = (paths.FAKE_GATEWAY_ADDON,)
    addons_path = (paths.DEVELOPMENT_ADDONS,)

    def __init__(self, port: int) -> None:
        """Keep where the server and the gateway are.

        :param port: The port that the server listens on; the gateway takes the next one.
        """
        super().__init__(port)
        self.gateway_port = port + 1
        self.gateway = f'http://{odoo_server.HOST}:{self.gateway_port}'
        self.journal = paths.state_directory() / 'run-stripe-gateway.journal'

    @contextmanager
    def running(self, reset: bool) -> Iterator[Callable[[], None]]:
        """Have the gateway run, which knows all it has done before."""
        odoo_server.check_port(self.gateway_port)
        if reset or not self.mark.exists():
            self.journal.unlink(missing_ok=True)
        with FakeGateway(port=self.gateway_port, journal=self.journal) as gateway:
            gateway.webhooks.hold()
            gateway.move_webhooks(self.address + WEBHOOK_ROUTE)
            yield gateway.webhooks.release

    def addon_key(self) -> str:
        """Return what changes whenever the database needs an upgrade."""
        gateway_addon = paths.DEVELOPMENT_ADDONS / paths.FAKE_GATEWAY_ADDON
        return super().addon_key() + databases.addon_hash(gateway_addon)

    def create_script(self) -> str:
        """Return the code that fills the database, executed in Odoo's shell."""
        keys = (FakeGateway.secret_key, FakeGateway.publishable_key)
        arguments = ', '.join(repr(value) for value in (self.gateway, *keys))
        return _script(f'StripePayments(env, {arguments})')

    def parameters(self) -> dict[str, str]:
        """Return the system parameters that depend on where things run."""
        return {'billpro_fake_gateway.url': self.gateway}

    def advice(self) -> list[str]:
        """Return the lines that tell what to try."""
        control = f'{self.gateway}/_control'
        decline = '{"number": "4000000000009995"}'
        return [
            "Cards to enter, with any expiry to come and any security code:",
            *(f"  {number}  {outcome}" for number, outcome in CARDS),
            f"The gateway stands in for Stripe at {self.gateway}",
            f"  what money moved:        curl {control}/ledger",
            f"  which cards are saved:   curl {control}/payment_methods",
            f"  decline a saved card:    curl -d '{decline}' {control}/payment_methods/ID/treat_as",
            "  the card pays again:     with the number 4242424242424242",
        ]


def _script(payments: str) -> str:
    """Return the code that fills a database.

    :param payments: The code that makes the way the orders are paid.
    """
    return f"""
from devtools import demo_data
from devtools.demo_payments import DemoPayments, StripePayments
demo_data.create(env, {payments})
env.cr.commit()
"""
