"""A room for each capability; a room calls those above it in this list, and none below.

A file is named by the model that it extends. See `docs/architecture.md`.
"""

from . import rights
from . import settings
from . import each_alone
from . import lifecycle
from . import law
from . import usage
from . import attempts
from . import cards
from . import accounting
from . import checkout
from . import changes
from . import capture
from . import cancellation
from . import recovery
from . import charging
from . import schedule
from . import many
from . import early
from . import purchase
from . import orders
from . import succession
from . import declarations
from . import notices
from . import details
from . import pages
from . import payouts
from . import privacy
from . import reports
from . import providers
from . import stripe
