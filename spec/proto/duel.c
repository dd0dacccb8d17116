/* SPDX-License-Identifier: MIT */
#include "proto/duel.h"

#include <stdlib.h>
#include <string.h>

#define LONGER 256 /* bytes behind the end of a stream */

void duel_init(struct duel *duel, size_t max_message)
{
    *duel = (struct duel){.result = WSP_READER_MORE};
    recorder_init(&duel->recorder);
    duel->recorder.limits.max_message = max_message;
}

void duel_fini(struct duel *duel)
{
    recorder_fini(&duel->recorder);
    wsp_buf_fini(&duel->trouble);
}

void duel_read(struct duel *duel, struct wsp_span stream, size_t piece)
{
    recorder_reset(&duel->recorder);
    duel->result = WSP_READER_MORE;
    for (size_t at = 0; at < stream.len && duel->result == WSP_READER_MORE;) {
        size_t len = stream.len - at < piece ? stream.len - at : piece;
        recorder_feed(&duel->recorder, (struct wsp_span){stream.data + at, len},
                      len);
        duel->result = duel->recorder.result;
        at += len;
    }
}

static struct wsp_span log_from(const struct wsp_buf *log, size_t from)
{
    const char *data = log->data ? log->data : "";
    return (struct wsp_span){data + from, log->len - from};
}

/* The line of the close frame, or of the failure. */
static struct wsp_span our_end(const struct duel *duel)
{
    return log_from(&duel->recorder.log, duel->recorder.found_len);
}

static struct wsp_span their_end(const struct oracle *theirs)
{
    return log_from(&theirs->log, theirs->found_len);
}

/* ---- where wslay is known to differ ---- */

static char *lengthen(struct wsp_span stream)
{
    char *longer = calloc(1, stream.len + LONGER);
    if (!longer) {
        abort();
    }
    memcpy(longer, stream.data, stream.len);
    return longer;
}

/* Tells whether wslay fails the stream once more bytes follow. */
static bool oracle_fails_later(const struct duel *duel, struct wsp_span stream)
{
    char *longer = lengthen(stream);
    struct oracle oracle;
    oracle_run(&oracle, (struct wsp_span){longer, stream.len + LONGER},
               duel->recorder.limits.max_message);
    bool is_failed = oracle.end == ORACLE_FAILED;
    oracle_fini(&oracle);
    free(longer);
    return is_failed;
}

static bool ours_fails_later(struct duel *duel, struct wsp_span stream)
{
    char *longer = lengthen(stream);
    duel_read(duel, (struct wsp_span){longer, stream.len + LONGER}, SIZE_MAX);
    free(longer);
    return duel->result == WSP_READER_FAILED;
}

/* Both fail the stream; tells whether for what the codes say. */
static bool is_same_failure(const struct wsp_reader_failure *ours,
                            const struct oracle *theirs)
{
    if (ours->close_code == theirs->close_code) {
        return true;
    }
    /* Its frame API gives every broken head an empty close frame. */
    if (ours->close_code == 1002 && theirs->close_code == 1005) {
        return true;
    }
    /* It looks at the reason of a close frame before the code. */
    return strcmp(ours->text, "bad close code") == 0 &&
           theirs->close_code == 1007;
}

/* It takes a close frame of one byte for one without a body. */
static bool is_one_byte_close(const struct duel *duel,
                              const struct oracle *theirs)
{
    return duel->result == WSP_READER_FAILED &&
           strcmp(duel->recorder.failure.text, "bad close code") == 0 &&
           wsp_span_equal(their_end(theirs), wsp_span_of("close 1005 0 \n"));
}

/* It refuses the codes 1012 to 1014, which are registered by now. */
static bool is_late_code(const struct duel *duel, const struct oracle *theirs)
{
    struct wsp_span line = our_end(duel);
    return theirs->close_code == 1002 && line.len > 10 &&
           memcmp(line.data, "close 101", 9) == 0 && line.data[9] >= '2' &&
           line.data[9] <= '4';
}

/* ---- the verdict ---- */

static bool is_same_end(struct duel *duel, const struct oracle *theirs,
                        struct wsp_span stream)
{
    enum wsp_reader_result result = duel->result;
    if (result == WSP_READER_FAILED && theirs->end == ORACLE_FAILED) {
        return is_same_failure(&duel->recorder.failure, theirs);
    }
    if (result == WSP_READER_CLOSED && theirs->end == ORACLE_CLOSED) {
        return wsp_span_equal(our_end(duel), their_end(theirs));
    }
    if (result == WSP_READER_CLOSED && theirs->end == ORACLE_FAILED) {
        return is_late_code(duel, theirs);
    }
    if (theirs->end == ORACLE_CLOSED) {
        return is_one_byte_close(duel, theirs);
    }
    if (result == WSP_READER_FAILED) {
        /* It judges a head when the first byte of the payload is there. */
        return oracle_fails_later(duel, stream);
    }
    if (theirs->end == ORACLE_FAILED) {
        /* It judges the reason of a close frame while it arrives. */
        return theirs->close_code == 1007 && ours_fails_later(duel, stream);
    }
    return true;
}

static bool is_same_log(const struct duel *duel, const struct oracle *theirs)
{
    struct wsp_span our_log = {duel->recorder.log.data,
                               duel->recorder.found_len};
    struct wsp_span their_log = {theirs->log.data, theirs->found_len};
    return wsp_span_equal(our_log, their_log);
}

static void say(struct duel *duel, const struct oracle *theirs)
{
    duel->trouble.len = 0;
    struct wsp_span our_log = log_from(&duel->recorder.log, 0);
    struct wsp_span their_log = log_from(&theirs->log, 0);
    if (!wsp_buf_printf(&duel->trouble,
                        "ours, %d:\n%.*s\nwslay, %d, its close code %u:\n%.*s",
                        duel->result, (int)our_log.len, our_log.data,
                        theirs->end, theirs->close_code, (int)their_log.len,
                        their_log.data)) {
        abort();
    }
}

bool duel_is_agreed(struct duel *duel, struct wsp_span stream, size_t piece)
{
    struct oracle theirs;
    oracle_run(&theirs, stream, duel->recorder.limits.max_message);
    duel_read(duel, stream, piece);
    bool is_agreed =
        is_same_log(duel, &theirs) && is_same_end(duel, &theirs, stream);
    if (!is_agreed) {
        say(duel, &theirs);
    }
    oracle_fini(&theirs);
    return is_agreed;
}
