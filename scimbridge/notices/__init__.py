"""What the bridge tells people: leaver notices and alarms, by e-mail and by webhook."""
