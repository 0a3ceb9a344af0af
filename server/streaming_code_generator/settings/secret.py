"""What must be shown nowhere: keys, and headers that may hold some."""


class Secret:
    """Holds a key; only `reveal` gives it away, and `repr`, `str` and formatting show `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the request that needs it and for nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: object) -> "Secret":
        """Stay masked in what `dataclasses.asdict` makes."""
        return self

    def __reduce__(self) -> str:
        raise TypeError("A secret is not pickled: it would be written down in the clear.")
