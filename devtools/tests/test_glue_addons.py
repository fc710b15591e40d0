"""The addons that install themselves beside another module pass their tests where both are."""

import pytest

from devtools import paths, test_run, translations

GLUE_ADDONS = pytest.mark.parametrize('addon', paths.glue_addons(), ids=lambda addon: addon.name)


@GLUE_ADDONS
def test_glue_addon(odoo, addon):
    assert test_run.run_glue(odoo, addon, []) == 0


@GLUE_ADDONS
def test_translation_template(odoo, addon):
    """Checked here and not by `./dev lint`, which would have to wait for the database."""
    assert translations.check(odoo, addon) == ""
