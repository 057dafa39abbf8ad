"""Stands in for curl, which a bare machine lacks: the options that the tutorial uses, and no others."""

from __future__ import annotations

import argparse
import sys

import httpx


def main() -> None:
    parser = argparse.ArgumentParser(prog="curl")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-S", action="store_true")
    parser.add_argument("-X", dest="method", default="GET")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    parser.add_argument("url")
    options = parser.parse_intermixed_args()
    headers = dict(header.split(": ", 1) for header in options.headers)
    answer = httpx.request(options.method, options.url, headers=headers, content=options.body, timeout=20)
    sys.stdout.write(answer.text)


if __name__ == "__main__":
    main()
