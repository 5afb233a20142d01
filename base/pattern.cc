/* RE2 behind C functions; see pattern.h. */
#include "base/pattern.h"
#include <cstdio>
#include <cstring>
#include <new>
#include <re2/re2.h>

struct pattern {
    re2::RE2 compiled;

    pattern(re2::StringPiece text, const re2::RE2::Options &options) : compiled(text, options) {}
};

namespace
{

/* What RE2 stumbled on is a piece of the text, so it can be found again. */
size_t error_column(re2::StringPiece text, const std::string &piece)
{
    size_t at = piece.empty() ? re2::StringPiece::npos : text.find(piece, 0);
    return at == re2::StringPiece::npos ? 0 : at;
}

void fill_error(const re2::RE2 &compiled, re2::StringPiece text, struct pattern_error *error)
{
    const std::string &piece = compiled.error_arg();
    error->column = error_column(text, piece);
    const char *why = compiled.error_code() == re2::RE2::ErrorPatternTooLarge
                          ? "it needs too much memory"
                          : compiled.error().c_str();
    snprintf(error->message, sizeof error->message, "%s", why);
}

} // namespace

extern "C" struct pattern *pattern_open(const char *text, size_t size, struct pattern_error *error)
{
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(PATTERN_MEMORY_MAX);
    re2::StringPiece piece(text, size);
    struct pattern *pattern = new (std::nothrow) struct pattern(piece, options);
    *error = {0, "out of memory"};
    if (pattern && pattern->compiled.ok())
        return pattern;
    if (pattern)
        fill_error(pattern->compiled, piece, error);
    delete pattern;
    return nullptr;
}

extern "C" void pattern_close(void *pattern)
{
    delete (struct pattern *)pattern;
}

extern "C" bool pattern_matches(const struct pattern *pattern, const char *text, size_t size)
{
    re2::StringPiece piece(text, size);
    return pattern->compiled.Match(piece, 0, size, re2::RE2::UNANCHORED, nullptr, 0);
}
