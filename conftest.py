"""What holds for the tests of every package: a machine that is busy is no reason for a test to fail."""

from hypothesis import settings

settings.register_profile("without a stopwatch", deadline=None)
settings.load_profile("without a stopwatch")
