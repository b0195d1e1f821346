// TMPDIR=HERE node unpack.mjs HOME: unpack the browser of @sparticuz/chromium into HERE, with the
// fonts and shared libraries that a bare Debian lacks, and put axe-core beside it, which finds what
// shuts people out of a page. HOME is where all of it will be moved to.
import { copyFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflate } from "@sparticuz/chromium";

const home = process.argv[2];
const main = fileURLToPath(import.meta.resolve("@sparticuz/chromium"));
const files = join(dirname(dirname(main)), "bin");
for (const name of ["chromium.br", "fonts.tar.br", "al2023.tar.br"]) {
  await inflate(join(files, name));
}
// The package's own file looks in folders of another system. The same fonts everywhere: no page
// looks different on a machine that has more of them.
writeFileSync(
  join(tmpdir(), "fonts.conf"),
  `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${join(home, "fonts")}</dir><cachedir>${join(home, "cache")}</cachedir></fontconfig>
`,
);
copyFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), join(tmpdir(), "axe.min.js"));
