// Bundles the widget into one ES module and one style sheet; nothing is fetched when it runs.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(here, "../../workbench/notebook/static");

await build({
  absWorkingDir: here,
  entryPoints: { graph: "src/index.ts" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "linked",
  loader: { ".css": "css" },
  logLevel: "warning",
});
