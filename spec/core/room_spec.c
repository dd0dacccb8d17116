/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/session.h"

static struct wsp_session *new_member(void)
{
    struct wsp_session *session = calloc(1, sizeof *session);
    assert_non_null(session);
    return session;
}

static void a_room_exists_while_it_has_members(void **state)
{
    (void)state;
    struct wsp_rooms rooms;
    struct wsp_session *ann = new_member();
    struct wsp_session *bob = new_member();
    wsp_rooms_init(&rooms);
    assert_null(wsp_rooms_find(&rooms, wsp_span_of("a")));
    struct wsp_room *room = wsp_rooms_join(&rooms, wsp_span_of("a"), ann);
    assert_ptr_equal(wsp_rooms_join(&rooms, wsp_span_of("a"), bob), room);
    assert_ptr_equal(wsp_rooms_find(&rooms, wsp_span_of("a")), room);
    assert_int_equal(room->member_count, 2);
    assert_false(wsp_rooms_leave(&rooms, ann));
    assert_ptr_equal(room->members[0], bob);
    assert_int_equal(bob->room_index, 0);
    assert_true(wsp_rooms_leave(&rooms, bob));
    assert_null(wsp_rooms_find(&rooms, wsp_span_of("a")));
    wsp_rooms_fini(&rooms);
    free(ann);
    free(bob);
}

static void the_empty_name_is_a_room(void **state)
{
    (void)state;
    struct wsp_rooms rooms;
    struct wsp_session *ann = new_member();
    struct wsp_span nothing = {NULL, 0};
    wsp_rooms_init(&rooms);
    assert_non_null(wsp_rooms_join(&rooms, nothing, ann));
    assert_non_null(wsp_rooms_find(&rooms, wsp_span_of("")));
    wsp_rooms_fini(&rooms);
    free(ann);
}

static void leaving_in_any_order_keeps_the_places_right(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct wsp_rooms rooms;
    struct wsp_session *all[COUNT];
    wsp_rooms_init(&rooms);
    for (int i = 0; i < COUNT; i++) {
        all[i] = new_member();
        assert_non_null(wsp_rooms_join(&rooms, wsp_span_of("a"), all[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        int pick = i * 37 % COUNT;
        struct wsp_room *room = all[pick]->room;
        for (uint32_t k = 0; k < room->member_count; k++) {
            assert_int_equal(room->members[k]->room_index, k);
        }
        assert_int_equal(wsp_rooms_leave(&rooms, all[pick]), i == COUNT - 1);
    }
    for (int i = 0; i < COUNT; i++) {
        free(all[i]);
    }
    wsp_rooms_fini(&rooms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_exists_while_it_has_members),
        cmocka_unit_test(the_empty_name_is_a_room),
        cmocka_unit_test(leaving_in_any_order_keeps_the_places_right),
    };
    return cmocka_run_group_tests_name("core.room", tests, NULL, NULL);
}
