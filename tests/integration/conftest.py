"""What the tests with real services share."""

import os
from pathlib import Path

os.environ.setdefault("KILLRWEATHER_SERVICES_JARS", str(Path(__file__).parents[2] / ".killrweather" / "jars"))
