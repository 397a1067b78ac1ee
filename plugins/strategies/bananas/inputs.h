// SPDX-License-Identifier: Apache-2.0
// Architectures as inputs of the networks: by their paths, or by their decisions.
#ifndef BANANAS_INPUTS_H
#define BANANAS_INPUTS_H

#include <espalier/espalier.h>
#include <espalier/support/encoding.h>

enum { ENCODING_AUTO, ENCODING_PATH, ENCODING_TRACE };

struct inputs {
    int64_t encoding;         // as wished
    uint64_t most_paths;      // 0: all
    esp_path_encoding *paths; // or NULL: the trace
    const esp_survey *survey;
    uint64_t width;  // 0: not prepared yet
    double *numbers; // [width]
};

// What is wished is made, once; an error in words where the space has no paths.
esp_status inputs_prepare(struct inputs *inputs, esp_search *search);
// Writes `width` numbers in [0, 1].
esp_status inputs_write(const struct inputs *inputs, esp_search *search, const esp_arch *arch,
                        float *out);
void inputs_free(struct inputs *inputs);

#endif
