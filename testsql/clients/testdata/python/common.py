"""What the clients in Python share: the steps' lines and the values of all types."""

import datetime as dt
import os
import threading
import uuid
from decimal import Decimal

UTC = dt.timezone.utc
DEFINITION = open("../everything.sql", encoding="utf-8").read()
COLUMNS = "id b i2 i4 i8 f4 f8 n t vc ch by d ti ts tz iv u j jb ia ta".split()

EVERYTHING = [
    [
        1, True, -32768, 2147483647, -9223372036854775808, 1.5, 0.1, Decimal("1234567890123456.7890"),
        "grün ☃ 'quoted' \\ back", "varying", "fixed ", b"\x00\xff\x10",
        dt.date(2024, 2, 29), dt.time(23, 59, 59, 123456), dt.datetime(2001, 1, 1, 12, 34, 56, 789000),
        dt.datetime(2024, 6, 30, 23, 59, 59, 999999, UTC),
        dt.timedelta(days=2, hours=3, minutes=4, seconds=5, milliseconds=500),
        uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"),
        {"a": [1, None, "x"]}, {"b": {"c": True}}, [1, None, -3], ["a", "b c", None, ""],
    ],
    [2] + [None] * 21,
    [
        3, False, 0, 0, 0, float("nan"), float("-inf"), Decimal("0.0000"), "", "", " " * 6, b"",
        dt.date(1970, 1, 1), dt.time(), dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 1, tzinfo=UTC),
        dt.timedelta(), uuid.UUID(int=0), [], "text", [], [],
    ],
]


def ok(step):
    print("ok", step, flush=True)


def row(stream, n):
    print("row", stream, n, flush=True)


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def plain(value):
    """A value with one way to be printed."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return value


def expect_everything(rows):
    got = [[plain(value) for value in r] for r in rows]
    equal(len(got), len(EVERYTHING))
    for got_row, want_row in zip(got, EVERYTHING):
        for name, got_value, want_value in zip(COLUMNS, got_row, want_row, strict=True):
            assert repr(got_value) == repr(want_value), f"{name}: got {got_value!r}, want {want_value!r}"


def fails(exception, call, *args, **kwargs):
    """Calls what must raise the exception, and returns it."""
    try:
        call(*args, **kwargs)
    except exception as e:
        return e
    raise AssertionError(f"no {exception.__name__}")


class Repeated:
    """Calls something again and again until the block ends: a request to cancel that
    comes before the statement has begun does nothing."""

    def __init__(self, call):
        self.call, self.done = call, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.done.wait(0.05):
            self.call()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def user():
    return os.environ["PGUSER"]
