"""Times on pages are told as everywhere else."""

from scimbridge.domain.times import distance, exactly, lasting, moment

__all__ = ["distance", "exactly", "lasting", "moment"]
