// Writes workbench/labextension/: a prebuilt JupyterLab extension.
//
// JupyterLab loads such an extension as a webpack module-federation container: a script that puts
// an object with init(scope) and get(module) into window._JUPYTERLAB. That contract is small, so
// container.ts implements it by hand, and building needs esbuild alone.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(here, "../../workbench/labextension");
const described = JSON.parse(await readFile(path.join(here, "package.json"), "utf8"));

// What JupyterLab shares must come from JupyterLab: tokens are compared by identity.
const fromJupyterLab = {
  name: "from-jupyterlab",
  setup(building) {
    building.onResolve({ filter: /^@(jupyterlab|lumino)\// }, (found) => ({
      path: found.path,
      namespace: "shared",
    }));
    building.onLoad({ filter: /.*/, namespace: "shared" }, (found) => ({
      contents: `module.exports = require("./shared").modules[${JSON.stringify(found.path)}];`,
      resolveDir: path.join(here, "src"),
    }));
  },
};

const result = await build({
  absWorkingDir: here,
  entryPoints: ["src/container.ts"],
  bundle: true,
  write: false,
  format: "iife",
  target: "es2022",
  minify: true,
  loader: { ".css": "text" },
  define: { EXTENSION_NAME: JSON.stringify(described.name) },
  plugins: [fromJupyterLab],
  logLevel: "warning",
});

const code = result.outputFiles[0].text;
const digest = createHash("sha256").update(code).digest("hex").slice(0, 16);
const entry = `static/remoteEntry.${digest}.js`;
await rm(out, { recursive: true, force: true });
await mkdir(path.join(out, "static"), { recursive: true });
await writeFile(path.join(out, entry), code);
const { name, version, description, license, jupyterlab } = described;
const manifest = {
  name,
  version,
  description,
  license,
  jupyterlab: { ...jupyterlab, _build: { load: entry, extension: "./extension" } },
};
await writeFile(path.join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(
  path.join(out, "install.json"),
  `${JSON.stringify(
    {
      packageManager: "python",
      packageName: name,
      uninstallInstructions: `Use your Python package manager to uninstall the package ${name}`,
    },
    null,
    2,
  )}\n`,
);
