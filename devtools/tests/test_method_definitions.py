import shutil

import pytest

from devtools import paths
from devtools.method_definitions import find_problems

ORDER = """
class SaleOrder(models.Model):
    _inherit = 'sale.order'

    total = fields.Float()

    def write(self, vals):
        return super().write(vals)
"""
MIXINS = """
class Priced(models.AbstractModel):
    _name = 'priced'

    def price(self):
        return 1


class Dated(models.AbstractModel):
    _name = 'dated'

    def price(self):
        return 2
"""


def find_in(folder, sources):
    """Return the problems of an addon with these sources."""
    addon = folder / 'addon'
    for name, source in sources.items():
        path = addon / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return find_problems(addon)


def extend(model, body, inherit=None):
    """Return the source of a class that extends a model."""
    return f"class Model(models.Model):\n    _name = '{model}'\n    _inherit = {inherit}\n{body}"


# === THE ADDON === #


def test_addon_defines_nothing_twice():
    assert [problem for addon in paths.addons() for problem in find_problems(addon)] == []


def test_second_definition_in_addon_is_found(tmp_path):
    addon = shutil.copytree(paths.ADDON, tmp_path / paths.ADDON_NAME)
    (addon / 'wizards/late.py').write_text(
        "class PaymentTransaction(models.Model):\n"
        "    _inherit = 'payment.transaction'\n\n"
        "    def _set_error(self, *args):\n"
        "        return super()._set_error(*args)\n"
    )
    [problem] = find_problems(addon)
    assert "billpro_portal/models/attempts/payment_transaction.py:" in problem
    assert "billpro_portal/wizards/late.py:4 both define" in problem
    assert problem.endswith(" payment.transaction._set_error")


# === MODELS === #


def test_methods_and_fields_of_two_files(tmp_path):
    assert find_in(tmp_path, {'models/a.py': ORDER, 'wizards/b.py': ORDER}) == [
        "addon/models/a.py:5 and addon/wizards/b.py:5 both define sale.order.total",
        "addon/models/a.py:7 and addon/wizards/b.py:7 both define sale.order.write",
    ]


def test_three_definitions_are_one_problem(tmp_path):
    source = "class Model(models.Model):\n    _inherit = 'a'\n    LIMIT: int = 3\n"
    assert find_in(tmp_path, {f'models/{name}.py': source for name in 'xyz'}) == [
        "addon/models/x.py:3, addon/models/y.py:3 and addon/models/z.py:3 all define a.LIMIT"
    ]


def test_field_twice_in_one_class(tmp_path):
    source = (
        "class A(models.Model):\n    _name = 'a'\n    x = fields.Char()\n    x = fields.Text()\n"
    )
    assert find_in(tmp_path, {'models/a.py': source}) == [
        "addon/models/a.py:3 and addon/models/a.py:4 both define a.x"
    ]


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ("    def amount(self):\n        pass\n", "    amount = fields.Float()\n"),
        ("    async def amount(self):\n        pass\n", "    amount, rest = 1, 2\n"),
        ("    amount = models.Constraint('')\n", "    amount: float = 1\n"),
    ],
)
def test_whatever_has_the_same_name(tmp_path, one, other):
    [problem] = find_in(
        tmp_path,
        {
            'models/a.py': f"class A(models.Model):\n    _name = 'a'\n{one}",
            'models/b.py': f"class A(models.Model):\n    _inherit = 'a'\n{other}",
        },
    )
    assert problem.endswith(" both define a.amount")


@pytest.mark.parametrize(
    ('class_name', 'base', 'attributes'),
    [
        ('A', 'models.Model', ["_inherit = 'sale.order'"]),
        ('A', 'models.Model', ["_inherit = ('sale.order', 'mixin')", "_name = 'sale.order'"]),
        ('A', 'models.Model', ["_name = 'sale.order'", "_inherit = ['mixin', 'sale.order']"]),
        ('A', 'models.Model', ["_name = 'sale.order'"]),
        # Without a name Odoo takes that of the class.
        ('SaleOrder', 'models.Model', ["_inherit = ['sale.order']"]),
        ('SaleOrder', 'Model', []),
    ],
)
def test_ways_to_name_a_model(tmp_path, class_name, base, attributes):
    body = "".join(f"    {line}\n" for line in [*attributes, "total = 1"])
    sources = {'models/a.py': f"class {class_name}({base}):\n{body}", 'models/b.py': ORDER}
    [problem] = find_in(tmp_path, sources)
    assert problem.endswith(" both define sale.order.total")


@pytest.mark.parametrize('value', ["ORDER", "['sale.order', MIXIN]", "f'sale.{x}'", "None"])
def test_model_that_is_not_written_out(tmp_path, value):
    source = f"class A(models.Model):\n    _inherit = {value}\n    x = 1\n"
    assert find_in(tmp_path, {'models/a.py': source}) == [
        "addon/models/a.py:1: write _inherit of A out"
    ]


def test_names_and_models_alone_are_no_definitions(tmp_path):
    source = extend('a', '', ['a', 'mixin'])
    assert find_in(tmp_path, {'models/a.py': source, 'models/b.py': source}) == []


def test_other_models_may_define_the_same(tmp_path):
    other = ORDER.replace('sale.order', 'sale.order.line')
    assert find_in(tmp_path, {'models/a.py': ORDER, 'models/b.py': other}) == []


def test_accessors_of_a_property_are_one_definition(tmp_path):
    source = (
        "class A(models.Model):\n    _name = 'a'\n"
        "    @property\n    def x(self):\n        pass\n"
        "    @x.setter\n    def x(self, value):\n        pass\n"
    )
    assert find_in(tmp_path, {'models/a.py': source}) == []


@pytest.mark.parametrize(
    'place', ['migrations/19.0.1.0.0/pre-a.py', 'tests/test_a.py', '../other_addon/models/a.py']
)
def test_what_is_not_looked_at(tmp_path, place):
    assert find_in(tmp_path, {'models/a.py': ORDER, place: ORDER}) == []


# === MIXINS === #


def test_model_may_override_its_mixin(tmp_path):
    sources = {
        'models/mixins.py': MIXINS,
        'models/a.py': extend('a', '', ['priced', 'dated']),
        'models/b.py': extend('a', "    price = 3\n", ['a']),
    }
    assert find_in(tmp_path, sources) == []


def test_extension_may_override_what_it_mixes_in(tmp_path):
    sources = {
        'models/mixins.py': MIXINS,
        'models/a.py': extend('a', "    price = 3\n", ['a', 'dated']),
    }
    assert find_in(tmp_path, sources) == []


def test_extensions_may_share_a_mixin(tmp_path):
    source = extend('a', '', ['a', 'dated'])
    sources = {'models/mixins.py': MIXINS, 'models/a.py': source, 'models/b.py': source}
    assert find_in(tmp_path, sources) == []


@pytest.mark.parametrize(
    ('other', 'place'),
    [
        (extend('a', '', ['a', 'dated']), "models/mixins.py:12"),
        (extend('a', "    price = 3\n", ['a']), "models/b.py:4"),
    ],
)
def test_mixins_of_two_extensions(tmp_path, other, place):
    sources = {
        'models/b.py': other,
        'models/c.py': extend('a', '', ['a', 'priced']),
        'models/mixins.py': MIXINS,
    }
    [problem] = find_in(tmp_path, sources)
    assert problem.endswith(" both define a.price")
    assert f"addon/{place} and " in problem or f" and addon/{place} " in problem


# === CONTROLLERS === #


def test_controllers_side_by_side(tmp_path):
    source = "from odoo.http import Controller\nclass A(Controller):\n    pay = 1\n"
    sources = {'controllers/a.py': source, 'controllers/b.py': source.replace('A', 'B')}
    assert find_in(tmp_path, sources) == [
        "addon/controllers/a.py:3 and addon/controllers/b.py:3 both define pay of the controllers"
    ]


def test_controller_may_override_what_it_inherits(tmp_path):
    sources = {
        'controllers/a.py': "class A(Controller):\n    def pay(self):\n        pass\n",
        'controllers/b.py': "from .a import A\nclass B(A):\n    pass\n",
        'controllers/c.py': "from . import b\nclass C(b.B):\n    def pay(self):\n        pass\n",
    }
    assert find_in(tmp_path, sources) == []


def test_controllers_of_one_name(tmp_path):
    """Named as what it extends, a controller of ours is not what another extends by that name."""
    sources = {
        'controllers/a.py': (
            "from odoo.addons.portal.portal import Portal\n"
            "class Portal(Portal):\n    def pay(self):\n        pass\n"
        ),
        'controllers/b.py': (
            "from odoo.addons.sale.portal import Portal\n"
            "class SalePortal(Portal):\n    def pay(self):\n        pass\n"
        ),
    }
    [problem] = find_in(tmp_path, sources)
    assert problem.endswith(" both define pay of the controllers")


def test_other_classes_are_no_controllers(tmp_path):
    source = "class Table:\n    def rows(self):\n        pass\n"
    assert find_in(tmp_path, {'billing/a.py': source, 'billing/b.py': source}) == []
