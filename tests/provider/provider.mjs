// A certified OpenID provider on loopback, obeying one-line JSON commands on standard input:
//
//   {"do": "mint", "client": ID, "alg": "RS256" | "ES256", "claims": {...}}  ->  {"token": ...}
//   {"do": "rotate", "keepOld": true | false}                                ->  {"kids": [...]}
//   {"do": "stop"}                                                           ->  {"stopped": true}
//
// Its first line on standard output is the issuer; each further one answers a command, with
// {"error": ...} where it can't be done. It is run in the folder that has node_modules.

import { generateKeyPair, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

// An import by name would look beside this file, and the packages are not in the repository.
const entry = createRequire(`${process.cwd()}/`).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(entry));

const LIFETIME = 600; // seconds of an ID token

const clients = new Map();
let keys = await freshKeys();
let provider;
let answer;

const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
publish();
console.log(issuer);

const commands = { mint, rotate, stop };

// When whoever started us is gone, the lines end, and so do we.
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await obey(line)));
  if (!server.listening) break;
}
stop();
process.stdin.destroy();

async function obey(line) {
  try {
    const { do: name, ...options } = JSON.parse(line);
    if (!Object.hasOwn(commands, name)) throw new Error(`no command ${name}`);
    return await commands[name](options);
  } catch (error) {
    return { error: error.error_description ?? error.message };
  }
}

// An ID token's audience is the client's id and nothing else: a token for a registry is one for a
// client whose id is the registry's address. No browser is needed to have it made.
async function mint({ client: id, alg, claims }) {
  clients.set(id, {
    client_id: id,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    id_token_signed_response_alg: alg,
    grant_types: [],
    response_types: [],
    redirect_uris: [],
  });
  const client = await provider.Client.find(id);
  const token = new provider.IdToken({}, { client, ctx: undefined });
  token.scope = 'openid';
  for (const [name, value] of Object.entries(claims)) token.set(name, value);
  return { token: await token.issue({ use: 'idtoken' }) };
}

// The first key that fits is the one that signs, so the new ones come first.
async function rotate({ keepOld }) {
  keys = [...(await freshKeys()), ...(keepOld ? keys : [])];
  publish();
  return { kids: keys.map((key) => key.kid) };
}

function stop() {
  server.close();
  server.closeAllConnections();
  return { stopped: true };
}

// A provider's keys can't be changed: another one takes its place, under the same issuer.
function publish() {
  provider = new Provider(issuer, {
    adapter: (model) => ({ find: async (id) => (model === 'Client' ? clients.get(id) : undefined) }),
    features: { devInteractions: { enabled: false } },
    jwks: { keys },
    ttl: { IdToken: LIFETIME },
  });
  answer = provider.callback();
}

async function freshKeys() {
  const generate = promisify(generateKeyPair);
  const pairs = await Promise.all([
    generate('rsa', { modulusLength: 2048 }),
    generate('ec', { namedCurve: 'P-256' }),
  ]);
  return pairs.map(({ privateKey }) => ({
    ...privateKey.export({ format: 'jwk' }),
    kid: randomUUID(),
    use: 'sig',
  }));
}
