import pytest
from crossed import Population


@pytest.fixture
def population() -> type[Population]:
    """What trials are drawn from."""
    return Population
