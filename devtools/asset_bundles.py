"""Scripts and styles of the pages that tests open, made before the first page: inside Odoo.

What a test makes is rolled back with it, so each would make them again. Made once for all databases
whose files are the same.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Which no addon of this project adds anything to.
ODOOS_OWN = [
    'bus.websocket_worker_assets',
    'web.__assets_tests_call__',
    'web.assets_backend_lazy',
    'web.assets_emoji',
    'web.assets_web',
    'web.assets_web_print',
    'web.chartjs_lib',
    'web.fullcalendar_lib',
    'web_tour.automatic',
]
FRONTEND = [
    'billpro_portal.assets_page',
    'web.assets_frontend',
    'web.assets_frontend_lazy',
    'web.assets_frontend_minimal',
    'web.assets_tests',
]
# Of pages of a website.
WEBSITE = [*FRONTEND, 'web.__assets_tests_call__', 'web_tour.automatic']
REPORTS = ['web.report_assets_common', 'web.report_assets_pdf']


def restore(env: Any, bundles: Iterable[str], folder: Path, *, is_for_pdf: bool = False) -> None:
    """Take scripts and styles that were made for another database, or make them and keep them.

    :param odoo.api.Environment env: The superuser's environment.
    :param bundles: The names of the bundles.
    :param folder: Where they are kept, by Odoo's checksum of the files that they are made of.
    :param is_for_pdf: Whether to take the styles as PDF files take them, and no scripts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for bundle in bundles:
        assets = env['ir.qweb']._get_asset_bundle(bundle, autoprefix=is_for_pdf)
        for kind in ('css',) if is_for_pdf else ('js', 'css'):
            extension = f'min.{kind}'
            kept = folder / f'{bundle}-{assets.get_checksum(kind)}.{extension}'
            if kept.exists():
                assets.save_attachment(extension, kept.read_bytes().decode())
            elif attachment := getattr(assets, kind)():
                unfinished = kept.with_suffix(f'.{os.getpid()}')
                unfinished.write_bytes(attachment.raw or b'')
                unfinished.rename(kept)
