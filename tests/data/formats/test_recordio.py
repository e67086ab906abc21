"""Records of RecordIO files."""

from hypothesis import given
from hypothesis import strategies as st

from antivenom.data.formats import recordio

magic = st.sampled_from([recordio.MAGIC, b"", b"x", recordio.MAGIC * 2])


@given(st.lists(st.tuples(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=3), magic, st.binary())))
def test_records_read_back(held: list[tuple[list[float], bytes, bytes]]) -> None:
    records = [recordio.Record(tuple(labels), (7, 8), head + tail, 0) for labels, head, tail in held]
    read = list(recordio.parse(recordio.write(iter(records)), "it"))
    assert [(one.labels, one.ids, one.image) for one in read] == [(one.labels, one.ids, one.image) for one in records]
