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

bool wsp_request_is_secure(const struct wsp_request *request)
{
    return request->is_secure;
}

const struct wsp_certificate *wsp_request_client_certificate(
    const struct wsp_request *request)
{
    return request->certificate;
}

/* ---- copies ---- */

/* A copy and what it points to. One run of memory, freed as one. */
struct copy {
    struct wsp_request request; /* first: what the owner holds */
    struct wsp_http_head head;
    struct wsp_certificate certificate;
    char bytes[];
};

static size_t certificate_len(const struct wsp_certificate *certificate)
{
    return !certificate ? 0
                        : certificate->subject.len + certificate->issuer.len +
                              certificate->common_name.len +
                              certificate->fingerprint.len;
}

/* Copies bytes to `*at` and moves that behind them. */
static struct wsp_span copy_span(char **at, struct wsp_span span)
{
    struct wsp_span copy = {*at, span.len};
    if (span.len) {
        memcpy(*at, span.data, span.len);
    }
    *at += span.len;
    return copy;
}

static void copy_certificate(struct copy *copy, char *at,
                             const struct wsp_certificate *source)
{
    copy->certificate = (struct wsp_certificate){
        .subject = copy_span(&at, source->subject),
        .issuer = copy_span(&at, source->issuer),
        .common_name = copy_span(&at, source->common_name),
        .fingerprint = copy_span(&at, source->fingerprint),
        .is_verified = source->is_verified,
    };
    copy->request.certificate = &copy->certificate;
}

struct wsp_request *wsp_request_copy(const struct wsp_request *request)
{
    struct wsp_span addr = {request->remote_addr,
                            strlen(request->remote_addr) + 1};
    struct copy *copy =
        malloc(sizeof *copy + request->head_len + request->body.len + addr.len +
               certificate_len(request->certificate));
    if (!copy) {
        return NULL;
    }
    char *at = copy->bytes;
    struct wsp_span head = {request->bytes, request->head_len};
    copy->head = *request->head;
    copy->request = *request;
    copy->request.head = &copy->head;
    copy->request.bytes = copy_span(&at, head).data;
    copy->request.body = copy_span(&at, request->body);
    copy->request.remote_addr = copy_span(&at, addr).data;
    if (request->certificate) {
        copy_certificate(copy, at, request->certificate);
    }
    return &copy->request;
}

void wsp_request_free(struct wsp_request *request)
{
    free(request);
}
