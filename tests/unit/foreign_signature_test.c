// SPDX-License-Identifier: Apache-2.0
#include "foreign/signature.h"

#include <criterion/criterion.h>
#include <string.h>

static struct signature *parse(const char *text)
{
    struct error error;
    struct signature *signature;
    error_clear(&error);
    cr_assert_eq(signature_parse(&signature, text, &error), ESP_OK, "%s: %s", text, error.message);
    return signature;
}

Test(foreign_signature, the_issues_own)
{
    struct signature *signature = parse("f64 (i32 n, ptr<const f64> x)");
    cr_expect_eq(signature->result.kind, FOREIGN_F64);
    cr_assert_eq(signature->count, 2);
    cr_expect_eq(signature->arguments[0].type.kind, FOREIGN_I32);
    cr_expect_str_eq(signature->arguments[0].name, "n");
    cr_expect_eq(signature->arguments[1].type.kind, FOREIGN_POINTER);
    cr_expect_eq(signature->arguments[1].type.element, FOREIGN_F64);
    cr_expect(signature->arguments[1].type.constant);
    cr_expect_eq(signature->arguments[1].length, -1);
    cr_expect_eq(signature->arguments[1].length_of, -1);
    signature_destroy(signature);
}

Test(foreign_signature, every_type)
{
    struct signature *signature =
        parse("void(i8,i16,i32,i64,u8,u16,u32,u64,f32,f64,str,ptr,ptr<ptr>,ptr<u8>,"
              "fn<f64 (u32 n, ptr<const f64> x[n], ptr data)>)");
    cr_assert_eq(signature->count, 15);
    for (uint64_t i = 0; i < 12; i++)
        cr_expect_eq(signature->arguments[i].type.kind, (enum foreign_kind)(FOREIGN_I8 + i));
    cr_expect_eq(signature->arguments[11].type.element, FOREIGN_VOID);
    cr_expect_eq(signature->arguments[12].type.element, FOREIGN_POINTER);
    const struct signature *function = signature->arguments[14].type.function;
    cr_expect_eq(function->count, 3);
    cr_expect_eq(function->arguments[1].length_of, 0);
    cr_expect_null(signature->arguments[0].name);
    signature_destroy(signature);
    signature = parse("  ptr  (  )  ");
    cr_expect_eq(signature->count, 0);
    signature_destroy(signature);
}

Test(foreign_signature, lengths_are_numbers_or_arguments_wherever_they_stand)
{
    struct signature *signature = parse("i32 (ptr<f64> x[n], ptr<const i32> n, ptr<f32> y[12])");
    cr_expect_eq(signature->arguments[0].length_of, 1);
    cr_expect_eq(signature->arguments[2].length, 12);
    cr_expect_eq(signature_find(signature, "y"), &signature->arguments[2]);
    cr_expect_null(signature_find(signature, "z"));
    signature_destroy(signature);
}

// The column counts from 1; the second words stand in the message.
static const struct {
    const char *text, *column, *words;
} wrong[] = {
    {"", "column 1:", "expected a type, found the end"},
    {"f64", "column 4:", "expected '(' behind the type of the result"},
    {"f64 (i33 n)", "column 6:", "did you mean 'i32'?"},
    {"f64 (int n)", "column 6:", "C's int is i32"},
    {"double (i32 n)", "column 1:", "C's double is f64"},
    {"f64 (i32 n", "column 11:", "expected ',' or ')' behind an argument, found the end"},
    {"f64 (i32 n) x", "column 13:", "expected nothing behind the signature"},
    {"f64 (i32 n, f64 n)", "column 17:", "the name 'n' stands twice"},
    {"f64 (void)", "column 6:", "no argument is void"},
    {"f64 (ptr<void> p)", "column 10:", "an address of anything is ptr alone"},
    {"f64 (ptr<str> p)", "column 10:", "a list of those is not served"},
    {"f64 (ptr<f64 p)", "column 14:", "expected '>'"},
    {"f64 (ptr<const f64> x[m])", "column 23:", "the length 'm' is no argument"},
    {"f64 (f64 m, ptr<const f64> x[m])", "column 30:", "the length 'm' is no integer"},
    {"f64 (i32 n[3])", "column 11:", "a length belongs to a ptr<...>"},
    {"f64 (ptr<f64> x[0])", "column 17:", "a length is 1 to"},
    {"f64 (ptr<f64> x[)", "column 17:", "expected a number or an argument's name"},
    {"fn<f64 ()> ()", "column 1:", "a function that answers with a function"},
    {"f64 (fn f)", "column 9:", "expected '<' behind 'fn'"},
    {"f64 (fn<f64 (int n)> f)", "column 14:", "C's int is i32"},
    {"f64 (fn<f64(fn<f64(fn<f64(fn<f64(fn<f64()>)>)>)>)>)", "column 36:", "at most 4 deep"},
};

Test(foreign_signature, what_is_none_is_shown_with_its_column)
{
    for (size_t i = 0; i < ESP_COUNT(wrong); i++) {
        struct error error;
        struct signature *signature;
        error_clear(&error);
        cr_expect_eq(signature_parse(&signature, wrong[i].text, &error), ESP_ERROR_INVALID, "%s",
                     wrong[i].text);
        cr_expect_null(signature);
        cr_expect(strncmp(error.message, wrong[i].column, strlen(wrong[i].column)) == 0, "%s: %s",
                  wrong[i].text, error.message);
        cr_expect(strstr(error.message, wrong[i].words), "%s: %s", wrong[i].text, error.message);
        cr_expect(strchr(error.message, '^'), "%s", error.message);
    }
}

Test(foreign_signature, too_many_arguments)
{
    char text[512] = "void (i32";
    struct error error;
    struct signature *signature;
    error_clear(&error);
    for (int i = 1; i < FOREIGN_MOST_ARGUMENTS; i++)
        strcat(text, ", i32");
    strcat(text, ")");
    signature_destroy(parse(text));
    strcpy(strrchr(text, ')'), ", i32)");
    cr_expect_eq(signature_parse(&signature, text, &error), ESP_ERROR_INVALID);
    cr_expect(strstr(error.message, "at most 32 arguments"), "%s", error.message);
}

Test(foreign_signature, types_in_words)
{
    struct signature *signature = parse("f32 (ptr<const u16>, ptr, ptr<ptr>, str)");
    const char *const expected[] = {"ptr<const u16>", "ptr", "ptr<ptr>", "str"};
    char words[32];
    for (size_t i = 0; i < 4; i++)
        cr_expect_str_eq(foreign_type_text(words, &signature->arguments[i].type), expected[i]);
    signature_destroy(signature);
}
