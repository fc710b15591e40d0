"""`./dev run`: a demo database and its server."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools import console, databases, odoo_server, paths
from devtools.demos import Demo
from devtools.odoo_server import Odoo

# Odoo prints its log, too: this tells the answer apart.
ANSWER = 'order links: '
LINKS_SCRIPT = f"""
import json
from devtools import demo_data
print({ANSWER!r} + json.dumps(demo_data.order_links(env)))
"""


def serve(odoo: Odoo, demo: Demo, reset: bool) -> None:
    """Run the server on a demo's database until it is interrupted.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param demo: The demo.
    :param reset: Whether to make the database anew.
    """
    odoo_server.check_port(demo.port)
    with demo.running(reset) as begin:
        configuration = prepare_database(odoo, demo, reset)
        every = databases.Databases(odoo)
        every.set_address(demo.database, demo.address)
        every.set_parameters(demo.database, demo.parameters())
        _serve_prepared(odoo, demo, configuration, begin)


def _serve_prepared(odoo: Odoo, demo: Demo, configuration: Path, begin: Callable[[], None]) -> None:
    """Run the server on a database that is up to date, until it is interrupted.

    :param begin: What to call when the server answers.
    """
    log = paths.log_directory() / demo.log_name
    with (
        odoo.serving(configuration, demo.port, log) as server,
        ThreadPoolExecutor(1) as executor,
    ):
        # Both take seconds, and neither needs the other.
        links = executor.submit(order_links, odoo, configuration)
        with console.step("Starting Odoo"):
            odoo_server.wait_until_ready(server, demo.port, log)
            found = links.result()
        begin()
        print(f"\nOdoo: {demo.address}/odoo (login: admin, password: admin)")
        print("Order links:" if found else "There are no demo orders.")
        for label, url in found:
            print(f"  {label}\n    {url}")
        for line in demo.advice():
            print(line)
        print(f"Log: {log}\nCtrl-C stops it.", flush=True)
        if server.wait():
            raise console.Failure("Odoo has stopped.", f"Its log: {log}")


def prepare_database(odoo: Odoo, demo: Demo, reset: bool = False) -> Path:
    """Make a demo's database, or bring it up to date with the addons' files.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param demo: The demo, which must run.
    :param reset: Whether to make it anew in any case.
    :return: The configuration file for it.
    """
    every = databases.Databases(odoo)
    name = demo.database
    key = {'odoo': odoo.key(), 'addon': demo.addon_key()}
    known = json.loads(demo.mark.read_text()) if demo.mark.exists() else {}
    addons_path = ','.join(str(path) for path in [*odoo.addons_path(), *demo.addons_path])
    if reset or not known or not every.exists(name):
        demo.mark.unlink(missing_ok=True)
        template = every.addon_template()
        with console.step("Making the demo database"):
            every.copy(template, name)
            configuration = odoo.write_configuration(name, addons_path=addons_path)
            if demo.further_addons:
                odoo.update(configuration, install=demo.further_addons)
            every.set_address(name, demo.address)
            odoo.execute(configuration, demo.create_script())
    else:
        configuration = odoo.write_configuration(name, addons_path=addons_path)
        if known['odoo'] != key['odoo']:
            with console.step("Upgrading all modules of the demo database to this Odoo"):
                odoo.update(configuration, upgrade=['base'])
        elif known['addon'] != key['addon']:
            with console.step("Upgrading the addon in the demo database"):
                odoo.update(configuration, upgrade=[paths.ADDON_NAME])
    demo.mark.write_text(json.dumps(key))
    return configuration


def order_links(odoo: Odoo, configuration: Path) -> list[tuple[str, str]]:
    """Return the links of the demo orders.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param configuration: The configuration file of the demo database.
    :return: The label and the URL of each.
    """
    output = odoo.execute(configuration, LINKS_SCRIPT)
    answer = next(line for line in output.splitlines() if line.startswith(ANSWER))
    return [(label, url) for label, url in json.loads(answer.removeprefix(ANSWER))]
