"""How Hypothesis runs: the laws are about results, a busy machine must not break them."""

from hypothesis import HealthCheck, settings

from .nightly import PROFILE

for name in ('ci', 'nightly'):
    settings.register_profile(name, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(PROFILE)
