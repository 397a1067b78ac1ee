// SPDX-License-Identifier: Apache-2.0
// What oneDNN's OpenMP is told. Its header belongs to one compiler, its functions to libgomp.
#ifndef ONEDNN_THREADS_H
#define ONEDNN_THREADS_H

// Of what the calling thread starts from now on.
void omp_set_num_threads(int threads);

#endif
