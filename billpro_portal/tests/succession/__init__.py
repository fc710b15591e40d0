from . import test_succession
