/* The rules of formulas in EBNF: [ once or not ], { any number of times }, "as written".  A rule
 * changes together with its function in syntax.c. */
#include "base/grammar.h"
#include <stddef.h>

const char *const grammar_lines[] = {
    "formula    = and { \"or\" and }",
    "and        = not { \"and\" not }",
    "not        = \"not\" not | comparison",
    "comparison = sum [ (\"<\" | \"<=\" | \">\" | \">=\" | \"==\" | \"!=\") sum | [ \"not\" ] "
    "\"in\" set ]",
    "set        = name | \"(\" member { \",\" member } \")\"",
    "member     = text | [ \"-\" ] ( number | duration )",
    "sum        = product { (\"+\" | \"-\") product }",
    "product    = unary { (\"*\" | \"/\" | \"%\") unary }",
    "unary      = \"-\" unary | primary",
    "primary    = number | duration | text | \"true\" | \"false\" | name | call | \"(\" formula "
    "\")\"",
    "call       = name \"(\" [ formula { \",\" formula } ] \")\" { clause }",
    "",
    "clause     = by | over | session | delay | from | where | before",
    "by         = \"by\" ( name | \"(\" name { \",\" name } \")\" )",
    "over       = \"over\" window",
    "window     = duration | \"last\" whole | period | session",
    "period     = \"today\" | \"this\" ( \"hour\" | \"day\" | \"week\" | \"month\" | \"year\" )",
    "session    = \"session\" \"gap\" duration",
    "delay      = \"delay\" duration",
    "from       = \"from\" duration \"to\" duration",
    "where      = \"where\" formula",
    "before     = \"before\"",
    "",
    "whole      = digits",
    "number     = digits [ \".\" digits ] [ (\"e\" | \"E\") [ \"+\" | \"-\" ] digits ]",
    "duration   = digits [ \".\" digits ] ( \"ms\" | \"s\" | \"m\" | \"h\" | \"d\" | \"w\" )",
    "text       = \"'\" { any but \"'\" } \"'\" | '\"' { any but '\"' } '\"'",
    "name       = ( letter | \"_\" ) { letter | digit | \"_\" }",
    "",
    "Blanks may stand between all of these.  A name is ASCII and has at most 63 bytes, a text at "
    "most",
    "255.  Clauses belong to the call right before them, each at most once.",
    NULL,
};
