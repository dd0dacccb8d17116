/* SPDX-License-Identifier: MIT */
#include "runtime/static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder with a secret beside its public part:
 *   <dir>/secret.txt
 *   <dir>/public/…  */
struct fixture {
    char dir[32];
    char root[48];
    struct wsp_static_file file;
    struct wsp_buf body;
};

static const char *path_of(const struct fixture *fixture, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    return path;
}

static void add_file(const struct fixture *fixture, const char *name,
                     const char *text)
{
    int fd = open(path_of(fixture, name), O_CREAT | O_WRONLY | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void add_folder(const struct fixture *fixture, const char *name)
{
    assert_int_equal(mkdir(path_of(fixture, name), 0755), 0);
}

static void add_link(const struct fixture *fixture, const char *name,
                     const char *target)
{
    assert_int_equal(symlink(target, path_of(fixture, name)), 0);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    strcpy(fixture->dir, "/tmp/wspulse-spec-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->root, sizeof fixture->root, "%s/public", fixture->dir);
    add_file(fixture, "secret.txt", "secret");
    add_folder(fixture, "public");
    add_folder(fixture, "publicity");
    add_file(fixture, "publicity/plan.txt", "secret");
    add_file(fixture, "public/index.html", "<p>home</p>");
    add_file(fixture, "public/a b.txt", "spaced");
    add_file(fixture, "public/empty.css", "");
    add_file(fixture, "public/.hidden", "hidden");
    add_folder(fixture, "public/sub");
    add_file(fixture, "public/sub/index.html", "<p>sub</p>");
    add_file(fixture, "public/sub/app.js", "run()");
    add_folder(fixture, "public/bare");
    wsp_buf_init(&fixture->body);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->dir);
    int status = system(command);
    wsp_buf_fini(&fixture->body);
    free(fixture);
    return status;
}

static int open_under(struct fixture *fixture, const char *prefix,
                      const char *path)
{
    wsp_buf_reset(&fixture->body, 0);
    fixture->file = (struct wsp_static_file){.size = SIZE_MAX};
    return wsp_static_file_open(&fixture->file, fixture->root, prefix,
                                wsp_span_of(path), wsp_span_of(NULL),
                                &fixture->body);
}

static void expect_body(struct fixture *fixture, const char *path,
                        const char *body)
{
    assert_int_equal(open_under(fixture, "/", path), 200);
    assert_int_equal(fixture->file.size, strlen(body));
    assert_int_equal(fixture->body.len, strlen(body));
    if (fixture->body.len > 0) {
        assert_memory_equal(fixture->body.data, body, strlen(body));
    }
}

/* ---- what is found ---- */

static void test_files_are_read_with_their_type(void **state)
{
    struct fixture *fixture = *state;
    expect_body(fixture, "/sub/app.js", "run()");
    assert_string_equal(fixture->file.content_type,
                        "text/javascript; charset=utf-8");
    expect_body(fixture, "/a%20b.txt", "spaced");
    assert_string_equal(fixture->file.content_type,
                        "text/plain; charset=utf-8");
    expect_body(fixture, "/empty.css", "");
}

static void test_a_folder_is_its_index(void **state)
{
    struct fixture *fixture = *state;
    expect_body(fixture, "/", "<p>home</p>");
    assert_string_equal(fixture->file.content_type, "text/html; charset=utf-8");
    expect_body(fixture, "/sub/", "<p>sub</p>");
    expect_body(fixture, "/sub/../sub/./", "<p>sub</p>");
    assert_int_equal(open_under(fixture, "/", "/sub"), 301);
    assert_int_equal(open_under(fixture, "/", "/bare"), 301);
    assert_int_equal(open_under(fixture, "/", "/bare/"), 404);
    assert_int_equal(open_under(fixture, "/", "/sub/app.js/"), 404);
}

/* Location: //sub/ would lead the browser to the host "sub". */
static void test_a_path_of_two_slashes_is_not_redirected(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_under(fixture, "/", "//sub"), 404);
    assert_int_equal(open_under(fixture, "/", "//sub/"), 200);
}

static void test_a_prefix_is_taken_off(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_under(fixture, "/assets", "/assets/sub/app.js"), 200);
    assert_int_equal(open_under(fixture, "/assets/", "/assets/sub/app.js"),
                     200);
    assert_int_equal(open_under(fixture, "/assets", "/assets/"), 200);
    assert_int_equal(open_under(fixture, "/assets", "/assets"), 301);
    assert_int_equal(open_under(fixture, "/assets", "/assets/../sub/app.js"),
                     404);
    assert_int_equal(open_under(fixture, "/assets", "/sub/app.js"), 404);
}

static void test_prefixes_cover_whole_segments(void **state)
{
    (void)state;
    assert_true(wsp_static_file_covers("/", wsp_span_of("/")));
    assert_true(wsp_static_file_covers("/", wsp_span_of("/x/y")));
    assert_true(wsp_static_file_covers("/a", wsp_span_of("/a")));
    assert_true(wsp_static_file_covers("/a", wsp_span_of("/a/b")));
    assert_true(wsp_static_file_covers("/a/", wsp_span_of("/a/b")));
    assert_false(wsp_static_file_covers("/a", wsp_span_of("/ab")));
    assert_false(wsp_static_file_covers("/a", wsp_span_of("/")));
    assert_false(wsp_static_file_covers("/a/b", wsp_span_of("/a")));
}

static void test_types_follow_the_extension(void **state)
{
    (void)state;
    const char *unknown = "application/octet-stream";
    assert_string_equal(wsp_static_file_type("a/b.PNG"), "image/png");
    assert_string_equal(wsp_static_file_type("x.min.mjs"),
                        "text/javascript; charset=utf-8");
    assert_string_equal(wsp_static_file_type("app.js.map"), "application/json");
    assert_string_equal(wsp_static_file_type("x.wasm"), "application/wasm");
    assert_string_equal(wsp_static_file_type("x.svg"), "image/svg+xml");
    assert_string_equal(wsp_static_file_type("x.webmanifest"),
                        "application/manifest+json");
    assert_string_equal(wsp_static_file_type("html"), unknown);
    assert_string_equal(wsp_static_file_type("a.html/b"), unknown);
    assert_string_equal(wsp_static_file_type("x."), unknown);
    assert_string_equal(wsp_static_file_type("x.htmlx"), unknown);
}

/* ---- what is not ---- */

static void test_no_path_leads_out_of_the_root(void **state)
{
    struct fixture *fixture = *state;
    const char *paths[] = {
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/sub/../../secret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "//../secret.txt",
        "/./../secret.txt",
        "/..",
        "/../publicity/plan.txt",
        "secret.txt",
        "",
        "/%",
        "/%zz",
        "/a%00b",
        "/index.html%00.png",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (open_under(fixture, "/", paths[i]) != 404) {
            fail_msg("%s was answered", paths[i]);
        }
        assert_int_equal(fixture->body.len, 0);
    }
}

static void test_hidden_and_missing_files_are_not_found(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_under(fixture, "/", "/.hidden"), 404);
    assert_int_equal(open_under(fixture, "/", "/%2ehidden"), 404);
    assert_int_equal(open_under(fixture, "/", "/none.txt"), 404);
    assert_int_equal(open_under(fixture, "/", "/sub/none/x"), 404);
    char longest[4000];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(open_under(fixture, "/", longest), 404);
    longest[300] = '\0';
    assert_int_equal(open_under(fixture, "/", longest), 404);
    strcpy(fixture->root, "/nowhere/at/all");
    assert_int_equal(open_under(fixture, "/", "/"), 404);
}

static void test_links_inside_the_root_are_followed(void **state)
{
    struct fixture *fixture = *state;
    char target[96];
    add_link(fixture, "public/near.js", "sub/app.js");
    add_link(fixture, "public/sub/up.html", "../index.html");
    snprintf(target, sizeof target, "%s/sub", fixture->root);
    add_link(fixture, "public/absolute", target);
    expect_body(fixture, "/near.js", "run()");
    expect_body(fixture, "/sub/up.html", "<p>home</p>");
    expect_body(fixture, "/absolute/app.js", "run()");
}

static void test_links_out_of_the_root_are_not(void **state)
{
    struct fixture *fixture = *state;
    char target[96];
    add_link(fixture, "public/out.txt", "../secret.txt");
    snprintf(target, sizeof target, "%s/secret.txt", fixture->dir);
    add_link(fixture, "public/far.txt", target);
    snprintf(target, sizeof target, "%s/publicity", fixture->dir);
    add_link(fixture, "public/beside", target);
    add_link(fixture, "public/parent", "..");
    add_link(fixture, "public/loop", "loop");
    assert_int_equal(open_under(fixture, "/", "/out.txt"), 404);
    assert_int_equal(open_under(fixture, "/", "/far.txt"), 404);
    assert_int_equal(open_under(fixture, "/", "/beside/plan.txt"), 404);
    assert_int_equal(open_under(fixture, "/", "/parent/secret.txt"), 404);
    assert_int_equal(open_under(fixture, "/", "/parent"), 404);
    assert_int_equal(open_under(fixture, "/", "/loop"), 404);
}

static void test_a_root_that_is_a_link_serves(void **state)
{
    struct fixture *fixture = *state;
    char target[96];
    snprintf(target, sizeof target, "%s/sub/app.js", fixture->root);
    add_link(fixture, "current", "public");
    add_link(fixture, "public/abs.js", target);
    snprintf(fixture->root, sizeof fixture->root, "%s/current", fixture->dir);
    expect_body(fixture, "/sub/app.js", "run()");
    expect_body(fixture, "/abs.js", "run()");
}

/* Nobody writes into it: an open that waits would never return. */
static void test_what_is_no_file_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(path_of(fixture, "public/pipe"), 0644), 0);
    assert_int_equal(open_under(fixture, "/", "/pipe"), 404);
    add_folder(fixture, "public/bare/index.html");
    assert_int_equal(open_under(fixture, "/", "/bare/"), 404);
}

static void test_a_file_over_the_limit_is_413(void **state)
{
    struct fixture *fixture = *state;
    add_file(fixture, "public/big.bin", "");
    const char *path = path_of(fixture, "public/big.bin");
    assert_int_equal(truncate(path, WSP_STATIC_FILE_MAX), 0);
    assert_int_equal(open_under(fixture, "/", "/big.bin"), 200);
    assert_int_equal(fixture->body.len, WSP_STATIC_FILE_MAX);
    assert_int_equal(truncate(path, WSP_STATIC_FILE_MAX + 1), 0);
    assert_int_equal(open_under(fixture, "/", "/big.bin"), 413);
    assert_int_equal(fixture->body.len, 0);
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void test_no_descriptor_is_left_open(void **state)
{
    struct fixture *fixture = *state;
    add_link(fixture, "public/out.txt", "../secret.txt");
    const char *paths[] = {"/", "/sub", "/none", "/out.txt", "/bare", "/../x"};
    int before = count_descriptors();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        open_under(fixture, "/", paths[i]);
    }
    assert_int_equal(count_descriptors(), before);
}

/* ---- validators ---- */

static int ask_again(struct fixture *fixture, const char *if_none_match)
{
    wsp_buf_reset(&fixture->body, 0);
    return wsp_static_file_open(&fixture->file, fixture->root, "/",
                                wsp_span_of("/"), wsp_span_of(if_none_match),
                                &fixture->body);
}

static void test_a_known_etag_is_304_without_a_body(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_under(fixture, "/", "/"), 200);
    char etag[64];
    strcpy(etag, fixture->file.etag);
    assert_true(etag[0] == '"' && etag[strlen(etag) - 1] == '"');
    const char *known[] = {"%s", "W/%s", "\"x\", %s", "\"x\" ,W/\"y\",W/%s",
                           ",, %s"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char header[160];
        const char *at = strstr(known[i], "%s");
        snprintf(header, sizeof header, "%.*s%s", (int)(at - known[i]),
                 known[i], etag);
        assert_int_equal(ask_again(fixture, header), 304);
        assert_int_equal(fixture->body.len, 0);
        assert_string_equal(fixture->file.etag, etag);
    }
    assert_int_equal(ask_again(fixture, "*"), 304);
}

static void test_other_etags_are_answered_with_the_body(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_under(fixture, "/", "/"), 200);
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strlen(fixture->file.etag) - 2,
             fixture->file.etag + 1);
    const char *others[] = {"",     "\"x\"", bare, "W/",      "\"",
                            "W/\"", ",",     "x",  "\"x\" *", "\"x\";\"y\""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(ask_again(fixture, others[i]), 200);
        assert_int_equal(fixture->body.len, 11);
    }
}

static void test_the_etag_changes_with_the_file(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_under(fixture, "/", "/"), 200);
    char etag[64];
    strcpy(etag, fixture->file.etag);
    add_file(fixture, "public/new.html", "<p>HOME</p>");
    char from[64];
    strcpy(from, path_of(fixture, "public/new.html"));
    assert_int_equal(rename(from, path_of(fixture, "public/index.html")), 0);
    assert_int_equal(ask_again(fixture, etag), 200);
    assert_string_not_equal(fixture->file.etag, etag);
}

static void test_the_date_is_written_for_http(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec times[2] = {{784111777, 0}, {784111777, 0}};
    assert_int_equal(
        utimensat(AT_FDCWD, path_of(fixture, "public/index.html"), times, 0),
        0);
    assert_int_equal(open_under(fixture, "/", "/"), 200);
    assert_string_equal(fixture->file.last_modified,
                        "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void test_without_a_body_nothing_is_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(wsp_static_file_open(&fixture->file, fixture->root, "/",
                                          wsp_span_of("/"), wsp_span_of(NULL),
                                          NULL),
                     200);
    assert_int_equal(fixture->file.size, 11);
}

static void test_a_body_is_appended_to(void **state)
{
    struct fixture *fixture = *state;
    wsp_buf_add(&fixture->body, "head", 4);
    assert_int_equal(wsp_static_file_open(&fixture->file, fixture->root, "/",
                                          wsp_span_of("/"), wsp_span_of(NULL),
                                          &fixture->body),
                     200);
    assert_int_equal(fixture->body.len, 15);
    assert_memory_equal(fixture->body.data, "head<p>home</p>", 15);
}

#define SPEC(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC(test_files_are_read_with_their_type),
        SPEC(test_a_folder_is_its_index),
        SPEC(test_a_path_of_two_slashes_is_not_redirected),
        SPEC(test_a_prefix_is_taken_off),
        SPEC(test_prefixes_cover_whole_segments),
        SPEC(test_types_follow_the_extension),
        SPEC(test_no_path_leads_out_of_the_root),
        SPEC(test_hidden_and_missing_files_are_not_found),
        SPEC(test_links_inside_the_root_are_followed),
        SPEC(test_links_out_of_the_root_are_not),
        SPEC(test_a_root_that_is_a_link_serves),
        SPEC(test_what_is_no_file_is_not_found),
        SPEC(test_a_file_over_the_limit_is_413),
        SPEC(test_no_descriptor_is_left_open),
        SPEC(test_a_known_etag_is_304_without_a_body),
        SPEC(test_other_etags_are_answered_with_the_body),
        SPEC(test_the_etag_changes_with_the_file),
        SPEC(test_the_date_is_written_for_http),
        SPEC(test_without_a_body_nothing_is_read),
        SPEC(test_a_body_is_appended_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
