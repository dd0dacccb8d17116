/* SPDX-License-Identifier: MIT */
/* How a symbol of the public C API is marked, and the version it has. */
#ifndef WSPULSE_API_H
#define WSPULSE_API_H

/* Exported from libwspulse; everything else in the library is hidden. */
#define WSP_API __attribute__((visibility("default")))

#define WSPULSE_VERSION "0.1.0"

#ifdef __cplusplus
#define WSP_BEGIN_C extern "C" {
#define WSP_END_C }
#else
#define WSP_BEGIN_C
#define WSP_END_C
#endif

#endif
