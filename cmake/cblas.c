/* Does a compiler find this header by itself? */
#include <cblas.h>

int main(void)
{
    return cblas_sdsdot(0, 0, 0, 1, 0, 1) != 0;
}
