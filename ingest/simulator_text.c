/* Simulated transactions as JSON; see simulator.h.  Numbers are written digit by digit: a million
 * transactions a second leave no time for printf. */
#include "base/calendar.h"
#include "ingest/simulator.h"
#include <string.h>

#define write_literal(buffer, text) buffer_bytes(buffer, text, sizeof(text) - 1)

static const char hexadecimal[] = "0123456789abcdef";

/* The last `width` digits of a number, with leading zeros. */
static void put_digits(char *into, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        into[i] = (char)('0' + value % 10);
}

static void write_digits(struct buffer *buffer, uint64_t value, int width)
{
    char digits[20];
    put_digits(digits, value, width);
    buffer_bytes(buffer, digits, (size_t)width);
}

/* "2025-01-01T00:00:00.000Z": the day in 400-year eras that begin in March, so that the leap day is
 * the last of a year. */
static void write_time(struct buffer *buffer, int64_t time_ms)
{
    int64_t days = time_ms / DAY_MS + 719468, rest = time_ms % DAY_MS;
    int64_t era = days / 146097, of_era = days % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    char text[] = "0000-00-00T00:00:00.000Z";
    put_digits(text, (uint64_t)(year + era * 400 + (month <= 2)), 4);
    put_digits(text + 5, (uint64_t)month, 2);
    put_digits(text + 8, (uint64_t)(of_year - (153 * shifted + 2) / 5 + 1), 2);
    put_digits(text + 11, (uint64_t)(rest / HOUR_MS), 2);
    put_digits(text + 14, (uint64_t)(rest / MINUTE_MS % 60), 2);
    put_digits(text + 17, (uint64_t)(rest / SECOND_MS % 60), 2);
    put_digits(text + 20, (uint64_t)(rest % SECOND_MS), 3);
    buffer_bytes(buffer, text, sizeof text - 1);
}

/* Luhn's check digit makes the sum of all digits, every second one doubled, a multiple of ten. */
void transaction_card(uint32_t customer, char card[CARD_DIGITS])
{
    memcpy(card, "400000", 6);
    put_digits(card + 6, customer % 1000000000, 9);
    int sum = 0;
    for (int i = 0; i < CARD_DIGITS - 1; i++) {
        int digit = card[i] - '0';
        int doubled = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += i % 2 == 0 ? doubled : digit;
    }
    card[CARD_DIGITS - 1] = (char)('0' + (10 - sum % 10) % 10);
}

static void write_id(struct buffer *buffer, int64_t number)
{
    write_literal(buffer, "{\"id\":\"t");
    write_digits(buffer, (uint64_t)number, 10);
}

static void write_online(struct buffer *buffer, const struct transaction *transaction)
{
    if (transaction->device == 0) {
        write_literal(buffer, ",\"device\":null,\"ip\":null");
        return;
    }
    char device[12];
    for (int i = 0; i < 12; i++)
        device[i] = hexadecimal[transaction->device >> (60 - 4 * i) & 15];
    write_literal(buffer, ",\"device\":\"d");
    buffer_bytes(buffer, device, sizeof device);
    write_literal(buffer, "\",\"ip\":\"");
    for (int i = 3; i >= 0; i--) {
        buffer_integer(buffer, transaction->ip >> (8 * i) & 255);
        buffer_bytes(buffer, i ? "." : "\"", 1);
    }
}

static void write_place(struct buffer *buffer, const struct transaction *transaction)
{
    static const char countries[][3] = {"ES", "FR", "GB", "NL", "DE"};
    const char *country = countries[transaction->country];
    write_literal(buffer, ",\"currency\":\"");
    buffer_bytes(buffer, strcmp(country, "GB") == 0 ? "GBP" : "EUR", 3);
    write_literal(buffer, "\",\"country\":\"");
    buffer_bytes(buffer, country, 2);
    write_literal(buffer, "\",\"lat\":");
    buffer_decimal(buffer, transaction->latitude, 4);
    write_literal(buffer, ",\"lon\":");
    buffer_decimal(buffer, transaction->longitude, 4);
}

static void write_payment(struct buffer *buffer, const struct transaction *transaction)
{
    static const char channels[][4] = {"pos", "web", "atm"};
    write_literal(buffer, "\",\"merchant\":\"m");
    write_digits(buffer, transaction->merchant, 6);
    write_literal(buffer, "\",\"terminal\":\"p");
    write_digits(buffer, transaction->terminal, 7);
    write_literal(buffer, "\",\"mcc\":\"");
    write_digits(buffer, transaction->mcc, 4);
    write_literal(buffer, "\",\"channel\":\"");
    buffer_bytes(buffer, channels[transaction->channel], 3);
    write_literal(buffer, "\",\"amount\":");
    buffer_integer(buffer, transaction->amount_cents / 100);
    write_literal(buffer, ".");
    write_digits(buffer, transaction->amount_cents % 100, 2);
}

void transaction_write(struct buffer *buffer, const struct transaction *transaction, bool truth)
{
    char card[CARD_DIGITS];
    transaction_card(transaction->customer, card);
    write_id(buffer, transaction->number);
    write_literal(buffer, "\",\"time\":\"");
    write_time(buffer, transaction->time_ms);
    write_literal(buffer, "\",\"card\":\"");
    buffer_bytes(buffer, card, sizeof card);
    write_payment(buffer, transaction);
    write_place(buffer, transaction);
    write_online(buffer, transaction);
    if (transaction->declined)
        write_literal(buffer, ",\"status\":\"declined\"");
    else
        write_literal(buffer, ",\"status\":\"approved\"");
    if (truth && transaction->scenario != SCENARIO_NONE)
        write_literal(buffer, ",\"fraud\":true");
    else if (truth)
        write_literal(buffer, ",\"fraud\":false");
    write_literal(buffer, "}");
}

void transaction_write_label(struct buffer *buffer, int64_t number, bool fraud, int64_t known_ms)
{
    write_id(buffer, number);
    buffer_text(buffer, fraud ? "\",\"fraud\":true,\"time\":\"" : "\",\"fraud\":false,\"time\":\"");
    write_time(buffer, known_ms);
    write_literal(buffer, "\"}");
}
