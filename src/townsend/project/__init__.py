"""A user's project folder: settings, audience files, and the run that goes through the whole flow."""
