"""`./dev run`: the demo database and its server."""

import json
from concurrent.futures import ThreadPoolExecutor

from devtools import console, databases, odoo_server, paths

DATABASE = 'billpro_run'
MARK = paths.state_directory() / 'run-database.json'
# Odoo prints its log, too: this tells the answer apart.
ANSWER = 'order links: '
CREATE_SCRIPT = """
from devtools import demo_data
demo_data.create(env)
env.cr.commit()
"""
LINKS_SCRIPT = f"""
import json
from devtools import demo_data
print({ANSWER!r} + json.dumps(demo_data.order_links(env)))
"""


def serve(odoo, port, reset):
    """Run the server on the demo database until it is interrupted.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int port: The port that it listens on.
    :param bool reset: Whether to make the database anew.
    """
    odoo_server.check_port(port)
    configuration = prepare_database(odoo, reset)
    address = f'http://{odoo_server.HOST}:{port}'
    databases.Databases(odoo).set_address(DATABASE, address)
    log = paths.log_directory() / 'odoo.log'
    with odoo.serving(configuration, port, log) as server, ThreadPoolExecutor(1) as executor:
        # Both take seconds, and neither needs the other.
        links = executor.submit(order_links, odoo, configuration)
        with console.step("Starting Odoo"):
            odoo_server.wait_until_ready(server, port, log)
            found = links.result()
        print(f"\nOdoo: {address}/odoo (login: admin, password: admin)")
        print("Order links:" if found else "There are no demo orders.")
        for label, url in found:
            print(f"  {label}\n    {url}")
        print(f"Log: {log}\nCtrl-C stops it.", flush=True)
        if server.wait():
            raise console.Failure("Odoo has stopped.", f"Its log: {log}")


def prepare_database(odoo, reset=False):
    """Make the demo database, or bring it up to date with the addon's files.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param bool reset: Whether to make it anew in any case.
    :return: The configuration file for it.
    :rtype: Path
    """
    every = databases.Databases(odoo)
    name = DATABASE
    key = {'odoo': odoo.key(), 'addon': databases.addon_hash()}
    known = json.loads(MARK.read_text()) if MARK.exists() else {}
    if reset or not known or not every.exists(name):
        MARK.unlink(missing_ok=True)
        template = every.dependencies_template()
        with console.step("Making the demo database"):
            every.copy(template, name)
            configuration = odoo.write_configuration(name)
            odoo.update(configuration, install=[paths.ADDON_NAME])
            odoo.execute(configuration, CREATE_SCRIPT)
    else:
        configuration = odoo.write_configuration(name)
        if known['odoo'] != key['odoo']:
            with console.step("Upgrading all modules of the demo database to this Odoo"):
                odoo.update(configuration, upgrade=['base'])
        elif known['addon'] != key['addon']:
            with console.step("Upgrading the addon in the demo database"):
                odoo.update(configuration, upgrade=[paths.ADDON_NAME])
    MARK.write_text(json.dumps(key))
    return configuration


def order_links(odoo, configuration):
    """Return the links of the demo orders.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path configuration: The configuration file of the demo database.
    :return: The label and the URL of each.
    :rtype: list[list[str]]
    """
    output = odoo.execute(configuration, LINKS_SCRIPT)
    answer = next(line for line in output.splitlines() if line.startswith(ANSWER))
    return json.loads(answer.removeprefix(ANSWER))
