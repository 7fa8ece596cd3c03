"""How far two texts are apart."""


def edits(reference, hypothesis):
    """Levenshtein distance of two sequences."""
    row = list(range(len(hypothesis) + 1))
    for i, item in enumerate(reference, 1):
        row, before = [i], row
        for j, other in enumerate(hypothesis, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (item != other)))
    return row[-1]
