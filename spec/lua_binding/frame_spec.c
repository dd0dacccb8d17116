/* SPDX-License-Identifier: MIT */
#include "lua/lua_frame.h"

#include "lua_binding/script.h"

static int open_json(void **state)
{
    struct script *script = *state;
    script->state->codec = "json";
    script_end_call(script);
    return 0;
}

static void receive_bytes(struct script *script, const char *bytes, size_t len,
                          bool is_binary)
{
    script->state->codec = "raw";
    script->frame = (struct wsp_frame){
        .id = {"", 0},
        .event = {"", 0},
        .payload = {bytes, len},
        .has_payload = true,
        .binary = is_binary,
        .raw = {bytes, len},
    };
    script_begin_call(script);
}

/* ---- a received frame ---- */

static void members(void **state)
{
    struct script *script = *state;
    script_receive(script, "{\"name\":\"Ann\",\"list\":[1,2],\"no\":null}");
    script->frame.id = wsp_span_of("42");
    script_run(script,
               "assert(frame.id == '42' and frame.event == 'e')\n"
               "assert(frame.binary == false and frame.nothing == nil)\n"
               "assert(frame[1] == nil and frame[true] == nil)\n"
               "local p = frame.payload\n"
               "assert(p.name == 'Ann' and p.list[2] == 2)\n"
               "assert(p.no == core.null)\n"
               "assert(rawequal(frame.payload, p))\n"
               "p.name = 'changed' assert(frame:field 'name' == 'changed')\n"
               "assert(tostring(frame) == 'wspulse.frame: e')");
}

static void field_needs_an_object(void **state)
{
    struct script *script = *state;
    script_receive(script, "{\"a\":false}");
    script_run(script, "assert(frame:field 'a' == false)\n"
                       "assert(frame:field 'b' == nil)");
    script_raises(script, "frame:field(1)", "string expected");
    const char *others[] = {"[1,2]", "\"a\"", "5", "true", "null"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        script_receive(script, others[i]);
        script_run(script, "assert(frame:field 'a' == nil)");
    }
    script->frame.has_payload = false;
    script_run(script, "assert(frame:field 'a' == nil)");
}

static void an_absent_payload_is_nil(void **state)
{
    struct script *script = *state;
    script_receive(script, "1");
    script->frame.has_payload = false;
    script_run(script, "assert(frame.payload == nil and frame:raw() == nil)");
    script_receive(script, "null");
    script_run(script, "assert(frame.payload == core.null)\n"
                       "assert(frame:raw() == 'null')");
}

static void raw_gives_the_bytes_of_the_payload(void **state)
{
    struct script *script = *state;
    script_receive(script, "{ \"n\": 1.0 }");
    script_run(script,
               "assert(frame:raw() == '{ \"n\": 1.0 }')\n"
               "local out = send { payload = { core.raw(frame:raw()) } }\n"
               "assert(out.payload == '[{ \"n\": 1.0 }]')");
}

static void a_hostile_payload_decodes_all_the_same(void **state)
{
    struct script *script = *state;
    script_receive(script, "\"\\ud800\"");
    script_run(script, "assert(frame.payload == '\\239\\191\\189')");
    script_receive(script, "{\"a\":1e999}");
    script_run(script, "assert(frame.payload.a == 1/0)");
}

static void members_are_read_only(void **state)
{
    struct script *script = *state;
    script_receive(script, "1");
    script_raises(script, "frame.event = 'x'",
                  "spec:1: frame is read-only; use frame:with{…}");
    script_raises(script, "frame.other = 'x'", "read-only");
    script_run(script, "assert(getmetatable(frame) == 'wspulse.frame')");
}

static void a_frame_ends_with_its_handler(void **state)
{
    struct script *script = *state;
    static const char text[] =
        "spec:1: frame used after its handler returned; call frame:keep()";
    script_receive(script, "{}");
    script_run(script, "old, raw, field = frame, frame.raw, frame.field");
    script_end_call(script);
    script_raises(script, "local e = old.event", text);
    script_raises(script, "old:keep()", text);
    script_raises(script, "raw(old)", text);
    script_raises(script, "field(old, 'a')", text);
    script_raises(script, "send(old)", text);
    script_run(script, "assert(tostring(old) == 'wspulse.frame: (expired)')");
    script_receive(script, "{}");
    script_raises(script, "local p = old.payload", text);
}

static void methods_take_a_frame_alone(void **state)
{
    struct script *script = *state;
    script_receive(script, "{}");
    script_raises(script, "frame.raw()", "frame expected");
    script_raises(script, "frame.keep({})", "frame expected");
    script_raises(script, "frame.with(io.stdout, {})", "frame expected");
    script_raises(script, "frame.field(core.raw '1', 'a')", "frame expected");
    script_raises(script, "debug.getmetatable(frame).__index(io.stdout, 'id')",
                  "frame expected");
}

/* ---- keep ---- */

static void a_kept_frame_stays(void **state)
{
    struct script *script = *state;
    script_receive(script, "{\"n\":7}");
    char unescaped[] = "un\nescaped"; /* text that is not in the message */
    script->frame.event = wsp_span_of(unescaped);
    script_run(script, "kept = frame:keep()\n"
                       "assert(rawequal(kept, frame))\n"
                       "assert(rawequal(kept:keep(), frame))");
    memset(unescaped, '!', sizeof unescaped - 1);
    memset(&script->frame, 0, sizeof script->frame);
    script_end_call(script);
    script_run(script, "collectgarbage()\n"
                       "assert(kept.event == 'un\\nescaped')\n"
                       "assert(kept.id == '')\n"
                       "assert(kept.payload.n == 7)\n"
                       "assert(kept:raw() == '{\"n\":7}')\n"
                       "assert(send(kept).raw == message)\n"
                       "assert(kept:with { event = 'x' }.event == 'x')");
}

static void keep_remembers_the_decoded_payload(void **state)
{
    struct script *script = *state;
    script_receive(script, "{\"n\":7}");
    script_run(script, "local p = frame.payload\n"
                       "assert(rawequal(frame:keep().payload, p))");
}

/* ---- outgoing tables ---- */

static void a_table_becomes_a_frame(void **state)
{
    struct script *script = *state;
    script_begin_call(script);
    script_run(
        script,
        "local out = send { id = 'i', event = 'e', payload = { 1 } }\n"
        "assert(out.id == 'i' and out.event == 'e')\n"
        "assert(out.payload == '[1]' and out.checked)\n"
        "assert(out.raw == nil)\n"
        "out = send {}\n"
        "assert(out.payload == nil and out.event == nil)\n"
        "assert(send { payload = false }.payload == 'false')\n"
        "assert(send { payload = core.null }.payload == 'null')\n"
        "assert(send { payload = core.raw '[1.0]' }.payload == '[1.0]')\n"
        "assert(send { payload = 'x', binary = true }.payload == "
        "'\"x\"')\n"
        "local long = ('y'):rep(100000)\n"
        "assert(send { payload = long }.payload == '\"' .. long .. "
        "'\"')");
}

static void an_encode_error_names_the_path(void **state)
{
    script_run(
        *state,
        "local function refused(payload, text)\n"
        "  local out, err = send { payload = payload }\n"
        "  assert(out == nil and err.cause == core.errors.ENCODE)\n"
        "  assert(tostring(err) == 'wspulse: encode failed: ' .. text,\n"
        "    tostring(err))\n"
        "end\n"
        "refused({ items = { 1, 2, print } },\n"
        "  'payload.items[3]: cannot encode a function')\n"
        "refused(0/0, 'payload: cannot encode NaN or an infinity')\n"
        "refused(core.raw '{', 'payload: wspulse.raw was given text ' ..\n"
        "  'that is not valid JSON')\n"
        "refused({ frame }, 'payload[1]: cannot encode a userdata')");
}

static void wrong_members_raise(void **state)
{
    struct script *script = *state;
    script_raises(script, "send { event = 5 }",
                  "frame.event: string expected, got number");
    script_raises(script, "send { id = {} }",
                  "frame.id: string expected, got table");
    script_raises(script, "send { binary = 1 }",
                  "frame.binary: boolean expected, got number");
    script_raises(script, "send { evnet = 'x' }",
                  "frame.evnet: unknown member");
    script_raises(script, "send { 'x' }", "frame.number: unknown member");
    script_raises(script, "send 'x'",
                  "frame: a table or a received frame expected, got string");
    script_raises(script, "send()", "frame: a table or a received frame");
    script_raises(script, "send(core.raw '1')", "got userdata");
}

/* ---- forwarding ---- */

static void forwarding_sends_the_original_bytes(void **state)
{
    struct script *script = *state;
    script_receive(script, "{ \"n\" : 12345678901234567890 }");
    script_run(script, "frame.payload.n = 'changed'\n"
                       "assert(send(frame).raw == message)");
}

static void a_frame_does_not_cross_codecs(void **state)
{
    struct script *script = *state;
    script_receive(script, "1");
    script->state->codec = "raw";
    script_run(script,
               "local out, err = send(frame)\n"
               "assert(out == nil and err.code == 'ENCODE')\n"
               "assert(send({ payload = frame:raw() }).payload == '1')");
}

/* A binary message was not checked when it came in, and goes out as text. */
static void invalid_utf8_is_not_forwarded_as_text(void **state)
{
    struct script *script = *state;
    script_receive(script, "\"\xff\"");
    script->frame.binary = true;
    script_run(script, "local out, err = send(frame)\n"
                       "assert(out == nil and err.code == 'ENCODE')\n"
                       "out, err = send(frame:with { event = 'x' })\n"
                       "assert(out == nil and err.code == 'ENCODE')\n"
                       "assert(tostring(err):find('payload: ', 1, true))");
    script_receive(script, "\"x\"");
    script->frame.binary = true;
    script_run(script, "assert(send(frame).raw == message)");
}

static void with_changes_what_is_named(void **state)
{
    struct script *script = *state;
    script_receive(script, "{ \"n\": 1.0 }");
    script->frame.id = wsp_span_of("7");
    script_run(script,
               "local out = send(frame:with { event = 'new' })\n"
               "assert(out.event == 'new' and out.id == '7')\n"
               "assert(out.payload == '{ \"n\": 1.0 }')\n"
               "out = send(frame:with { payload = { 1 }, id = '' })\n"
               "assert(out.event == 'e' and out.id == nil)\n"
               "assert(out.payload == '[1]')\n"
               "assert(send(frame:with {}).payload == '{ \"n\": 1.0 }')\n"
               "kept = frame:with { event = 'later' }");
    script_raises(script, "frame:with { evnet = 'x' }",
                  "frame.evnet: unknown member");
    script_raises(script, "frame:with { event = 1 }",
                  "frame.event: string expected");
    script_raises(script, "frame:with()", "table expected");
    script->frame.has_payload = false;
    script_run(script, "assert(send(frame:with {}).payload == nil)");
    script_end_call(script);
    script_run(script, "assert(send(kept).payload == '{ \"n\": 1.0 }')");
}

/* ---- codec raw ---- */

static void raw_frames_are_bytes(void **state)
{
    struct script *script = *state;
    receive_bytes(script, "\0\xff{", 3, true);
    script_run(script,
               "assert(frame.payload == '\\0\\255{' and frame.binary)\n"
               "assert(frame.event == '' and frame:field 'a' == nil)\n"
               "assert(frame:raw() == frame.payload)\n"
               "local out = send(frame)\n"
               "assert(out.raw == '\\0\\255{' and out.binary)\n"
               "out = send(frame:with { payload = 'p' })\n"
               "assert(out.payload == 'p' and out.binary)\n"
               "out = send(frame:with { binary = false })\n"
               "assert(out.payload == '\\0\\255{' and not out.binary)\n"
               "assert(send { payload = '', binary = true }.payload == '')\n"
               "assert(not send { payload = 'x' }.binary)\n"
               "assert(send { payload = core.raw '{}' }.payload == '{}')");
}

static void an_empty_raw_message_is_forwarded(void **state)
{
    struct script *script = *state;
    receive_bytes(script, NULL, 0, false);
    script_run(script, "assert(frame.payload == '' and frame:raw() == '')\n"
                       "assert(send(frame).raw == '')\n"
                       "assert(send(frame:keep()).raw == '')\n"
                       "assert(frame.payload == '')");
}

static void raw_refuses_what_it_cannot_carry(void **state)
{
    struct script *script = *state;
    receive_bytes(script, "x", 1, false);
    script_raises(script, "send { payload = {} }",
                  "frame.payload: string expected, got table");
    script_raises(script, "send {}", "frame.payload: string expected, got nil");
    script_raises(script, "send { event = 'e', payload = 'x' }",
                  "frame.event: the codec raw has no such member");
    script_run(script, "assert(send { event = '', payload = 'x' })");
}

/* ---- memory ---- */

static int work(lua_State *L)
{
    wsp_lua_frame_push(L, wsp_lua_state_get(L));
    lua_setglobal(L, "frame");
    lua_getglobal(L, "work");
    lua_call(L, 0, 0);
    return 0;
}

/* Without lua-cjson, which loses its own buffer when memory ends. */
static void running_out_of_memory_raises(void **state)
{
    struct script *script = *state;
    script_receive(script, "\"a payload\"");
    script_run(script, "function work()\n"
                       "  local payload = frame.payload\n"
                       "  frame:keep()\n"
                       "  assert(frame.payload == payload)\n"
                       "  send(frame:with { event = 'x' .. frame.event })\n"
                       "  send { payload = { frame.payload, print } }\n"
                       "  send { payload = { payload, { a = 0.1 } } }\n"
                       "end");
    assert_in_range(script_starve(script, work), 5, 1000);
}

int main(void)
{
#define SPEC(name) cmocka_unit_test_setup(name, open_json)
    const struct CMUnitTest tests[] = {
        SPEC(members),
        SPEC(field_needs_an_object),
        SPEC(an_absent_payload_is_nil),
        SPEC(raw_gives_the_bytes_of_the_payload),
        SPEC(a_hostile_payload_decodes_all_the_same),
        SPEC(members_are_read_only),
        SPEC(a_frame_ends_with_its_handler),
        SPEC(methods_take_a_frame_alone),
        SPEC(a_kept_frame_stays),
        SPEC(keep_remembers_the_decoded_payload),
        SPEC(a_table_becomes_a_frame),
        SPEC(an_encode_error_names_the_path),
        SPEC(wrong_members_raise),
        SPEC(forwarding_sends_the_original_bytes),
        SPEC(a_frame_does_not_cross_codecs),
        SPEC(invalid_utf8_is_not_forwarded_as_text),
        SPEC(with_changes_what_is_named),
        SPEC(raw_frames_are_bytes),
        SPEC(an_empty_raw_message_is_forwarded),
        SPEC(raw_refuses_what_it_cannot_carry),
        SPEC(running_out_of_memory_raises),
    };
#undef SPEC
    return cmocka_run_group_tests_name("lua frame", tests, script_open,
                                       script_close);
}
