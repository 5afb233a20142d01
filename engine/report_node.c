/* What a node adds to the report of its engine. */
#include "engine/report.h"

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

static json_t *snapshots_json(const struct snapshots *snapshots)
{
    if (!snapshots)
        return json_null();
    struct snapshots_report report;
    snapshots_report(snapshots, &report);
    json_t *pause =
        json_pack("{s:I,s:f,s:f,s:f}", "turns", (json_int_t)report.pauses, "sum",
                  milliseconds(report.pause_sum_ns), "p99_9", milliseconds(report.pause_p99_9_ns),
                  "maximum", milliseconds(report.pause_maximum_ns));
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:o}", "written", (json_int_t)report.written, "failed",
                     (json_int_t)report.failed, "last_sequence", (json_int_t)report.last_sequence,
                     "last_bytes", (json_int_t)report.bytes, "last_ms",
                     (json_int_t)report.last_duration_ms, "pause_ms", pause);
}

void report_add_node(json_t *report, struct node *node)
{
    struct node_report of;
    node_report(node, &of);
    char chain[24];
    snprintf(chain, sizeof chain, "%016llx", (unsigned long long)of.chain);
    json_object_set_new(
        report, "journal",
        json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "sequence", (json_int_t)of.sequence,
                  "chain", chain, "entries_led", (json_int_t)of.led, "entries_followed",
                  (json_int_t)of.followed, "records_replayed", (json_int_t)of.replayed, "aborted",
                  (json_int_t)of.aborted, "doubtful", (json_int_t)of.doubtful, "states_dropped",
                  (json_int_t)of.dropped, "state_hashes_equal", (json_int_t)of.hashes_equal));
    json_object_set_new(report, "snapshots", snapshots_json(node_snapshots(node)));
}

void report_print_node(struct node *node, FILE *file)
{
    struct node_report of;
    node_report(node, &of);
    fprintf(file,
            "%-18s entry %llu, chain %016llx; %llu entries led, %llu followed (%llu records)\n",
            "journal", (unsigned long long)of.sequence, (unsigned long long)of.chain,
            (unsigned long long)of.led, (unsigned long long)of.followed,
            (unsigned long long)of.replayed);
    if (of.aborted + of.doubtful + of.dropped)
        fprintf(file, "%-18s %llu transactions aborted, %llu in doubt; state dropped %llu times\n",
                "", (unsigned long long)of.aborted, (unsigned long long)of.doubtful,
                (unsigned long long)of.dropped);
    if (of.hashes_equal)
        fprintf(file, "%-18s %llu state hashes of the journal compared, all equal\n", "",
                (unsigned long long)of.hashes_equal);
    if (!node_snapshots(node))
        return;
    struct snapshots_report report;
    snapshots_report(node_snapshots(node), &report);
    fprintf(file,
            "%-18s %llu written, %llu failed; the last one of entry %llu, %.1f MiB in %llu ms\n",
            "snapshots", (unsigned long long)report.written, (unsigned long long)report.failed,
            (unsigned long long)report.last_sequence, (double)report.bytes / 1048576,
            (unsigned long long)report.last_duration_ms);
    if (report.pauses)
        fprintf(file, "%-18s %llu turns held up, 99.9 %% of them at most %.3f ms, one %.3f ms\n",
                "", (unsigned long long)report.pauses, milliseconds(report.pause_p99_9_ns),
                milliseconds(report.pause_maximum_ns));
}
