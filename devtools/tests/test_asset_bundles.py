import pytest

from odoo import api
from odoo.modules.registry import Registry
from odoo.tests.common import get_db_name

from devtools import asset_bundles

BUNDLE = 'bus.websocket_worker_assets'


@pytest.fixture
def env(load_registry):
    """The superuser's environment in the database of the tests, where nothing stays."""
    with Registry(get_db_name()).cursor() as cr:
        yield api.Environment(cr, api.SUPERUSER_ID, {})
        cr.rollback()


def attachments(env):
    assets = env['ir.qweb']._get_asset_bundle(BUNDLE)
    return assets.get_attachments('min.js') + assets.get_attachments('min.css')


def test_another_database_takes_what_was_kept(env, tmp_path):
    attachments(env).unlink()
    asset_bundles.restore(env, [BUNDLE], tmp_path)
    made = attachments(env)
    contents = [(attachment.url, attachment.raw) for attachment in made]
    assert len(contents) == 2
    kept = sorted(tmp_path.iterdir())
    assert [path.name.rpartition('.')[2] for path in kept] == ['css', 'js']
    # Whether it is taken, and not made again, shows by what is in it.
    kept[1].write_bytes(b"// kept\n" + kept[1].read_bytes())
    made.unlink()
    asset_bundles.restore(env, [BUNDLE], tmp_path)
    (js_url, js), css = contents
    assert [(attachment.url, attachment.raw) for attachment in attachments(env)] == [
        (js_url, b"// kept\n" + js),
        css,
    ]
