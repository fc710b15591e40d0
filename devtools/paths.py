"""Where things are: the checkout, the downloads shared by all checkouts, this checkout's state."""

import hashlib
import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
ADDON_NAME = 'billpro_portal'
ADDON = CHECKOUT / ADDON_NAME
# The folder that the package `fake_gateway` is in: a package of its own, which knows no `devtools`.
FAKE_GATEWAY = CHECKOUT / 'devtools/fake_gateway'
# Addons for development databases only.
DEVELOPMENT_ADDONS = CHECKOUT / 'devtools/odoo_addons'
FAKE_GATEWAY_ADDON = 'billpro_fake_gateway'
# Holds the tests of what the addon says of payment modules that it doesn't depend on.
WRITE_ABILITIES = 'BILLPRO_WRITE_ABILITIES'
# Names the script that looks at the pages that tests open.
AXE = 'BILLPRO_AXE'
OTHER_PROVIDERS = DEVELOPMENT_ADDONS / 'billpro_other_providers'


def glue_addons() -> list[Path]:
    """Return the addons that install themselves where the addon and another module both are."""
    return sorted(path.parent for path in CHECKOUT.glob(f'{ADDON_NAME}_*/__manifest__.py'))


def addons() -> list[Path]:
    """Return the addon and those that go with it: all that users get."""
    return [ADDON, *glue_addons()]


def _xdg_directory(variable: str, default: str) -> Path:
    """Return the project's folder under an XDG base directory.

    :param variable: The environment variable that names the base directory.
    :param default: The base directory, relative to the home, if the variable is not set.
    """
    # The XDG specification has relative values ignored.
    configured = Path(os.environ.get(variable, ''))
    base = configured if configured.is_absolute() else Path.home() / default
    return base / ADDON_NAME


def cache_directory() -> Path:
    """Return the folder of verified downloads, which every checkout of the user shares."""
    return _xdg_directory('XDG_CACHE_HOME', '.cache')


def program_directory() -> Path:
    """Return the folder of programs that stand before those of the machine."""
    return state_directory() / 'programs'


def state_directory() -> Path:
    """Return the folder of this checkout's databases, files and logs."""
    checkout_key = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
    return _xdg_directory('XDG_STATE_HOME', '.local/state') / checkout_key


def log_directory() -> Path:
    """Return the folder of this checkout's logs, made if it is missing."""
    directory = state_directory() / 'logs'
    directory.mkdir(parents=True, exist_ok=True)
    return directory
