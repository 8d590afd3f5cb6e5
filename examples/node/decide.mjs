// Asks a fedscore server for a credit limit: nothing but the .proto files and grpc-js.
//
//   npm ci
//   node decide.mjs ADDRESS APPLICANT.json CA.crt CALLER.crt CALLER.key
//
// Looks up the release first, and asks in the packed form, in the order that the release says.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const FILES = ["protocols/wire/scoring_v1.proto", "protocols/wire/decisions_v1.proto"];
const DEADLINE_MS = 10_000;

function services() {
  const options = { includeDirs: [ROOT], longs: Number, enums: String, bytes: Buffer };
  const { fedscore } = grpc.loadPackageDefinition(loader.loadSync(FILES, options));
  return [fedscore.scoring.v1.ScoringService, fedscore.decisions.v1.LimitDecisionService];
}

// A request may be repeated with the same id: the same answer comes back, so retries are safe.
function ask(client, method, message) {
  return new Promise((done, fail) => {
    const deadline = Date.now() + DEADLINE_MS;
    client[method](message, { deadline }, (error, reply) => (error ? fail(error) : done(reply)));
  });
}

// Numbers with NaN where missing; codes are places in a level's list, then "other", then missing.
function packed(features, release) {
  const numbers = release.inputs.filter((field) => field.isNumeric);
  const listed = release.inputs.filter((field) => !field.isNumeric);
  const code = ({ name, levels }) => {
    if (features[name] == null) return levels.length + 1;
    const place = levels.indexOf(features[name]);
    return place < 0 ? levels.length : place;
  };
  return {
    contractDigest: release.contractDigest,
    numbers: numbers.map(({ name }) => features[name] ?? NaN),
    codes: listed.map(code),
  };
}

const [address, file, ca, certificate, key] = process.argv.slice(2);
const credentials = grpc.credentials.createSsl(
  ...[ca, key, certificate].map((path) => readFileSync(path)),
);
const [scoring, limits] = services().map((Service) => new Service(address, credentials));
const { release } = await ask(scoring, "GetRelease", {});
const asked = JSON.parse(readFileSync(file, "utf8"));
const { decision } = await ask(limits, "DecideLimit", {
  requestId: asked.request_id ?? crypto.randomUUID(),
  requestedAmountMinor: asked.requested_amount_minor,
  currency: asked.currency,
  packed: packed(asked.features, release),
});
console.log(JSON.stringify({ outcome: decision.outcome, limitMinor: decision.limitMinor, points: decision.points }));
