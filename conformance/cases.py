# SPDX-License-Identifier: MIT
"""Runs the cases of the Autobahn test suite against the command.

    cases.py COMMAND [CASE...] [--over plain] [--table write] [--report FOLDER]
        [--messages N]

COMMAND is the program to test. Each case must be OK, or INFORMATIONAL where the
suite knows no other verdict; NON-STRICT is a failure. The table in
docs/conformance.md must be the one that comes out; --table write puts it there.
All is run twice, over TCP and over TLS; --over picks one of them. CASE picks
cases ("6.*"). Both leave the table alone. --report writes what was on the wire
for each case. --messages is how many a case of compression sends: the suite's
1,000 when the table is written, else 100; and 10 over TLS.
"""

import argparse
import asyncio
import collections
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from kosoku import FailureError, run_fuzzingclient
from kosoku import cases as suite
from kosoku._caseindex import category_metadata
from kosoku._report import write_reports

from tunnel import Tunnel, make_certificate

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "conformance.md"
BEGIN = "<!-- table: written by make conformance -->\n"
END = "<!-- end of table -->\n"

FLAGS = "--listen 127.0.0.1:0 --no-control --log-level error".split()
CONCURRENCY = 4  # most cases wait for something
SECONDS_OF_ALL = 1800  # for all cases together
SECONDS_TO_END = 60  # until the command has ended

# The suite states for these that no behaviour is wrong.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
VERDICTS = ("OK", "INFORMATIONAL")
SAME = "same over TLS"

# The sections of permessage-deflate. Their cases wait for nothing but zlib, and
# kosoku ends each after ten seconds: one at a time when all messages are sent,
# and with few messages again what a slow machine did not finish.
COMPRESSION = ("12.", "13.")
MESSAGES = 1000  # that the suite has such a case send
FEW_MESSAGES = 100
TLS_MESSAGES = 10
MS_OF_KOSOKU = 9_500  # it is not exact


class Server:
    """The command on echo.lua, for as long as a `with` lasts."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(
            [command, "run", HERE / "echo.lua", *FLAGS],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        line = self.process.stdout.readline()
        found = re.search(r"wss?://\S+", line)
        if not found:
            self.process.kill()
            raise SystemExit(f"the command does not serve: {line!r}")
        return found.group()

    def __exit__(self, *_):
        self.process.terminate()
        try:
            code = self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        if code != 0:
            raise SystemExit(f"the command ended with {code}")


def as_bytes(on_message):
    """kosoku gives a case what came uncompressed as a str: the text, or a
    character for each byte. These cases hash bytes."""

    def wrapped(case, message, is_binary):
        if isinstance(message, str):
            message = message.encode("latin-1" if is_binary else "utf-8")
        on_message(case, message, is_binary)

    return wrapped


def prepare_compression():
    for case_id, case in suite.CASES.items():
        if case_id.startswith(COMPRESSION):
            case.onMessage = as_bytes(case.onMessage)


def set_messages(count):
    for case_id, case in suite.CASES.items():
        if case_id.startswith(COMPRESSION):
            case.COUNT = count


def picked(names):
    """The cases that the patterns name; all of them when there are none."""
    return [
        case_id
        for case_id in suite.CASES
        if not names or any(fnmatch.fnmatch(case_id, name) for name in names)
    ]


def run_some(url, case_ids, concurrency):
    async def all_cases():
        try:
            cases = run_fuzzingclient(url, case_ids, concurrency=concurrency)
            return await asyncio.wait_for(cases, SECONDS_OF_ALL)
        except FailureError as failure:
            return failure.results

    return asyncio.run(all_cases()) if case_ids else []


def was_too_slow(result):
    return (
        result.behavior.value == "FAILED" and result.duration >= MS_OF_KOSOKU
    )


def run_compression(url, case_ids, messages):
    set_messages(messages)
    concurrency = 1 if messages > FEW_MESSAGES else CONCURRENCY
    results = run_some(url, case_ids, concurrency)
    slow = [one.case_id for one in results if was_too_slow(one)]
    if not slow or messages <= FEW_MESSAGES:
        return results
    print(f"{len(slow)} cases took too long and send {FEW_MESSAGES} messages")
    set_messages(FEW_MESSAGES)
    again = {one.case_id: one for one in run_some(url, slow, 1)}
    return [again.get(one.case_id, one) for one in results]


def run(url, names=(), messages=FEW_MESSAGES):
    """The results of the cases that the patterns name, in their order."""
    case_ids = picked(names)
    packed = [one for one in case_ids if one.startswith(COMPRESSION)]
    others = [one for one in case_ids if one not in packed]
    return run_some(url, others, CONCURRENCY) + run_compression(
        url, packed, messages
    )


def run_plain(words):
    with Server(words.command) as url:
        return run(url, words.cases, words.messages)


def run_over_tls(words):
    """The suite's client has no TLS: it goes through a tunnel."""
    messages = words.messages if words.over else TLS_MESSAGES
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder)
        with Server(words.command, ECHO_TLS=folder) as url:
            if not url.startswith("wss:"):
                raise SystemExit(f"{url} is not over TLS")
            with Tunnel(url, folder) as entrance:
                return run(entrance, words.cases, messages)


WAYS = {"plain": run_plain, "tls": run_over_tls}


def expected_of(case_id):
    """The verdicts on messages and on the closing handshake."""
    if case_id in INFORMATIONAL:
        return "INFORMATIONAL", "INFORMATIONAL"
    return "OK", "OK"


def verdict_of(result):
    return result.behavior.value, result.behavior_close.value


def describe(result):
    told = f"{result.result} {result.result_close}"
    verdict = " ".join(verdict_of(result))
    return f"{result.case_id}: {verdict} in {result.duration} ms: {told}"


def failures_of(results):
    return [
        describe(result)
        for result in results
        if verdict_of(result) != expected_of(result.case_id)
    ]


# ---- the table ----


def section_of(case_id):
    """`6.1` of case 6.1.1, `2` of case 2.1."""
    parts = case_id.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 else parts[0]


def titles():
    """What the suite calls its sections."""
    categories, parts = category_metadata(suite.GENERATORS)
    return {
        section: title.split(" / server accept")[0]
        for section, title in {**categories, **parts}.items()
    }


def table_of(results, over_tls):
    """One row a section, one column a verdict; then how many had the same one
    over TLS."""
    sections = {}
    other = {result.case_id: verdict_of(result) for result in over_tls}
    for result in results:
        counts = sections.setdefault(
            section_of(result.case_id), collections.Counter()
        )
        counts[result.behavior.value] += 1
        counts[SAME] += other[result.case_id] == verdict_of(result)
    names = titles()
    head = ("section", "of", "cases", *VERDICTS, SAME)
    rows = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    total = collections.Counter()
    for section, counts in sections.items():
        rows.append(row_of(section, names[section], counts))
        total += counts
    rows.append(row_of("all", "", total))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def row_of(section, title, counts):
    cases = sum(counts[verdict] for verdict in VERDICTS)
    numbers = [str(counts[column] or "") for column in (*VERDICTS, SAME)]
    return [section, title, str(cases), *numbers]


def update_page(table, must_write):
    """Tells whether the page has the table."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    if old != table and must_write:
        PAGE.write_text(before + BEGIN + table + END + after)
    return old == table or must_write


# ---- what is run ----


def finds_unchecked_utf8(command):
    """A suite that finds nothing wrong anywhere would prove nothing."""
    with Server(command, ECHO_UNCHECKED="1") as url:
        results = run(url, ["6.3.*", "6.4.*"])
    return len(results) == len(failures_of(results)) == 6


def failures_with_contexts(command):
    """The cases of compression again, with clients that keep their context and
    a server that compresses all that gets shorter."""
    with Server(command, ECHO_CONTEXTS="1") as url:
        results = run(url, [f"{section}*" for section in COMPRESSION])
    return [f"with contexts: {one}" for one in failures_of(results)]


def parse_words():
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--over", choices=tuple(WAYS))
    parser.add_argument("--table", choices=("check", "write"), default="check")
    parser.add_argument("--report")
    parser.add_argument("--messages", type=int)
    words = parser.parse_intermixed_args()
    if not words.messages:
        is_short = words.table == "check" and not words.cases
        words.messages = FEW_MESSAGES if is_short else MESSAGES
    return words


def check_whole(results, words):
    """What must hold when everything was run."""
    failures = []
    for one in results.values():
        if {result.case_id for result in one} != set(suite.CASES):
            failures.append("not every case of the suite was run")
    if not finds_unchecked_utf8(words.command):
        failures.append("a server that checks no UTF-8 was not found out")
    return failures + failures_with_contexts(words.command)


def main():
    words = parse_words()
    prepare_compression()
    ways = [words.over] if words.over else list(WAYS)
    results = {way: WAYS[way](words) for way in ways}
    failures = [
        f"{way}: {failure}"
        for way in ways
        for failure in failures_of(results[way])
    ]
    if words.report:
        write_reports(results[ways[0]], words.report)
    if not words.cases and not words.over:
        failures += check_whole(results, words)
        table = table_of(results["plain"], results["tls"])
        must_write = words.table == "write"
        if not failures and not update_page(table, must_write):
            failures.append(f"{PAGE.name} is out of date: make conformance")
    for failure in failures:
        print(f"FAILED  {failure}")
    passed = sum(len(one) for one in results.values()) - len(failures)
    print(f"{max(passed, 0)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
