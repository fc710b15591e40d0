from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.company import CompanyCommon


@tagged('post_install', '-at_install')
class TestShopDatabase(CompanyCommon):
    def test_shop_has_the_addon_beside_it(self):
        states = dict(
            self.env['ir.module.module']
            .search([('name', 'in', ('billpro_portal', 'website_sale'))])
            .mapped(lambda module: (module.name, module.state))
        )
        self.assertEqual(states, {'billpro_portal': 'installed', 'website_sale': 'installed'})
