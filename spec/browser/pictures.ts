import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { startDemo } from '../../lib/cli/demo/startDemo.js';
import { createDashboard } from '../../lib/dashboard/index.js';
import { createRegistry } from '../../lib/index.js';
import { seededRandom } from '../../lib/testing/seededRandom.js';
import { BROWSER_ARGS, findBrowser, HOW_TO_GET_ONE } from './findBrowser.js';

// Takes the pictures of README: `npm run pictures`.

const executablePath = await findBrowser();
if (executablePath === undefined) throw new Error(HOW_TO_GET_ONE);
const demo = await startDemo(seededRandom(7));
const registry = createRegistry(demo.address);
const dashboard = createDashboard(registry, { title: 'demo' });
const server = createServer(dashboard).listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = await chromium.launch({ executablePath, args: [...BROWSER_ARGS] });
const page = await browser.newPage({ viewport: { width: 1200, height: 480 } });
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

await page.goto(url);
// So that lines over time have something to show.
await page.locator('#log li').nth(16).waitFor({ timeout: 120_000 });
await page.screenshot({ path: 'docs/dashboard-overview.png' });
await page.emulateMedia({ colorScheme: 'dark' });
await page.goto(`${url}#/service/com.acme.UserService`);
await page.locator('#log li', { hasText: 'weight' }).first().waitFor();
await page.screenshot({ path: 'docs/dashboard-service.png' });

await browser.close();
dashboard.close();
server.close();
await registry.close();
await demo.stop();
