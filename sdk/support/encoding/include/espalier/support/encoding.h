// SPDX-License-Identifier: Apache-2.0
// Architectures as vectors of a fixed length, for surrogate models. The trace one-hot is the host's
// (esp_survey_encode); here are points of choices and reals, as kernels want them, and the path encoding
// (White et al. 2021). All of it is [coordinator].
#ifndef ESPALIER_SUPPORT_ENCODING_H
#define ESPALIER_SUPPORT_ENCODING_H

#include <espalier/ext/space_structure.h>
#include <espalier/strategy.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Choices and reals ------------------------------------------------------------------------------

// Numbers of decisions of the survey: first the choices - one of n: its index; k of n: n numbers 0 or 1 -
// then integers and reals in [0, 1], on a logarithmic scale where the decision's is. What an architecture
// does not have is NAN.
typedef struct esp_mixed_encoding esp_mixed_encoding;
// `survey`: the host's, outlives it. ESP_ERROR_MEMORY. `*out`: the caller's, esp_mixed_encoding_destroy.
esp_status esp_mixed_encoding_create(esp_mixed_encoding **out, const esp_survey *survey);
void esp_mixed_encoding_destroy(esp_mixed_encoding *encoding);
uint64_t esp_mixed_encoding_choices(const esp_mixed_encoding *encoding);
uint64_t esp_mixed_encoding_reals(const esp_mixed_encoding *encoding);
// Writes choices + reals numbers; answers how many decisions of `arch` stand outside the survey.
uint64_t esp_mixed_encoding_write(const esp_mixed_encoding *encoding, const esp_arch *arch,
                                  double *point);

// ---- Paths ------------------------------------------------------------------------------------------

// A bit for each path from an input of a cell to an output, in each cell: set where the architecture has
// it. Which paths there are is taken from `samples` random members: the `most` shortest (0: all), of equal
// length the most frequent. Others are left out (the truncated encoding of the paper).
typedef struct esp_path_encoding esp_path_encoding;
// ESP_ERROR_UNSUPPORTED where the space gives no structure, or one with too many paths. Else as above.
esp_status esp_path_encoding_create(esp_path_encoding **out, esp_search *search, esp_random *random,
                                    uint64_t samples, uint64_t most);
void esp_path_encoding_destroy(esp_path_encoding *encoding);
uint64_t esp_path_encoding_width(const esp_path_encoding *encoding);
// Writes `width` numbers, 0 or 1.
esp_status esp_path_encoding_write(const esp_path_encoding *encoding, esp_search *search,
                                   const esp_arch *arch, double *vector);

#ifdef __cplusplus
}
#endif

#endif
