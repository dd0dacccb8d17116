/* SPDX-License-Identifier: MIT */
#include "lua/lua_request.h"

#include "lua/lua_response.h"
#include "lua_binding/script.h"
#include "runtime/request.h"
#include "runtime/response.h"

static const char bytes[] =
    "POST /room/a%20b?name=J%C3%B6rg&flag&x=1+2 HTTP/1.1\r\n"
    "Host: example.test\r\n"
    "X-Token: secret\r\n"
    "Cookie: a=1; session=s3\r\n"
    "Content-Length: 4\r\n"
    "\r\n";

/* A parsed request and an empty response, and the call they belong to. */
struct call {
    struct wsp_http_head head;
    struct wsp_request request;
    struct wsp_response response;
};

static int push_both(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    wsp_lua_request_push(L, state);
    lua_setglobal(L, "req");
    wsp_lua_request_push_copy(L, state->request);
    lua_setglobal(L, "copy");
    wsp_lua_response_push(L, state);
    lua_setglobal(L, "res");
    return 0;
}

static void begin(struct script *script, struct call *call)
{
    wsp_http_head_init(&call->head);
    struct wsp_span text = {bytes, sizeof bytes - 1};
    int len = wsp_http_head_parse(&call->head, text);
    assert_int_equal(len, sizeof bytes - 1);
    call->request = (struct wsp_request){
        .head = &call->head,
        .bytes = bytes,
        .head_len = sizeof bytes - 1,
        .body = {"body", 4},
        .remote_addr = "127.0.0.1:4711",
    };
    wsp_response_init(&call->response);
    script->state->call_seq = ++script->calls;
    script->state->request = &call->request;
    script->state->response = &call->response;
    lua_settop(script->L, 0);
    lua_pushcfunction(script->L, push_both);
    assert_int_equal(lua_pcall(script->L, 0, 0, 0), 0);
}

static void end(struct script *script, struct call *call)
{
    script_end_call(script);
    script->state->request = NULL;
    script->state->response = NULL;
    wsp_response_fini(&call->response);
    memset(call, 0xff, sizeof *call);
}

static const char look[] =
    "assert(r.method == 'POST' and r.path == '/room/a%20b')\n"
    "assert(r.remote_addr == '127.0.0.1:4711')\n"
    "assert(r:header 'x-token' == 'secret' and r:header 'X-None' == nil)\n"
    "assert(r:query 'name' == 'J\\195\\182rg' and r:query 'x' == '1 2')\n"
    "assert(r:query 'flag' == '' and r:query 'none' == nil)\n"
    "assert(r:cookie 'session' == 's3' and r:cookie 'none' == nil)\n"
    "assert(r.subprotocol == nil)\n"
    "assert(r:body() == 'body' and r.nothing == nil and r[1] == nil)\n"
    "assert(tostring(r) == 'wspulse.request: POST /room/a%20b')";

static void a_request_shows_its_parts(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    script_run(script, "r = req");
    script_run(script, look);
    end(script, &call);
}

static void a_copy_outlives_the_call(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    end(script, &call);
    script_run(script, "r = copy");
    script_run(script, look);
    script_run(script,
               "local gc = debug.getmetatable(copy).__gc\n"
               "gc(copy) gc(copy) gc(io.stdout)\n"
               "assert(tostring(copy) == 'wspulse.request: (expired)')");
    script_raises(script, "local p = copy.path", "request expected");
}

static void a_request_ends_with_its_handler(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    script_run(script, "header = req.header");
    script_raises(script, "req.path = '/'", "request is read-only");
    script_raises(script, "req.header()", "request expected");
    script_raises(script, "req.query(res, 'x')", "request expected");
    script_raises(script, "req:header(5)", "string expected");
    end(script, &call);
    static const char text[] =
        "spec:1: request used after its handler returned";
    script_raises(script, "local p = req.path", text);
    script_raises(script, "header(req, 'x')", text);
    script_run(script, "assert(tostring(req) == 'wspulse.request: (expired)')");
}

static void no_request_copies_to_nil(void **state)
{
    struct script *script = *state;
    wsp_lua_request_push_copy(script->L, NULL);
    assert_true(lua_isnil(script->L, -1));
}

/* ---- response ---- */

static bool holds(const struct wsp_buf *buf, const char *text)
{
    return memmem(buf->data, buf->len, text, strlen(text)) != NULL;
}

static void a_response_is_filled_in_a_chain(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    script_run(script,
               "assert(res:status(201):header('X-A', 'b'):send 'done' == res)");
    assert_int_equal(call.response.status, 201);
    assert_true(holds(&call.response.headers, "X-A: b\r\n"));
    assert_int_equal(call.response.body.len, 4);
    assert_memory_equal(call.response.body.data, "done", 4);
    end(script, &call);
}

static void json_sets_body_and_type(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    script_run(script, "res:json { ok = true }:json { ok = false }");
    assert_int_equal(call.response.body.len, 12);
    assert_memory_equal(call.response.body.data, "{\"ok\":false}", 12);
    assert_true(holds(&call.response.headers, "application/json\r\n"));
    end(script, &call);
}

static void json_keeps_a_type_that_was_set(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    script_run(script, "res:header('content-type', 'text/x-mine'):json(5)");
    assert_true(holds(&call.response.headers, "text/x-mine"));
    assert_false(holds(&call.response.headers, "application/json"));
    end(script, &call);
}

static void what_cannot_be_sent_raises(void **state)
{
    struct script *script = *state;
    struct call call;
    begin(script, &call);
    script_raises(script, "res:status(99)", "200 to 599 expected");
    script_raises(script, "res:status(200.5)", "200 to 599 expected");
    script_raises(script, "res:status(0/0)", "200 to 599 expected");
    script_raises(script, "res:status '2x'", "number expected");
    script_raises(script, "res:header('X-A', 'b\\r\\nX-B: c')",
                  "response:header:");
    script_raises(script, "res:header('no token', 'b')", "response:header:");
    script_raises(script, "res:send(nil)", "string expected");
    script_raises(script, "res:json(print)", "value: cannot encode a function");
    script_raises(script, "res.send()", "response expected");
    end(script, &call);
    script_raises(script, "res:send 'late'",
                  "response used after its handler returned");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_shows_its_parts),
        cmocka_unit_test(a_copy_outlives_the_call),
        cmocka_unit_test(a_request_ends_with_its_handler),
        cmocka_unit_test(no_request_copies_to_nil),
        cmocka_unit_test(a_response_is_filled_in_a_chain),
        cmocka_unit_test(json_sets_body_and_type),
        cmocka_unit_test(json_keeps_a_type_that_was_set),
        cmocka_unit_test(what_cannot_be_sent_raises),
    };
    return cmocka_run_group_tests_name("lua request", tests, script_open,
                                       script_close);
}
