"""An answer that is kept is that of the same objects, never of others that are equal to them."""

from fleettui.model.kept import kept_for_same


def test_only_the_same_objects_get_the_kept_answer() -> None:
    asked: list[tuple[list[int], list[int]]] = []

    @kept_for_same
    def joined(one: list[int], two: list[int]) -> list[int]:
        asked.append((one, two))
        return one + two

    one, two, equal = [1], [2], [2]
    first = joined(one, two)
    assert joined(one, two) is first
    assert len(asked) == 1
    again = joined(one, equal)
    assert again == first
    assert again is not first
    assert len(asked) == 2
    assert joined(two, one) == [2, 1]  # the order of what is asked of counts too
    assert joined(one, two) == first
    assert len(asked) == 4  # the newest answer alone is kept
