import publicEntries from "./entry-points.json" with { type: "json" };

/** The API reference: one page an entry point, written by `npm run docs`. */
export default {
  entryPoints: Object.values(publicEntries),
  plugin: ["typedoc-plugin-markdown"],
  out: "docs/api",
  outputFileStrategy: "modules",
  readme: "none",
  disableSources: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  excludeInternal: true,
};
