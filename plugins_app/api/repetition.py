"""`Idempotency-Key`: a request sent again, with the same key and body, gets the same answer."""

import hashlib
import json
import re
import time
from typing import Any, Final

from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api.caching import encoded
from plugins_app.errors import Fault, InvalidInput
from plugins_app.models import IdempotencyRecord
from plugins_app.services import idempotency
from plugins_app.services.idempotency import Once

KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
POLL_SECONDS: Final = 0.02
LONGEST_WAIT: Final = 2.0
CHUNK_BYTES: Final = 1 << 20


def once_of(request: Request, body: Any) -> Once | None:
    """What tells this request from others; None without a key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not KEY.fullmatch(key):
        message = "must be 1 to 255 visible ASCII characters, such as a UUID"
        raise InvalidInput(
            f"The Idempotency-Key {message}.",
            faults=[Fault(pointer="/Idempotency-Key", message=message)],
        )
    fingerprint = idempotency.fingerprint_of(request.method, request.path, body)
    return Once(user_id=request.user.pk, key=key, fingerprint=fingerprint)


def earlier(once: Once | None) -> IdempotencyRecord | None:
    """What the same request made before, with its answer if there is one within moments."""
    if once is None:
        return None
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        record = idempotency.find(once=once)
        is_settled = record is None or record.answer is not None
        if is_settled or time.monotonic() > deadline:
            return record
        time.sleep(POLL_SECONDS)


def keep(once: Once | None, response: Response) -> None:
    """Keep RESPONSE for repetitions of its request."""
    if once is None:
        return
    headers = {"Location": response["Location"]} if response.has_header("Location") else {}
    # As text: a database that takes JSON apart forgets in which order it was told.
    body = encoded(response.data).decode()
    idempotency.keep_answer(
        once=once, answer={"status": response.status_code, "headers": headers, "body": body}
    )


def again(record: IdempotencyRecord) -> Response:
    """The answer that was given, once more."""
    answer = record.answer
    headers = {**answer["headers"], "Idempotent-Replayed": "true"}
    return Response(json.loads(answer["body"]), status=answer["status"], headers=headers)


def digest_of(content: Any) -> str:
    """SHA-256 of an uploaded file, which is left at its beginning."""
    digest = hashlib.sha256()
    for chunk in content.chunks(CHUNK_BYTES):
        digest.update(chunk)
    content.seek(0)
    return digest.hexdigest()
