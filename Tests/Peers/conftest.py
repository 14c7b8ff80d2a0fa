"""The peers of Benchmarks/peers and the scale curves beside them, and recorded output of load programs."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks" / "peers"))
sys.path.insert(0, str(ROOT / "Benchmarks"))


@pytest.fixture
def recording():
    """The text of a recorded output."""
    return lambda name: (pathlib.Path(__file__).with_name("recordings") / name).read_text()
