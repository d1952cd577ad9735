"""How SHARK is installed, configured and shown."""
