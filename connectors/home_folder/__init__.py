"""Home folders on this machine's file systems."""

from connectors.home_folder.config import HomeFolderConfig
from connectors.home_folder.connector import HomeFolderConnector

__all__ = ["HomeFolderConfig", "HomeFolderConnector"]
