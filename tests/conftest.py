"""Settings and fixtures for every test of this folder."""

from hypothesis import settings

# A slow machine is no defect: nothing here is timed. (`CI` in the environment picks Hypothesis's own profile, as sure.)
settings.register_profile("untimed", settings.get_profile("default"), deadline=None)
# `make test-fast`: enough to notice what is plainly wrong.
settings.register_profile("fast", settings.get_profile("untimed"), max_examples=10)
if settings.get_current_profile_name() == "default":
    settings.load_profile("untimed")
