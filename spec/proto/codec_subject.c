/* SPDX-License-Identifier: MIT */
#include "proto/codec_subject.h"

#define SPAN(text)                                                             \
    {                                                                          \
        (text), sizeof(text) - 1                                               \
    }

const struct codec_subject codec_subjects[CODEC_SUBJECTS] = {
    {
        .codec = &wsp_codec_json,
        .has_envelope = true,
        .empty = SPAN("{}"),
        .null = SPAN("null"),
        .null_texts = SPAN("{\"id\":null,\"event\":null}"),
        .top_null = SPAN("null"),
        .unknown = SPAN("{\"v\":{\"id\":\"9\"},\"id\":\"1\",\"extra\":[1],"
                        "\"event\":\"e\",\"Event\":7}"),
        .twice = SPAN("{\"id\":\"1\",\"event\":\"e\",\"payload\":{},"
                      "\"payload\":\"p\",\"event\":\"f\",\"id\":\"2\"}"),
        .twice_payload = SPAN("\"p\""),
        .payloads = {SPAN("{\"text\":\"hello\"}"), SPAN("[1,2,3]"), SPAN("[]"),
                     SPAN("{}"), SPAN("\"\""), SPAN("42"), SPAN("-0.5e10"),
                     SPAN("1.0"), SPAN("9007199254740993"), SPAN("null"),
                     SPAN("true"), SPAN("\"\\u00e9\\/\""),
                     SPAN("[{\"payload\":{\"id\":[null]}}]")},
        .bad_payloads = {SPAN("{"), SPAN("plain"), SPAN("1 2"), SPAN("[1"),
                         SPAN("\"\xFF\"")},
        .malformed = {SPAN(""), SPAN(" "), SPAN("[]"), SPAN("1"), SPAN("true"),
                      SPAN("\"text\""), SPAN("{} {}"), SPAN("{\"id\":1}"),
                      SPAN("{\"event\":[\"e\"]}"), SPAN("{\"id\":true}"),
                      SPAN("{\"event\":{}}")},
        .opening = "[",
        .innermost = "[]",
        .closing = "]",
    },
    {
        .codec = &wsp_codec_msgpack,
        .has_envelope = true,
        .empty = SPAN("\x80"),
        .null = SPAN("\xC0"),
        .null_texts = SPAN("\x82\xA2id\xC0\245event\xC0"),
        .top_null = SPAN("\xC0"),
        .unknown = SPAN("\x85\xA1v\x81\xA2id\2419\xA2id\2411\245extra\x91\x01"
                        "\245event\241e\245Event\x07"),
        .twice = SPAN("\x86\xA2id\2411\245event\241e\xA7payload\x80\xA7payload"
                      "\xA1p\245event\241f\xA2id\2412"),
        .twice_payload = SPAN("\xA1p"),
        .payloads = {SPAN("\x81\xA4text\xA5hello"), SPAN("\x93\x01\x02\x03"),
                     SPAN("\x90"), SPAN("\x80"), SPAN("\xA0"), SPAN("\x2A"),
                     SPAN("\xE0"), SPAN("\xC0"), SPAN("\xC3"),
                     SPAN("\xCB\x3F\xF0\0\0\0\0\0\0"),
                     SPAN("\xCF\x00\x20\0\0\0\0\0\x01"),
                     SPAN("\xD3\xFF\xFF\xFF\xFE\xFF\xFF\xFF\xFF"),
                     SPAN("\xC4\x03\xFF\x00\xC1"),
                     SPAN("\xD6\xFF\x65\x00\x00\x00"),
                     SPAN("\xDF\0\0\0\x01\xD9\x02id\xDC\0\x01\xC0")},
        .bad_payloads = {SPAN("\xC1"), SPAN("\x91"), SPAN("\x01\x01"),
                         SPAN("\xA5text"), SPAN("\xCB\x3F\xF0"),
                         SPAN("\xDF\xFF\xFF\xFF\xFF")},
        .malformed = {SPAN(""), SPAN("\x90"), SPAN("\x01"), SPAN("\xC3"),
                      SPAN("\xA4text"), SPAN("\xC1"), SPAN("\x80\x80"),
                      SPAN("\xC0\xC0"), SPAN("\x81\xA2id\x01"),
                      SPAN("\x81\xA2id\xC3"), SPAN("\x81\xA2id\xC4\x01i"),
                      SPAN("\x81\245event\x91\241e"),
                      SPAN("\x81\245event\x80")},
        .opening = "\x91",
        .innermost = "\x90",
        .closing = "",
    },
    {
        .codec = &wsp_codec_raw,
        .empty = SPAN(""),
        .payloads = {SPAN("plain"), SPAN("{\"id\":\"1\"}"), SPAN("\0"),
                     SPAN("gr\xC3\xBC\xC3\x9F")},
        .bad_payloads = {SPAN("\xFF"), SPAN("cut \xE2\x82")},
    },

};
