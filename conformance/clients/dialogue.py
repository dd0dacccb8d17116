# SPDX-License-Identifier: MIT
"""The dialogue of a client with the spec: a JSON command a line, an answer each.

A client is an object with the methods open, send, text, binary, pieces, ping,
close and ended; the spec says what they are (spec/e2e/support/interop.mjs).
"""

import base64
import json
import sys


def encode(data):
    if isinstance(data, str):
        raise TypeError("this is a text")
    return {"base64": base64.b64encode(data).decode()}


def text_of(data):
    if not isinstance(data, str):
        raise TypeError("this is no text")
    return {"text": data}


def end_of(code, reason):
    return {"code": code, "reason": reason}


def answer(client, command):
    match command["do"]:
        case "open":
            client.open(
                command["url"], command["subprotocols"], command["compression"]
            )
            return {"subprotocol": client.subprotocol() or ""}
        case "send":
            client.send(command["text"])
        case "text":
            return text_of(client.text(command["text"]))
        case "bytes":
            return encode(client.binary(base64.b64decode(command["base64"])))
        case "pieces":
            return text_of(client.pieces(command["pieces"]))
        case "ping":
            client.ping(command["text"])
        case "close":
            return end_of(*client.close(command["code"], command["reason"]))
        case "ended":
            return end_of(*client.ended())
    return {}


def serve(client):
    for line in sys.stdin:
        try:
            said = answer(client, json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)
