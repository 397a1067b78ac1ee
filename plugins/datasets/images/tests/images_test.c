// SPDX-License-Identifier: Apache-2.0
// Folders of images that the test writes itself: formats, sizes, splits, and what is wrong with them.
#include "resize.h"
#include "support/dataset.h"
#include "support/dataset_run.h"
#include "support/folder.h"
#include "support/idx_write.h"
#include "support/leak.h"

#include <espalier/plugin.h>
#include <espalier/random.h>

#include <criterion/criterion.h>

#include <jpeglib.h>
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

static struct component component;
static char *folder;

static void begin(void)
{
    folder = folder_temporary();
    component = dataset_component("images", esp_plugin_entry(ESP_KIND_DATASET, "images"));
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(images, .init = begin, .fini = end);

static const esp_dataset_info *info_of(const struct instance *dataset)
{
    return ((const esp_dataset_type *)component.type)->describe(dataset->self);
}

static const char *filled(const char *pattern)
{
    return folder_fill(folder, pattern);
}

// ---- Files --------------------------------------------------------------------------------------

// Opens folder/name for writing and makes the folders above it.
static FILE *create_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    return file;
}

static void make_folder(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(mkdir(path, 0777), 0);
}

// A PNG file; `bytes`: the rows as the colour type and depth have them, `row_size` each.
static void write_png(const char *name, unsigned width, unsigned height, int colour, int depth,
                      bool interlaced, const unsigned char *bytes, size_t row_size)
{
    FILE *file = create_file(name);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    const unsigned char *rows[64];
    static const png_color palette[] = {{1, 2, 3}, {40, 50, 60}, {255, 0, 128}};
    png_init_io(png, file);
    png_set_IHDR(png, info, width, height, depth, colour,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 3);
    for (unsigned y = 0; y < height; y++)
        rows[y] = bytes + y * row_size;
    png_set_rows(png, info, (png_bytepp)(uintptr_t)rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    cr_assert_eq(fclose(file), 0);
}

// One colour, 4x4 pixels.
static void write_plain(const char *name, unsigned char red, unsigned char green,
                        unsigned char blue)
{
    unsigned char bytes[48];
    for (int i = 0; i < 48; i += 3) {
        bytes[i] = red;
        bytes[i + 1] = green;
        bytes[i + 2] = blue;
    }
    write_png(name, 4, 4, PNG_COLOR_TYPE_RGB, 8, false, bytes, 12);
}

// One colour of 1, 3 or 4 components, 16x16 pixels, of good quality.
static void write_jpeg(const char *name, int components, J_COLOR_SPACE space,
                       const unsigned char *colour)
{
    FILE *file = create_file(name);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = jpeg.image_height = 16;
    jpeg.input_components = components;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    unsigned char row[64], *rows[] = {row};
    for (int i = 0; i < 16 * components; i++)
        row[i] = colour[i % components];
    for (int y = 0; y < 16; y++)
        jpeg_write_scanlines(&jpeg, rows, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    cr_assert_eq(fclose(file), 0);
}

// The one image of class a, with [dataset] lines; `expected` [channels, height, width], within
// `slack` of each value.
static void expect_image(const char *lines, const unsigned char *expected, int slack)
{
    char all[1024];
    unsigned char samples[2048];
    uint32_t labels[2];
    struct error error = {0};
    snprintf(all, sizeof all, "path = %s\n%s", folder, lines);
    struct instance *dataset = dataset_expect(&component, all);
    const esp_task *task = &info_of(dataset)->task;
    cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 1, samples, labels, &error), ESP_OK,
                 "%s", error.message);
    cr_assert_eq(labels[0], 0);
    for (uint64_t i = 0; i < task->channels * task->height * task->width; i++)
        cr_assert(abs(samples[i] - expected[i]) <= slack, "value %d is %d, expected %d", (int)i,
                  samples[i], expected[i]);
    instance_destroy(dataset);
}

// ---- Formats ------------------------------------------------------------------------------------

TestLeak(images, every_sort_of_png)
{
    // Two by two pixels in each of the forms, and their planes of red, green and blue.
    static const struct {
        int colour, depth;
        unsigned char bytes[16], planes[12];
        size_t row_size;
    } cases[] = {
        {PNG_COLOR_TYPE_RGB,
         8,
         {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
         {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12},
         6},
        {PNG_COLOR_TYPE_RGB_ALPHA,
         8,
         {1, 2, 3, 0, 4, 5, 6, 255, 7, 8, 9, 1, 10, 11, 12, 2},
         {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12},
         8},
        {PNG_COLOR_TYPE_GRAY, 8, {9, 8, 7, 6}, {9, 8, 7, 6, 9, 8, 7, 6, 9, 8, 7, 6}, 2},
        {PNG_COLOR_TYPE_GRAY_ALPHA,
         8,
         {9, 0, 8, 1, 7, 2, 6, 3},
         {9, 8, 7, 6, 9, 8, 7, 6, 9, 8, 7, 6},
         4},
        {PNG_COLOR_TYPE_GRAY, 1, {0x40, 0x80}, {0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0}, 1},
        {PNG_COLOR_TYPE_GRAY,
         16,
         {0x10, 0x10, 0xff, 0xff, 0, 0, 0x80, 0x80},
         {16, 255, 0, 128, 16, 255, 0, 128, 16, 255, 0, 128},
         4},
        {PNG_COLOR_TYPE_PALETTE,
         8,
         {2, 1, 0, 1},
         {255, 40, 1, 40, 0, 50, 2, 50, 128, 60, 3, 60},
         2},
        {PNG_COLOR_TYPE_PALETTE,
         2,
         {0x90, 0x10},
         {255, 40, 1, 40, 0, 50, 2, 50, 128, 60, 3, 60},
         1},
    };
    write_plain("b/x.png", 0, 0, 0);
    for (size_t i = 0; i < ESP_COUNT(cases); i++)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            write_png("a/x.png", 2, 2, cases[i].colour, cases[i].depth, interlaced, cases[i].bytes,
                      cases[i].row_size);
            expect_image("height = 2\nwidth = 2\n", cases[i].planes, 0);
        }
}

// Colours come back to within the rounding of JPEG's own colour space.
TestLeak(images, every_sort_of_jpeg)
{
    static const unsigned char rgb[] = {200, 30, 90}, grey[] = {77};
    static const unsigned char cmyk[] = {255, 128, 64, 200}; // as Adobe writes them: inverted
    static const unsigned char from_cmyk[] = {200, 100, 50};
    static const unsigned char greys[] = {77, 77, 77};
    write_plain("b/x.png", 0, 0, 0);
    write_jpeg("a/x.JPG", 3, JCS_RGB, rgb);
    expect_image("height = 1\nwidth = 1\n", rgb, 2);
    write_jpeg("a/x.JPG", 1, JCS_GRAYSCALE, grey);
    expect_image("height = 1\nwidth = 1\n", greys, 1);
    write_jpeg("a/x.JPG", 4, JCS_CMYK, cmyk);
    expect_image("height = 1\nwidth = 1\n", from_cmyk, 2);
}

// What counts is what a file holds, not what its name ends in.
TestLeak(images, names_do_not_matter)
{
    static const unsigned char grey[] = {77};
    write_plain("b/x.jpeg", 1, 2, 3);
    write_jpeg("a/x.png", 1, JCS_GRAYSCALE, grey);
    expect_image("channels = 1\nheight = 1\nwidth = 1\n", grey, 1);
}

// ---- Sizes --------------------------------------------------------------------------------------

TestLeak(images, grey_by_bt_601)
{
    static const unsigned char bytes[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30};
    static const unsigned char grey[] = {76, 150, 29, 18};
    write_plain("b/x.png", 0, 0, 0);
    write_png("a/x.png", 2, 2, PNG_COLOR_TYPE_RGB, 8, false, bytes, 6);
    expect_image("channels = 1\nheight = 2\nwidth = 2\n", grey, 0);
}

TestLeak(images, sizes_by_hand)
{
    static const unsigned char three[] = {0, 90, 240, 30, 60, 120, 10, 20, 50};
    static const struct {
        unsigned width, height;
        const unsigned char *bytes;
        const char *lines;
        unsigned char expected[16];
    } cases[] = {
        // [0 90 240] to two: (0 + 90/2) / 1.5 = 30, (90/2 + 240) / 1.5 = 190.
        {3, 1, three, "height = 1\nwidth = 2\n", {30, 190}},
        {1, 3, three, "height = 2\nwidth = 1\n", {30, 190}},
        {3, 3, three, "height = 1\nwidth = 1\n", {69}}, // 620 / 9 = 68.9
        {2, 1, three, "height = 1\nwidth = 4\n", {0, 0, 90, 90}},
        // Centres of four pixels lie at -1/4, 1/4, 3/4, 5/4 of those of two.
        {2, 1, three, "height = 1\nwidth = 4\nresize = bilinear\n", {0, 23, 68, 90}},
        {3, 1, three, "height = 2\nwidth = 3\nresize = bilinear\n", {0, 90, 240, 0, 90, 240}},
        // The centre of the whole is that of the middle pixel.
        {3, 3, three, "height = 1\nwidth = 1\nresize = bilinear\n", {60}},
    };
    write_plain("b/x.png", 0, 0, 0);
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        char lines[128];
        snprintf(lines, sizeof lines, "channels = 1\n%s", cases[i].lines);
        write_png("a/x.png", cases[i].width, cases[i].height, PNG_COLOR_TYPE_GRAY, 8, false,
                  cases[i].bytes, cases[i].width);
        expect_image(lines, cases[i].expected, 0);
    }
}

// The mean of the area from (top, left) to (bottom, right), in doubles.
static double area_mean(const struct picture *picture, uint64_t channel, double top, double left,
                        double bottom, double right)
{
    double sum = 0;
    for (uint64_t y = 0; y < picture->height; y++)
        for (uint64_t x = 0; x < picture->width; x++) {
            double high = fmin((double)y + 1, bottom) - fmax((double)y, top);
            double wide = fmin((double)x + 1, right) - fmax((double)x, left);
            if (high > 0 && wide > 0)
                sum += high * wide *
                       picture->values[(y * picture->width + x) * picture->channels + channel];
        }
    return sum / ((bottom - top) * (right - left));
}

static double value_between(const struct picture *picture, uint64_t channel, double y, double x)
{
    y = fmin(fmax(y, 0), (double)picture->height - 1);
    x = fmin(fmax(x, 0), (double)picture->width - 1);
    double sum = 0;
    for (uint64_t i = 0; i < picture->height; i++)
        for (uint64_t j = 0; j < picture->width; j++) {
            double high = 1 - fabs((double)i - y), wide = 1 - fabs((double)j - x);
            if (high > 0 && wide > 0)
                sum += high * wide *
                       picture->values[(i * picture->width + j) * picture->channels + channel];
        }
    return sum;
}

// Both methods against their definitions, for many pairs of sizes.
TestLeak(images, sizes_by_definition)
{
    static const uint64_t sizes[] = {1, 2, 3, 5, 7, 8, 13};
    esp_random random = esp_random_stream(1, 2, 3, 4, 5);
    for (size_t from = 0; from < 49; from++)
        for (size_t to = 0; to < 49; to++)
            for (int method = 0; method < 2; method++) {
                unsigned char values[3 * 169], out[3 * 169];
                uint64_t height = sizes[to / 7], width = sizes[to % 7];
                struct picture picture = {values, sizes[from / 7], sizes[from % 7], 3};
                for (size_t i = 0; i < sizeof values; i++)
                    values[i] = (unsigned char)esp_random_below(&random, 256);
                cr_assert_eq(
                    resize(out, 3, height, width, &picture, (enum resize_method)method, NULL),
                    ESP_OK);
                double down = (double)picture.height / (double)height;
                double right = (double)picture.width / (double)width;
                for (uint64_t i = 0; i < 3 * height * width; i++) {
                    uint64_t c = i / (height * width);
                    double y = (double)(i / width % height), x = (double)(i % width);
                    double expected = method == RESIZE_AREA
                                          ? area_mean(&picture, c, y * down, x * right,
                                                      (y + 1) * down, (x + 1) * right)
                                          : value_between(&picture, c, (y + 0.5) * down - 0.5,
                                                          (x + 0.5) * right - 0.5);
                    cr_assert(fabs(out[i] - expected) <= 0.5 + 1e-6, "%g, expected %g",
                              (double)out[i], expected);
                }
            }
}

// ---- Trees --------------------------------------------------------------------------------------

// Red values of the images of a split, by which they were written.
static void expect_split(const struct instance *dataset, uint32_t split, uint64_t count,
                         const unsigned char *reds, const uint32_t *labels)
{
    unsigned char samples[3 * 64];
    uint32_t found[64];
    struct error error = {0};
    cr_assert_eq(info_of(dataset)->split_sizes[split], count);
    cr_assert_eq(dataset_read(dataset, split, 0, count, samples, found, &error), ESP_OK, "%s",
                 error.message);
    for (uint64_t i = 0; i < count; i++) {
        cr_assert_eq(samples[3 * i], reds[i], "image %d has red %d", (int)i, samples[3 * i]);
        cr_assert_eq(found[i], labels[i]);
    }
}

#define SMALL "path = %\nheight = 1\nwidth = 1\n"

// Classes and files in the order of their bytes; names with a dot in front do not count.
TestLeak(images, splits_in_folders)
{
    static const char *const valid_names[] = {"valid", "val"};
    for (int i = 0; i < 2; i++) {
        char name[64];
        write_plain("train/cat/10.png", 1, 0, 0);
        write_plain("train/cat/9.png", 2, 0, 0);
        write_plain("train/Dog/a.png", 3, 0, 0);
        write_plain("train/bee/a.png", 4, 0, 0);
        fclose(create_file("train/bee/.hidden"));
        fclose(create_file(".hidden"));
        snprintf(name, sizeof name, "%s/cat/x.png", valid_names[i]);
        write_plain(name, 5, 0, 0);
        write_plain("test/bee/x.png", 6, 0, 0);
        write_plain("test/Dog/x.png", 7, 0, 0);
        struct instance *dataset = dataset_expect(&component, filled(SMALL));
        cr_assert_eq(info_of(dataset)->task.classes, 3);
        cr_assert_eq(info_of(dataset)->file_count, 7);
        expect_split(dataset, ESP_SPLIT_TRAIN, 4, (const unsigned char[]){3, 4, 1, 2},
                     (const uint32_t[]){0, 1, 2, 2});
        expect_split(dataset, ESP_SPLIT_VALID, 1, (const unsigned char[]){5},
                     (const uint32_t[]){2});
        expect_split(dataset, ESP_SPLIT_TEST, 2, (const unsigned char[]){7, 6},
                     (const uint32_t[]){0, 1});
        instance_destroy(dataset);
        folder_delete(folder);
        folder = folder_temporary();
    }
}

TestLeak(images, one_tree)
{
    // A class may be called train, for it holds images and no folders.
    write_plain("train/a.png", 1, 0, 0);
    write_plain("ship/a.png", 2, 0, 0);
    struct instance *dataset = dataset_expect(&component, filled(SMALL));
    const esp_task *task = &info_of(dataset)->task;
    cr_assert_eq(task->kind, ESP_TASK_IMAGES);
    cr_assert(task->channels == 3 && task->height == 1 && task->width == 1 && task->classes == 2);
    cr_assert_eq(info_of(dataset)->element, ESP_ELEMENT_U8);
    expect_split(dataset, ESP_SPLIT_TRAIN, 2, (const unsigned char[]){2, 1},
                 (const uint32_t[]){0, 1});
    expect_split(dataset, ESP_SPLIT_TEST, 0, NULL, NULL);
    instance_destroy(dataset);
}

// Each image is in one split, and which are for testing is the same each time.
TestLeak(images, test_images_cut_off)
{
    unsigned char first[10];
    for (int i = 0; i < 40; i++) {
        char name[64];
        snprintf(name, sizeof name, "%c/%02d.png", 'a' + i % 2, i);
        write_plain(name, (unsigned char)i, 0, 0);
    }
    for (int time = 0; time < 3; time++) {
        unsigned char train[90], test[30];
        uint32_t labels[30];
        int seen[40] = {0};
        struct error error = {0};
        struct instance *dataset = dataset_expect(
            &component, filled(time < 2 ? SMALL "test_fraction = 0.25\n"
                                        : SMALL "test_fraction = 0.25\ntest_seed = 5\n"));
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 10);
        dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 30, train, labels, &error);
        for (int i = 0; i < 30; i++) {
            seen[train[3 * i]]++;
            cr_assert_eq(labels[i], train[3 * i] % 2);
        }
        dataset_read(dataset, ESP_SPLIT_TEST, 0, 10, test, labels, &error);
        for (int i = 0; i < 10; i++) {
            seen[test[3 * i]]++;
            cr_assert_eq(labels[i], test[3 * i] % 2);
            first[i] = time == 0 ? test[3 * i] : first[i];
        }
        for (int i = 0; i < 40; i++)
            cr_assert_eq(seen[i], 1);
        int same = 0;
        for (int i = 0; i < 10; i++)
            same += first[i] == test[3 * i];
        cr_assert_eq(same == 10, time < 2);
        instance_destroy(dataset);
    }
}

TestLeak(images, through_the_cache)
{
    char *cache = folder_temporary();
    for (int i = 0; i < 8; i++) {
        char name[64];
        snprintf(name, sizeof name, "%c/%d.png", 'a' + i % 2, i);
        write_plain(name, (unsigned char)(10 * i), 7, (unsigned char)(250 - i));
    }
    struct instance *dataset = dataset_expect(&component, filled(SMALL));
    for (int time = 0; time < 2; time++) {
        static const uint64_t indices[] = {0, 1, 2, 3, 4, 5, 6, 7};
        float values[24];
        uint32_t labels[8];
        struct error error = {0};
        struct data *data = dataset_data(dataset, 0, false, cache);
        cr_assert_eq(data_decoded(data), time == 0);
        cr_assert_eq(data_read(data, ESP_SPLIT_TRAIN, indices, 8, values, labels, &error), ESP_OK);
        double sum = 0, square = 0;
        for (int i = 0; i < 8; i++) {
            sum += (double)values[3 * i];
            square += (double)values[3 * i] * (double)values[3 * i];
            cr_assert_eq(values[3 * i + 1], 0); // a channel that never varies
        }
        cr_assert_float_eq(sum, 0, 1e-5);
        cr_assert_float_eq(square / 8, 1, 1e-5);
        data_close(data);
    }
    folder_delete(cache);
    instance_destroy(dataset);
}

// ---- What is wrong ------------------------------------------------------------------------------

static void write_text(const char *name, const char *text)
{
    FILE *file = create_file(name);
    fputs(text, file);
    fclose(file);
}

// What stands in the folder besides a/x.png and b/x.png (or train/a, train/b), and what is said.
TestLeak(images, what_open_refuses)
{
    static const struct {
        const char *below; // of the two good images
        const char *file, *made, *lines, *message;
    } cases[] = {
        {"", NULL, NULL, "path = %/none\n", "%/none: cannot be opened: No such file or directory"},
        {"", NULL, NULL, "path = %/a/x.png\n", "%/a/x.png: cannot be opened: Not a directory"},
        {"", NULL, NULL, "path = %/a\n",
         "%/a/x.png: is no folder; a folder for each class was "
         "expected"},
        {"train/", NULL, NULL, "path = %/train/a\n",
         "%/train/a/x.png: is no folder; a folder for each class was expected"},
        {"", NULL, "c", "path = %\n", "%/c: is empty; images of the class were expected"},
        {"", "readme.txt", NULL, "path = %\n",
         "%/readme.txt: is no folder; a folder for each class was expected"},
        {"", "a/y.gif", NULL, "path = %\n",
         "%/a/y.gif: is no image; a file .png, .jpg or .jpeg was expected"},
        {"", "a/more/y.png", NULL, "path = %\n",
         "%/a/more: is a folder inside a class's; images were expected"},
        {"train/", "test/a2/y.png", NULL, "path = %\n",
         "%/test/a2: train/ has no class 'a2'; the nearest is 'a'"},
        {"train/", "valid/zebra/y.png", NULL, "path = %\n",
         "%/valid/zebra: train/ has no class 'zebra'; its last is 'b'"},
        {"train/", NULL, "test", "path = %\n",
         "%/test: is empty; folders of classes were expected"},
        {"train/", "extra/a/y.png", NULL, "path = %\n",
         "%/extra: stands beside train/; valid/, val/ or test/ was expected"},
        {"train/", "test/a/y.png", NULL, "path = %\ntest_fraction = 0.5\n",
         "test_fraction is given, and there is a folder test/; one of them was expected"},
        {"", NULL, NULL, "path = %\ntest_fraction = 0.1\n",
         "test_fraction = 0.1 of 2 images leaves no test split"},
        {"one/", NULL, NULL, "path = %\n",
         "%/one/a: is a folder inside a class's; images were "
         "expected"},
        {"", NULL, NULL, "path = %\nchannels = 2\n",
         "channels = 2; 3 (red, green, blue) or 1 (grey) was expected"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct error error = {0};
        char name[64];
        snprintf(name, sizeof name, "%sa/x.png", cases[i].below);
        write_plain(name, 1, 2, 3);
        snprintf(name, sizeof name, "%sb/x.png", cases[i].below);
        write_plain(name, 1, 2, 3);
        if (strcmp(cases[i].below, "one/") == 0)
            make_folder("two");
        if (cases[i].file)
            write_text(cases[i].file, "no image\n");
        if (cases[i].made)
            make_folder(cases[i].made);
        const char *expected = filled(cases[i].message);
        cr_assert_null(dataset_open(&component, filled(cases[i].lines), &error), "%s", expected);
        cr_assert_str_eq(error.message + strlen("dataset images: "), expected);
        cr_assert_neq(error.status, ESP_ERROR_IO, "a wrong configuration is no fault of the disk");
        folder_delete(folder);
        folder = folder_temporary();
    }
    struct error error = {0};
    cr_assert_null(dataset_open(&component, filled("path = %\n"), &error));
    cr_assert(strstr(error.message, "has no folder; folders of at least 2 classes"), "%s",
              error.message);
    error_clear(&error);
    write_plain("a/x.png", 1, 2, 3);
    cr_assert_null(dataset_open(&component, filled("path = %\n"), &error));
    cr_assert(strstr(error.message, "has one folder; folders of at least 2 classes"), "%s",
              error.message);
}

// An image that is none shows when it is read; the message names the file.
TestLeak(images, what_read_refuses)
{
    enum sort { A_PNG, A_JPEG, TEXT };
    static const struct {
        enum sort sort;
        int64_t cut, damage;
        const char *message;
    } cases[] = {
        {TEXT, 0, 0, "%/a/x.png: is neither PNG nor JPEG: it begins with the bytes 6e 6f 20 69"},
        {TEXT, -9, 0, "%/a/x.png: is empty; a PNG or JPEG image was expected"},
        {A_PNG, -20, 0, "%/a/x.png: is no whole PNG image: "},
        {A_PNG, -5, 0, "%/a/x.png: is no whole PNG image: "},
        {A_PNG, 0, 18, "%/a/x.png: is no whole PNG image: IHDR: CRC error"},
        {A_PNG, 0, -18, "%/a/x.png: is no whole PNG image: IDAT: "},
        {A_JPEG, -5, 0, "%/a/x.png: is no whole JPEG image: Premature end of JPEG file"},
        {A_JPEG, -100, 0, "%/a/x.png: is no whole JPEG image: Premature end of JPEG file"},
        {A_JPEG, 0, 3, "%/a/x.png: is no whole JPEG image: "},
    };
    write_plain("b/x.png", 1, 2, 3);
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        unsigned char samples[6];
        uint32_t labels[2];
        struct error error = {0};
        if (cases[i].sort == A_PNG)
            write_plain("a/x.png", 1, 2, 3);
        else if (cases[i].sort == A_JPEG)
            write_jpeg("a/x.png", 3, JCS_RGB, (const unsigned char[]){200, 30, 90});
        else
            write_text("a/x.png", "no image\n");
        if (cases[i].cut)
            idx_cut(folder, "a/x.png", cases[i].cut);
        if (cases[i].damage)
            idx_damage(folder, "a/x.png", cases[i].damage);
        struct instance *dataset = dataset_expect(&component, filled(SMALL));
        const char *expected = filled(cases[i].message);
        cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 2, samples, labels, &error),
                     ESP_ERROR_DATA, "%s", expected);
        cr_assert_eq(strncmp(error.message, expected, strlen(expected)), 0, "%s\n%s", error.message,
                     expected);
        instance_destroy(dataset);
    }
}

// Cut off anywhere, an image is refused.
TestLeak(images, cut_off_anywhere)
{
    static const unsigned char colour[] = {200, 30, 90};
    write_plain("b/x.png", 1, 2, 3);
    struct instance *dataset = NULL;
    for (int jpeg = 0; jpeg < 2; jpeg++)
        for (int64_t size = 0;; size++) {
            unsigned char samples[6];
            uint32_t labels[2];
            struct stat found;
            struct error error = {0};
            if (jpeg)
                write_jpeg("a/x.png", 3, JCS_RGB, colour);
            else
                write_plain("a/x.png", 1, 2, 3);
            cr_assert_eq(stat(filled("%/a/x.png"), &found), 0);
            if (size == found.st_size)
                break;
            idx_cut(folder, "a/x.png", size);
            if (!dataset)
                dataset = dataset_expect(&component, filled(SMALL));
            cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 1, samples, labels, &error),
                         ESP_ERROR_DATA, "%d bytes of %d", (int)size, (int)found.st_size);
            cr_assert(strstr(error.message, "/a/x.png: is "), "%s", error.message);
        }
    instance_destroy(dataset);
}

// A damaged byte anywhere: a PNG is refused, for all of it is under checksums; a JPEG is refused or
// becomes another image.
TestLeak(images, damaged_anywhere)
{
    static const unsigned char colour[] = {200, 30, 90};
    write_plain("b/x.png", 1, 2, 3);
    struct instance *dataset = NULL;
    for (int jpeg = 0; jpeg < 2; jpeg++)
        for (int64_t place = 0;; place++) {
            unsigned char samples[6];
            uint32_t labels[2];
            struct stat found;
            struct error error = {0};
            if (jpeg)
                write_jpeg("a/x.png", 3, JCS_RGB, colour);
            else
                write_plain("a/x.png", 1, 2, 3);
            cr_assert_eq(stat(filled("%/a/x.png"), &found), 0);
            if (place == found.st_size)
                break;
            idx_damage(folder, "a/x.png", place);
            if (!dataset)
                dataset = dataset_expect(&component, filled(SMALL));
            esp_status status =
                dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 1, samples, labels, &error);
            cr_assert(jpeg || status != ESP_OK, "byte %d", (int)place);
            cr_assert(status == ESP_OK || strstr(error.message, "/a/x.png: "), "%s", error.message);
        }
    instance_destroy(dataset);
}

// ---- The program --------------------------------------------------------------------------------

// Red ones and blue ones of many sizes.
static void write_two_colours(void)
{
    for (int i = 0; i < 60; i++) {
        char name[64];
        unsigned char colour[] = {(unsigned char)(i % 2 ? 255 - i : i), 60,
                                  (unsigned char)(i % 2 ? i : 255 - i)};
        snprintf(name, sizeof name, "pictures/%s/%02d.%s", i % 2 ? "red" : "blue", i,
                 i % 3 ? "png" : "jpg");
        if (i % 3)
            write_plain(name, colour[0], colour[1], colour[2]);
        else
            write_jpeg(name, 3, JCS_RGB, colour);
    }
}

#define PICTURES                                                                                   \
    "plugin = images\npath = %/pictures\nheight = 8\nwidth = 8\ntest_fraction = 0.2\n"             \
    "valid_fraction = 0.2\n"

Test(images, trains_on_them)
{
    write_two_colours();
    free(dataset_run(folder, filled(PICTURES), NULL, NULL, 0));
}

Test(images, a_damaged_image_ends_the_search_before_it_begins)
{
    write_two_colours();
    idx_cut(folder, "pictures/red/31.png", -10);
    char *words = dataset_run(folder, filled(PICTURES), NULL, NULL, 2);
    cr_assert(strstr(words, "/pictures/red/31.png: is no whole PNG image"), "%s", words);
    free(words);
}
