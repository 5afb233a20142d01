/* The options of the file source, for programs that open files by their names. */
#ifndef INGEST_FILE_SOURCE_H
#define INGEST_FILE_SOURCE_H

enum file_format {
    FILE_FORMAT_AUTO, /* by the name: csv if it ends in .csv or .csv.gz, else jsonl */
    FILE_FORMAT_JSONL,
    FILE_FORMAT_CSV,
};

struct file_options {
    char path[1024]; /* "-": standard input */
    int format;      /* enum file_format */
};

#endif
