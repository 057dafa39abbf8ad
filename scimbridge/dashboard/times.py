"""Times on pages are told as everywhere else."""

from scimbridge.domain.times import distance, moment

__all__ = ["distance", "moment"]
