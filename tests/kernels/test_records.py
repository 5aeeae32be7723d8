"""Records of the care network."""

from popsim.kernels.care import records


def test_a_patient_fills_a_cache_line():
    """So that an event of a large population waits for memory once."""
    assert records.PATIENT.itemsize == records.CACHE_LINE
