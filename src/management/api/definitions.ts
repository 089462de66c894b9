// /api/definitions, of the whole broker and of one virtual host. Main thread. Administrators only:
// the file holds the hashes of all passwords.
import { type ApiRequest, NO_CONTENT, type Reply, resource } from '../route.ts';
import { exportAll, exportVhost } from './export-definitions.ts';
import { importDefinitions } from './import-definitions.ts';
import { vhostOf } from './listing.ts';

async function importAll(request: ApiRequest): Promise<Reply> {
  await importDefinitions(request.broker, await request.json());
  return NO_CONTENT;
}

async function importVhost(request: ApiRequest): Promise<Reply> {
  const vhost = vhostOf(request);
  await importDefinitions(request.broker, await request.json(), vhost);
  return NO_CONTENT;
}

export const definitionRoutes = [
  resource('/api/definitions', 'administrator', {
    GET: exportAll,
    POST: importAll,
    PUT: importAll,
  }),
  resource('/api/definitions/:vhost', 'administrator', { GET: exportVhost, POST: importVhost }),
];
