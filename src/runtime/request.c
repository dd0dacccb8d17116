/* SPDX-License-Identifier: MIT */
#include "runtime/request.h"

#include <stdlib.h>
#include <string.h>

#include "proto/uri.h"

static const struct wsp_span no_span = {NULL, 0};

struct wsp_span wsp_request_method(const struct wsp_request *request)
{
    return wsp_http_slice_in(request->head->method, request->bytes);
}

struct wsp_span wsp_request_path(const struct wsp_request *request)
{
    return wsp_http_slice_in(request->head->path, request->bytes);
}

const char *wsp_request_remote_addr(const struct wsp_request *request)
{
    return request->remote_addr;
}

struct wsp_span wsp_request_header(const struct wsp_request *request,
                                   struct wsp_span name)
{
    return wsp_http_head_find(request->head, request->bytes, name);
}

bool wsp_request_header_at(const struct wsp_request *request, size_t index,
                           struct wsp_span *name, struct wsp_span *value)
{
    if (index >= request->head->field_count) {
        return false;
    }
    const struct wsp_http_field *field = &request->head->fields[index];
    *name = wsp_http_slice_in(field->name, request->bytes);
    *value = wsp_http_slice_in(field->value, request->bytes);
    return true;
}

struct wsp_span wsp_request_query_string(const struct wsp_request *request)
{
    if (!request->head->has_query) {
        return no_span;
    }
    return wsp_http_slice_in(request->head->query, request->bytes);
}

long wsp_request_query(const struct wsp_request *request, struct wsp_span name,
                       char *buffer, size_t size)
{
    struct wsp_span query = wsp_request_query_string(request);
    return query.data ? wsp_uri_query_find(query, name, buffer, size) : -1;
}

struct wsp_span wsp_request_cookie(const struct wsp_request *request,
                                   struct wsp_span name)
{
    struct wsp_span header = wsp_request_header(request, wsp_span_of("Cookie"));
    return header.data ? wsp_uri_cookie_find(header, name) : no_span;
}

struct wsp_span wsp_request_subprotocol(const struct wsp_request *request)
{
    return request->subprotocol.len
               ? wsp_http_slice_in(request->subprotocol, request->bytes)
               : no_span;
}

struct wsp_span wsp_request_body(const struct wsp_request *request)
{
    return request->body;
}

struct wsp_request *wsp_request_copy(const struct wsp_request *request)
{
    size_t addr_size = strlen(request->remote_addr) + 1;
    struct wsp_request *copy =
        malloc(sizeof *copy + sizeof *request->head + request->head_len +
               request->body.len + addr_size);
    if (!copy) {
        return NULL;
    }
    struct wsp_http_head *head = (struct wsp_http_head *)(copy + 1);
    char *bytes = (char *)(head + 1);
    char *body = bytes + request->head_len;
    char *addr = body + request->body.len;
    *head = *request->head;
    memcpy(bytes, request->bytes, request->head_len);
    if (request->body.len) {
        memcpy(body, request->body.data, request->body.len);
    }
    memcpy(addr, request->remote_addr, addr_size);
    *copy = (struct wsp_request){
        head,
        bytes,
        request->head_len,
        {body, request->body.len},
        addr,
        request->subprotocol,
    };
    return copy;
}

void wsp_request_free(struct wsp_request *request)
{
    free(request);
}
