// SPDX-License-Identifier: Apache-2.0
// The laws of augmentation: what is moved keeps its values, what is cut out is exactly the square.
#include "../augment.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CHANNELS = 2, MOST = 12 };

static const struct {
    int64_t height, width;
} sizes[] = {{1, 1}, {5, 6}, {6, 5}, {12, 12}, {3, 11}};

#define SIZES ((int)(sizeof sizes / sizeof sizes[0]))

struct image {
    float values[CHANNELS * MOST * MOST];
};

// No two elements are equal, and none is zero.
static struct image make_image(void)
{
    struct image image;
    for (int i = 0; i < CHANNELS * MOST * MOST; i++)
        image.values[i] = (float)(i + 1);
    return image;
}

static void apply(const struct augmentation *a, struct change change, struct image *image,
                  int64_t height, int64_t width)
{
    float spare[MOST * MOST];
    change_apply(a, change, image->values, CHANNELS, height, width, spare);
}

Test(augment, a_flip_mirrors_each_row_and_twice_is_none)
{
    const struct augmentation a = {1, 0, 0};
    const struct change flip = {1, 0, 0, -1, -1};
    for (int s = 0; s < SIZES; s++) {
        int64_t height = sizes[s].height, width = sizes[s].width;
        struct image image = make_image(), before = image;
        apply(&a, flip, &image, height, width);
        for (int64_t row = 0; row < CHANNELS * height; row++)
            for (int64_t x = 0; x < width; x++)
                cr_assert_eq(image.values[row * width + x],
                             before.values[row * width + width - 1 - x]);
        apply(&a, flip, &image, height, width);
        cr_assert_arr_eq(image.values, before.values, sizeof image.values);
    }
}

Test(augment, a_crop_moves_the_content_and_zeros_come_in)
{
    const struct augmentation a = {0, 6, 0};
    for (int s = 0; s < SIZES; s++)
        for (int64_t down = -6; down <= 6; down++)
            for (int64_t right = -6; right <= 6; right++) {
                int64_t height = sizes[s].height, width = sizes[s].width;
                struct image image = make_image(), before = image;
                const struct change shift = {0, down, right, -1, -1};
                apply(&a, shift, &image, height, width);
                for (int64_t c = 0; c < CHANNELS; c++)
                    for (int64_t y = 0; y < height; y++)
                        for (int64_t x = 0; x < width; x++) {
                            int64_t from_y = y - down, from_x = x - right;
                            int inside =
                                from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
                            float expected =
                                inside ? before.values[(c * height + from_y) * width + from_x]
                                       : 0.0f;
                            cr_assert_eq(image.values[(c * height + y) * width + x], expected,
                                         "%lld x %lld by %lld, %lld", (long long)height,
                                         (long long)width, (long long)down, (long long)right);
                        }
            }
}

// DeVries and Taylor 2017: a square of the given side about the centre, cut off at the border.
Test(augment, a_cutout_is_zero_in_exactly_the_square)
{
    for (int64_t side = 1; side <= 5; side++)
        for (int s = 0; s < SIZES; s++)
            for (int64_t at = 0; at < sizes[s].height * sizes[s].width; at++) {
                const struct augmentation a = {0, 0, side};
                int64_t height = sizes[s].height, width = sizes[s].width;
                const struct change cut = {0, 0, 0, at / width, at % width};
                int64_t top = at / width - side / 2, left = at % width - side / 2;
                struct image image = make_image(), before = image;
                apply(&a, cut, &image, height, width);
                for (int64_t c = 0; c < CHANNELS; c++)
                    for (int64_t y = 0; y < height; y++)
                        for (int64_t x = 0; x < width; x++) {
                            int64_t i = (c * height + y) * width + x;
                            int inside = y >= top && y < top + side && x >= left && x < left + side;
                            cr_assert_eq(image.values[i], inside ? 0.0f : before.values[i]);
                        }
            }
}

Test(augment, nothing_happens_where_all_is_off)
{
    const struct augmentation off = {0, 0, 0};
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    struct image image = make_image(), before = image;
    for (int i = 0; i < 100; i++)
        apply(&off, change_draw(&off, &random, 5, 6), &image, 5, 6);
    cr_assert_arr_eq(image.values, before.values, sizeof image.values);
}

// Each shift and each centre comes up, none beyond; half of the images are flipped.
Test(augment, draws_are_spread_evenly_over_what_is_allowed)
{
    enum { DRAWS = 20000 };
    const struct augmentation a = {1, 2, 3};
    int flips = 0, shifts[5][5] = {{0}}, holes[5][6] = {{0}};
    esp_random random = esp_random_stream(7, 1, 0, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        struct change change = change_draw(&a, &random, 5, 6);
        cr_assert(change.shift_y >= -2 && change.shift_y <= 2);
        cr_assert(change.shift_x >= -2 && change.shift_x <= 2);
        cr_assert(change.hole_y >= 0 && change.hole_y < 5 && change.hole_x >= 0 &&
                  change.hole_x < 6);
        flips += change.flip;
        shifts[change.shift_y + 2][change.shift_x + 2]++;
        holes[change.hole_y][change.hole_x]++;
    }
    // Five deviations of a binomial count.
    cr_assert(flips > DRAWS / 2 - 354 && flips < DRAWS / 2 + 354, "%d", flips);
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 5; x++)
            cr_assert(shifts[y][x] > 800 - 139 && shifts[y][x] < 800 + 139, "%d", shifts[y][x]);
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 6; x++)
            cr_assert(holes[y][x] > 667 - 127 && holes[y][x] < 667 + 127, "%d", holes[y][x]);
}

// So a searched augmentation leaves the other draws of a step as they are.
Test(augment, a_draw_takes_the_same_numbers_whatever_is_on)
{
    const struct augmentation all = {1, 2, 3}, crop = {0, 2, 0};
    esp_random first = esp_random_stream(3, 1, 0, 0, 0), second = first;
    for (int i = 0; i < 50; i++) {
        struct change a = change_draw(&all, &first, 5, 6), b = change_draw(&crop, &second, 5, 6);
        cr_assert_eq(a.shift_y, b.shift_y);
        cr_assert_eq(a.shift_x, b.shift_x);
        cr_assert_eq(b.flip, 0);
        cr_assert_eq(b.hole_y, -1);
    }
    cr_assert_eq(esp_random_bits(&first), esp_random_bits(&second));
}
