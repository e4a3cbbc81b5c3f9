import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createDashboard, type Dashboard } from '../../lib/dashboard/index.js';
import { createRegistry, type Registry } from '../../lib/index.js';
import { BROWSER_ARGS } from './findBrowser.js';

/** A page of a dashboard, in a browser. */
export interface Stage {
  readonly server: MemoryServer;
  readonly registry: Registry;
  readonly page: Page;
  readonly url: string;
  /** What the page complained of: errors of its script, and what its policy has refused. */
  readonly complaints: readonly string[];
  /** Ends the web server. */
  readonly stop: () => Promise<void>;
  /** Starts it again at the same port. */
  readonly start: () => Promise<void>;
}

/** Has a browser for all specs of a file; returns what opens a page for one of them. */
export function withBrowser(): (fragment?: string) => Promise<Stage> {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env['RX_REGISTRY_BROWSER']!, args: [...BROWSER_ARGS] });
  });
  afterAll(() => browser.close());

  return async (fragment = '') => {
    const server = new MemoryServer();
    const registry = createRegistry(memory({ server }));
    const dashboard: Dashboard = createDashboard(registry);
    let web: Server | undefined;
    let port = 0;
    const start = async (): Promise<void> => {
      web = createServer(dashboard).listen(port, '127.0.0.1');
      await once(web, 'listening');
      ({ port } = web.address() as AddressInfo);
    };
    const stop = async (): Promise<void> => {
      web?.close();
      web?.closeAllConnections();
      if (web?.listening) await once(web, 'close');
    };
    await start();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('ERR_CONNECTION')) complaints.push(message.text());
    });
    onTestFinished(async () => {
      await page.close();
      dashboard.close();
      await stop();
      await registry.close();
    });
    const url = `http://127.0.0.1:${port}/`;
    await page.goto(url + fragment);
    return { server, registry, page, url, complaints, start, stop };
  };
}
