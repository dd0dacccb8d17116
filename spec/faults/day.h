/* SPDX-License-Identifier: MIT */
/* A server's day from start to close, over unix sockets and on one thread (and
 * the reloader's helper): upgrades, messages, a broadcast to somebody who does
 * not read, a drop and a resume, a duplicate, a reload, plain requests, the
 * control socket, kicks and the close. Whatever fails on the way, it goes on and
 * checks what must hold all the same. */
#ifndef WSP_SPEC_FAULTS_DAY_H
#define WSP_SPEC_FAULTS_DAY_H

#include <wspulse/wspulse.h>

#include "visitor.h"

/* What a day is like; bits. */
enum day_kind {
    DAY_PLAIN = 0,
    DAY_CONFIRMED = 1, /* resume_confirm */
    DAY_PACKED = 2,    /* compression */
};

#define DAY_VISITORS 4
#define DAY_MEMBERS 16 /* connections of one day */

enum day_place { DAY_OUT, DAY_IN, DAY_DROPPED, DAY_GONE };

struct day_member {
    wsp_id handle;
    enum day_place place;
};

/* What has happened, to compare days by. */
struct day_diary {
    size_t connects;
    size_t messages;
    size_t failures; /* of handlers */
    size_t drops;
    size_t restores;
    size_t disconnects;
    size_t requests;
    size_t commands;
};

struct day {
    struct wsp_loop *loop;
    struct wsp_server *server;
    struct wsp_options options;
    struct wsp_handlers handlers;
    struct wsp_control *control;
    struct wsp_reloader *reloader;
    struct wsp_diag diag;
    struct visitor visitors[DAY_VISITORS];
    struct day_member members[DAY_MEMBERS]; /* in the order of connecting */
    size_t member_count;
    int broadcasts; /* to send; 40 unless a spec says otherwise */
    struct day_diary diary;
    size_t forgotten; /* on_forget calls */
    size_t asked;     /* for a reload, and accepted */
    size_t answered;  /* by the reloader */
    size_t posted;    /* as from another thread, and accepted */
    size_t completed; /* of these */
    unsigned barrier; /* calls of the barrier of close */
    char first;       /* stands for the generation that was never built */
    void *serving;    /* the generation that serves */
    char folder[40];  /* of the sockets */
    char address[64]; /* "unix:…" */
    char admin_address[64];
    char proxied_address[64]; /* begins with the header of a proxy */
    char control_path[64];
    struct wsp_listen listen[3];
    int kind;   /* enum day_kind bits */
    char id[8]; /* of the one being admitted */
    char room[8];
};

/* Makes the folder, and removes it. */
void day_open(struct day *day, int kind);
void day_close(struct day *day);

/* Starts the server and what is around it. Returns false when that failed; then
 * `diag` says why. */
bool day_morning(struct day *day);

/* Everything that happens while it runs. */
void day_noon(struct day *day);

/* Fails the test unless somebody new is served. For when nothing fails any
 * more. */
void day_check_service(struct day *day);

/* Closes and frees what there is; everybody has been told what they are owed. */
void day_evening(struct day *day);

/* ---- the application (day_app.c) ---- */

/* Handlers that check the order of what they are told. */
void day_app_handlers(struct day *day);

/* What a reloader needs: a generation is a block of memory. */
extern const struct wsp_reload_ops day_app_reload_ops;

/* Answers the command "status now". */
void day_app_on_request(void *ud, const char *command, const char *argument,
                        struct wsp_control_reply *reply);

#endif
