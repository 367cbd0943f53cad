# cmake -DINPUT=F -DOUTPUT=F.c -DSYMBOL=name -P embed.cmake: a file's bytes as C, sixteen a line.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${hex}")
string(REPEAT "\\\\x[0-9a-f][0-9a-f]" 16 sixteen)
string(REGEX REPLACE "(${sixteen})" "\\1\"\n    \"" bytes "${bytes}")
get_filename_component(name ${INPUT} NAME)
file(WRITE ${OUTPUT} "/* ${name}, made by cmake/embed.cmake */
#include <stddef.h>
extern const char ${SYMBOL}[];
extern const size_t ${SYMBOL}_size;
const char ${SYMBOL}[] =
    \"${bytes}\";
const size_t ${SYMBOL}_size = sizeof ${SYMBOL} - 1;
")
