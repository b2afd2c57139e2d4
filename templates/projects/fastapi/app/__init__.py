"""The service project-name."""
