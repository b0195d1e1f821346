import { defineConfig } from "@hey-api/openapi-ts";

// What it writes is not kept: docs/decisions/0031.
export default defineConfig({
  input: "../../docs/api/openapi.json",
  output: "src/generated",
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
  logs: { file: false },
});
