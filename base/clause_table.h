/* What may stand behind a window's call, for people: `weir list clauses`. */
#ifndef BASE_CLAUSE_TABLE_H
#define BASE_CLAUSE_TABLE_H

struct clause_help {
    const char *form, *summary;
};

/* In the order of the grammar; form NULL at the end. */
extern const struct clause_help clause_table[];

#endif
