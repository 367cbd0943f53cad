/* image_file.h: pictures as rows. */
#ifndef NNGEN_RUNTIME_IMAGE_FILE_H
#define NNGEN_RUNTIME_IMAGE_FILE_H

#include "source.h"

/* Into out[channels][height][width] of the input's shape. No PNG or JPEG, torn, damaged, of another size: status 1. */
void nn_decode_image(const char *path, const NnInput *input, unsigned char *out);

#endif
