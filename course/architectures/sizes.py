"""What a family asks of its images."""

from __future__ import annotations


def require_size(input_shape: tuple[int, int, int], smallest: int, name: str) -> None:
    """Refuse images from which a network would have no pixel left at its end.

    Args:
        input_shape: (height, width, channels).
        smallest: the smallest height and width that the network can take.
        name: of the model, for the message.

    Raises:
        ValueError: a height or width below `smallest`.
    """
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"{name} needs images of at least {smallest} x {smallest} pixels; "
            f"received input_shape={tuple(input_shape)}. Use larger images, or resize them."
        )
