"""A journal as a pane holds it: lines in bounded memory, merged, folded, filtered and searched."""
