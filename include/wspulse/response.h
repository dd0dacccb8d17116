/* SPDX-License-Identifier: MIT */
/* The answer to a plain HTTP request. Nothing is on the wire before the
 * callback that fills it has returned; Date, Content-Length and Connection are
 * set by the server.
 * Owner: the server, during the callback. Thread: the server's loop. */
#ifndef WSPULSE_RESPONSE_H
#define WSPULSE_RESPONSE_H

#include <wspulse/api.h>
#include <wspulse/error.h>
#include <wspulse/span.h>

WSP_BEGIN_C

struct wsp_response;

/* Sets the status, 200 to 599; 200 when never called. Returns WSP_OK or
 * WSP_ERR_INVALID_OPTION for another number. */
WSP_API enum wsp_err wsp_response_status(struct wsp_response *response,
                                         int status);

/* Adds a header. Returns WSP_OK, WSP_ERR_INVALID_OPTION when the name is no
 * token, the value holds a control character, or the server sets it itself,
 * or WSP_ERR_OUT_OF_MEMORY. */
WSP_API enum wsp_err wsp_response_header(struct wsp_response *response,
                                         struct wsp_span name,
                                         struct wsp_span value);

/* Sets the body, replacing an earlier one; the bytes are copied. */
WSP_API enum wsp_err wsp_response_body(struct wsp_response *response,
                                       struct wsp_span body);

WSP_END_C

#endif
