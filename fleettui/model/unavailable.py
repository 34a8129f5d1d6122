"""What is raised where the registry cannot be asked; apart from `fleettui.access`, which takes
longer to load than a process that only reads can spare.
"""


class RegistryUnavailable(Exception):
    """The registry could not be read or written; the text says what, where and what to do."""
