"""Whether all random courses are followed, or as many as do everything that all of them do."""

import os

# Needs no Hypothesis: some courses are random without it.
PROFILE = os.environ.get('HYPOTHESIS_PROFILE', 'ci')
IS_NIGHTLY = PROFILE == 'nightly'
