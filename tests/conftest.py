"""What all tests share."""

import os
from pathlib import Path

from hypothesis import settings

os.environ.setdefault("KILLRWEATHER_SERVICES_JARS", str(Path(__file__).parents[1] / ".killrweather" / "jars"))

settings.register_profile("any machine", deadline=None)  # a busy machine is no defect of what is tested
settings.load_profile("any machine")
