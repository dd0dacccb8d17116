/* SPDX-License-Identifier: MIT */
/* The whole public C API of wspulse in one include. */
#ifndef WSPULSE_WSPULSE_H
#define WSPULSE_WSPULSE_H

#include <wspulse/api.h>
#include <wspulse/codec.h>
#include <wspulse/connection.h>
#include <wspulse/control.h>
#include <wspulse/error.h>
#include <wspulse/frame.h>
#include <wspulse/handlers.h>
#include <wspulse/log.h>
#include <wspulse/loop.h>
#include <wspulse/options.h>
#include <wspulse/reload.h>
#include <wspulse/request.h>
#include <wspulse/response.h>
#include <wspulse/server.h>
#include <wspulse/span.h>
#include <wspulse/tls.h>

#endif
