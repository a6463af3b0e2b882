from __future__ import annotations


class UserError(SystemExit):
    """What the user can mend. Ends a command with exit code 1 and one line on stderr, without a traceback."""
