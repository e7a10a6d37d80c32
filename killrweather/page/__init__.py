"""What a person with a browser sees: the map, a station, uploads and operations, drawn by NiceGUI.

The pages know a way to ask and nothing else of the node. NiceGUI is imported when the first page is looked at, and
only in the process that serves HTTP; everything that a page loads comes from this node.
"""

from killrweather.page.desk import Desk
from killrweather.page.login import Login
from killrweather.page.pages import Pages

__all__ = ["Desk", "Login", "Pages"]
