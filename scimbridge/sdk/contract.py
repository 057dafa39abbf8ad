"""The versions of the contract between the engine and connectors.

A connector says which one it was written for (``contract = 1``). The number rises when something of the contract is
taken away or changes its meaning, and when the engine begins to ask for more; what is merely added raises nothing.
"""

from typing import Final

CONTRACT: Final = 1
"""The newest."""

OLDEST_CONTRACT: Final = 1
"""The oldest that is still kept."""
