/* The formal grammar of formulas, which syntax.c reads and `weir list grammar` prints. */
#ifndef BASE_GRAMMAR_H
#define BASE_GRAMMAR_H

/* Line by line, NULL at the end. */
extern const char *const grammar_lines[];

#endif
