"""Sources of plugins: good, broken, failing at their import, and odd."""

from benchmarks.hostile.isolated import MARKER

SUMMARY = "It flips labels."

GOOD = f'''"""An attack."""

from antivenom.settings import component


@component
class Mine:
    """{SUMMARY}"""

    appends = False

    def poison(self, data, *, rng, surrogate=None):
        return data
'''

ODD = ("class (", "(" * 50_000, "-" * 100_000 + "1", "x = " + "[" * 3000, "import ", f"import {MARKER}",
    "from . import x",
         "import " + "a." * 5000 + "b", "class Mine: 3", "\x00", "# coding: klingon\n", "x = " + "9" * 5000,
         "\ufeff", "\x0c" * 9,
         "from __main__ import x", "import os.path.no, sys.x", "@" + "a." * 3000 + "component\nclass Mine: pass",
         "class Mine:\n    '''" + "x" * 100_000 + "'''", "x = 1" + "+1" * 20_000, "\\",
         "def f():\n\treturn 1\n        return 2",
         "import " + "z" * 5000, "raise SystemExit", "@component\nclass Mine:\n    '''\x1b[31m\n'''",
         "f'{" * 200)  # fmt: skip
"""Whole sources. Most cannot be parsed, or fail at their import."""

FAILING = (
    "raise SystemExit",
    "raise SystemExit(3)",
    "raise GeneratorExit",
    "1 / 0",
    "class Stop(BaseException): pass\nraise Stop",
    "class Stop(BaseException):\n    def __str__(self): 1 / 0\nraise Stop",
    "class Mute(Exception):\n    def __str__(self): 1 / 0\nraise Mute",
    "class Mute(Exception):\n    def __str__(self): return 3\nraise Mute",
    "class Mute(Exception):\n    def __repr__(self): raise MemoryError\n    __str__ = __repr__\nraise Mute",
    "raise Exception('\\x1b[31m\\x00\\ud800')",
    "raise Exception('x' * 10**6)",
    "raise ExceptionGroup('a', [ValueError('b'), OSError('c')])",
    "raise UnicodeDecodeError('a', b'', 0, 1, '')",
    "raise ImportError",
    "raise ModuleNotFoundError('no', name='antivenom')",
    "raise MemoryError",
    "raise StopIteration",
    "raise OSError(36, 'x' * 5000, '\\0')",
    "import no_such_package_at_all",
    "import antivenom.no_such_part",
    "from os import nothing_like_this",
    "from antivenom.attacks import NoSuchAttack",
    "def f(): f()\nf()",
    "import sys\nsys.modules[__name__] = 3",
    "import sys\nsys.modules[__name__] = None",
    "import sys\ndel sys.modules[__name__]\n1 / 0",
    "del Mine",
    "del Mine\ndef __getattr__(name): raise MemoryError",
    "del Mine\ndef __getattr__(name): 1 / 0",
    "del Mine\ndef __getattr__(name): raise SystemExit",
)
"""What follows a good source, so that its import fails, or does not give the class."""

STRANGE = (
    "Mine = 3",
    "Mine = None",
    "def Mine(): pass",
    "class Mine: pass",
    "class Mine:\n    def poison(self, data, *, rng, surrogate=None): return data",
    "Mine = Mine()",
    "class Evil:\n    def __getattr__(self, name): 1 / 0\nMine = Evil()",
    "class Meta(type):\n    def __call__(cls, *a, **k): 1 / 0\nclass Mine(Mine, metaclass=Meta): pass",
    "class Mine(Mine):\n    def __init__(self): 1 / 0",
    "class Mine(Mine):\n    def __init__(self, x): pass",
    "class Mine(Mine):\n    def __new__(cls, **k): return 3",
    "class Mine(Mine):\n    def __repr__(self): 1 / 0",
    "class Mine(Mine):\n    def __eq__(self, other): 1 / 0\n    __hash__ = None",
    "class Mine(Mine):\n    needs = 3",
    "class Mine(Mine):\n    @property\n    def needs(self): 1 / 0",
    "class Mine(Mine):\n    poison = None",
    "class Mine(Mine):\n    def poison(self): return None",
    "class Mine(Mine):\n    def problems(self, subject): 1 / 0",
    "class Mine(Mine):\n    def problems(self, subject): return [3, None]",
    "class Mine(Mine):\n    def problems(self): return ()",
    "class Mine(Mine):\n    def files(self): return 3",
    "class Mine(Mine):\n    __doc__ = None",
    "class Mine(Mine):\n    __doc__ = '\\x1b[31m\\ud800'",
    "@component\nclass Mine:\n    '''It has a wrong field.'''\n    x: 'Nothing' = 3",
    "@component\nclass Mine:\n    '''It has a wrong field.'''\n    x: [] = 3",
    "@component\nclass Mine:\n    '''It has a wrong field.'''\n    x: list = []",
    "@component\nclass Mine:\n    '''It has a wrong field.'''\n    x: int = 'text'",
    "@component\nclass Mine:\n    '''It has a wrong field.'''\n    name: str = 'a'\n    kind: object = None",
    "@component\nclass Mine:\n    '''It has a required field.'''\n    x: float\n    " + "def poison(self, d): return d",
    "@component\nclass Mine:\n    '''It fails.'''\n    def __post_init__(self): 1 / 0",
    "@component\nclass Mine:\n    '''It fails.'''\n    def __post_init__(self): raise SystemExit",
    "@component\nclass Mine:\n    '''It fails.'''\n    def __init_subclass__(cls): 1 / 0\nclass Mine(Mine): pass",
)
"""What follows a good source, so that its class is not a good component. Some of it antivenom may still accept."""
