"""What the how-to has people type is answered."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from tests.api.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "automate.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def requests() -> list[str]:
    """The calls of curl on the page, each on one line."""
    text = "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    return [part for part in re.split(r"^(?=curl )", text.replace("\\\n", " "), flags=re.MULTILINE) if "curl " in part]


def test_every_call_of_the_page_does_what_it_says(world: World) -> None:
    world.join("ada@example.com")
    case = world.leaver("ben")
    world.leaver("cid")
    known = {"BRIDGE": "http://testserver", "TOKEN": world.headers()["Authorization"].split()[1], "CASE": case}

    found = [part for part in requests() if part.startswith("curl ")]
    for text in found:
        for name, value in known.items():
            text = text.replace(f"${name}", value)  # noqa: PLW2901
        _, url, *options = shlex.split(text)
        pairs = list(zip(options[::2], options[1::2], strict=True))
        headers = dict(value.split(": ", 1) for option, value in pairs if option == "-H")
        body = next((value for option, value in pairs if option == "-d"), None)
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()

        answer = world.client.request("POST" if body else "GET", path, headers=headers, content=body)

        assert answer.status_code == 200, (text, answer.text)
        if path.endswith("/preview"):
            seen = answer.json()
            known |= {"COUNT": str(seen["count"]), "DIGEST": seen["digest"], "UNTIL": seen["until"]}
    assert len(found) > 8
    assert world.get(f"/cases/{case}")["state"] == "canceled"
