/* table.c: rows that were computed while the model was read. The program holds them as constants; nothing is copied. */
#include "failure.h"
#include "memory.h"
#include "source.h"

static void read_table(NnReading *reading, NnSet set, NnColumn *column)
{
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        char *place = nn_format_string("the table %s.%s", nn_set_name[set], input->name);
        if (!input->table[set])
            nn_fail(NN_WRONG_INPUT, place, "there is none; every input needs one");
        column[i] = (NnColumn){.stored = NN_STORED_F64, .values = input->table[set], .place = place,
                               .rows = nn_rows_kept(reading->data, set, reading->data->table_rows[set], place)};
        nn_check_column(input, &column[i]);
    }
}

const NnFormat nn_table = {.name = "table", .read = read_table};
