import pytest

from devtools import paths
from devtools.view_conditions import find_problems

VIEW = """<odoo>
    <record id="view" model="ir.ui.view">
        <field name="model">{model}</field>
        <field name="arch" type="xml">{arch}</field>
    </record>
</odoo>"""


def find_in(folder, arch, model='sale.order'):
    """Return the problems of an addon with one view."""
    addon = folder / 'addon'
    (addon / 'views').mkdir(parents=True)
    (addon / 'views/orders.xml').write_text(VIEW.format(model=model, arch=arch))
    return find_problems(addon)


@pytest.mark.parametrize('addon', paths.addons(), ids=lambda addon: addon.name)
def test_no_condition_of_the_addons_names_a_type_or_a_status(addon):
    assert find_problems(addon) == []


@pytest.mark.parametrize(
    ('arch', 'field'),
    [
        ("<a invisible=\"purchase_type != 'single'\"/>", 'purchase_type'),
        ("<a readonly=\"x or billing_status not in ('draft', 'pending')\"/>", 'billing_status'),
        ("<a><b column_invisible=\"parent.purchase_type == 'metered'\"/></a>", 'purchase_type'),
        ("<a required=\"'single' == billing_product_type or status == 'open'\"/>", 'status'),
        ("<attribute name=\"invisible\" add=\"(status == 'open')\"/>", 'status'),
        ("<attribute name=\"readonly\">status == 'open'</attribute>", 'status'),
        ("<a decoration-info=\"status in ('scheduled', 'processing')\"/>", 'status'),
        ("<t t-if=\"order.billing_status == 'draft'\"/>", 'billing_status'),
    ],
)
def test_a_condition_that_names_one_is_found(tmp_path, arch, field):
    [problem] = find_in(tmp_path, arch)
    assert problem.startswith('addon/views/orders.xml: “')
    assert problem.endswith(f'compares {field} with a name; ask a computed field')


def test_states_are_odoos_own_business_on_its_own_models(tmp_path):
    arch = "<a invisible=\"state != 'sale'\"/>"
    assert find_in(tmp_path, arch) == []


def test_states_of_own_models_are_found(tmp_path):
    arch = "<a><b invisible=\"booking_state != 'booked'\"/><c readonly=\"state == 'x'\"/></a>"
    assert len(find_in(tmp_path, arch, 'billpro.dispute')) == 2


@pytest.mark.parametrize(
    'arch',
    [
        "<a invisible=\"not purchase_type or not billing_can_pause\"/>",
        "<a readonly=\"billing_product_type == parent.purchase_type\"/>",
        "<a decoration-info=\"status_level == 'info' or state == 'done'\"/>",
        "<filter domain=\"[('status', '=', 'scheduled')]\"/>",
        "<a invisible=\"1\"/>",
    ],
)
def test_what_decides_nothing_may_name_them(tmp_path, arch):
    assert find_in(tmp_path, arch) == []
