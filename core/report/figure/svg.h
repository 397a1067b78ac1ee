// SPDX-License-Identifier: Apache-2.0
// A drawing as SVG text: the few shapes that figures are made of. Lengths are CSS pixels, y grows
// downwards. Colours are the caller's texts and must be plain ("#0072b2"); words are escaped.
#ifndef REPORT_FIGURE_SVG_H
#define REPORT_FIGURE_SVG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

struct svg_point {
    double x, y;
};

void svg_open(FILE *file, double width, double height, const char *title);
void svg_close(FILE *file);

void svg_line(FILE *file, struct svg_point from, struct svg_point to, const char *stroke,
              double width);
void svg_rectangle(FILE *file, double x, double y, double width, double height, const char *fill,
                   double opacity, const char *stroke);
// `dash`: "6 3", or NULL.
void svg_polyline(FILE *file, const struct svg_point *points, uint64_t count, const char *stroke,
                  double width, const char *dash, double opacity);
// The area between the points, in order.
void svg_area(FILE *file, const struct svg_point *points, uint64_t count, const char *fill,
              double opacity);
// A mark of a method: circle, triangle, square, diamond, by its number.
void svg_mark(FILE *file, struct svg_point at, double radius, uint64_t shape, const char *fill,
              double opacity, const char *stroke);
// `turned`: upwards, around `at`.
void svg_text(FILE *file, struct svg_point at, const char *text, enum svg_anchor anchor,
              double size, bool bold, bool turned);

#endif
