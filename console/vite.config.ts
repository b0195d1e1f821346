import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const from = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "/console/",
  plugins: [svelte()],
  resolve: { alias: { "dml-client": from("../clients/typescript/dist/index.js") } },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // The page's policy lets no `data:` run.
  },
  server: {
    fs: { allow: [from("..")] },
    // `npm run dev`: pages from here, all else from a marketplace that runs.
    proxy: { "^/(?!console)": { target: process.env.DML_SERVER ?? "http://127.0.0.1:8000" } },
  },
});
