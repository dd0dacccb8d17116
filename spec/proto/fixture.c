/* SPDX-License-Identifier: MIT */
#include "proto/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture) {
        return -1;
    }
    recorder_init(&fixture->recorder);
    *state = fixture;
    return 0;
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    recorder_fini(&fixture->recorder);
    wsp_buf_fini(&fixture->stream);
    free(fixture);
    return 0;
}

void fixture_begin(struct fixture *fixture)
{
    recorder_reset(&fixture->recorder);
    fixture->stream.len = 0;
}

void fixture_expect(struct fixture *fixture, const char *log)
{
    struct wsp_span found = recorder_log(&fixture->recorder);
    char *text = strndup(found.len ? found.data : "", found.len);
    assert_non_null(text);
    assert_string_equal(text, log);
    free(text);
}

void fixture_put(struct fixture *fixture, uint8_t opcode, const char *payload)
{
    client_frame_put(&fixture->stream, opcode, wsp_span_of(payload));
}

void fixture_put_fragment(struct fixture *fixture, uint8_t opcode,
                          struct wsp_span payload)
{
    client_frame_add(&fixture->stream,
                     &(struct client_frame){.opcode = opcode,
                                            .payload = payload,
                                            .is_fragment = true});
}

void fixture_feed(struct fixture *fixture)
{
    struct wsp_span stream = {fixture->stream.data, fixture->stream.len};
    recorder_feed(&fixture->recorder, stream, stream.len);
    fixture->stream.len = 0;
}

void fixture_feed_bytewise(struct fixture *fixture)
{
    struct wsp_span stream = {fixture->stream.data, fixture->stream.len};
    recorder_feed(&fixture->recorder, stream, 1);
    fixture->stream.len = 0;
}

void fixture_expect_frame(struct fixture *fixture,
                          const struct client_frame *frame, const char *log)
{
    fixture_begin(fixture);
    client_frame_add(&fixture->stream, frame);
    fixture_feed(fixture);
    fixture_expect(fixture, log);
    fixture_begin(fixture);
    client_frame_add(&fixture->stream, frame);
    fixture_feed_bytewise(fixture);
    fixture_expect(fixture, log);
}
