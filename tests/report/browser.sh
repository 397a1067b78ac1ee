#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# browser.sh SCRIPTS SCREENSHOTS: the report page in a headless Chromium. Where Chromium, Node or
# Chart.js is missing the test is skipped (77), saying so.
scripts=$1
chromium=
for name in chromium chromium-browser; do
    chromium=${chromium:-$(command -v $name)}
done
[ -n "$chromium" ] || { echo "skipped: there is no chromium here (apt-get install chromium)"; exit 77; }
command -v node >/dev/null || { echo "skipped: there is no node here (apt-get install nodejs)"; exit 77; }
# A browser that does not start in this place tells nothing about the page.
node --input-type=module -e "
    import { Browser } from '$scripts/browser.mjs';
    const browser = new Browser('$chromium');
    setTimeout(() => process.exit(1), 60000).unref();
    await browser.open();
    await browser.close();" || { echo "skipped: $chromium does not start here"; exit 77; }
exec node "$scripts/page_test.mjs" "$chromium" "$2"
