// SPDX-License-Identifier: Apache-2.0
// Shapes as SVG; see svg.h.
#include "report/figure/svg.h"

#include "text/markup.h"

#include <math.h>
#include <string.h>

void svg_open(FILE *file, double width, double height, const char *title)
{
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" "
            "viewBox=\"0 0 %g %g\" font-family=\"Helvetica, Arial, sans-serif\" fill=\"#1a1f26\">\n"
            "<title>",
            width, height, width, height);
    markup_write(file, title);
    fprintf(file, "</title>\n<rect width=\"%g\" height=\"%g\" fill=\"#ffffff\"/>\n", width, height);
}

void svg_close(FILE *file)
{
    fputs("</svg>\n", file);
}

void svg_line(FILE *file, struct svg_point from, struct svg_point to, const char *stroke,
              double width)
{
    fprintf(file,
            "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\" "
            "stroke-width=\"%g\"/>\n",
            from.x, from.y, to.x, to.y, stroke, width);
}

void svg_rectangle(FILE *file, double x, double y, double width, double height, const char *fill,
                   double opacity, const char *stroke)
{
    fprintf(file,
            "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" "
            "fill-opacity=\"%g\"",
            x, y, width, height, fill, opacity);
    if (stroke)
        fprintf(file, " stroke=\"%s\"", stroke);
    fputs("/>\n", file);
}

static void write_points(FILE *file, const struct svg_point *points, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        fprintf(file, "%s%.2f,%.2f", i ? " " : "", points[i].x, points[i].y);
}

void svg_polyline(FILE *file, const struct svg_point *points, uint64_t count, const char *stroke,
                  double width, const char *dash, double opacity)
{
    if (count == 0)
        return;
    fputs("<polyline fill=\"none\" stroke-linejoin=\"round\" points=\"", file);
    write_points(file, points, count);
    fprintf(file, "\" stroke=\"%s\" stroke-width=\"%g\" stroke-opacity=\"%g\"", stroke, width,
            opacity);
    if (dash)
        fprintf(file, " stroke-dasharray=\"%s\"", dash);
    fputs("/>\n", file);
}

void svg_area(FILE *file, const struct svg_point *points, uint64_t count, const char *fill,
              double opacity)
{
    if (count == 0)
        return;
    fputs("<polygon stroke=\"none\" points=\"", file);
    write_points(file, points, count);
    fprintf(file, "\" fill=\"%s\" fill-opacity=\"%g\"/>\n", fill, opacity);
}

void svg_mark(FILE *file, struct svg_point at, double radius, uint64_t shape, const char *fill,
              double opacity, const char *stroke)
{
    double x = at.x, y = at.y, r = radius * 1.15;
    const struct svg_point triangle[] = {{x, y - r}, {x + r, y + r * 0.8}, {x - r, y + r * 0.8}};
    const struct svg_point square[] = {{x - r * 0.8, y - r * 0.8},
                                       {x + r * 0.8, y - r * 0.8},
                                       {x + r * 0.8, y + r * 0.8},
                                       {x - r * 0.8, y + r * 0.8}};
    const struct svg_point diamond[] = {{x, y - r}, {x + r, y}, {x, y + r}, {x - r, y}};
    if (shape % 4 == 0) {
        fprintf(file, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%g\"", x, y, radius);
    } else {
        fputs("<polygon points=\"", file);
        if (shape % 4 == 1)
            write_points(file, triangle, 3);
        else
            write_points(file, shape % 4 == 2 ? square : diamond, 4);
        fputs("\"", file);
    }
    fprintf(file, " fill=\"%s\" fill-opacity=\"%g\"", fill, opacity);
    if (stroke)
        fprintf(file, " stroke=\"%s\"", stroke);
    fputs("/>\n", file);
}

void svg_text(FILE *file, struct svg_point at, const char *text, enum svg_anchor anchor,
              double size, bool bold, bool turned)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(file, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%g\" text-anchor=\"%s\"", at.x, at.y,
            size, anchors[anchor]);
    if (bold)
        fputs(" font-weight=\"bold\"", file);
    if (turned)
        fprintf(file, " transform=\"rotate(-90 %.2f %.2f)\"", at.x, at.y);
    fputc('>', file);
    markup_write(file, text);
    fputs("</text>\n", file);
}
