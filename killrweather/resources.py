"""Where the files that ship with the package are: ``conf/`` and ``schema.cql``."""

import sys
from pathlib import Path

from killrweather.errors import ConfigurationError

_CHECKOUT = Path(__file__).resolve().parent.parent
_INSTALLED = Path(sys.prefix) / "share" / "killrweather"


def resource(name: str) -> Path:
    """The path of a shipped file, for example ``schema.cql`` or ``conf/services/kafka.jars``.

    A checkout's own file comes before the one that an installation put under the interpreter's prefix.
    """
    for root in (_CHECKOUT, _INSTALLED):
        if (root / name).exists():
            return root / name
    raise ConfigurationError(f"{name}: not found in {_CHECKOUT} or {_INSTALLED}; is the installation complete?")
