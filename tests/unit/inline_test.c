// SPDX-License-Identifier: Apache-2.0
// The executor `inline`: one job a poll, in the order of submission.
#include "execute/execute.h"
#include "support/stand.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <string.h>

static struct stand stand;

static void begin(void)
{
    stand_init(&stand, "none", "none");
    stand_open(&stand, executor_inline());
}

static void expect(uint64_t job, const char *text)
{
    const esp_job_event *event = stand_wait(&stand);
    cr_assert_not_null(event, "%s", stand.error.message);
    cr_assert_eq(event->job, job);
    if (!text) {
        cr_assert_eq(event->kind, ESP_JOB_CANCELLED);
        return;
    }
    cr_assert_eq(event->kind, ESP_JOB_RESULT);
    cr_assert_eq(event->size, strlen(text));
    cr_assert_arr_eq(event->bytes, text, event->size);
    cr_assert_eq(stand.event_count, 1, "one job a poll");
}

TestLeak(inline_executor, evaluates_in_the_order_of_submission)
{
    begin();
    cr_assert_eq(stand.type->descriptor(stand.self), -1);
    cr_assert_eq(stand.type->timeout(stand.self), -1, "nothing to do");
    stand_submit(&stand, 7, "seven");
    stand_submit(&stand, 3, "three");
    cr_assert_eq(stand.type->timeout(stand.self), 0, "there is something to do");
    expect(7, "seven");
    stand_submit(&stand, 9, "nine");
    expect(3, "three");
    expect(9, "nine");
    cr_assert_eq(stand.type->timeout(stand.self), -1);
    stand_close(&stand);
}

TestLeak(inline_executor, leaves_out_what_is_cancelled)
{
    begin();
    stand_submit(&stand, 1, "one");
    stand_submit(&stand, 2, "two");
    stand.type->cancel(stand.self, &stand.handle, 1);
    stand.type->cancel(stand.self, &stand.handle, 5); // there is none
    expect(1, NULL);
    expect(2, "two");
    stand_submit(&stand, 4, "four"); // never asked for
    stand_close(&stand);
}

TestLeak(inline_executor, says_when_evaluating_fails)
{
    begin();
    stand_submit(&stand, 1, "fail");
    cr_assert_null(stand_wait(&stand));
    cr_assert_str_eq(stand.error.message, "told to fail");
    stand_close(&stand);
}
