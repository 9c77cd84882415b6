"""What holds for every test of this folder."""

from hypothesis import settings

# A slow machine is no defect: nothing here is timed. (`CI` in the environment picks Hypothesis's own profile, as sure.)
settings.register_profile("untimed", settings.get_profile("default"), deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("untimed")
