// SPDX-License-Identifier: Apache-2.0
// The runs whose pages the browser test opens, made by the program itself. Each function answers the
// path of a page.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const espalier = process.env.ESPALIER_BINARY;
const environment = { ...process.env, ESPALIER_PLUGINS: `${process.env.ESPALIER_TEST_PLUGINS}:${process.env.ESPALIER_PLUGINS}` };

function run(...words) {
  const { status, stderr, stdout } = spawnSync(espalier, words, { env: environment, encoding: "utf8" });
  if (status !== 0) throw new Error(`espalier ${words.join(" ")}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

function begin(work, name, ini, command = "run") {
  const folder = join(work, name), config = join(work, `${name}.ini`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  writeFileSync(config, `${ini}[run]\nout = ${folder}\n`);
  run(command, config, ...(command === "run" ? ["--quiet"] : []));
  return folder;
}

function page(folder) {
  run("report", folder);
  return join(folder, "report.html");
}

// Real training, a little of it.
export function small(work) {
  return page(begin(work, "training", `[experiment]
name = training
[space]
plugin = nasbench201
channels = 4
cells = 1
[strategy]
plugin = regularized_evolution
population = 4
tournament = 2
[estimator]
plugin = train
epochs = 3
batch = 30
learning_rate = log(0.01, 0.3)
[dataset]
plugin = synthetic
height = 8
width = 8
train = 120
valid = 60
test = 30
[objective]
maximize = valid_accuracy
[budget]
trials = 12
[final]
retrain = best
epochs = 1
`));
}

// Five settings, twenty seeds each.
export function sweep(work) {
  return page(begin(work, "sweep", `[experiment]
name = five
[space]
plugin = chain
max_depth = 8
[strategy.regularized_evolution]
tournament = 5
[estimator]
plugin = nk_landscape
[objective]
maximize = fitness
[budget]
trials = 60
[sweep]
strategy.plugin = random, regularized_evolution, local_search
experiment.seed = 1..20
[sweep.evolution]
when = strategy.plugin == regularized_evolution
strategy.population = 10, 20, 50
`, "sweep"));
}

export function big(work) {
  return page(begin(work, "big", `[experiment]
name = ten_thousand
[space]
plugin = nasbench201
[strategy]
plugin = random
[estimator]
plugin = nk_landscape
[objective]
maximize = fitness
[budget]
trials = 10000
`));
}

export function hostile(work) {
  return page(begin(work, "hostile", `[experiment]
name = <img src=x onerror=alert(1)>"'&amp;
[space]
plugin = chain
max_depth = 3
[strategy]
plugin = random
[estimator]
plugin = hostile
[dataset]
plugin = synthetic
height = 8
width = 8
train = 8
valid = 8
test = 8
[objective]
maximize = score
[budget]
trials = 9
failures = 9
`));
}

// A file of another program, whose words are markup, and whose numbers are not all numbers.
export function csv(work) {
  const file = join(work, "other.csv"), out = join(work, "other.html");
  const rows = ["method,run,seed,trial,state,valid_accuracy,objective"];
  for (const method of ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>\u2028"])
    for (let seed = 1; seed <= 3; seed++)
      for (let trial = 0; trial < 5; trial++)
        rows.push(`"${method}",r${seed},${seed},${trial},done,${trial === 2 ? "NaN" : 0.5 + 0.01 * trial * seed},maximize valid_accuracy`);
  writeFileSync(file, `${rows.join("\n")}\n`);
  run("report", file, "-o", out);
  return out;
}

// Figures of the runs above, by name: [title, path].
export function figures(work) {
  const of = (source, name, ...more) => {
    const path = join(work, `${name}${more.length ? more.join("") : ""}.svg`);
    run("report", source, "--figure", name, "-o", path, ...more);
    return path;
  };
  const training = join(work, "training"), methods = join(work, "sweep");
  return [of(training, "curves"), of(training, "front"), of(training, "correlation"), of(training, "steps"),
    of(methods, "best_so_far"), of(methods, "best_so_far", "--log=x"), of(methods, "final"), of(join(work, "other.csv"), "final", "--log=x")];
}
