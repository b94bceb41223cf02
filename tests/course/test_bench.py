"""How the bench takes turns and what it makes of the times; the times themselves are no test."""

from course import bench


def test_contestants_take_turns_in_every_order():
    calls = []
    contestants = {name: lambda name=name: calls.append(name) for name in "abc"}
    seconds = bench.alternate(contestants, 12)
    rounds = ["".join(calls[start : start + 3]) for start in range(0, 36, 3)]
    assert sorted(rounds) == sorted(2 * ["abc", "acb", "bac", "bca", "cab", "cba"])
    assert {name: len(times) for name, times in seconds.items()} == dict.fromkeys("abc", 12)
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
