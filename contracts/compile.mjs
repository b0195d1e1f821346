// node contracts/compile.mjs PACKAGES OUT [--no-mutants]: compile contracts/ into OUT, with the compiler and library
// in PACKAGES.
// The same sources give the same bytes: each file names the hashes of all that it was made of.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const [packages, out] = process.argv.slice(2, 4).map((path) => resolve(path));
const solc = createRequire(join(packages, "package.json"))("solc");
const ours = [
  ...["CounterfactualCheck.sol", "DevToken.sol", "Vault.sol", "testing/Intruder.sol", "testing/ManyDeposits.sol"],
  ...["testing/OddToken.sol", "testing/WalletFactory.sol"],
];

// Transient storage, by which the vault is locked, needs Cancun.
const settings = { evmVersion: "cancun", optimizer: { enabled: true, runs: 10_000 } };

const sha256 = (content) => createHash("sha256").update(content).digest("hex");
const read = (path) => readFileSync(path, "utf8");

function find(path) {
  const full = join(packages, "node_modules", path);
  return existsSync(full) ? { contents: read(full) } : { error: "not found" };
}

function compile(sources, isOurs) {
  const output = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"] } };
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }])),
    settings: { ...settings, outputSelection: output },
  };
  const answer = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  const wrong = (answer.errors ?? []).filter((one) => one.severity === "error" || isOurs(one.sourceLocation?.file));
  for (const one of wrong) console.error(one.formattedMessage);
  if (wrong.length) process.exit(1); // by a warning about our own files too
  return answer.contracts;
}

function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content, null, 1) + "\n");
}

const madeBy = Object.fromEntries(
  ["contracts/compile.mjs", "requirements/contracts/package-lock.json"].map((path) => [path, sha256(read(join(here, "..", path)))]),
);
rmSync(out, { recursive: true, force: true });

const contracts = compile(Object.fromEntries(ours.map((name) => [name, read(join(here, name))])), (file) => ours.includes(file));
for (const file of ours) {
  const name = file.match(/(\w+)\.sol$/)[1];
  const { abi, evm, metadata } = contracts[file][name];
  const used = Object.keys(JSON.parse(metadata).sources).sort();
  write(join(out, file.replace(/\.sol$/, ".json")), {
    contract: name,
    compiler: solc.version(),
    settings,
    made_by: madeBy,
    sources: Object.fromEntries(used.map((name) => [name, sha256(ours.includes(name) ? read(join(here, name)) : find(name).contents)])),
    deployed_bytes: evm.deployedBytecode.object.length / 2,
    abi,
    bytecode: "0x" + evm.bytecode.object,
  });
}

if (process.argv[4] === "--no-mutants") process.exit(0);

// The vault with one small fault each, which tests/chain must notice.
const vault = read(join(here, "Vault.sol"));
const dictionary = Buffer.from(contracts["Vault.sol"].Vault.evm.bytecode.object, "hex"); // most of it is the same
const mutants = {};
for (const { name, find: from, put } of JSON.parse(read(join(here, "testing/mutants.json")))) {
  if (vault.split(from).length !== 2) throw new Error(`${name}: what it changes is not there once`);
  const source = vault.replace(from, () => put);
  const code = Buffer.from(compile({ "Vault.sol": source }, () => false)["Vault.sol"].Vault.evm.bytecode.object, "hex");
  mutants[name] = { source: sha256(source), bytecode: deflateSync(code, { level: 9, dictionary }).toString("base64") };
}
write(join(out, "testing/mutants.json"), mutants);
