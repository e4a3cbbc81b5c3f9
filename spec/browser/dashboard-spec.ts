import type { Locator, Page } from 'playwright-core';
import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Registry } from '../../lib/index.js';
import { eventually } from '../support/servers/eventually.js';
import { withBrowser } from './stage.js';

const open = withBrowser();

const USERS = 'dubbo://10.0.0.5:20880/com.acme.Users?version=1.0.0&application=users&zone=eu-1&weight=20';
const HEAVY = 'dubbo://10.0.0.6:20880/com.acme.Users?version=1.0.0&application=users&zone=eu-2&weight=200';

/** A provider that is moved by a spec. */
function provider(registry: Registry): Subject<string | undefined> {
  const urls = new Subject<string | undefined>();
  const registration = registry.register(urls).subscribe();
  onTestFinished(() => registration.unsubscribe());
  return urls;
}

const rowOf = (page: Page, text: string): Locator => page.locator('.row', { hasText: text });

/** How wide the bar of a row is, as a share of its track. */
async function barOf(row: Locator): Promise<number> {
  return row.locator('.fill').evaluate((fill) => fill.clientWidth / fill.parentElement!.clientWidth);
}

describe('the live page', () => {
  it('shows a provider that comes, a weight that moves its bar, and a provider that goes', async () => {
    const { registry, page, complaints } = await open('#/service/com.acme.Users');
    await registry.provide(HEAVY);
    const urls = provider(registry);
    urls.next(USERS);
    await eventually(async () => expect(await barOf(rowOf(page, '10.0.0.5'))).toBeCloseTo(0.1, 1));
    const hue = await rowOf(page, '10.0.0.5').locator('.fill').getAttribute('style');
    expect(hue).not.toBe(await rowOf(page, '10.0.0.6').locator('.fill').getAttribute('style'));

    urls.next(USERS.replace('weight=20', 'weight=100'));
    await eventually(async () => expect(await barOf(rowOf(page, '10.0.0.5'))).toBeCloseTo(0.5, 1));
    await page.locator('#log li', { hasText: 'weight: 20 → 100' }).waitFor();

    urls.next(undefined);
    await rowOf(page, '10.0.0.5').waitFor({ state: 'detached' });
    await rowOf(page, '10.0.0.6').waitFor();
    expect(await page.locator('#status').textContent()).toBe('connected');
    expect(complaints).toEqual([]);
  });

  it('shows names that are markup as text, and runs none of it', async () => {
    const { server, page, complaints } = await open();
    const hostile = `<img src=x onerror="document.title='stolen'"><script>document.title='stolen'</script>`;
    const url = `dubbo://10.0.0.1:1/${hostile}?application=${hostile}&zone=${hostile}&version=${hostile}`;
    server.create(`/dubbo/${encodeURIComponent(hostile)}/providers/${encodeURIComponent(url.replaceAll('=', '%3D'))}`);
    server.create(
      `/dubbo/com.acme.Users/providers/${encodeURIComponent(`dubbo://10.0.0.1:1/com.acme.Users?zone=${hostile}`)}`,
    );
    server.create('/dubbo/com.acme.Users/providers/%3Cscript%3Ealert(1)%3C%2Fscript%3E');
    await rowOf(page, '<img').waitFor();
    await page.locator('#warnings li', { hasText: 'UNREADABLE_NODE' }).waitFor();
    await rowOf(page, '<img').getByRole('link').click();
    await page.locator('h1', { hasText: '<img' }).waitFor();
    expect(await page.locator('img, body script ~ script').count()).toBe(0);
    expect(await page.title()).toBe('rx-registry');
    expect(complaints).toEqual([]);
  });

  it('is used with the keyboard, and its link keeps the view', async () => {
    const { registry, page } = await open();
    await registry.provide(USERS);
    await registry.provide('tri://10.0.0.7:1/com.acme.Orders?application=orders');
    await rowOf(page, 'com.acme.Orders').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('users');
    await rowOf(page, 'com.acme.Orders').waitFor({ state: 'detached' });
    expect(page.url()).toMatch(/#\/\?q=users$/);
    await page.reload();
    await rowOf(page, 'com.acme.Users').waitFor();
    expect(await page.locator('.row').count()).toBe(1);

    await page.keyboard.press('/');
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: 'com.acme.Users' }).waitFor();
    await page.getByRole('cell', { name: 'dubbo://10.0.0.5:20880' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('h1', { hasText: 'Services' }).waitFor();
  });

  it('has few elements however many instances there are, and reaches the last', async () => {
    const { server, page } = await open('#/service/com.acme.Users');
    const nodeOf = (at: number): string =>
      `/dubbo/com.acme.Users/providers/${encodeURIComponent(`tri://10.0.${Math.floor(at / 250)}.${at % 250}:1/com.acme.Users`)}`;
    server.change({ create: Array.from({ length: 10_000 }, (_, at) => nodeOf(at)) });
    await page.locator('#facts', { hasText: '10000 providers' }).waitFor();
    expect(await page.locator('.row').count()).toBeLessThan(100);
    await page.locator('#table').focus();
    await page.keyboard.press('End');
    await rowOf(page, '10.0.39.249').waitFor();
    expect(await page.locator('.row').count()).toBeLessThan(100);
  });

  it('says that the dashboard does not answer, and goes on when it does again', async () => {
    const { registry, page, stop, start } = await open();
    await registry.provide(USERS);
    await rowOf(page, 'com.acme.Users').waitFor();
    await stop();
    await page.locator('#status[data-status="offline"]').waitFor();
    await registry.provide(USERS.replaceAll('Users', 'Others'));
    await start();
    await rowOf(page, 'com.acme.Others').waitFor();
    await page.locator('#status[data-status="connected"]').waitFor();
  });

  it('says how the registry is connected while that is away', async () => {
    const { server, registry, page } = await open();
    await registry.provide(USERS);
    await rowOf(page, 'com.acme.Users').waitFor();
    server.stop();
    await page.locator('#status[data-status="suspended"]').waitFor();
    expect(await rowOf(page, 'com.acme.Users').count()).toBe(1);
    server.start();
    await page.locator('#status[data-status="connected"]').waitFor();
    await eventually(async () => {
      const bands = page.locator('#band i');
      const was = await bands.evaluateAll((all) => all.map((each) => each.getAttribute('data-status')));
      expect(was).toContain('suspended');
    });
  });

  it('fits a narrow screen, in dark and in light', async () => {
    const { registry, page } = await open();
    await registry.provide(USERS);
    await rowOf(page, 'com.acme.Users').waitFor();
    await page.setViewportSize({ width: 360, height: 700 });
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(widths[0]).toBeLessThanOrEqual(widths[1]!);
    const back = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await back();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await back();
    expect(light).not.toBe(dark);
    await page.locator('#theme').click();
    expect(await back()).toBe(dark);
    await page.reload();
    expect(await back()).toBe(dark);
  });

  it('draws which application calls which', async () => {
    const { registry, page } = await open();
    await registry.provide(USERS);
    await registry.provide('consumer://10.0.0.9/com.acme.Users?application=shop&version=1.0.0');
    await page.getByRole('link', { name: 'Map' }).click();
    await page.locator('#map title', { hasText: 'shop calls users: com.acme.Users' }).waitFor({ state: 'attached' });
  });
});
