"""The factorisation of many numbers beside PARI's.

Random numbers of each size to 128 bits, and products of two equal primes of 30 to 65 digits, with fixed seeds: too many for
every run of the tests. The crate runs natively, `crates/factor/examples/batch.rs`; any difference ends the run.
"""

import random
import subprocess
import time

from cypari import pari

from factor import equal_primes, version
from servers import ROOT
from tables import table

RANDOM = 100_000
BITS = range(8, 129, 8)
# Digits of products of two equal primes, and how many.
SEMIPRIMES = {30: 300, 35: 300, 40: 300, 45: 300, 50: 200, 55: 100, 60: 30, 65: 10}
BATCH = ["cargo", "run", "--quiet", "--release", "--package", "factor", "--example", "batch"]


def sections() -> list[str]:
    pari("default(nbthreads, 1)")
    pari.allocatemem(2**28)
    source = random.Random(128)
    rows = [
        compare(f"random, {bits} bits", [source.randrange(2 ** (bits - 1), 2**bits) for _ in range(RANDOM)])
        for bits in BITS
    ]
    rows += [
        compare(f"two equal primes, {digits} digits", [equal_primes(digits, source) for _ in range(count)])
        for digits, count in SEMIPRIMES.items()
    ]
    return [
        f"Prime factors by `crates/factor`, natively, and by PARI {version()}; a difference would end the run."
        " The time is both programs' together.\n\n" + table(["numbers", "compared", "seconds"], rows)
    ]


def compare(name: str, numbers: list[int]) -> list[str]:
    begin = time.perf_counter()
    lines = "".join(f"{number}\n" for number in numbers)
    output = subprocess.run(BATCH, cwd=ROOT, input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    if len(output) != len(numbers):
        raise SystemExit(f"bench: {len(output)} answers to {len(numbers)} numbers")
    for number, answer in zip(numbers, output, strict=True):
        primes, exponents = pari.factorint(number)
        expected = [int(prime) for prime, exponent in zip(primes, exponents, strict=True) for _ in range(int(exponent))]
        if answer != " ".join([f"{number}:", *map(str, expected)]):
            raise SystemExit(f"bench: {answer} differs from PARI's {expected}")
    return [name, f"{len(numbers):,}", f"{time.perf_counter() - begin:.0f}"]
