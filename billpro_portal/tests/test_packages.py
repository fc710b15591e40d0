import os
import subprocess
import sys
import tempfile
from pathlib import Path

from odoo.modules.module import Manifest
from odoo.tests import BaseCase, tagged
from odoo.tools import config

START = """
import sys
from odoo.tools import config
config.parse_config(['--addons-path', sys.argv[1]])
import odoo.addons.billpro_portal
"""


@tagged('post_install', '-at_install')
class TestPackages(BaseCase):
    """What the addon needs besides Odoo."""

    def _start(self, release):
        """Load the addon in a process of its own, beside a release of Stripe's library."""
        with tempfile.TemporaryDirectory() as directory:
            metadata = Path(directory, f'stripe-{release}.dist-info', 'METADATA')
            metadata.parent.mkdir()
            metadata.write_text(f"Metadata-Version: 2.1\nName: stripe\nVersion: {release}\n")
            return subprocess.run(
                [sys.executable, '-c', START, ','.join(config['addons_path'])],
                env={**os.environ, 'PYTHONPATH': os.pathsep.join([directory, *sys.path])},
                capture_output=True,
                text=True,
                check=False,
            )

    def test_an_older_release_is_refused_at_start(self):
        """Debian 12 ships 5.0."""
        started = self._start('5.0.0')
        self.assertEqual(started.returncode, 1)
        (wanted,) = [
            one
            for one in Manifest.for_addon('billpro_portal')['external_dependencies']['python']
            if one.startswith('stripe')
        ]
        self.assertEqual(wanted, 'stripe>=11.0.0')
        self.assertIn(
            f"External dependency version mismatch: {wanted} (installed: 5.0.0)",
            started.stderr,
        )

    def test_the_oldest_release_will_do(self):
        started = self._start('11.0.0')
        self.assertEqual(started.returncode, 0, started.stderr)
