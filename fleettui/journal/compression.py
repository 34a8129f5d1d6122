"""Text held in a tenth of the room, and looked through as fast as it would be whole."""

_WORTH = 0.75
"""What compressing leaves more of stays as it is."""


def compressed(text: bytes | bytearray) -> bytes | None:
    """The text in less room; None where that gains little, as with bytes that are no text."""
    import lz4.block  # nothing is compressed before the first paint

    data: bytes = lz4.block.compress(text, store_size=False)
    return data if len(data) < len(text) * _WORTH else None


def decompressed(data: bytes, size: int) -> bytes:
    """The text of so many bytes that was compressed."""
    import lz4.block

    text: bytes = lz4.block.decompress(data, uncompressed_size=size)
    return text
