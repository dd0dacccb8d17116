/* SPDX-License-Identifier: MIT */
#include "lua/lua_frame.h"

#include "lua_binding/msgpack_script.h"

/* Begins a call with the message {event: "e", payload: `text` in hexadecimal},
 * shown to the script as `message`. */
static void receive(struct script *script, const char *text)
{
    lua_State *L = script->L;
    lua_settop(L, 0);
    lua_getglobal(L, "bytes");
    lua_pushfstring(L, "82a56576656e74a165a77061796c6f6164%s", text);
    lua_call(L, 1, 1);
    lua_pushvalue(L, -1);
    lua_setglobal(L, "message");
    struct wsp_span raw;
    raw.data = lua_tolstring(L, -1, &raw.len);
    script->frame = (struct wsp_frame){
        .id = {"", 0},
        .event = {raw.data + 8, 1},
        .payload = {raw.data + 17, raw.len - 17},
        .has_payload = true,
        .binary = true,
        .raw = raw,
    };
    script->state->codec = "msgpack";
    script_begin_call(script);
}

static void a_payload_decodes_on_first_touch(void **state)
{
    struct script *script = *state;
    receive(script, "83a46e616d65a3416e6ea46c697374920102a26e6fc0");
    script_run(script, "assert(frame.event == 'e' and frame.binary)\n"
                       "local p = frame.payload\n"
                       "assert(p.name == 'Ann' and p.list[2] == 2)\n"
                       "assert(p.no == core.null)\n"
                       "assert(rawequal(frame.payload, p))\n"
                       "assert(frame:field 'name' == 'Ann')\n"
                       "assert(frame:raw() == message:sub(18))\n"
                       "assert(same(decode(frame:raw()), p))");
    receive(script, "c0");
    script_run(script, "assert(frame.payload == core.null)\n"
                       "assert(frame:field 'a' == nil)");
    script->frame.has_payload = false;
    script_run(script, "assert(frame.payload == nil and frame:raw() == nil)");
}

static void a_table_becomes_a_frame(void **state)
{
    script_run(*state,
               "local out = send { id = 'i', event = 'e', payload = { 1 } }\n"
               "assert(out.id == 'i' and out.event == 'e' and out.checked)\n"
               "assert(hex(out.payload) == '9101')\n"
               "assert(send({}).payload == nil)\n"
               "assert(hex(send({ payload = core.null }).payload) == 'c0')\n"
               "assert(hex(send({ payload = false }).payload) == 'c2')\n"
               "local raw = core.raw(bytes 'cd0001')\n"
               "assert(hex(send({ payload = raw }).payload) == 'cd0001')\n"
               "local none, err = send { payload = { { print } } }\n"
               "assert(none == nil and tostring(err) == 'wspulse: encode '\n"
               "  .. 'failed: payload[1][1]: cannot encode a function')\n"
               "none, err = send { payload = core.raw '{}' }\n"
               "assert(none == nil and tostring(err) == 'wspulse: encode '\n"
               "  .. 'failed: payload: wspulse.raw was given bytes that are '\n"
               "  .. 'not valid msgpack')");
}

/* Bytes that are no UTF-8 go on: the message is binary. The id stays with it. */
static void forwarding_sends_the_original_bytes(void **state)
{
    struct script *script = *state;
    receive(script, "81a16bc403ff00fe");
    script->frame.id = wsp_span_of("7");
    script_run(script,
               "frame.payload.k = 'changed'\n"
               "local out = send(frame)\n"
               "assert(out.raw == message and out.id == '7')\n"
               "out = send(frame:with { event = 'new' })\n"
               "assert(out.event == 'new' and out.id == '7')\n"
               "assert(hex(out.payload) == '81a16bc403ff00fe')\n"
               "out = send(frame:with { payload = { 1 } })\n"
               "assert(out.event == 'e' and hex(out.payload) == '9101')\n"
               "kept = frame:keep()");
    memset(&script->frame, 0, sizeof script->frame);
    script_end_call(script);
    script_run(script, "collectgarbage()\n"
                       "assert(kept.payload.k == 'changed')\n"
                       "assert(send(kept).raw == message)");
}

static void a_frame_does_not_cross_codecs(void **state)
{
    struct script *script = *state;
    static const char refusals[] =
        "local out, err = send(frame)\n"
        "assert(out == nil and err.code == 'ENCODE')\n"
        "out, err = send(frame:with { event = 'x' })\n"
        "assert(out == nil and tostring(err) == 'wspulse: encode failed: '\n"
        "  .. 'payload: the payload came by another codec')\n"
        "assert(send { payload = frame.payload })";
    receive(script, "31");
    script->state->codec = "json";
    script_run(script, refusals);
    script_receive(script, "1");
    script->state->codec = "msgpack";
    script_run(script, refusals);
    receive(script, "c40101");
    script->state->codec = "raw";
    script_run(script, "local out, err = send(frame)\n"
                       "assert(out == nil and err.code == 'ENCODE')\n"
                       "assert(send({ payload = frame:raw(), binary = true })\n"
                       "  .payload == frame:raw())");
}

int main(void)
{
#define SPEC(name) cmocka_unit_test_setup(name, msgpack_script_reset)
    const struct CMUnitTest tests[] = {
        SPEC(a_payload_decodes_on_first_touch),
        SPEC(a_table_becomes_a_frame),
        SPEC(forwarding_sends_the_original_bytes),
        SPEC(a_frame_does_not_cross_codecs),
    };
#undef SPEC
    return cmocka_run_group_tests_name("lua msgpack frame", tests,
                                       msgpack_script_open, script_close);
}
