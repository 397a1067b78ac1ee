// SPDX-License-Identifier: Apache-2.0
// Text of strangers inside HTML and SVG.
#include "text/markup.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void expect(const char *text, const char *written)
{
    char *out = NULL;
    size_t size;
    FILE *file = open_memstream(&out, &size);
    cr_assert(file);
    markup_write(file, text);
    fclose(file);
    cr_expect_str_eq(out, written);
    free(out);
}

Test(markup, markup_becomes_references)
{
    expect("</title><script>a && \"b\"</script>",
           "&lt;/title&gt;&lt;script&gt;a &amp;&amp; &quot;b&quot;&lt;/script&gt;");
}

Test(markup, what_no_reader_takes_becomes_a_question_mark)
{
    expect("gr\xc3\xbc\xc3\x9f\x65", "gr\xc3\xbc\xc3\x9f\x65");
    expect("a\x01\x62\nc", "a?b?c");
    expect("\xff\xc0<", "??&lt;");
}
