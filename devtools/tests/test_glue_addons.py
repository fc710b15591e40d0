"""The addons that install themselves beside other modules pass their tests where all of them are.

That is what shops have, whose goods are in stock; each of them alone is tested nightly.
"""

import pytest

from devtools import paths, test_run, translations


def test_glue_addons_beside_each_other(odoo):
    assert test_run.run_glue(odoo, paths.glue_addons(), [test_run.FOR_EACH_CHANGE]) == 0


def test_other_providers(odoo):
    """What is said of Odoo's other providers, where their modules are."""
    assert test_run.run_providers(odoo, [test_run.FOR_EACH_CHANGE]) == 0


@pytest.mark.parametrize('addon', paths.glue_addons(), ids=lambda addon: addon.name)
def test_translation_template(odoo, addon):
    """Checked here and not by `./dev lint`, which would have to wait for the database."""
    assert translations.check(odoo, addon) == ""
