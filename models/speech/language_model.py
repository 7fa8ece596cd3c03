"""Writes language_model.bin: a word list and a trigram model for the beam search of crates/speech.

    python3 language_model.py [--sentences 1000000] [--seed 11] [--out language_model.bin]

Its text is what the training sentences are drawn from (`sentences.py`), never a sentence kept for testing. The
probabilities are those of interpolated, modified Kneser-Ney smoothing (Chen and Goodman, "An empirical study of
smoothing techniques for language modeling", 1999); of the n-grams those are kept that change most.

The file is read in place. All numbers are little-endian; a probability p is the byte round(-16 ln p).

    magic "words001"; nodes, contexts of one word, their entries, contexts of two words, their entries: u32 each;
    byte of an unknown word: u32
    nodes: u32 each. Bits 0-19 the first child, whose siblings follow it; 20-24 the letter (A is 1, ' is 27); 25
        the last sibling; 26 a word ends here. Node 0 is the empty word, which also stands for the beginning.
    word probabilities: a byte for each node. Best probabilities of the words below and at a node: a byte for each.
    for one and for two words: contexts, each u32 key, u32 of bits 0-23 the first entry and 24-31 the back-off
        weight, in order of keys, and one more at the end; entries, each u32 of bits 0-19 the word's node and 20-27
        its probability, in order of words. The key of one word is its node, of two the entry of the second
        word after the first.
"""

import argparse
import math
import re
import struct
from collections import Counter, defaultdict
from itertools import accumulate
from pathlib import Path

import sentences

START = ""
MAGIC = b"words001"
# Entries kept for one and two words before.
KEPT = (500_000, 500_000)
LETTERS = {letter: number for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ'", 1)}


def lines(count, seed):
    """Training sentences, and each phrase of WordNet that is not kept for testing once more."""
    yield from sentences.sentences(count, seed)
    yield from (phrase for phrase in sentences.wordnet() if not sentences.is_test(phrase))


def names():
    """The names of Debian's word list."""
    text = sentences.WORD_LIST.read_text(encoding="utf-8")
    return [word.upper() for word in re.findall(r"^[A-Z][a-z]+$", text, re.MULTILINE)]


def count_ngrams(text):
    """How often each n-gram of one, two and three words occurs; after the beginning only with it."""
    counts = [Counter(), Counter(), Counter()]
    for line in text:
        words = line.split()
        counts[0].update(words)
        words = [START, *words]
        counts[1].update(zip(words, words[1:]))
        counts[2].update(zip(words, words[1:], words[2:]))
    return counts


def adjust(counts):
    """Kneser-Ney counts: of n-grams below the longest, how many different words are before them."""
    for low, high in ((0, 1), (1, 2)):
        before = Counter(ngram[1:] for ngram in counts[high])
        for ngram in counts[low]:
            key = ngram if low else (ngram,)
            # Nothing is before the beginning, so there the count itself stands.
            if key[0] != START:
                counts[low][ngram] = before[key]
    return counts


def discounts(counts):
    """What modified Kneser-Ney smoothing takes from counts of 1, 2, and 3 or more."""
    of = Counter(count for count in counts.values() if count <= 4)
    share = of[1] / (of[1] + 2 * of[2])
    estimates = [n - (n + 1) * share * of[n + 1] / of[n] for n in (1, 2, 3)]
    # Sentences of a grammar come in numbers that words of a language do not, and those of a higher count come out too low.
    return [0.0, *accumulate(estimates, max)]


class Smoothed:
    """Probabilities of the words after a context, and what the context leaves to the shorter one."""

    def __init__(self, counts, lower):
        discount = discounts(counts)
        total, left = Counter(), defaultdict(float)
        for ngram, count in counts.items():
            total[ngram[:-1]] += count
            left[ngram[:-1]] += discount[min(count, 3)]
        self.left = {context: left[context] / total[context] for context in total}
        self.probability = {
            ngram: (count - discount[min(count, 3)]) / total[ngram[:-1]] + self.left[ngram[:-1]] * lower(ngram[1:])
            for ngram, count in counts.items()
        }


def unigrams(counts, words):
    """Probabilities of `words`, smoothed by the uniform distribution."""
    discount = discounts(counts)
    total = sum(counts.values())
    left = sum(discount[min(count, 3)] for count in counts.values()) / total
    return {
        word: (counts[word] - discount[min(counts[word], 3)]) / total + left / len(words) for word in words
    }


def kept(counts, probability, back_off, lower, most, needed=()):
    """The `most` n-grams that change the probability of the text most, and those that are `needed`."""
    gain = {}
    for ngram, count in counts.items():
        backed = back_off[ngram[:-1]] * lower(ngram[1:])
        change = count * math.log(probability[ngram] / backed)
        # What was seen once and backs off to nearly the same is not worth its place.
        if change > 0:
            gain[ngram] = change
    for ngram in needed:
        gain[ngram] = math.inf
    return set(sorted(gain, key=lambda ngram: (-gain[ngram], ngram))[:most])


def back_offs(ngrams, probability, lower):
    """The weights that make the probabilities after each context add up to 1."""
    seen, backed = defaultdict(float), defaultdict(float)
    # In order, so that rounding is the same each time.
    for ngram in sorted(ngrams):
        seen[ngram[:-1]] += probability[ngram]
        backed[ngram[:-1]] += lower(ngram[1:])
    return {context: max(1 - seen[context], 1e-6) / max(1 - backed[context], 1e-6) for context in seen}


def byte(probability):
    return min(max(round(-16 * math.log(probability)), 0), 255) if probability > 0 else 255


class Trie:
    """The words by their letters, siblings next to one another."""

    def __init__(self, probability):
        tree = {}
        for word in sorted(probability):
            node = tree
            for letter in word:
                node = node.setdefault(letter, {})
            node[""] = probability[word]
        # Breadth first: letter, whether it is the last sibling, children, spelling.
        nodes = [("", True, tree, "")]
        self.first = []
        for letter, last, children, spelling in nodes:
            letters = sorted((key for key in children if key), key=LETTERS.get)
            self.first.append(len(nodes) if letters else 0)
            for key in letters:
                nodes.append((key, key == letters[-1], children[key], spelling + key))
        self.node = {spelling: number for number, (*_, spelling) in enumerate(nodes)}
        self.nodes = nodes
        self.own = [byte(children.get("", 0)) for _, _, children, _ in nodes]
        self.best = list(self.own)
        for number in range(len(nodes) - 1, 0, -1):
            parent = self.node[nodes[number][3][:-1]]
            self.best[parent] = min(self.best[parent], self.best[number])
        if len(nodes) >= 1 << 20:
            raise SystemExit("too many nodes for 20 bits")

    def encode(self):
        packed = (
            first | LETTERS.get(letter, 0) << 20 | last << 25 | ("" in children) << 26
            for first, (letter, last, children, _) in zip(self.first, self.nodes)
        )
        return b"".join(map(struct.Struct("<I").pack, packed)) + bytes(self.own) + bytes(self.best)


def encode_level(ngrams, probability, weights, key, node):
    """Contexts and entries, and the place of each n-gram among the entries."""
    order = sorted(ngrams, key=lambda ngram: (key(ngram[:-1]), node[ngram[-1]]))
    contexts, entries, place = [], [], {}
    for ngram in order:
        context = ngram[:-1]
        if not contexts or contexts[-1][0] != key(context):
            contexts.append((key(context), len(entries) | byte(weights[context]) << 24))
        place[ngram] = len(entries)
        entries.append(node[ngram[-1]] | byte(probability[ngram]) << 20)
    encoded = b"".join(struct.pack("<II", *context) for context in contexts)
    encoded += struct.pack("<II", 0xFFFFFFFF, len(entries)) + struct.pack(f"<{len(entries)}I", *entries)
    return encoded, len(contexts), len(entries), place


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("language_model.bin"))
    options = parser.parse_args()

    one, two, three = adjust(count_ngrams(lines(options.sentences, options.seed)))
    words = sorted({*one, *sentences.word_list(), *names()})
    word = unigrams(one, words)
    after_one = Smoothed(two, lambda ngram: word[ngram[0]])
    after_two = Smoothed(three, after_one.probability.__getitem__)

    triples = kept(three, after_two.probability, after_two.left, after_one.probability.__getitem__, KEPT[1])
    pairs = kept(
        two, after_one.probability, after_one.left, lambda ngram: word[ngram[0]], KEPT[0], {t[:2] for t in triples}
    )
    # A context of two words has its place by the entry of the second.
    triples = {triple for triple in triples if triple[:2] in pairs}
    one_left = back_offs(pairs, after_one.probability, lambda ngram: word[ngram[0]])

    def after_last(ngram):
        """The probability of the second word after the first, as the file will tell it."""
        return after_one.probability[ngram] if ngram in pairs else one_left.get(ngram[:1], 1) * word[ngram[1]]

    two_left = back_offs(triples, after_two.probability, after_last)

    trie = Trie(word)
    node = trie.node
    pair_bytes, *pair_sizes, place = encode_level(pairs, after_one.probability, one_left, lambda c: node[c[0]], node)
    triple_bytes, *triple_sizes, _ = encode_level(triples, after_two.probability, two_left, place.__getitem__, node)
    unknown = byte(min(word.values()))
    header = MAGIC + struct.pack("<6I", len(trie.nodes), *pair_sizes, *triple_sizes, unknown)
    data = header + trie.encode() + pair_bytes + triple_bytes
    options.out.write_bytes(data)
    print(f"{len(words)} words, {len(pairs)} pairs, {len(triples)} triples, {len(data)} bytes")


if __name__ == "__main__":
    main()
