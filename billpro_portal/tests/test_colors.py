from odoo.tests import BaseCase, tagged

from ..billing.colors import darker, readable

PANEL = '#fde4e7'


@tagged('post_install', '-at_install')
class TestColors(BaseCase):
    def test_a_color_that_can_be_read_stays(self):
        self.assertEqual(readable('#0F5C6E', PANEL), '#0f5c6e')
        self.assertEqual(readable('#000000', PANEL), '#000000')

    def test_a_color_that_is_too_light_gets_darker(self):
        self.assertEqual(readable('#ff8800', '#ffffff'), '#a65800')
        self.assertEqual(readable('#ffffff', PANEL), '#616161')
        self.assertEqual(darker('#ffffff'), '#e5e5e5')

    def test_what_is_no_color(self):
        for text in ('', 'red', '#fff', '#gggggg', '#0f5c6e; background: url(//x)'):
            self.assertIsNone(readable(text, PANEL))
            self.assertIsNone(darker(text))
