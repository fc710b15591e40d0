import shutil

import pytest

from devtools import odoo_server, paths
from devtools.foreign_names import find_dependencies, find_problems

BASE_MODEL = "class BaseModel:\n    _order = 'id'\n\n    def write(self, vals):\n        pass\n"
ORDER = "class SaleOrder(models.Model):\n    _name = 'sale.order'\n    _inherit = ['thread']\n"
THREAD = "class Thread(models.AbstractModel):\n    _name = 'thread'\n\n    def post(self): pass\n"
VARIANT = """
class Variant(models.Model):
    _name = 'variant'
    _inherits = {'sale.order': 'order_id'}
    total = 1
"""
LONG_WAY = """
class SaleOrder(models.Model):
    _inherit = (
        'sale.order',
        'thread',
    )
    _name = 'sale.order'
    total = 1
"""
PORTAL = (
    "from odoo.http import Controller\n\n\n"
    "class Portal(Controller):\n    def home(self):\n        pass\n"
)
# What is installed with the addon: `thread` and `sale`.
REQUIRED = {
    'thread/__manifest__.py': "{'name': 'Thread'}",
    'thread/models/thread.py': THREAD,
    'thread/controllers/portal.py': PORTAL,
    'sale/__manifest__.py': "{'name': 'Sale', 'depends': ['thread']}",
    'sale/models/order.py': ORDER + "    state = fields.Char()\n",
}


@pytest.fixture
def find_in(tmp_path):
    """Return a function that looks for the clashes of an addon with modules of these sources."""

    def find(own, others):
        folders = {
            'own': {'addon/__manifest__.py': "{'name': 'Addon', 'depends': ['sale']}", **own},
            'odoo': {
                'odoo/orm/models.py': BASE_MODEL,
                **{f'addons/{name}': text for name, text in {**REQUIRED, **others}.items()},
            },
        }
        for folder, sources in folders.items():
            for name, text in sources.items():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        odoo = tmp_path / 'odoo'
        return find_problems(tmp_path / 'own/addon', odoo, [odoo / 'addons'])

    return find


def module(path, text, depends=()):
    """Return the files of a module that has one source file."""
    return {f'{path.split("/")[0]}/__manifest__.py': f"{{'depends': {list(depends)}}}", path: text}


def extend(model, body="    total = 1\n"):
    """Return the source of a class that extends a model."""
    return f"class Extension(models.Model):\n    _inherit = '{model}'\n{body}"


# === THE ADDON === #


@pytest.fixture
def find_beside(tmp_path):
    """Return a function that looks for clashes of an addon with some modules of Odoo's.

    All of them are lint's task: it takes as long as all these tests.
    """

    def find(addon, names):
        source = odoo_server.find_source()
        modules = {
            path.parent.name: path.parent
            for folder in (source / 'addons', source / 'odoo/addons')
            for path in folder.glob('*/__manifest__.py')
        }
        beside = tmp_path / 'beside'
        beside.mkdir()
        for name in find_dependencies(addon, modules) | names:
            (beside / name).symlink_to(modules[name])
        return find_problems(addon, source, [beside])

    return find


def test_names_of_purchase_are_found(find_beside, tmp_path):
    """Odoo's Purchase app has had a method of the order link's name."""
    addon = shutil.copytree(paths.ADDON, tmp_path / paths.ADDON_NAME)
    page = addon / 'controllers/order_access.py'
    page.write_text(page.read_text().replace('_billpro_render_portal', '_render_portal'))
    (addon / 'models/late.py').write_text(extend('sale.order', "    purchase_order_count = 1\n"))
    problems = find_beside(addon, {'purchase', 'sale_purchase'})
    assert [problem.split(': ')[1].partition(', in')[0] for problem in problems] == [
        "sale.order.purchase_order_count is also defined by sale_purchase",
        "_render_portal of a controller lacks the prefix billpro_",
        "_render_portal of a controller is also defined by purchase",
    ]


# === MODELS === #


@pytest.mark.parametrize(
    'body',
    [
        "    def total(self):\n        pass\n",
        "    total = fields.Float()\n",
        "    total: int = 1\n",
    ],
)
def test_name_of_another_module(find_in, body):
    own = {'addon/models/a.py': extend('sale.order', body)}
    assert find_in(own, module('shop/models/b.py', extend('sale.order'))) == [
        "addon/models/a.py:3: sale.order.total is also defined by shop, in shop/models/b.py:3"
    ]


def test_new_private_name_of_odoo_s_model_has_the_mark(find_in):
    """Not what the model has already, nor what mail templates call, nor that of own models."""
    body = "".join(
        f"    def {name}(self):\n        pass\n"
        for name in ('_total', '_billing_total', '_compute_billing_total', '_stored', 'total')
    )
    own = {
        'addon/models/a.py': extend('sale.order', body),
        'addon/models/b.py': extend('addon.terms', body),
        'addon/data/mail.xml': '<odoo><t t-out="object._stored()"/></odoo>',
    }
    assert find_in(own, {}) == ["addon/models/a.py:3: sale.order._total lacks the mark billing"]


@pytest.mark.parametrize('name', ['state', 'post', 'write', '_order'])
def test_what_is_there_already_may_be_extended(find_in, name):
    """By the model itself, by its mixin, or on every model."""
    source = extend('sale.order', f"    {name} = 1\n")
    assert find_in({'addon/models/a.py': source}, module('shop/models/b.py', source)) == []


def test_other_models_may_have_the_name(find_in):
    own = {'addon/models/a.py': extend('sale.order')}
    assert find_in(own, module('shop/models/b.py', extend('account.move'))) == []


@pytest.mark.parametrize(
    ('own', 'other'),
    [
        # A mixin of Odoo's is extended there, and is in what is extended here.
        (extend('sale.order'), extend('thread')),
        (ORDER.replace('sale.order', 'meter') + "    total = 1\n", extend('thread')),
        # The other way round.
        (extend('thread'), ORDER.replace('sale.order', 'lead') + "    total = 1\n"),
        # The other record has the fields of this one.
        (extend('sale.order'), VARIANT),
        (extend('sale.order'), LONG_WAY),
    ],
)
def test_relatives_of_a_model(find_in, own, other):
    [problem] = find_in({'addon/models/a.py': own}, module('shop/models/b.py', other))
    assert ".total is also defined by shop, in shop/models/b.py:" in problem


def test_relatives_of_relatives_share_nothing(find_in):
    """Both mix the same in; neither is seen by the other."""
    own = {'addon/models/a.py': extend('sale.order')}
    other = ORDER.replace('sale.order', 'lead') + "    total = 1\n"
    assert find_in(own, module('shop/models/b.py', other)) == []


@pytest.mark.parametrize('place', ['tests/test_b.py', 'migrations/1.0/pre-b.py'])
def test_what_is_not_there_when_odoo_runs(find_in, place):
    own = {'addon/models/a.py': extend('sale.order')}
    assert find_in(own, module(f'shop/{place}', extend('sale.order'))) == []


# === CONTROLLERS === #

OWN_PORTAL = "from odoo.addons.thread.controllers.portal import Portal\nclass A(Portal):\n"


def test_new_name_of_a_controller_has_the_prefix(find_in):
    source = OWN_PORTAL + "    def _pay(self): pass\n    def _billpro_pay(self): pass\n"
    assert find_in({'addon/controllers/a.py': source}, {}) == [
        "addon/controllers/a.py:3: _pay of a controller lacks the prefix billpro_"
    ]


def test_controller_may_extend_what_it_inherits(find_in):
    sources = {
        'addon/controllers/a.py': OWN_PORTAL + "    def home(self): pass\n",
        'addon/controllers/b.py': "from .a import A\nclass B(A):\n    def home(self): pass\n",
    }
    assert find_in(sources, {}) == []


def test_name_of_another_module_s_controller(find_in):
    source = OWN_PORTAL + "    def billpro_pay(self): pass\n"
    [problem] = find_in({'addon/controllers/a.py': source}, module('shop/controllers/b.py', source))
    assert problem.endswith(
        "billpro_pay of a controller is also defined by shop, in shop/controllers/b.py:3"
    )
