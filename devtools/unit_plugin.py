"""What of pytest-odoo the tests without a database need: to import the addon as Odoo does."""

import pytest
import pytest_odoo

import odoo

from devtools import odoo_server, paths


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest import the addon's tests as `odoo.addons.*`, and run them itself.

    :param config: pytest's configuration.
    """
    odoo.tools.config.parse_config(
        [f'--addons-path={paths.CHECKOUT}', f'--http-interface={odoo_server.HOST}']
    )
    pytest_odoo.support_subtest()
    pytest_odoo.disable_odoo_test_retry()
    pytest_odoo.monkey_patch_resolve_pkg_root_and_module_name()
