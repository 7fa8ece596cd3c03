"""The peer's work: what a job of RQ calls."""


def factorize(number: int) -> dict:
    """By trial division, which is enough for small numbers."""
    rest, prime, found = number, 2, []
    while prime * prime <= rest:
        exponent = 0
        while rest % prime == 0:
            rest //= prime
            exponent += 1
        if exponent:
            found.append([prime, exponent])
        prime += 1 if prime == 2 else 2
    if rest > 1:
        found.append([rest, 1])
    text = " ".join(f"{prime}^{exponent}" for prime, exponent in found)
    return {"factorization": found, "factorization_str": text, "number": number}
