// SPDX-License-Identifier: Apache-2.0
// A run as a terminal shows it: no line wider than the terminal, whatever its width and however it changes;
// colours that NO_COLOR takes away; a terminal that is left as it was. And plain lines elsewhere.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char ini[] =
    "[experiment]\nname = seen\n[space]\nplugin = chain\nmax_depth = 3\nwidths = 4, 8\n"
    "[strategy]\nplugin = random\n[estimator]\nplugin = train\nepochs = 2\nbatch = 16\n"
    "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\nclasses = 4\ntrain = 128\nvalid = 32\n"
    "test = 32\n[objective]\nmaximize = valid_accuracy\n[final]\nretrain = best\n[run]\nworkers = "
    "2\n";
static const char cheap[] = "[experiment]\nname = seen\n[space]\nplugin = chain\nmax_depth = "
                            "12\n[strategy]\nplugin = random\n"
                            "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = "
                            "fitness\n[budget]\ntrials = 60000\n";

struct shown {
    char *text;
    size_t size, resized; // where the terminal was resized
    int status;           // exit status; -signal
};

struct terminal {
    const char *trials; // "budget.trials=12"
    int columns;
    int then;       // columns after the first result; 0: as they are
    int interrupts; // SIGINTs after the first result
    bool colours;
};

static char *folder, *config;

static void begin(void)
{
    folder = folder_temporary();
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

TestSuite(terminal, .init = begin, .fini = end, .timeout = 100);

static void set_columns(int descriptor, int columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    ioctl(descriptor, TIOCSWINSZ, &size);
}

// Reads what the program writes until it ends.
static struct shown run_in(const struct terminal *terminal, const char *out)
{
    struct shown shown = {0};
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)terminal->columns};
    int master;
    pid_t process = forkpty(&master, NULL, NULL, &size);
    cr_assert(process >= 0);
    if (process == 0) {
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        if (terminal->colours)
            unsetenv("NO_COLOR");
        else
            setenv("NO_COLOR", "1", 1);
        int nothing = dup(STDERR_FILENO);
        if (nothing < 0 || !freopen("/dev/null", "w", stdout))
            _exit(126);
        execl(espalier_binary(), "espalier", "run", config, "--out", out, "--set", terminal->trials,
              NULL);
        _exit(127);
    }
    bool acted = false;
    for (;;) {
        struct pollfd wanted = {master, POLLIN, 0};
        shown.text = realloc(shown.text, shown.size + 4097);
        ssize_t count =
            poll(&wanted, 1, 60000) > 0 ? read(master, shown.text + shown.size, 4096) : 0;
        if (count <= 0)
            break;
        shown.size += (size_t)count;
        shown.text[shown.size] = '\0';
        if (acted || !strstr(shown.text, "best"))
            continue;
        acted = true;
        shown.resized = shown.size;
        if (terminal->then)
            set_columns(master, terminal->then);
        for (int i = 0; i < terminal->interrupts; i++)
            kill(process, SIGINT);
    }
    waitpid(process, &shown.status, 0);
    shown.status = WIFEXITED(shown.status) ? WEXITSTATUS(shown.status) : -WTERMSIG(shown.status);
    close(master);
    return shown;
}

// The widest line of the text on the screen: what moves the cursor and colours takes no room.
static int widest(const char *text)
{
    int most = 0, columns = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '\033' && c[1] == '[') {
            for (c += 2; *c && (*c < '@' || *c > '~');)
                c++;
            if (!*c)
                break;
        } else if (*c == '\n' || *c == '\r') {
            columns = 0;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            columns++;
        }
        most = columns > most ? columns : most;
    }
    return most;
}

// Ends below what it wrote, with the cursor shown, lines wrapping and colours off.
static void expect_left_clean(const struct shown *shown)
{
    cr_assert_gt(shown->size, 0);
    cr_expect(shown->text[shown->size - 1] == '\n' ||
                  strcmp(shown->text + shown->size - 3, "\033[J") == 0,
              "the cursor is in the midst of a line");
    cr_expect_null(strstr(shown->text, "\033[?"), "a mode of the terminal was changed");
    const char *last = NULL, *off = NULL;
    for (const char *c = shown->text; (c = strstr(c, "\033[")); c++)
        if (c[2 + strspn(c + 2, "0123456789")] == 'm') {
            last = c;
            off = strncmp(c, "\033[0m", 4) == 0 ? c : off;
        }
    cr_expect_eq(last, off, "a colour is left on");
}

Test(terminal, no_line_is_wider_than_the_terminal)
{
    static const int columns[] = {20, 33, 80, 200};
    config = folder_write(folder, "a.ini", ini);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        char out[512];
        snprintf(out, sizeof out, "%s/%d", folder, columns[i]);
        struct shown shown =
            run_in(&(struct terminal){.trials = "budget.trials=6", .columns = columns[i]}, out);
        cr_assert_eq(shown.status, 0, "%s", shown.text);
        cr_expect_lt(widest(shown.text), columns[i] + 1, "%d columns\n%s", columns[i], shown.text);
        expect_left_clean(&shown);
        cr_expect_null(strstr(shown.text, "\033[1m"), "NO_COLOR");
        cr_expect(strstr(shown.text, columns[i] < 30 ? "search: 6/6" : "running"), "%s",
                  shown.text);
        if (columns[i] == 80)
            for (const char *const *word =
                     (const char *[]){"6/6 trials", "best valid_accuracy", "▁", "trials/s",
                                      "trial 3: valid_acc", NULL};
                 *word; word++)
                cr_expect(strstr(shown.text, *word), "'%s' is not in\n%s", *word, shown.text);
        free(shown.text);
    }
}

Test(terminal, a_resize_is_followed)
{
    config = folder_write(folder, "a.ini", ini);
    char out[512];
    snprintf(out, sizeof out, "%s/out", folder);
    struct shown shown = run_in(
        &(struct terminal){
            .trials = "budget.trials=40", .columns = 90, .then = 30, .colours = true},
        out);
    cr_assert_eq(shown.status, 0, "%s", shown.text);
    cr_expect_gt(widest(shown.text), 40, "%s", shown.text);
    // What was being drawn at that moment may be as wide as before.
    const char *from = shown.text + shown.resized;
    for (int redraws = 0; redraws < 2 && from; redraws++)
        from = strstr(from + 1, "\033[J");
    cr_assert_not_null(from, "nothing was drawn after the resize");
    cr_expect_leq(widest(from), 30, "%s", from);
    cr_expect(strstr(from, "search"), "%s", from);
    cr_expect(strstr(shown.text, "\033[1m"), "no colours");
    expect_left_clean(&shown);
    free(shown.text);
}

Test(terminal, an_interrupted_run_leaves_it_clean_and_goes_on)
{
    config = folder_write(folder, "a.ini", ini);
    for (int interrupts = 1; interrupts <= 2; interrupts++) {
        char out[512];
        snprintf(out, sizeof out, "%s/%d", folder, interrupts);
        struct shown shown = run_in(&(struct terminal){.trials = "budget.trials=60",
                                                       .columns = 70,
                                                       .interrupts = interrupts,
                                                       .colours = true},
                                    out);
        cr_expect_eq(shown.status, 130, "%d\n%s", shown.status, shown.text);
        expect_left_clean(&shown);
        free(shown.text);
        free(espalier_expect(0, (const char *[]){"run", config, "--out", out, "--resume", "--quiet",
                                                 "--set", "budget.trials=8", NULL}));
    }
}

Test(terminal, a_cheap_search_shows_its_last_results)
{
    config = folder_write(folder, "a.ini", cheap);
    char out[512];
    snprintf(out, sizeof out, "%s/out", folder);
    struct shown shown =
        run_in(&(struct terminal){.trials = "budget.trials=60000", .columns = 64}, out);
    cr_assert_eq(shown.status, 0, "%s", shown.text);
    cr_expect_leq(widest(shown.text), 64);
    cr_expect(strstr(shown.text, "last  59999: 0."), "%s", shown.text);
    expect_left_clean(&shown);
    free(shown.text);
}

Test(terminal, elsewhere_a_plain_line_a_trial)
{
    config = folder_write(folder, "a.ini", cheap);
    char out[512];
    snprintf(out, sizeof out, "%s/out", folder);
    struct command_result result = command_run(
        &(struct command){.arguments = (const char *[]){espalier_binary(), "run", config, "--out",
                                                        out, "--set", "budget.trials=30", NULL}});
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_null(strchr(result.err, '\033'), "%s", result.err);
    cr_expect_null(strchr(result.err, '\r'), "%s", result.err);
    for (int trial = 0; trial < 30; trial++) {
        char line[40];
        snprintf(line, sizeof line, "trial %d: fitness 0.", trial);
        cr_expect(strstr(result.err, line), "'%s' is not in\n%s", line, result.err);
    }
    command_free(&result);
}
