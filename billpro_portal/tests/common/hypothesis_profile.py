"""How Hypothesis runs: the laws are about results, a busy machine must not break them."""

from hypothesis import HealthCheck, settings

settings.register_profile('patient', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('patient')
