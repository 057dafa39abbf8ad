"""Systems that take signed HTTP calls as targets: each call is written down in the configuration."""

from connectors.webhook.config import WebhookConfig
from connectors.webhook.connector import WebhookConnector

__all__ = ["WebhookConfig", "WebhookConnector"]
