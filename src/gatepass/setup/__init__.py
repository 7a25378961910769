"""What `gatepass setup` writes: the keyring launcher and the tools' own files, and the way back.

Everything is planned first (:mod:`gatepass.setup.plan`), so that it can be shown without being
done; then done as a whole or not at all, with a journal that knows every file as it was.
"""

TOOLS = ("pip", "uv", "poetry", "twine", "hatch", "r")
