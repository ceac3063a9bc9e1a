"""What is printed once everything answers."""

from django.conf import settings


def banner(*, url: str, password: str | None) -> str:
    lines = [
        "",
        f"  Bulkhead is up. Console  {url}/admin/",
        f"                  API      {url}/api/v1/",
        f"                  Docs     {url}/api/v1/docs/",
        "",
        *_login(url, password),
        "",
        "  Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines) + "\n"


def _login(url: str, password: str | None) -> list[str]:
    if password is None:
        return ["  Try it:", f"  curl -s {url}/api/v1/health/ready/"]
    if settings.ADMIN_PASSWORD:
        shown, quoted = "the one in BULKHEAD_ADMIN_PASSWORD", "'\"$BULKHEAD_ADMIN_PASSWORD\"'"
    else:
        shown, quoted = f"{password}   (shown this once)", password
    body = f'{{"username": "admin", "password": "{quoted}"}}'
    return [
        "  Log in as       admin",
        f"  password        {shown}",
        "",
        "  Try it:",
        f"  curl -s {url}/api/v1/auth/login/ -H 'Content-Type: application/json' -d '{body}'",
    ]
