/* JSON objects to cells, through simdjson's DOM (Langdale and Lemire, "Parsing Gigabytes of JSON
 * per Second", 2019): the whole document is validated (grammar, UTF-8, numbers) before a cell is
 * filled.
 *
 * The schema's paths are made into a tree of names when the decoder is opened.  A record is then
 * one walk over its members: each name is looked up among those that the schema wants at this place
 * (by a hash of its length and bytes); what nobody wants is passed over, a name that comes twice is
 * refused, for nobody can say which of the two the sender was shown.
 *
 * The only C++ file: nothing is thrown here, and nothing allocated after open. */
extern "C" {
#include "ingest/decoder.h"
#include "ingest/json_flat.h"
#include "ingest/json_shape.h"
}
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>

namespace dom = simdjson::dom;

namespace
{

enum { DEPTH_MAX = 32, NONE = UINT32_MAX };
static_assert(BATCH_PADDING >= (int)simdjson::SIMDJSON_PADDING, "simdjson reads beyond the end");
static_assert((int)BATCH_PADDING >= (int)JSON_FLAT_PADDING, "the scan reads beyond the end");

/* A name in an object that the schema wants: a field's value, or an object with fields in it. */
struct node {
    const char *name; /* in the schema's field sources; not terminated */
    uint32_t size;
    uint32_t parent;
    uint64_t hash;
    uint64_t seen;  /* the number of the record that had it last */
    uint32_t field; /* the first of its fields, NONE if it has none; then next_field */
    uint32_t table,
        mask; /* its members: table[mask + 1] of nodes from here; mask is NONE if none */
};

/* A member's name in the record before, and what it meant: records of one sender have their members
 * in one order.  Two words that overlap, or one that is filled with zeros, are all of a name. */
struct known_name {
    uint64_t head, tail;
    uint32_t size; /* 0: none yet */
    uint32_t index;
};

struct json {
    const struct schema *schema;
    dom::parser parser;
    uint64_t record; /* counts records, so that nothing need be cleared between them */
    uint32_t node_count;
    struct node *node; /* node 0 is the record itself */
    uint32_t *table;
    uint32_t next_field[SCHEMA_FIELDS_MAX];
    uint64_t seen[SCHEMA_FIELDS_MAX];
    struct batch *batch; /* the record being decoded */
    uint32_t row;
    struct json_flat_member member[JSON_FLAT_MEMBERS_MAX]; /* of a plain record */
    struct known_name known[JSON_FLAT_MEMBERS_MAX];
    struct json_shape shape;

    json() : parser(BATCH_PAYLOAD_MAX) {}
};

/* Length and the outer bytes tell most names apart; a comparison settles the rest. */
uint64_t name_hash(const char *name, size_t size)
{
    uint64_t head = 0, tail = 0;
    if (size >= 4) {
        memcpy(&head, name, 4);
        memcpy(&tail, name + size - 4, 4);
    } else if (size > 0) {
        head = (unsigned char)name[0] | (uint64_t)(unsigned char)name[size / 2] << 8;
        tail = (unsigned char)name[size - 1];
    }
    uint64_t mixed = (head | tail << 32) * 0x9E3779B97F4A7C15ULL + size;
    return (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93ULL >> 32;
}

bool name_is(const struct node *node, const char *name, size_t size)
{
    return node->size == size && memcmp(node->name, name, size) == 0;
}

/* ---- the tree ---- */

uint32_t tree_step(struct json *self, uint32_t parent, const char *name, size_t size)
{
    for (uint32_t i = 1; i < self->node_count; i++)
        if (self->node[i].parent == parent && name_is(&self->node[i], name, size))
            return i;
    uint32_t index = self->node_count++;
    struct node *node = &self->node[index];
    node->name = name;
    node->size = (uint32_t)size;
    node->parent = parent;
    node->hash = name_hash(name, size);
    node->field = NONE;
    node->mask = NONE;
    return index;
}

void tree_add(struct json *self, uint32_t field)
{
    const char *at = self->schema->field[field].source;
    uint32_t place = 0;
    for (const char *dot; (dot = strchr(at, '.')); at = dot + 1)
        place = tree_step(self, place, at, (size_t)(dot - at));
    place = tree_step(self, place, at, strlen(at));
    self->next_field[field] = self->node[place].field;
    self->node[place].field = field;
}

/* Gives each node that has members a table at most half full; returns the cells used in all. */
uint32_t tree_size_tables(struct json *self)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < self->node_count; i++) {
        uint32_t members = 0, size = 2;
        for (uint32_t j = 1; j < self->node_count; j++)
            members += self->node[j].parent == i;
        if (members == 0)
            continue;
        while (size < 2 * members)
            size *= 2;
        self->node[i].table = used;
        self->node[i].mask = size - 1;
        used += size;
    }
    return used;
}

void tree_fill_tables(struct json *self, uint32_t cell_count)
{
    for (uint32_t i = 0; i < cell_count; i++)
        self->table[i] = NONE;
    for (uint32_t i = 1; i < self->node_count; i++) {
        const struct node *parent = &self->node[self->node[i].parent];
        uint64_t at = self->node[i].hash & parent->mask;
        while (self->table[parent->table + at] != NONE)
            at = (at + 1) & parent->mask;
        self->table[parent->table + at] = i;
    }
}

size_t tree_nodes_max(const struct schema *schema)
{
    size_t count = 1;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        count++;
        for (const char *at = schema->field[i].source; *at; at++)
            count += *at == '.';
    }
    return count;
}

bool tree_build(struct json *self)
{
    self->node = (struct node *)calloc(tree_nodes_max(self->schema), sizeof *self->node);
    if (!self->node)
        return false;
    self->node_count = 1;
    self->node[0].parent = NONE;
    self->node[0].field = NONE;
    self->node[0].mask = NONE;
    /* Backwards, because each goes in front of its chain. */
    for (uint32_t i = self->schema->field_count; i-- > 0;)
        tree_add(self, i);
    uint32_t cell_count = tree_size_tables(self);
    self->table = (uint32_t *)malloc((cell_count + 1) * sizeof *self->table);
    if (!self->table)
        return false;
    tree_fill_tables(self, cell_count);
    return true;
}

uint32_t tree_find(const struct json *self, const struct node *parent, std::string_view name)
{
    uint64_t at = name_hash(name.data(), name.size()) & parent->mask;
    for (;; at = (at + 1) & parent->mask) {
        uint32_t index = self->table[parent->table + at];
        if (index == NONE || name_is(&self->node[index], name.data(), name.size()))
            return index;
    }
}

/* ---- the walk ---- */

bool decode_unsigned(struct json *self, const struct field *field, uint64_t number)
{
    if (number <= INT64_MAX)
        return decode_integer(self->schema, field, (int64_t)number, self->batch, self->row);
    if (!field_type_is_key(field->type))
        return decode_number(field, (double)number, self->batch, self->row);
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return decode_text(self->schema, field, text, (size_t)size, self->batch, self->row);
}

bool decode_value(struct json *self, const struct field *field, dom::element value)
{
    struct batch *batch = self->batch;
    uint32_t row = self->row;
    switch (value.type()) {
    case dom::element_type::STRING: {
        std::string_view text = value.get_string().value_unsafe();
        return decode_text(self->schema, field, text.data(), text.size(), batch, row);
    }
    case dom::element_type::DOUBLE:
        return decode_number(field, value.get_double().value_unsafe(), batch, row);
    case dom::element_type::INT64:
        return decode_integer(self->schema, field, value.get_int64().value_unsafe(), batch, row);
    case dom::element_type::UINT64:
        return decode_unsigned(self, field, value.get_uint64().value_unsafe());
    case dom::element_type::BOOL:
        return decode_boolean(field, value.get_bool().value_unsafe(), batch, row);
    case dom::element_type::NULL_VALUE:
        return decode_missing(self->schema, field, batch, row);
    case dom::element_type::ARRAY:
        return decode_refuse(field, "a list", batch, row);
    case dom::element_type::OBJECT:
        return decode_refuse(field, "an object", batch, row);
    }
    return decode_refuse(field, "something unknown", batch, row);
}

bool walk(struct json *self, dom::object object, uint32_t place);

bool walk_member(struct json *self, uint32_t index, dom::element value)
{
    struct node *node = &self->node[index];
    if (node->seen == self->record) {
        batch_refuse(self->batch, self->row, "%.*s: comes twice in one object", (int)node->size,
                     node->name);
        return false;
    }
    node->seen = self->record;
    for (uint32_t i = node->field; i != NONE; i = self->next_field[i]) {
        self->seen[i] = self->record;
        if (!decode_value(self, &self->schema->field[i], value))
            return false;
    }
    if (node->mask == NONE || value.is_null())
        return true;
    if (value.is_object())
        return walk(self, value.get_object().value_unsafe(), index);
    batch_refuse(self->batch, self->row, "%.*s: expected an object, found another value",
                 (int)node->size, node->name);
    return false;
}

/* Goes no deeper than the schema's paths do, and the parser has refused what is deeper than
 * DEPTH_MAX. */
bool walk(struct json *self, dom::object object, uint32_t place)
{
    const struct node *parent = &self->node[place];
    if (parent->mask == NONE)
        return true;
    for (dom::key_value_pair member : object) {
        uint32_t index = tree_find(self, parent, member.key);
        if (index != NONE && !walk_member(self, index, member.value))
            return false;
    }
    return true;
}

bool decode_absent(struct json *self)
{
    for (uint32_t i = 0; i < self->schema->field_count; i++)
        if (self->seen[i] != self->record &&
            !decode_missing(self->schema, &self->schema->field[i], self->batch, self->row))
            return false;
    return true;
}

const char *error_words(simdjson::error_code error)
{
    switch (error) {
    case simdjson::EMPTY:
        return "empty record";
    case simdjson::UTF8_ERROR:
        return "not valid JSON: bytes that are not UTF-8";
    case simdjson::DEPTH_ERROR:
        return "not accepted: objects and lists nested more than 32 deep";
    case simdjson::NUMBER_ERROR:
        return "not valid JSON: a number that is misspelt or too large";
    case simdjson::STRING_ERROR:
        return "not valid JSON: a text with a wrong escape";
    case simdjson::UNESCAPED_CHARS:
        return "not valid JSON: a control character in a text";
    case simdjson::UNCLOSED_STRING:
        return "not valid JSON: a text without its closing quote";
    case simdjson::CAPACITY:
        return "not accepted: a record that is too large";
    default:
        return "not valid JSON: expected one complete object";
    }
}

/* ---- the id of a record that is refused ---- */

/* The member of that name; false if there is none, or more than one: nobody can say which is meant.
 */
bool find_only(dom::object object, std::string_view name, dom::element *value)
{
    uint32_t found = 0;
    for (dom::key_value_pair member : object) {
        if (member.key != name)
            continue;
        *value = member.value;
        found++;
    }
    return found == 1;
}

bool find_path(dom::object object, const char *path, dom::element *value)
{
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1)
        if (!find_only(object, std::string_view(path, (size_t)(dot - path)), value) ||
            value->get_object().get(object))
            return false;
    return find_only(object, path, value);
}

void keep_id_text(struct json *self, std::string_view text)
{
    struct span span;
    bool good = text.size() > 0 && text.size() <= SCHEMA_TEXT_MAX &&
                !memchr(text.data(), '\0', text.size());
    if (good && batch_keep_text(self->batch, self->row, text.data(), text.size(), &span))
        self->batch->id_text[self->row] = span;
}

void keep_id_number(struct json *self, dom::element value)
{
    char text[24];
    int size = value.is_int64() ? snprintf(text, sizeof text, "%lld",
                                           (long long)value.get_int64().value_unsafe())
                                : snprintf(text, sizeof text, "%llu",
                                           (unsigned long long)value.get_uint64().value_unsafe());
    keep_id_text(self, std::string_view(text, (size_t)size));
}

/* The dead letter names the record if the fault is not in the id itself, wherever in the object the
 * id stands.  A sensitive one is not kept. */
void keep_id(struct json *self, dom::object object)
{
    const struct field *field = self->schema->field;
    const struct field *end = field + self->schema->field_count;
    while (field < end && field->role != ROLE_ID)
        field++;
    dom::element value;
    if (field == end || field->sensitive || !find_path(object, field->source, &value))
        return;
    self->batch->room_used[self->row] = 0; /* no cell of a refused record needs its text */
    if (value.is_string())
        keep_id_text(self, value.get_string().value_unsafe());
    else if (value.is_int64() || value.is_uint64())
        keep_id_number(self, value);
}

/* ---- a plain record ---- */

bool decode_member(struct json *self, const struct field *field,
                   const struct json_flat_member *member)
{
    struct batch *batch = self->batch;
    uint32_t row = self->row;
    switch (member->type) {
    case FLAT_TEXT:
        return decode_text(self->schema, field, member->text, member->text_size, batch, row);
    case FLAT_INTEGER:
        return decode_integer(self->schema, field, member->integer, batch, row);
    case FLAT_DECIMAL:
        return decode_number(field, member->decimal, batch, row);
    case FLAT_TRUE:
    case FLAT_FALSE:
        return decode_boolean(field, member->type == FLAT_TRUE, batch, row);
    case FLAT_NULL:
        return decode_missing(self->schema, field, batch, row);
    }
    return false;
}

/* As tree_find for the record's own members.  Eight bytes from the name's first are in the record
 * or its padding. */
uint32_t find_known(struct json *self, struct known_name *known, const char *name, uint32_t size)
{
    if (size == 0 || size > 2 * sizeof(uint64_t))
        return tree_find(self, &self->node[0], {name, size});
    uint64_t head, tail = 0;
    memcpy(&head, name, sizeof head);
    if (size < sizeof head)
        head &= (1ULL << 8 * size) - 1;
    else
        memcpy(&tail, name + size - sizeof tail, sizeof tail);
    if (known->size != size || known->head != head || known->tail != tail)
        *known = {head, tail, size, tree_find(self, &self->node[0], {name, size})};
    return known->index;
}

/* As walk_member, but that it need not tell why not. */
bool take_member(struct json *self, uint32_t place)
{
    const struct json_flat_member *member = &self->member[place];
    uint32_t index = find_known(self, &self->known[place], member->name, member->name_size);
    if (index == NONE)
        return true;
    struct node *node = &self->node[index];
    if (node->seen == self->record)
        return false;
    node->seen = self->record;
    for (uint32_t i = node->field; i != NONE; i = self->next_field[i]) {
        self->seen[i] = self->record;
        if (!decode_member(self, &self->schema->field[i], member))
            return false;
    }
    return node->mask == NONE || member->type == FLAT_NULL;
}

bool take_members(struct json *self, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!take_member(self, i))
            return false;
    return decode_absent(self);
}

/* The record that was taken member by member is what the next one is compared with.  None that has
 * a member where the schema expects an object. */
void learn_shape(struct json *self, const char *record, uint32_t count)
{
    struct json_shape *shape = &self->shape;
    const char *before = record;
    json_shape_begin(shape);
    for (uint32_t i = 0; i < count; i++) {
        const struct json_flat_member *member = &self->member[i];
        uint32_t index = find_known(self, &self->known[i], member->name, member->name_size);
        if (index != NONE && self->node[index].mask != NONE) {
            json_shape_begin(shape);
            return;
        }
        json_shape_member(shape, before, member);
        uint32_t field = index == NONE ? (uint32_t)NONE : self->node[index].field;
        for (; field != NONE; field = self->next_field[field])
            json_shape_want(shape, &self->schema->field[field]);
        before = member->end;
    }
    json_shape_end(shape, self->schema);
}

/* What was taken from the row's record was not for good. */
void take_back(struct json *self)
{
    struct batch *batch = self->batch;
    self->record++;
    batch->dead[self->row] = false;
    batch->room_used[self->row] = 0;
    batch->id[self->row] = 0;
    batch->id_text[self->row] = {0, 0};
    batch->label[self->row] = MISSING;
}

/* Without the parser, if the record is plain and nothing is wrong with it.  Otherwise false and
 * nothing done, so that there is but one who refuses. */
bool decode_plain(struct json *self)
{
    struct batch *batch = self->batch;
    struct span payload = batch->payload[self->row];
    const char *record = batch_bytes(batch, payload);
    if (self->node[0].mask == NONE)
        return false;
    if (json_shape_decode(&self->shape, self->schema, batch, self->row))
        return true;
    take_back(self);
    uint32_t count = json_flat_scan(record, payload.size, self->member);
    if (count == JSON_NOT_FLAT)
        return false;
    if (take_members(self, count)) {
        if (json_shape_wants(&self->shape))
            learn_shape(self, record, count);
        return true;
    }
    take_back(self);
    return false;
}

/* ---- a record ---- */

bool decode_object(struct json *self, dom::object object)
{
    if (walk(self, object, 0) && decode_absent(self))
        return true;
    self->batch->id_text[self->row] = {0, 0};
    keep_id(self, object);
    return false;
}

bool decode_payload(struct json *self)
{
    struct batch *batch = self->batch;
    struct span payload = batch->payload[self->row];
    dom::element document;
    simdjson::error_code error =
        self->parser.parse((const uint8_t *)batch_bytes(batch, payload), payload.size, false)
            .get(document);
    if (payload.size == 0 || error) {
        const char *words = payload.size == 0 ? "empty record" : error_words(error);
        batch_refuse(batch, self->row, "%s", words);
        return false;
    }
    dom::object object;
    if (document.get_object().get(object)) {
        batch_refuse(batch, self->row, "expected a JSON object, found another value");
        return false;
    }
    return decode_object(self, object);
}

void json_close(void *instance)
{
    struct json *self = (struct json *)instance;
    if (!self)
        return;
    free(self->node);
    free(self->table);
    delete self;
}

enum status json_open(void **instance, const struct schema *schema, const char *,
                      struct failure *failure)
{
    struct json *self = new (std::nothrow) struct json;
    *instance = self;
    if (!self)
        return failure_set(failure, STATUS_STOP,
                           "could not allocate a JSON decoder: out of memory");
    self->schema = schema;
    self->record = 0;
    self->node = NULL;
    self->table = NULL;
    memset(self->seen, 0, sizeof self->seen);
    memset(self->known, 0, sizeof self->known);
    memset(&self->shape, 0, sizeof self->shape);
    bool allocated = !self->parser.allocate(BATCH_PAYLOAD_MAX, DEPTH_MAX) &&
                     !self->parser.doc.allocate(BATCH_PAYLOAD_MAX);
    if (allocated && tree_build(self))
        return STATUS_OK;
    json_close(self);
    *instance = NULL;
    return failure_set(failure, STATUS_STOP, "could not allocate a JSON decoder: out of memory");
}

void json_decode(void *instance, struct batch *batch, uint32_t row)
{
    struct json *self = (struct json *)instance;
    self->record++;
    self->batch = batch;
    self->row = row;
    batch->id[row] = 0;
    batch->id_text[row] = {0, 0};
    batch->label[row] = MISSING;
    if (batch->dead[row] || (!decode_plain(self) && !decode_payload(self)))
        decode_blank(self->schema, batch, row);
}

} // namespace

extern "C" {
extern const struct decoder_kind json_decoder;
const struct decoder_kind json_decoder = {
    "json",     "one JSON object a record; fields are found by their path (card.issuer.country)",
    json_open,  json_decode,
    json_close,
};
}
