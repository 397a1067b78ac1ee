// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM; see interrupt.h. The handler does what POSIX allows it, and uv_async_send,
// which libuv promises to be safe there.
#include "run/interrupt.h"

#include "error/crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define INTERRUPTED_STATUS 130

static const int numbers[] = {SIGINT, SIGTERM};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

// How far it has come: 1 finish, 2 stop, 3 and more at once.
static volatile sig_atomic_t received;
static uv_async_t wakener;
static volatile sig_atomic_t opened;
static struct sigaction before[NUMBER_COUNT];

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(INTERRUPTED_STATUS);
}

static void on_signal(int number)
{
    const char *hangs = crash_watched();
    bool again = received > 0;
    received = number == SIGTERM && received == 0 ? 2 : received + 1;
    if (received > 2 || (again && hangs)) {
        say("espalier: ended at once; the run can be resumed with --resume\n");
        _exit(INTERRUPTED_STATUS);
    }
    if (hangs) {
        say("espalier: interrupted; waits for ");
        say(hangs);
        say(" to return, a second Ctrl-C ends the run at once\n");
    }
    if (opened)
        uv_async_send(&wakener);
}

static void on_wake(uv_async_t *handle)
{
    struct interrupt *interrupt = handle->data;
    if (!received)
        return;
    interrupt->finish = true;
    interrupt->stop = received > 1;
    uv_stop(handle->loop);
}

esp_status interrupt_open(uv_loop_t *loop, struct interrupt *interrupt, struct error *error)
{
    int code = uv_async_init(loop, &wakener, on_wake);
    if (code != 0)
        return error_set(error, ESP_ERROR, "signals: %s", uv_strerror(code));
    wakener.data = interrupt;
    uv_unref((uv_handle_t *)&wakener);
    received = 0;
    opened = 1;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        sigaction(numbers[i], &action, &before[i]);
    return ESP_OK;
}

void interrupt_close(void)
{
    if (!opened)
        return;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        sigaction(numbers[i], &before[i], NULL);
    opened = 0;
    uv_close((uv_handle_t *)&wakener, NULL);
}
