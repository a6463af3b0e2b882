/**
 * Stands in for Electron's reading of app.asar, to try an app that is packed as docs/bundlers.md says without Electron. Electron
 * reads files of the archive through a changed `fs`, and so does this; threads and native code see the disk alone.
 *
 *     mkdir app && cd app && npm init -y && npm pkg set type=module && npm install vqrae && cp your-main.mjs main.mjs && cd ..
 *     npx @electron/asar pack app out/app.asar --unpack "**\/node_modules/**"    (without the backslash)
 *     node --import ./scripts/asar/hooks.mjs "$PWD/out/app.asar/main.mjs"
 *
 * Needs @electron/asar beside it (4.3 was tried, with Node 22.23).
 */
import fs, { existsSync } from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import { extractFile } from "@electron/asar";

const [PACKED, UNPACKED] = ["app.asar/", "app.asar.unpacked/"];
const { readFileSync } = fs;

/** A file of the archive, or of the folder beside it; null for any other. */
function packed(path) {
  if (!path.includes(PACKED)) return null;
  const beside = path.replace(PACKED, UNPACKED);
  if (existsSync(beside)) return readFileSync(beside);
  const [archive, file] = path.split(/(?<=app\.asar)\//);
  return extractFile(archive, file);
}

fs.readFileSync = (path, options) => {
  const found = typeof path === "string" ? packed(path) : null;
  if (found === null) return readFileSync(path, options);
  const encoding = typeof options === "string" ? options : options?.encoding;
  return encoding ? found.toString(encoding) : found;
};
syncBuiltinESMExports();

registerHooks({
  resolve(name, context, next) {
    if (name.includes(PACKED)) return { url: new URL(name, "file:").href, format: "module", shortCircuit: true };
    const found = next(name, { ...context, parentURL: context.parentURL?.replace(PACKED, UNPACKED) });
    const own = found.url.includes(`${UNPACKED}node_modules/vqrae/`);
    return own ? { ...found, url: found.url.replace(UNPACKED, PACKED) } : found;
  },
  load(url, context, next) {
    if (!url.includes(PACKED)) return next(url, context);
    return { source: packed(fileURLToPath(url)), format: "module", shortCircuit: true };
  },
});
