/* SPDX-License-Identifier: MIT */
/* The codecs that the contract is run against, each with samples of its own
 * encoding. */
#ifndef WSP_SPEC_PROTO_CODEC_SUBJECT_H
#define WSP_SPEC_PROTO_CODEC_SUBJECT_H

#include "proto/codec.h"

#define CODEC_SUBJECT_SAMPLES 20

/* Lists end with the first NULL. */
struct codec_subject {
    const struct wsp_codec *codec;
    bool has_envelope;          /* carries id and event, and can be malformed */
    struct wsp_span empty;      /* the message of an empty frame */
    struct wsp_span null;       /* a payload of null */
    struct wsp_span null_texts; /* id and event null */
    struct wsp_span top_null;   /* null instead of an envelope */
    struct wsp_span unknown;    /* id 1, event e, and other keys */
    struct wsp_span twice;      /* the last of equal keys: 2, f, "p" */
    struct wsp_span twice_payload; /* the payload that is left */
    struct wsp_span payloads[CODEC_SUBJECT_SAMPLES]; /* valid */
    struct wsp_span bad_payloads[CODEC_SUBJECT_SAMPLES];
    struct wsp_span malformed[CODEC_SUBJECT_SAMPLES]; /* messages */
    char opening[2], innermost[3], closing[2];        /* of nested arrays */
};

#define CODEC_SUBJECTS 3

extern const struct codec_subject codec_subjects[CODEC_SUBJECTS];

#endif
