// SPDX-License-Identifier: Apache-2.0
// A run and everything of it that must be the same bits: trials, exact metrics, stored weights.
#ifndef RESUME_OUTCOME_H
#define RESUME_OUTCOME_H

// Writes the configuration of a small search with real training into `folder`; answers its path,
// owned by the caller (free).
char *outcome_config(const char *folder);

// All that must be equal, as text: of each trial its state, architecture, hash, parent and exact
// metrics; the best; the final training's metrics; and a digest of every file of weights that is
// kept. Owner: the caller (free).
char *outcome_text(const char *out);

// Runs the configuration without interruption into `out` with `workers` workers of `executor`.
void outcome_run(const char *config, const char *out, const char *workers, const char *executor);

#endif
