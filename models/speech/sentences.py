"""Sentences to be spoken: upper-case letters, apostrophes and single spaces only.

Their sources are Debian's word list (wamerican), Debian's WordNet (definitions and examples) and the
grammars below. A sentence belongs to the test part by a hash of its text, so that no split file is needed
and no sentence is ever in both.
"""

import functools
import hashlib
import random
import re
from pathlib import Path

WORD_LIST = Path("/usr/share/dict/american-english")
WORDNET = Path("/usr/share/wordnet")

# What engines expand when they read it aloud, so that the label would not be what is heard.
ABBREVIATIONS = set(
    """etc eg ie vs ca cf dr mr mrs ms st sts jr sr prof gen col lt sgt capt rev hon no vol ed inc ltd co corp
    dept est fig ft lb lbs oz mi yd kg km cm mm hr hrs sec tel usa uk us ii iii iv vi vii viii ix xi xii bc ad
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun ph pp op al am pm nd rd th kb
    mb gb hz khz mhz rpm mph phd ave blvd rd apt esp""".split()
)

UNITS = "ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE THIRTEEN FOURTEEN FIFTEEN SIXTEEN SEVENTEEN EIGHTEEN NINETEEN".split()
TENS = "TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY".split()
ORDINALS = "FIRST SECOND THIRD FOURTH FIFTH SIXTH SEVENTH EIGHTH NINTH TENTH ELEVENTH TWELFTH THIRTEENTH FOURTEENTH FIFTEENTH SIXTEENTH SEVENTEENTH EIGHTEENTH NINETEENTH TWENTIETH".split()
MONTHS = "JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER".split()
DAYS = "MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY".split()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ROOMS = "KITCHEN,BEDROOM,LIVING ROOM,BATHROOM,GARAGE,OFFICE,HALL,GARDEN,CELLAR,DINING ROOM,ATTIC".split(",")
DEVICES = "LIGHT,LIGHTS,LAMP,FAN,HEATING,RADIO,TELEVISION,MUSIC,ALARM,OVEN,COFFEE MACHINE,WASHING MACHINE,DOOR,WINDOW,BLINDS,CURTAINS,CAMERA,SPEAKER,COMPUTER,PRINTER".split(",")
NAMES = "ANNA,PETER,MARY,JOHN,SARAH,DAVID,EMMA,MICHAEL,LUCY,PAUL,JULIA,THOMAS,HELEN,GEORGE,ALICE,ROBERT,LAURA,JAMES,CLARA,HENRY,MUM,DAD,MY BROTHER,MY SISTER,THE OFFICE,THE DOCTOR,GRANDMA".split(",")
PLACES = "LONDON,PARIS,NEW YORK,BERLIN,ROME,BOSTON,CHICAGO,MADRID,TOKYO,DUBLIN,HOME,WORK,THE STATION,THE AIRPORT,THE HOSPITAL,THE MARKET,SCHOOL,THE BEACH".split(",")
FOODS = "MILK,BREAD,BUTTER,EGGS,CHEESE,APPLES,COFFEE,TEA,SUGAR,RICE,POTATOES,TOMATOES,ONIONS,BANANAS,CHICKEN,FISH,SALT,PEPPER,FLOUR,WATER,ORANGE JUICE".split(",")
PEOPLE = "I,YOU,WE,THEY,HE,SHE,MY FRIEND,THE TEACHER,THE CHILDREN,OUR NEIGHBOR,THE MAN,THE WOMAN,A STRANGER,THE DRIVER,THE STUDENTS,HER MOTHER,HIS FATHER".split(",")
WHEN = "TODAY,TOMORROW,YESTERDAY,THIS MORNING,THIS EVENING,TONIGHT,LAST NIGHT,NEXT WEEK,LAST YEAR,EVERY DAY,SOMETIMES,IN THE AFTERNOON,AT NIGHT,BEFORE NOON,A LONG TIME AGO,RIGHT NOW".split(",")
WHERE = "AT HOME,IN THE GARDEN,ON THE TABLE,UNDER THE BRIDGE,BY THE RIVER,IN THE CITY,NEAR THE WINDOW,BEHIND THE HOUSE,AT THE STATION,IN THE FOREST,ON THE ROOF,OVER THE HILL,IN FRONT OF THE DOOR,ACROSS THE STREET".split(",")


def cardinal(n):
    """`n` below a million in words."""
    if n < 20:
        return UNITS[n]
    if n < 100:
        return TENS[n // 10 - 2] + (" " + UNITS[n % 10] if n % 10 else "")
    for size, name in ((1000, "THOUSAND"), (100, "HUNDRED")):
        if n >= size:
            rest = f" {cardinal(n % size)}" if n % size else ""
            return f"{cardinal(n // size)} {name}{rest}"


def ordinal(n):
    """`n` from 1 to 99 as an ordinal."""
    if n <= 20:
        return ORDINALS[n - 1]
    tens = TENS[n // 10 - 2]
    return f"{tens} {ORDINALS[n % 10 - 1]}" if n % 10 else tens[:-1] + "IETH"


def digits(r, low=3, high=8):
    return " ".join(UNITS[r.randrange(10)] for _ in range(r.randint(low, high)))


def number(r):
    limit = r.choice((10, 100, 100, 1000, 10_000, 1_000_000))
    return cardinal(r.randrange(limit))


def clock(r):
    hour, minute = cardinal(r.randint(1, 12)), r.choice((0, 5, 10, 15, 20, 30, 40, 45, r.randrange(1, 60)))
    return r.choice((
        f"{hour} O'CLOCK", f"HALF PAST {hour}", f"QUARTER TO {hour}",
        hour if not minute else f"{hour} {'OH ' if minute < 10 else ''}{cardinal(minute)}",
    ))


def date(r):
    day, month = ordinal(r.randint(1, 31)), r.choice(MONTHS)
    year = r.choice((f"NINETEEN {cardinal(r.randint(11, 99))}", f"TWENTY {cardinal(r.randint(10, 40))}"))
    return r.choice((f"THE {day} OF {month}", f"{month} {day}", f"{r.choice(DAYS)} THE {day} OF {month} {year}"))


def spelled(r):
    return " ".join(r.choice(LETTERS) for _ in range(r.randint(2, 6)))


def command(r):
    """An everyday command to a machine."""
    a = lambda *options: r.choice(options)
    room, device, person, place, food = map(r.choice, (ROOMS, DEVICES, NAMES, PLACES, FOODS))
    small = cardinal(r.randint(1, 60))
    return a(
        lambda: f"{a('TURN ON', 'TURN OFF', 'SWITCH ON', 'SWITCH OFF', 'CHECK', 'STOP', 'START')} THE {device}",
        lambda: f"{a('TURN', 'SWITCH')} {a('ON', 'OFF')} THE {device} IN THE {room}",
        lambda: f"{a('OPEN', 'CLOSE', 'LOCK', 'UNLOCK')} THE {room} {a('DOOR', 'WINDOW', 'BLINDS')}",
        lambda: f"SET {a('A TIMER', 'AN ALARM')} FOR {small} {a('SECONDS', 'MINUTES', 'HOURS')}",
        lambda: f"WAKE ME UP AT {clock(r)}",
        lambda: f"SET THE {a('TEMPERATURE', 'VOLUME', 'BRIGHTNESS')} TO {small} {a('DEGREES', 'PERCENT')}",
        lambda: f"{a('CALL', 'CALL BACK', 'SEND A MESSAGE TO', 'WRITE TO')} {person}",
        lambda: f"REMIND ME TO {a('CALL', 'VISIT', 'MEET', 'WRITE TO')} {person} {a(*WHEN)}",
        lambda: f"{a('PLAY', 'STOP', 'PAUSE', 'SKIP')} {a('THE MUSIC', 'THIS SONG', 'THE NEXT SONG', 'THE VIDEO', 'THE NEWS')}",
        lambda: f"ADD {food} {a('', f'AND {a(*FOODS)} ')}TO {a('THE', 'MY')} SHOPPING LIST",
        lambda: f"{a('TAKE ME', 'SHOW ME THE WAY', 'NAVIGATE')} TO {place}",
        lambda: f"WHAT IS THE {a('WEATHER', 'TIME', 'TEMPERATURE', 'DATE')} IN {place}",
        lambda: f"HOW {a('FAR', 'LONG')} IS IT TO {place}",
        lambda: f"WHAT TIME IS IT {a('', 'NOW', 'IN ' + place)}",
        lambda: f"{a('VOLUME', 'GO', 'SCROLL', 'MOVE')} {a('UP', 'DOWN')}",
        lambda: a("YES", "NO", "STOP", "GO", "CANCEL", "HELP", "CONTINUE", "REPEAT THAT", "GO BACK", "NEXT", "PREVIOUS", "OKAY", "THANK YOU", "GOOD MORNING", "GOOD NIGHT", "LEFT", "RIGHT", "UP", "DOWN", "ON", "OFF"),
        lambda: f"{a('TURN', 'GO')} {a('LEFT', 'RIGHT')} {a('', 'AT THE TRAFFIC LIGHTS', f'AFTER {cardinal(r.randint(1, 9))} HUNDRED METERS', 'NOW')}",
        lambda: f"TRANSLATE {a(*PLURALS)} INTO {a('FRENCH', 'GERMAN', 'SPANISH', 'ITALIAN')}",
        lambda: f"BOOK A {a('TABLE', 'ROOM', 'TAXI', 'FLIGHT')} FOR {a('TWO', 'THREE', 'FOUR', 'SIX')} {a('PEOPLE', 'PERSONS')} {a(*WHEN)}",
        lambda: f"DELETE {a('THE LAST MESSAGE', 'ALL ALARMS', 'THE TIMER', 'THIS FILE')}",
    )()


PLURALS = "THESE WORDS,THIS SENTENCE,THE LETTER,MY MESSAGE".split(",")


def spoken_number(r):
    """Something that is read out figure by figure or counted."""
    a = lambda *options: r.choice(options)
    return a(
        lambda: digits(r),
        lambda: digits(r, 1, 4),
        lambda: number(r),
        lambda: f"{a('THE NUMBER IS', 'MY NUMBER IS', 'CODE', 'ROOM', 'DIAL', 'EXTENSION', 'FLIGHT')} {digits(r)}",
        lambda: f"{number(r)} {a('DOLLARS', 'PEOPLE', 'MILES', 'DAYS', 'YEARS', 'BOOKS', 'METERS', 'POINTS')}",
        lambda: f"{cardinal(r.randrange(100))} POINT {digits(r, 1, 3)}",
        lambda: f"{cardinal(r.randrange(100))} {a('PLUS', 'MINUS', 'TIMES', 'DIVIDED BY')} {cardinal(r.randrange(100))}",
        lambda: f"IT IS {clock(r)}",
        lambda: f"{a('ON', 'SINCE', 'UNTIL')} {date(r)}",
        lambda: f"THE {ordinal(r.randint(1, 99))} {a('TIME', 'DAY', 'PAGE', 'CHAPTER', 'FLOOR', 'STREET')}",
    )()


def letters(r):
    """Names of letters, alone and with figures."""
    return r.choice((
        lambda: spelled(r),
        lambda: f"{r.choice(('SPELL IT', 'THE LETTERS', 'PLATE', 'SEAT', 'GATE'))} {spelled(r)}",
        lambda: f"{spelled(r)} {digits(r, 1, 3)}",
    ))()


def phrase(r):
    """A plain sentence of the grammar, its words drawn from the common words of WordNet."""
    nouns, verbs, adjectives, adverbs = (common(part) for part in ("noun", "verb", "adj", "adv"))
    a = lambda *options: r.choice(options)
    thing = lambda: f"{a('THE', 'A', 'THIS', 'THAT', 'MY', 'YOUR', 'HIS', 'HER', 'OUR', 'THEIR', 'ONE', 'EVERY', 'NO', 'SOME')} {a('', a(*adjectives) + ' ')}{a(*nouns)}"
    helper = lambda: a("WILL", "CAN", "MUST", "SHOULD", "COULD", "MAY", "WOULD", "DID NOT", "WON'T", "CAN'T", "DIDN'T", "SHOULDN'T")
    clause = lambda: f"{a(*PEOPLE)} {helper()} {a(*verbs)} {thing()}"
    return a(
        lambda: f"{clause()} {a(*WHEN)}",
        lambda: f"{clause()} {a(*WHERE)}",
        lambda: f"{thing()} {a('IS', 'WAS', 'WILL BE', 'SEEMS', 'BECAME', 'IS NOT', 'HAS BEEN')} {a('VERY', 'QUITE', 'TOO', 'MORE', 'NEVER', '')} {a(*adjectives)}",
        lambda: f"THERE {a('IS', 'WAS', 'WILL BE')} {thing()} {a(*WHERE)}",
        lambda: f"{a('DO', 'CAN', 'SHOULD', 'DID')} {a('YOU', 'WE', 'THEY')} {a(*verbs)} {thing()}",
        lambda: f"{thing()} {helper()} {a(*adverbs)} {a(*verbs)} {thing()}",
        lambda: f"{clause()} {a('AND', 'BUT', 'BECAUSE', 'WHEN', 'IF', 'ALTHOUGH', 'WHILE')} {clause()}",
        lambda: f"IT IS {a(*adjectives)} TO {a(*verbs)} {thing()}",
        lambda: f"{a('PLEASE', 'NEVER', 'ALWAYS', 'LET US')} {a(*verbs)} {thing()} {a('OF', 'FOR', 'WITH', 'FROM', 'WITHOUT', 'ABOUT')} {thing()}",
    )()


def rare_words(r):
    return " ".join(r.choice(word_list()) for _ in range(r.randint(2, 6)))


@functools.cache
def word_list():
    """Debian's word list without proper names and possessives."""
    words = WORD_LIST.read_text(encoding="utf-8").split()
    plain = re.compile(r"[a-z]{2,}")
    return [w.upper() for w in words if plain.fullmatch(w) and w not in ABBREVIATIONS]


@functools.cache
def common(part, count=1500):
    """The `count` words of a part of speech that WordNet's tagged texts use most."""
    kind = {"noun": "1", "verb": "2", "adj": "35", "adv": "4"}[part]
    found = {}
    for line in (WORDNET / "cntlist.rev").read_text().splitlines():
        sense, _, uses = line.split()
        lemma, _, rest = sense.partition("%")
        if rest[0] in kind and re.fullmatch(r"[a-z]{2,}", lemma) and lemma not in ABBREVIATIONS:
            found[lemma] = found.get(lemma, 0) + int(uses)
    order = sorted(found, key=lambda lemma: (-found[lemma], lemma))
    return [lemma.upper() for lemma in order[:count]]


@functools.cache
def wordnet():
    """Definitions and examples of WordNet, as far as they are plain words: about 120,000 phrases."""
    phrases = set()
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"data.{part}").read_text().splitlines():
            if line.startswith("  "):
                continue
            for piece in re.split(r'[;"]|\([^)]*\)', line.partition("|")[2]):
                text = normalize(piece)
                if text and 2 <= len(text.split()) <= 14:
                    phrases.add(text)
    return sorted(phrases)


def normalize(text):
    """`text` as a label, or None where how it is read aloud does not follow from its letters."""
    text = text.strip(" ,:!?-`'").replace("-", " ").replace(",", " ").replace("`", "'")
    words = text.split()
    for word in words:
        known = re.fullmatch(r"[A-Z]?[a-z]+('[a-z]{1,2})?", word) or word in ("I", "a", "A", "I'm", "I'll")
        if not known or word.lower() in ABBREVIATIONS or (len(word) == 1 and word not in "aAI"):
            return None
    return " ".join(words).upper() or None


# What a set of sentences is made of, and how many of each kind.
KINDS = (lambda r: r.choice(wordnet()), phrase, rare_words, command, spoken_number, letters)
MIXTURE = tuple(zip((0.42, 0.22, 0.10, 0.10, 0.11, 0.05), KINDS, strict=True))
# In training more of what is hard: the spelling of each word is to be learnt.
TRAINING = tuple(zip((0.42, 0.16, 0.26, 0.06, 0.06, 0.04), KINDS, strict=True))
COMMANDS_AND_DIGITS = ((0.5, command), (0.5, spoken_number))


def is_test(text):
    """Whether the sentence is kept for testing: one in twenty, by its hash."""
    return hashlib.sha256(text.encode()).digest()[0] < 13


def sentences(count, seed, test=False, mixture=MIXTURE):
    """`count` sentences of `mixture`, all of them of the test part or none."""
    r = random.Random(seed)
    weights = [weight for weight, _ in mixture]
    found = []
    while len(found) < count:
        _, kind = r.choices(mixture, weights)[0]
        text = " ".join(kind(r).split())
        if is_test(text) == test:
            found.append(text)
    return found


if __name__ == "__main__":
    for line in sentences(40, 1):
        print(line)
