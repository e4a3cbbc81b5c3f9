import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { createDashboard } from '../../dashboard/index.js';
import { isLoopback } from '../../dashboard/access.js';
import { wholeNumber } from '../../internal/options.js';
import { type Context, numberOf } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';

/** Where the page is served. */
export interface DashboardCommandOptions {
  readonly host: string;
  readonly port: string;
  readonly token?: string;
}

/** Serves the live page until it is stopped. */
export async function dashboard(context: Context, options: DashboardCommandOptions): Promise<ExitCode> {
  const { registry, output, terminal } = context;
  const { host } = options;
  const port = wholeNumber('port', numberOf('port', options.port), 0, 65_535);
  // Who listens for others lets nobody in without a token.
  const token = options.token ?? (isLoopback(host) ? undefined : randomBytes(18).toString('base64url'));
  const page = createDashboard(registry, { token });
  const server = createServer(page);
  server.listen(port, host);
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}/${token === undefined ? '' : `?token=${token}`}`;
  if (output.isJson) output.record({ url });
  else output.line(`${output.paint('strong', url)}  (Ctrl-C stops it)`);
  await firstValueFrom(terminal.interrupts, { defaultValue: undefined });
  page.close();
  server.close();
  server.closeAllConnections();
  return EXIT_CODES.ok;
}
