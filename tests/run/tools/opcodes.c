/* opcodes.c: opcodes FILE.c|FILE.cubin: which machine instructions the kernels of a CUBIN are, without NVIDIA's disassembler.
 *
 * A line a kernel: NAME COUNT LDL=n STL=n FFMA=n HMMA=n … Instructions of sm_75 and later take 16 bytes with the operation in the low
 * twelve bits, of which 9 to 11 say how operands are given. Of an emitted program the array cubin_bytes is read. */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { unsigned operation; const char *name; } known[] = {
    {0x183, "LDL"}, {0x187, "STL"}, {0x023, "FFMA"}, {0x02b, "DFMA"}, {0x03c, "HMMA"}, {0x021, "FADD"}, {0x181, "LDG"}, {0x186, "STG"},
    {0x184, "LDS"}, {0x188, "STS"}, {0x189, "SHFL"}, {0x11d, "BAR"},
};
enum { KNOWN = sizeof known / sizeof *known };

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        exit(2);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = calloc(1, *size + 1);
    if (fread(bytes, 1, *size, file) != *size)
        exit(2);
    fclose(file);
    return bytes;
}

static void from_program(unsigned char *bytes, size_t *size)
{
    char *at = strstr((char *)bytes, "cubin_bytes[] = {");
    if (!at)
        exit(2);
    *size = 0;
    for (at = strchr(at, '{') + 1; *(at += strspn(at, ", \n")) != '}';)
        bytes[(*size)++] = (unsigned char)strtoul(at, &at, 10);          /* always behind what is read */
}

int main(int argc, char **argv)
{
    size_t size;
    if (argc != 2)
        return 2;
    unsigned char *bytes = read_file(argv[1], &size);
    if (memcmp(bytes, ELFMAG, SELFMAG))
        from_program(bytes, &size);
    const Elf64_Ehdr *head = (const void *)bytes;
    const Elf64_Shdr *section = (const void *)(bytes + head->e_shoff);
    const char *names = (const char *)bytes + section[head->e_shstrndx].sh_offset;
    for (int s = 0; s < head->e_shnum; s++) {
        const char *name = names + section[s].sh_name;
        if (strncmp(name, ".text.", 6))
            continue;
        unsigned count[KNOWN] = {0};
        const size_t instructions = section[s].sh_size / 16;
        for (size_t i = 0; i < instructions; i++) {
            uint64_t word;
            memcpy(&word, bytes + section[s].sh_offset + 16 * i, sizeof word);
            for (int k = 0; k < KNOWN; k++)
                count[k] += (word & 0x1ff) == known[k].operation;
        }
        printf("%s %zu", name + 6, instructions);
        for (int k = 0; k < KNOWN; k++)
            if (count[k])
                printf(" %s=%u", known[k].name, count[k]);
        putchar('\n');
    }
    return 0;
}
