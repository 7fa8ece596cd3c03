"""Uses `/docs` as people do: files are chosen, examples run, and the dialog signs in."""

import json
from pathlib import Path

from accessibility import violations
from browser import Browser

EXAMPLES = Path(__file__).parents[2] / "examples"
# Operations whose fields are filled in by their examples, or may be empty.
OPERATIONS = [
    "service-hello_name",
    "factorization-factorize",
    "factorization-async_factorize",
    "prediction-predict_one",
    "prediction-predict_body",
    "inference-infer",
    "jobs-list_jobs",
]


async def open_documentation(page: Browser, url: str) -> None:
    await page.open(f"{url}/docs")
    await page.until("document.querySelectorAll('.opblock').length > 20")


async def unfold(page: Browser, operation: str) -> str:
    """Opens an operation and returns its selector."""
    block = f"#operations-{operation}"
    await page.click(f"{block} .opblock-summary-control")
    await page.until(f"document.querySelector('{block} .execute')")
    return block


async def fold(page: Browser, block: str) -> None:
    """Closes an operation: what is shown makes Swagger UI slow."""
    await page.click(f"{block} .opblock-summary-control")


async def execute(page: Browser, block: str) -> tuple[str, str]:
    """Clicks on Execute; returns the status and the body of the answer."""
    answer = f"{block} .live-responses-table tr.response"
    if await page.value(f"document.querySelector('{block} .btn-clear') !== null"):
        await page.click(f"{block} .btn-clear")
        await page.until(f"document.querySelector('{answer}') === null")
    await page.click(f"{block} .execute")
    await page.until(f"/^\\d/.test(document.querySelector('{answer} .response-col_status')?.innerText)")
    status = await page.text(f"{answer} .response-col_status")
    # Swagger UI reads a type that it does not know after it has shown the heading.
    text = f"document.querySelector('{answer} .highlight-code code')?.innerText"
    await page.until(f"{text} || !document.querySelector('{answer} .response-col_description').innerText.includes('Response body')")
    body = await page.value(f"{text} ?? ''")
    return status.split()[0], body


async def documentation(page: Browser, url: str) -> None:
    for dark in [True, False]:
        await page.size(1200, 900, dark=dark)
        await open_documentation(page, url)
        found = await violations(page)
        assert not found, f"/docs, dark {dark}: {found}"
    block = await unfold(page, "arithmetic-sum")
    status, body = await execute(page, block)
    assert (status, json.loads(body)["result"]) == ("200", 0.3), (status, body)
    found = await violations(page, block)
    assert not found, f"/docs, an operation: {found}"
    await fold(page, block)
    await examples_run(page)
    await files_are_chosen(page)


async def examples_run(page: Browser) -> None:
    for operation in OPERATIONS:
        block = await unfold(page, operation)
        status, body = await execute(page, block)
        cells = f"document.querySelectorAll('{block} .responses-table:not(.live-responses-table) .response-col_status')"
        documented = await page.value(f"[...{cells}].map((cell) => cell.innerText)")
        assert status == "200" and status in documented, (operation, status, body, documented)
        await fold(page, block)
    # What a person adds is sent.
    block = await unfold(page, "factorization-factorize")
    await page.type(f"{block} tr[data-param-name=Prefer] input", "respond-async")
    status, body = await execute(page, block)
    assert status == "202", (status, body)
    job = json.loads(body)["id"]
    await fold(page, block)
    block = await unfold(page, "jobs-delete_job")
    await page.type(f"{block} tr[data-param-name=id] input", job)
    status, body = await execute(page, block)
    assert status in {"202", "204"}, (status, body)
    await fold(page, block)


async def files_are_chosen(page: Browser) -> None:
    # The bytes of a recording.
    block = await unfold(page, "speech-asr")
    await page.choose(f"{block} input[type=file]", EXAMPLES / "letter.mp3")
    status, body = await execute(page, block)
    assert status == "200" and json.loads(body)["transcription"] == "Please write a letter to my friend.", (status, body)
    # A form, with several.
    form = f"{block} .opblock-section-request-body"
    await page.select(f"{form} .content-type", "multipart/form-data")
    for count, name in [(1, "letter.mp3"), (2, "silence.wav")]:
        add = f"{form} [data-property-name=files] .json-schema-form-item-add"
        await page.until(f"document.querySelector('{add}').innerText === 'Add file'")
        await page.click(add)
        picker = f"{form} .json-schema-form-item:nth-of-type({count}) input[type=file]"
        await page.until(f"document.querySelector('{picker}')")
        await page.choose(picker, EXAMPLES / name)
    status, body = await execute(page, block)
    assert status == "200" and [answer["file"] for answer in json.loads(body)["results"]] == ["letter.mp3", "silence.wav"], (status, body)
    found = await violations(page, form)
    assert not found, f"/docs, a form: {found}"
    await fold(page, block)
    # A form with one, and with other fields.
    block = await unfold(page, "speech-create_transcription")
    await page.choose(f"{block} [data-property-name=file] input[type=file]", EXAMPLES / "letter.mp3")
    await page.select(f"{block} [data-property-name=response_format] select", "srt")
    status, body = await execute(page, block)
    assert status == "200" and body.startswith("1\n00:00:0") and "Please write a letter" in body, (status, body)
    # Swagger UI says so of each file of a list.
    page.messages = [message for message in page.messages if "JsonSchema_string_binary" not in message]


async def dialog_signs_in(page: Browser, url: str, name: str, key: str, password: str) -> None:
    """With a key, with a token, and with a name and a password."""
    await open_documentation(page, url)
    block = await unfold(page, "arithmetic-sum")
    assert (await execute(page, block))[0] == "401"
    grant = json.dumps({"username": name, "password": password})
    token = (await page.value(f"fetch('/token', {{method: 'POST', body: new URLSearchParams({grant})}}).then((answer) => answer.json())"))["access_token"]
    ways = [{"#api_key_value": key}, {"#auth-bearer-value": token}, {"#oauth_username": name, "#oauth_password": password}]
    for count, fields in enumerate(ways, 1):
        part = f".auth-container:nth-of-type({count})"
        await page.click(".auth-wrapper .authorize")
        await page.until(f"document.querySelector('{part}')")
        found = await violations(page, ".dialog-ux")
        assert not found, f"/docs, signing in: {found}"
        for field, text in fields.items():
            await page.type(f"{part} {field}", text)
        await page.click(f"{part} .authorize")
        await page.until(f"document.querySelector('{part} .auth-btn-wrapper').innerText.startsWith('Logout')")
        await page.press("Escape")
        status, body = await execute(page, block)
        assert status == "200" and json.loads(body)["result"] == 0.3, (fields, status, body)
        await page.click(".auth-wrapper .authorize")
        await page.click(f"{part} .auth-btn-wrapper button:not(.btn-done)")
        await page.click(f"{part} .btn-done")
    assert (await execute(page, block))[0] == "401"
    # Chromium says so of the password's field, which is outside a form.
    page.messages = [message for message in page.messages if "not contained in a form" not in message]
