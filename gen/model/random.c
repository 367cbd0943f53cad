/* random.c: what nn.rng is made of: the runtime's generator, by seed and place in the sequence. Each kind of number has its
 * own stream, so that a normal never shares a word with a uniform. */
#include "model/script.h"
#include <nngen/random.h>

/* uniform(seed, index): in [0, 1) */
static int uniform(lua_State *lua)
{
    uint64_t seed = (uint64_t)luaL_checkinteger(lua, 1), index = (uint64_t)luaL_checkinteger(lua, 2);
    lua_pushnumber(lua, nn_uniform(seed, nn_stream("nn.rng.uniform"), 0, index));
    return 1;
}

/* standard_normal(seed, index) */
static int standard_normal(lua_State *lua)
{
    uint64_t seed = (uint64_t)luaL_checkinteger(lua, 1), index = (uint64_t)luaL_checkinteger(lua, 2);
    lua_pushnumber(lua, nn_normal(seed, nn_stream("nn.rng.normal"), 0, index));
    return 1;
}

/* random_integer(seed, index, first, last): both included. 64 bits are multiplied into the range (Lemire 2019, without the
 * rejection: the bias is below the size of the range in 2^64). */
static int integer(lua_State *lua)
{
    uint64_t seed = (uint64_t)luaL_checkinteger(lua, 1), index = (uint64_t)luaL_checkinteger(lua, 2);
    uint64_t first = (uint64_t)luaL_checkinteger(lua, 3), range = (uint64_t)luaL_checkinteger(lua, 4) - first + 1;
    uint32_t stream = nn_stream("nn.rng.integer");
    uint64_t word = (uint64_t)nn_random_word(seed, stream, 0, 2 * index) << 32 | nn_random_word(seed, stream, 0, 2 * index + 1);
    uint64_t offset = range ? (uint64_t)((unsigned __int128)word * range >> 64) : word;      /* 0: the whole range of 2^64 */
    lua_pushinteger(lua, (lua_Integer)(first + offset));
    return 1;
}

/* permutation(seed, index, n): the numbers 1 to n, the index-th order of this seed */
static int permutation(lua_State *lua)
{
    uint64_t seed = (uint64_t)luaL_checkinteger(lua, 1), index = (uint64_t)luaL_checkinteger(lua, 2);
    int count = (int)luaL_checkinteger(lua, 3);
    lua_createtable(lua, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushinteger(lua, (lua_Integer)nn_permute((uint64_t)i, (uint64_t)count, seed, index) + 1);
        lua_rawseti(lua, -2, i + 1);
    }
    return 1;
}

void add_random_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"uniform", uniform}, {"standard_normal", standard_normal}, {"random_integer", integer},
        {"permutation", permutation}, {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
