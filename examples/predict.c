/* predict.c: a trained network in a program of its own.
 *
 *   nngen run models/digits.lua -- --save digits.safetensors         train, keep the weights
 *   nngen models/digits.lua --emit predict -o digits.c               writes digits.c and digits.h
 *   cc examples/predict.c digits.c -I. $(nngen flags) -o predict
 *   tail -n +2 models/data/digits.csv | ./predict digits.safetensors
 *
 * Reads rows of 64 pixels and a label, separated by commas; prints the label, the guess and its logit. */
#include "digits.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    float pixels[64], logits[10], label;
    if (argc != 2 || digits_load(argv[1])) {
        fprintf(stderr, "predict: %s\n", argc == 2 ? digits_load_error() : "which weights? ./predict digits.safetensors");
        return 1;
    }
    for (;;) {
        for (int i = 0; i < 64; i++)
            if (scanf("%f,", &pixels[i]) != 1)
                return 0;
        if (scanf("%f", &label) != 1)
            return 0;
        digits_predict(pixels, logits);
        int guess = 0;
        for (int k = 1; k < 10; k++)
            guess = logits[k] > logits[guess] ? k : guess;
        printf("%.0f %d %.9g\n", (double)label, guess, (double)logits[guess]);
    }
}
