/* SPDX-License-Identifier: MIT */
#include "cli/usage.h"

#include <stdarg.h>
#include <string.h>

#include "cli/command.h"
#include "cli/nearest.h"

static const char overview[] =
    "wspulse runs a WebSocket server whose behaviour is a Lua script.\n"
    "\n"
    "  wspulse run app.lua      serve the application in app.lua\n"
    "  wspulse check app.lua    load and validate it, open nothing\n"
    "  wspulse reload           swap the code of a running server\n"
    "  wspulse bench URL        measure a running WebSocket server\n"
    "  wspulse version          version of wspulse and of its components\n"
    "  wspulse help COMMAND     flags and examples of a command\n"
    "\n"
    "A first server, hello.lua:\n"
    "\n"
    "  local wspulse = require \"wspulse\"\n"
    "  return wspulse.new_server {\n"
    "    connect = function(req)\n"
    "      return req:query \"room\" or \"lobby\"\n"
    "    end,\n"
    "    on_message = function(conn, frame)\n"
    "      conn:server():broadcast(conn:room_id(), frame)\n"
    "    end,\n"
    "  }\n"
    "\n"
    "  wspulse run hello.lua --watch    edit the file: connections stay open\n"
    "\n"
    "Exit codes: 0 done, 1 failed (stderr says why), 2 wrong command line.\n";

static const char help_run[] =
    "usage: wspulse run app.lua [flags]\n"
    "\n"
    "Serves the server (or the array of servers) that the script returns, "
    "until\n"
    "SIGTERM or Ctrl-C closes it gracefully; a second one stops at once. "
    "SIGHUP\n"
    "loads the script again: a script that fails is refused and the old code\n"
    "goes on. Connections stay open across a reload.\n"
    "\n"
    "  --listen ADDRESS      HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes "
    "a\n"
    "                        free one; may be given several times; replaces "
    "the\n"
    "                        addresses of the script; wss:// in front asks "
    "for\n"
    "                        the TLS of its option tls, ws:// for none\n"
    "  --watch, --no-watch   reload when the script or a module it required "
    "has\n"
    "                        changed on disk\n"
    "  --control PATH        unix socket for `wspulse reload`; by default\n"
    "                        wspulse-<app>.sock in $XDG_RUNTIME_DIR, else in\n"
    "                        $TMPDIR, else in /tmp\n"
    "  --no-control          open no control socket\n"
    "  --log-level LEVEL     debug, info, warn, error or off; default info\n"
    "  --log-format FORMAT   text or json; default text\n"
    "  --unsafe              scripts get ffi, all of debug and bytecode too: "
    "a\n"
    "                        mistake with them can crash the process\n"
    "\n"
    "Environment: WSPULSE_LISTEN (comma separated), WSPULSE_WATCH and\n"
    "WSPULSE_UNSAFE (1 or 0), WSPULSE_CONTROL, WSPULSE_LOG_LEVEL,\n"
    "WSPULSE_LOG_FORMAT, NO_COLOR. A flag overrides the environment, which\n"
    "overrides the script.\n"
    "\n"
    "Addresses are printed on stdout, logs on stderr.\n"
    "\n"
    "  wspulse run app.lua\n"
    "  wspulse run app.lua --watch --log-level debug\n"
    "  wspulse run app.lua --listen 0.0.0.0:8080 --listen unix:/run/app.sock\n"
    "  WSPULSE_LOG_FORMAT=json wspulse run app.lua 2>app.log\n";

static const char help_check[] =
    "usage: wspulse check app.lua [--unsafe]\n"
    "\n"
    "Loads the script as `run` would, validates what it returns, prints "
    "servers,\n"
    "options and routes, and opens nothing: fit for an editor, a commit hook "
    "or\n"
    "the step before a reload. A script that fails is exit 1 with file:line.\n"
    "\n"
    "  --unsafe    as for `run`\n"
    "\n"
    "  wspulse check app.lua\n"
    "  wspulse check app.lua && wspulse reload app.lua\n";

static const char help_reload[] =
    "usage: wspulse reload [app.lua] [flags]\n"
    "\n"
    "Asks a running server to replace its code and waits for the answer. The "
    "new\n"
    "code serves only when it loads and validates; connections, rooms and "
    "values\n"
    "set with conn:set stay. A refusal is exit 1 with file:line, and the old "
    "code\n"
    "goes on.\n"
    "\n"
    "With a script, the server started from a script of that name is asked to\n"
    "load this file. Without one, the only running server loads its own "
    "again.\n"
    "\n"
    "  --control PATH    control socket of the server (or WSPULSE_CONTROL)\n"
    "\n"
    "  wspulse reload\n"
    "  wspulse reload app.lua\n"
    "  wspulse reload releases/7/app.lua --control /run/chat.sock\n";

static const char help_bench[] =
    "usage: wspulse bench ws://HOST:PORT/PATH [flags]\n"
    "\n"
    "Measures a running WebSocket server of yours: throughput, latency, and\n"
    "with --pid what it costs the server. One thread, plain ws://.\n"
    "\n"
    "  --mode echo       each connection sends --depth messages in one write,\n"
    "                    waits for as many answers, and again; the default\n"
    "  --mode fanout     one more connection sends, and each message must\n"
    "                    reach all the others: the server broadcasts\n"
    "  --mode connect    connect, upgrade, close, and again\n"
    "  --mode idle       connect, one message each, then wait: for memory\n"
    "\n"
    "  --connections N   default 50; 1000 with fanout\n"
    "  --duration S      seconds of measuring; default 10\n"
    "  --messages N      end after N messages (connect: N connections); with\n"
    "                    --duration too, whatever comes first\n"
    "  --warmup S        seconds of load before measuring; default 0.5\n"
    "  --timeout S       seconds of silence that are a failure; default 10\n"
    "  --rate N          echo, fanout: N messages a second in all. Latency\n"
    "                    counts from when a message was due, so a server that\n"
    "                    stalls shows; without it, it slows down the load\n"
    "  --depth D         messages in one write; default 1\n"
    "  --size B          bytes of a message; default 128\n"
    "  --envelope        messages are {\"id\",\"event\",\"payload\"}, --size "
    "bytes\n"
    "                    in all\n"
    "  --event NAME      event of the envelopes; default bench\n"
    "  --binary          binary messages instead of text\n"
    "  --room R          adds room=R to the query of the URL\n"
    "  --header LINE     one more line of the request, \"Cookie: a=b\"; may "
    "be\n"
    "                    given several times\n"
    "  --pid P           the server's process: CPU per message, memory\n"
    "  --json            the report as one JSON object\n"
    "\n"
    "Ctrl-C ends early and reports. Exit 1 when a connection fails or is "
    "lost,\n"
    "or nothing comes for --timeout. Latency is exact to 0.8 %.\n"
    "\n"
    "  wspulse run scripts/examples/02_echo.lua &\n"
    "  wspulse bench ws://127.0.0.1:8080/ws --envelope --pid $!\n"
    "  wspulse bench ws://127.0.0.1:8080/ws --envelope --depth 16\n"
    "  wspulse bench ws://127.0.0.1:8080/ws --mode idle --connections 10000\n"
    "  wspulse bench ws://127.0.0.1:8080/ws --envelope --rate 5000 --json\n";

static const char help_version[] = "usage: wspulse version\n"
                                   "\n"
                                   "Prints the version of wspulse, and of "
                                   "LuaJIT, libevent, wslay and OpenSSL.\n";

static const char help_help[] =
    "usage: wspulse help [command]\n"
    "\n"
    "Prints the overview, or flags and examples of a command.\n"
    "\n"
    "  wspulse help run\n";

struct topic {
    const char *command;
    const char *text;
};

static const struct topic topics[] = {
    {"run", help_run},     {"check", help_check},     {"reload", help_reload},
    {"bench", help_bench}, {"version", help_version}, {"help", help_help},
};

#define TOPIC_COUNT (sizeof(topics) / sizeof(topics[0]))

bool wsp_usage_print(FILE *out, const char *command)
{
    if (!command) {
        fputs(overview, out);
        return true;
    }
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (strcmp(topics[i].command, command) == 0) {
            fputs(topics[i].text, out);
            return true;
        }
    }
    return false;
}

int wsp_usage_error(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "wspulse %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nSee: wspulse %s --help\n", command);
    va_end(args);
    return WSP_EXIT_USAGE;
}

/* Tells whether `wspulse app.lua` was typed for `wspulse run app.lua`. */
static bool is_script_name(const char *word)
{
    size_t len = strlen(word);
    return len > 4 && strcmp(word + len - 4, ".lua") == 0;
}

int wsp_usage_unknown_command(const char *command)
{
    struct wsp_nearest nearest;
    wsp_nearest_init(&nearest, command);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        wsp_nearest_offer(&nearest, topics[i].command);
    }
    const char *kind = command[0] == '-' ? "flag" : "command";
    fprintf(stderr, "wspulse: unknown %s %s", kind, command);
    if (is_script_name(command)) {
        fprintf(stderr, "; did you mean: wspulse run %s", command);
    } else if (nearest.best) {
        fprintf(stderr, "; did you mean: wspulse %s", nearest.best);
    }
    fputs("\nSee: wspulse --help\n", stderr);
    return WSP_EXIT_USAGE;
}
