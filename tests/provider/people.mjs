// The same certified provider as its people see it: a device flow, refresh tokens, and its own
// pages, on which any name and any password will do.
//
// The one argument is its lifetimes as JSON, in seconds, by oidc-provider's names of them. Its
// first line on standard output is the issuer. It is run in the folder that has node_modules, and
// ends with its standard input.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// An import by name would look beside this file, and the packages are not in the repository.
const entry = createRequire(`${process.cwd()}/`).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(entry));

let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'gatepass',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  ttl: { IdToken: 300, ...JSON.parse(process.argv[2]) },
});
answer = provider.callback();
console.log(issuer);

process.stdin.resume();
await once(process.stdin, 'end');
server.close();
server.closeAllConnections();
