"""Tables that commands print."""


def print_matching(head, rows, words, kind):
    """Print the rows that contain the word in `words`, if there is one, in aligned columns.

    Raises ValueError if there are several words or no such `kind` of row.
    """
    if len(words) > 1:
        raise ValueError(f"unexpected argument {words[1]}; specify one word")
    found = [row for row in rows if not words or words[0].lower() in " ".join(row).lower()]
    if not found:
        raise ValueError(f"no {kind} with {words[0]}; leave it out to see all")
    widths = [max(map(len, column)) for column in zip(head, *found, strict=True)]
    for row in (head, *found):
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
