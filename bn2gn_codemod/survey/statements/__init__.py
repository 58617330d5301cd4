"""What the statements of one function or class say: what comes when, and under which condition."""
