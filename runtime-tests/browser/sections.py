"""What each section of the page does, speech aside."""

import json
import os
from pathlib import Path

from accessibility import violations
from browser import Browser

EXAMPLES = Path(__file__).parents[2] / "examples"
# The product of two primes of 46 and 51 digits: the sieve takes far longer than this test.
HARD = "(10^45+9)*(10^50+151)"


async def visit(page: Browser, url: str, section: str) -> None:
    await page.open(f"{url}/#{section}")
    await page.until(f"document.documentElement.dataset.ready === '{section.split('/')[0]}'")


async def expressions(page: Browser, url: str) -> None:
    """What the page computes while one types is what the server computes, column by column."""
    await visit(page, url, "factorise")
    texts = ["-2^2+10", "2^3^2", "2**5*3", "-7%3+9", "7%-3+9", "10#", "3!#", "3#!", "--5", "fib(10)*2", "2*-3+20", "(1+2)*3", " 1 + 1 ", "2^10/4", "fib (7)", "0^0+1"]
    texts += ["100/7", "2+", "(2", "2 3", "fib 3", "2^-1", "5/0", "x", "2^128)", "(-3)!", "", "2..3", "3!!", "FIB(7)", "+3", "2^+3", "2* *3"]
    compare = """async (text) => {
      const { evaluate, Mistake } = await import(document.querySelector("script[type=module]").src.replace("main.js", "expression.js"));
      let here;
      try { here = String(evaluate(text)); } catch (error) { here = error instanceof Mistake ? error.column : error.message; }
      const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ expression: text }) };
      const response = await fetch("/factorize", request);
      const there = await response.text();
      return [here, response.ok ? /"number":(\\d+)/.exec(there)[1] : JSON.parse(there).column];
    }"""
    wrong = {}
    for text in texts:
        here, there = await page.value(f"({compare})({json.dumps(text)})")
        if here != there:
            wrong[text] = (here, there)
    assert not wrong, wrong


async def factors(page: Browser, url: str) -> None:
    await visit(page, url, "factorise")
    for text, said in [("2^(3", "Column 5: a parenthesis is not closed."), ("1", "This is 1; the smallest"), ("10^200", "201 digits; at most 200")]:
        await page.type("#number", text)
        assert (await page.text("#number-check")).startswith(said), await page.text("#number-check")
        assert await page.value("document.querySelector('#number').ariaInvalid") == "true"
    await page.type("#number", "408216")
    assert await page.text("#number-check") == "6 digits"
    await page.click("#factorise-form button")
    await page.until("document.querySelector('.product')?.innerText === '23 · 3 · 73 · 233'")
    assert await page.value("document.querySelector('.product').innerHTML.includes('<sup>3</sup>')")
    assert await page.value("location.hash") == "#factorise/408216"
    # An address, as it is shared.
    await visit(page, url, "factorise/2%5E128%2B1")
    await page.until("document.querySelector('.product')?.innerText.includes('5704689200685129054721')")
    assert "59649589127497217" in await page.text(".product") and "22 digits" in await page.text(".product")
    assert await page.text(".number") == "340282366920938463463374607431768211457 ="
    found = await violations(page)
    assert not found, f"an answer: {found}"
    # What was asked before.
    await page.click(".chips li:last-child a")
    await page.until("document.querySelector('.product')?.innerText === '23 · 3 · 73 · 233'")
    await page.click("#history [data-clear]")
    assert await page.value("document.querySelector('#history').hidden")
    # The server knows more than the page.
    await page.type("#number", "3^10^100 % 1000003")
    assert await page.text("#number-check") == "The server will compute this."
    await page.press("Enter")
    await page.until("!document.querySelector('#factorisation').hidden")


async def hard_factors(page: Browser, url: str) -> None:
    await visit(page, url, "factorise")
    await page.type("#number", HARD)
    await page.press("Enter")
    await page.until("document.querySelector('#factorise-running [role=status]')?.innerText.startsWith('Computing')")
    await page.click("#factorise-running [data-cancel]")
    await page.until("document.querySelector('#factorise-running').hidden")
    assert await page.value("document.querySelector('#factorisation').hidden && document.querySelector('#factorise-problem').hidden")
    await page.value("location.hash = '#jobs'")
    await page.until("document.querySelector('#jobs-list .state')?.innerText === 'canceled'")


async def iris(page: Browser, url: str) -> None:
    await visit(page, url, "predict")
    await page.until("document.querySelectorAll('#scatter .point').length === 150")
    # The keyboard moves a slider, and the bars follow.
    await page.click("[name=petal_width]", at=0.6)
    await page.press("Home")
    await page.click("[name=petal_length]", at=0.6)
    await page.press("Home")
    await page.until("document.querySelector('.bar.best').innerText.replaceAll('\\n', ' ') === 'setosa 94 %'")
    assert await page.value("document.querySelector('.fill.setosa').style.getPropertyValue('--share')") == "0.9375"
    before = await page.value("document.querySelector('.mine').getAttribute('d')")
    await page.press("ArrowRight")
    await page.until(f"document.querySelector('.mine').getAttribute('d') !== '{before}'")
    # A flower of the data has a name, and can be taken.
    await page.click(".point[data-flower='149']")
    await page.until("document.querySelector('.bar.best .name').innerText === 'virginica'")
    assert await page.value("document.querySelector('[name=petal_length]').value") == "5.1"
    assert await page.text("#flower") == "Flower 150, virginica: sepal 5.9 × 3.0, petal 5.1 × 1.8 cm"
    await page.click("[name=axes][value=sepal]")
    await page.until("document.querySelector('#scatter').innerHTML.includes('sepal length')")


async def small_routes(page: Browser, url: str) -> None:
    await visit(page, url, "try")
    await page.type("[data-route=sum] [name=a]", "0.10")
    await page.click("[data-route=sum] button")
    await page.until("document.querySelector('[data-route=sum] output').innerText.startsWith('0.3')")
    assert await page.text("[data-route=sum] code") == f"curl {url}/sum/0.10/0.2"
    await page.click("[data-route=mult] button")
    await page.until("document.querySelector('[data-route=mult] output').innerText === '-185185183518518518351851851835'")
    await page.type("[data-route=hello] [name=name]", "Zoë & Čapek/Brod")
    await page.press("Enter")
    await page.until("document.querySelector('[data-route=hello] output').innerText === 'Hello, Zoë & Čapek/Brod!'")
    await page.click("[data-route=ping] button")
    await page.until("document.querySelector('[data-route=ping] output').innerText.startsWith('pong, after')")
    await page.click("[data-route=ping] .curl button")
    await page.until("document.querySelector('[data-route=ping] .curl button').innerText === 'Copied'")
    assert await page.value("navigator.clipboard.readText()") == f"curl {url}/ping"
    await page.click("#last-request summary")
    assert await page.text("#last-request code") == f"curl {url}/ping"
    await page.type("[data-route=sum] [name=a]", "one")
    await page.click("[data-route=sum] button")
    await page.until("document.querySelector('[data-route=sum] .problem').innerText.includes(\"parameter 'a'\")")


async def jobs(page: Browser, url: str) -> None:
    make = "fetch('/factorize', {method: 'POST', headers: {prefer: 'respond-async', 'content-type': 'application/json'}, body: '{\"number\": 77}'})"
    await visit(page, url, "jobs")
    await page.until("document.querySelector('#jobs-count').innerText !== ''")
    count = await page.value("document.querySelectorAll('#jobs-list li').length")
    await page.value(f"{make}.then((response) => response.status)")
    first = "#jobs-list li:first-child"
    await page.until(f"document.querySelectorAll('#jobs-list li').length === {count + 1}")
    await page.until(f"document.querySelector('{first} .state')?.innerText === 'succeeded'")
    await page.click(f"{first} [aria-expanded]")
    await page.until(f"document.querySelector('{first} pre').innerText.includes('7^1 11^1')")
    found = await violations(page)
    assert not found, f"a job: {found}"
    await page.click(f"{first} [aria-label^=Delete]")
    await page.until(f"document.querySelectorAll('#jobs-list li').length === {count}")


async def jobs_by_events(page: Browser, url: str) -> None:
    """What happens to a running job is shown although the list is not read again."""
    await visit(page, url, "jobs")
    headers = "{prefer: 'respond-async', 'content-type': 'application/json'}"
    body = json.dumps(json.dumps({"expression": HARD}))
    asked = f"fetch('/factorize', {{method: 'POST', headers: {headers}, body: {body}}}).then((answer) => answer.json()).then((job) => job.id)"
    job = await page.value(asked)
    first = "#jobs-list li:first-child"
    await page.until(f"document.querySelector('{first} .name')?.title === '{job}' && document.querySelector('{first} .state').innerText === 'running'")
    # The next reading of the list fails, and no other follows.
    await page.value("(() => { const real = fetch; window.fetch = (path, ...rest) => path.startsWith('/jobs?') ? Promise.reject(new TypeError()) : real(path, ...rest); })()")
    await page.until("!document.querySelector('#jobs-problem').hidden")
    await page.value(f"fetch('/jobs/{job}', {{method: 'DELETE'}}).then((answer) => answer.status)")
    await page.until(f"document.querySelector('{first} .state').innerText === 'canceled'")


# Two readings of a host, ten seconds apart: 100 requests, 98 of them below 10 ms, one of the others below a second, and one for the
# events of a job, which is as long as the job.
BEFORE = """routelets_http_requests_total{route="/a, }",status="200"} 6
# TYPE routelets_http_request_duration_seconds histogram
routelets_http_request_duration_seconds_bucket{route="/a, }",le="0.01"} 5
routelets_http_request_duration_seconds_bucket{route="/a, }",le="1.0"} 5
routelets_http_request_duration_seconds_bucket{route="/a, }",le="+Inf"} 6
routelets_jobs_ended_total{route="POST /asr",state="failed"} 2
"""
AFTER = """routelets_http_requests_total{route="/a, }",status="200"} 58
routelets_http_requests_total{route="/b",status="200"} 40
routelets_http_requests_total{route="/b",status="422"} 8
routelets_http_requests_total{route="/jobs/...",status="200"} 1
routelets_http_request_duration_seconds_bucket{route="/jobs/...",le="0.01"} 0
routelets_http_request_duration_seconds_bucket{route="/jobs/...",le="1.0"} 0
routelets_http_request_duration_seconds_bucket{route="/jobs/...",le="+Inf"} 1
routelets_http_request_duration_seconds_bucket{route="/a, }",le="0.01"} 55
routelets_http_request_duration_seconds_bucket{route="/a, }",le="1.0"} 56
routelets_http_request_duration_seconds_bucket{route="/a, }",le="+Inf"} 58
routelets_http_request_duration_seconds_bucket{route="/b",le="0.01"} 48
routelets_http_request_duration_seconds_bucket{route="/b",le="1.0"} 48
routelets_http_request_duration_seconds_bucket{route="/b",le="+Inf"} 48
routelets_jobs_ended_total{route="POST /asr",state="failed"} 3
routelets_jobs_ended_total{route="POST /asr",state="succeeded"} 4
"""


async def state(page: Browser, url: str) -> None:
    await visit(page, url, "status")
    await page.until("/answers[^]*Ready\\s+yes/.test(document.querySelector('#facts').innerText)")
    assert "0.1.0" in await page.text("#facts")
    if os.environ.get("RUNTIME") == "spin":
        await page.until("/Runtime\\s+not known\\s+Up for\\s+not known/.test(document.querySelector('#facts').innerText)")
    else:
        await page.until("/Runtime\\s+embedded host\\s+Up for\\s+\\d+ (s|min|h|d)/.test(document.querySelector('#facts').innerText)")
        # What is plotted is what happens.
        shown = "[...document.querySelectorAll('#traffic figure strong')].map((value) => value.innerText)"
        await page.until(f"{shown}.length === 4 && {shown}.every((value) => value !== '–' && !value.endsWith(' –'))")
        labels = await page.value("[...document.querySelectorAll('#traffic figure svg')].map((plot) => plot.getAttribute('aria-label')).join()")
        assert "Requests a second, the last minute: now" in labels and "now p50 " in labels, labels
        await page.value("Promise.all(Array.from({length: 200}, () => fetch('/ping')))")
        await page.until("Number(/at most ([\\d.]+)/.exec(document.querySelector('#traffic figure').innerText)[1]) > 20")
    # Where the host tells nothing, the page says so.
    jobs = json.dumps("# TYPE routelets_jobs gauge\n")
    await page.value(f"window.real = fetch; window.fetch = (path, ...rest) => path === '/metrics' ? Promise.resolve(new Response({jobs})) : real(path, ...rest); null")
    await page.until("document.querySelector('#traffic-note').innerText.includes('--metrics-listen')")
    await page.until("document.querySelectorAll('#traffic figure').length === 1 && document.querySelector('#traffic figure').innerText.startsWith('Jobs done a minute')")
    assert (await page.text("#facts")).count("not known") == 2
    found = await violations(page)
    assert not found, f"what is not known: {found}"
    compare = """async (before, after) => {
      const { read, between } = await import(document.querySelector("script[type=module]").src.replace("main.js", "metrics.js"));
      const [a, b] = [read(before), read(after)];
      return [between(a, b, 10), between(b, a, 10).rate];
    }"""
    now, restarted = await page.value(f"({compare})({json.dumps(BEFORE)}, {json.dumps(AFTER)})")
    assert now == {"rate": 10.1, "p50": 0.01 * 50 / 98, "p99": 1, "jobs": 30}, now
    assert restarted == 0.6, restarted
    answers = json.dumps([BEFORE, AFTER])
    await visit(page, url, "status")
    await page.value(f"(() => {{ const real = fetch, all = {answers}; window.fetch = (path, ...rest) => path === '/metrics' && all.length ? Promise.resolve(new Response(all.shift())) : real(path, ...rest); }})()")
    await page.until("document.querySelectorAll('#traffic figure').length === 3 && document.querySelector('#traffic').innerText.includes('p50 5.1 ms')")
    said = await page.text("#traffic")
    assert "Requests a second" in said and "p99 1.0 s" in said, said
    found = await violations(page)
    assert not found, f"the plots: {found}"


async def signing_in(page: Browser, url: str, name: str, key: str, password: str) -> None:
    await visit(page, url, "try")
    await page.click("[data-route=sum] button")
    await page.until("document.querySelector('#sign-in').open")
    found = await violations(page)
    assert not found, f"signing in: {found}"
    await page.type("#sign-in [name=key]", "wrong")
    await page.press("Enter")
    await page.until("document.querySelector('#sign-in').open && document.querySelector('.reason').innerText.includes('not valid')")
    await page.type("#sign-in [name=key]", key)
    await page.press("Enter")
    await page.until("document.querySelector('[data-route=sum] output').innerText === '0.3'")
    assert key not in await page.text("#last-request code")
    await page.click("#sign-out")
    await page.click("[data-route=mult] button")
    await page.until("document.querySelector('#sign-in').open")
    await page.click("#sign-in [value=password]")
    await page.type("#sign-in [name=username]", name)
    await page.type("#sign-in [name=password]", password)
    await page.press("Enter")
    await page.until("document.querySelector('[data-route=mult] output').innerText.startsWith('-185')")
    await page.click("#sign-out")
    await page.click("[data-route=hello] button")
    await page.until("document.querySelector('#sign-in').open")
    await page.press("Escape")
    await page.until("document.querySelector('[data-route=hello] .problem').innerText.includes('credentials')")
