"""Factorises twenty random numbers by polling.

    python example_client.py http://127.0.0.1:3000/async/factorize

Prints the answers of each round, one to a line, with an empty line between the rounds.
"""

import json
import random
import sys
import time
import urllib.request


def ask(number):
    body = json.dumps({"number": number}).encode()
    request = urllib.request.Request(sys.argv[1], body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


numbers = [random.randint(2, 2**20) for _ in range(20)]
while True:
    answers = [ask(number) for number in numbers]
    for answer in answers:
        print(json.dumps(answer))
    if all(answer["done"] for answer in answers):
        break
    print(flush=True)
    time.sleep(1)
