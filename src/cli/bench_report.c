/* SPDX-License-Identifier: MIT */
#include "cli/bench_report.h"

#include <inttypes.h>

#define CLIENT_BUSY 0.9 /* of a core: what is measured is the client */

/* What a mode counts. */
static const char *unit_of(enum wsp_bench_mode mode)
{
    switch (mode) {
    case WSP_BENCH_FANOUT:
        return "delivery";
    case WSP_BENCH_CONNECT:
        return "connection";
    case WSP_BENCH_ECHO:
    case WSP_BENCH_IDLE:
        break;
    }
    return "message";
}

static double rate_of(double count, double seconds)
{
    return seconds > 0 ? count / seconds : 0;
}

static double cpu_us_per_message(const struct wsp_bench_result *result)
{
    return result->messages
               ? result->server_cpu_s * 1e6 / (double)result->messages
               : 0;
}

/* May be negative: a server can give memory back. */
static double rss_per_connection(const struct wsp_bench_settings *settings,
                                 const struct wsp_bench_result *result)
{
    return ((double)result->rss - (double)result->rss_before) /
           settings->connections;
}

/* ---- text ---- */

/* Writes a duration with three digits and its unit. */
static void write_duration(FILE *out, double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned unit = 0;
    while (ns >= 999.5 && unit < 3) {
        ns /= 1000;
        unit++;
    }
    int decimals = ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0;
    fprintf(out, "%.*f %s", unit ? decimals : 0, ns, units[unit]);
}

static void write_percentiles(FILE *out, const char *name,
                              const struct wsp_bench_histogram *histogram)
{
    static const double percents[] = {50, 90, 99, 99.9};
    fprintf(out, "  %-11s", name);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        fprintf(out, "p%g ", percents[i]);
        write_duration(out,
                       (double)wsp_bench_histogram_at(histogram, percents[i]));
        fputs("  ", out);
    }
    fputs("max ", out);
    write_duration(out, (double)histogram->max_ns);
    fputc('\n', out);
}

static void write_title(FILE *out, const struct wsp_bench_settings *settings,
                        const struct wsp_bench_result *result)
{
    fprintf(out, "%s %s: %u connection%s", wsp_bench_mode_name(settings->mode),
            settings->url, settings->connections,
            settings->connections == 1 ? "" : "s");
    if (settings->mode == WSP_BENCH_ECHO ||
        settings->mode == WSP_BENCH_FANOUT) {
        fprintf(out, ", depth %u, %u B %s", settings->depth, settings->size,
                settings->is_envelope ? "envelope"
                : settings->is_binary ? "binary"
                                      : "text");
    }
    fprintf(out, ", measured %.2f s%s\n", result->seconds,
            result->is_interrupted ? " (interrupted)" : "");
}

static void write_connects(FILE *out, const struct wsp_bench_settings *settings,
                           const struct wsp_bench_result *result)
{
    if (settings->mode != WSP_BENCH_CONNECT) {
        fprintf(out, "  %-11s%" PRIu32 " in ", "connected", result->connected);
        write_duration(out, result->connect_s * 1e9);
        fputc('\n', out);
        write_percentiles(out, "handshake", &result->connecting);
    }
}

static void write_throughput(FILE *out,
                             const struct wsp_bench_settings *settings,
                             const struct wsp_bench_result *result)
{
    const char *unit = unit_of(settings->mode);
    bool is_delivery = settings->mode == WSP_BENCH_FANOUT;
    fprintf(out, "  %-11s%.0f %s/s, %" PRIu64 " in all", "throughput",
            rate_of((double)result->messages, result->seconds),
            is_delivery                           ? "deliveries"
            : settings->mode == WSP_BENCH_CONNECT ? "connections"
                                                  : "messages",
            result->messages);
    if (settings->mode != WSP_BENCH_CONNECT) {
        fprintf(out, ", %.1f MiB/s received",
                rate_of((double)result->bytes, result->seconds) / 1048576);
    }
    fputc('\n', out);
    if (result->unasked) {
        fprintf(out, "  note       %" PRIu64 " more came that answer no %s\n",
                result->unasked, is_delivery ? "broadcast" : unit);
    }
}

static void write_server(FILE *out, const struct wsp_bench_settings *settings,
                         const struct wsp_bench_result *result)
{
    fprintf(out, "  %-11s", "server");
    if (settings->mode != WSP_BENCH_IDLE) {
        fprintf(out, "%.2f us CPU a %s, ", cpu_us_per_message(result),
                unit_of(settings->mode));
    }
    fprintf(out, "%.1f %% of a core, RSS %.1f MiB",
            100 * rate_of(result->server_cpu_s, result->seconds),
            (double)result->rss / 1048576);
    if (settings->mode == WSP_BENCH_IDLE) {
        fprintf(out, ", %.0f B a connection",
                rss_per_connection(settings, result));
    }
    fputc('\n', out);
}

static void write_client(FILE *out, const struct wsp_bench_settings *settings,
                         const struct wsp_bench_result *result)
{
    double busy = rate_of(result->client_cpu_s, result->seconds);
    fprintf(out, "  %-11s%.1f %% of a core", "client", 100 * busy);
    if (busy >= CLIENT_BUSY && settings->mode != WSP_BENCH_IDLE) {
        fputs(": it is the limit of this throughput, the server may be faster",
              out);
    }
    fputc('\n', out);
}

void wsp_bench_report_text(FILE *out, const struct wsp_bench_settings *settings,
                           const struct wsp_bench_result *result)
{
    write_title(out, settings, result);
    write_connects(out, settings, result);
    if (settings->mode != WSP_BENCH_IDLE) {
        write_throughput(out, settings, result);
        write_percentiles(out, "latency", &result->latency);
    }
    if (result->has_server) {
        write_server(out, settings, result);
    }
    write_client(out, settings, result);
}

/* ---- JSON ---- */

static void write_json_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, ",\"%s\":\"", name);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fputc('\\', out);
        }
        fprintf(out, c < 0x20 || c > 0x7e ? "\\u%04x" : "%c", c);
    }
    fputc('"', out);
}

static void write_json_histogram(FILE *out, const char *name,
                                 const struct wsp_bench_histogram *histogram)
{
    static const double percents[] = {50, 90, 99, 99.9};
    static const char *const names[] = {"p50", "p90", "p99", "p99_9"};
    fprintf(out, ",\"%s\":{\"count\":%" PRIu64 ",\"min\":%.3f,\"mean\":%.3f",
            name, histogram->count, (double)histogram->min_ns / 1000,
            wsp_bench_histogram_mean(histogram) / 1000);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        uint64_t ns = wsp_bench_histogram_at(histogram, percents[i]);
        fprintf(out, ",\"%s\":%.3f", names[i], (double)ns / 1000);
    }
    fprintf(out, ",\"max\":%.3f}", (double)histogram->max_ns / 1000);
}

static void write_json_server(FILE *out,
                              const struct wsp_bench_settings *settings,
                              const struct wsp_bench_result *result)
{
    fprintf(out,
            ",\"server\":{\"pid\":%d,\"cpu_s\":%.6f,"
            "\"cpu_us_per_message\":%.4f,\"rss_before\":%" PRIu64
            ",\"rss\":%" PRIu64 ",\"rss_per_connection\":%.1f}",
            settings->pid, result->server_cpu_s, cpu_us_per_message(result),
            result->rss_before, result->rss,
            rss_per_connection(settings, result));
}

void wsp_bench_report_json(FILE *out, const struct wsp_bench_settings *settings,
                           const struct wsp_bench_result *result)
{
    fprintf(out, "{\"mode\":\"%s\"", wsp_bench_mode_name(settings->mode));
    write_json_text(out, "url", settings->url);
    fprintf(out,
            ",\"connections\":%u,\"depth\":%u,\"size\":%u,\"envelope\":%s"
            ",\"connected\":%u,\"connect_s\":%.6f,\"seconds\":%.6f"
            ",\"messages\":%" PRIu64 ",\"messages_per_s\":%.3f"
            ",\"bytes\":%" PRIu64 ",\"unasked\":%" PRIu64,
            settings->connections, settings->depth, settings->size,
            settings->is_envelope ? "true" : "false", result->connected,
            result->connect_s, result->seconds, result->messages,
            rate_of((double)result->messages, result->seconds), result->bytes,
            result->unasked);
    write_json_histogram(out, "handshake_us", &result->connecting);
    write_json_histogram(out, "latency_us", &result->latency);
    fprintf(out, ",\"client\":{\"cpu_s\":%.6f}", result->client_cpu_s);
    if (result->has_server) {
        write_json_server(out, settings, result);
    }
    fprintf(out, ",\"interrupted\":%s",
            result->is_interrupted ? "true" : "false");
    if (result->failure.code != WSP_OK) {
        write_json_text(out, "error", result->failure.message);
    }
    fputs("}\n", out);
}
