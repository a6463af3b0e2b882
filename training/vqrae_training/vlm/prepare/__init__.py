"""Commands that make a VLM's training pictures from others."""
