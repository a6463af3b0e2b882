from __future__ import annotations


class UserError(SystemExit):
    """An error that you can mend. It ends a command with exit code 1 and one line on stderr, without a traceback."""
