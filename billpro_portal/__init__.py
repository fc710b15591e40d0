from odoo.modules.module import Manifest

# Odoo asks for the packages at the installation only. One that was replaced by an older release
# would be noticed when the first customer pays: now the server says so at its start.
Manifest.for_addon('billpro_portal').check_manifest_dependencies()

from . import controllers, models, reports, wizards  # noqa: E402
from .log_redaction import keep_secrets_out_of_log  # noqa: E402
