"""The addon beside other modules of Odoo, in databases like those that businesses have."""
