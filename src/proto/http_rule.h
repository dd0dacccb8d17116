/* SPDX-License-Identifier: MIT */
/* What must hold for a request head beyond its characters: the form of the
 * target, Host, and how its body is framed (RFC 9112 §3, §6).
 * Thread: any. */
#ifndef WSP_PROTO_HTTP_RULE_H
#define WSP_PROTO_HTTP_RULE_H

#include "proto/http_head.h"

/* Fills path and query from method and target. Returns false for a target that
 * is neither origin-form, absolute-form (http, https) nor `*` of OPTIONS. */
bool wsp_http_target_split(struct wsp_http_head *head, const char *bytes);

/* Judges a complete head and fills what follows from its fields: the length of
 * the body, transfer encoding, keep-alive. Returns false for a 400. */
bool wsp_http_head_judge(struct wsp_http_head *head, const char *bytes);

#endif
