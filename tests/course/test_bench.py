"""How the bench takes turns and what it makes of the times; the times themselves are no test."""

from course import bench


def test_contestants_take_turns_and_so_does_the_first():
    calls = []
    contestants = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = bench.alternate(contestants, 3)
    assert "".join(calls) == "abbaab"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}
    assert all(0 <= time < 60 for times in seconds.values() for time in times)


def test_a_ratio_is_of_the_same_round_and_its_median_of_all():
    # A busy moment that meets both is no difference.
    runs = [
        {"ours": [1.0, 30.0, 3.0], "theirs": [2.0, 10.0, 2.0]},
        {"ours": [2.0], "theirs": [1.0]},
    ]
    found = bench.Comparison(runs, "ours", "theirs")
    assert found.ratio == (1.5 + 2.0) / 2
    assert str(found) == "1.000 / 1.000 s, 1.750 (1.500 to 2.000)"
