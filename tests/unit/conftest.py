"""What the tests of the HTTP application share; those of a module with another node say which."""

import pytest
from web_stage import Browser, Node, settings


@pytest.fixture
def node():
    """Answers as an idle node does."""
    return Node()


@pytest.fixture
def browser(node):
    """Calls an application with default settings over the node."""
    return Browser(node, settings())
