import { chromium } from 'playwright-core';
import { findExecutable } from '../support/servers/findExecutable.js';

/** Names that a Chromium has on the path. */
const NAMES = ['chromium', 'chromium-browser', 'chromium-headless-shell', 'google-chrome', 'google-chrome-stable'];

/** What to do where there is none. */
export const HOW_TO_GET_ONE =
  'There is no Chromium that runs here: install Debian\'s package "chromium", or run "npx playwright install chromium" and name its ' +
  'program in CHROME_PATH.';

/** Arguments without which a Chromium does not run in a container, or as root. */
export const BROWSER_ARGS: readonly string[] = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

/** The path of a Chromium that runs here: that of `CHROME_PATH`, or one on the path. */
export async function findBrowser(): Promise<string | undefined> {
  const given = process.env['CHROME_PATH'];
  const candidates = given ? [given] : NAMES.flatMap((name) => findExecutable(name) ?? []);
  for (const candidate of candidates) if (await runs(candidate)) return candidate;
  return undefined;
}

/** A program of that name may be there which only says how to get one. */
async function runs(executablePath: string): Promise<boolean> {
  try {
    await using browser = await chromium.launch({ executablePath, args: [...BROWSER_ARGS], timeout: LAUNCH_MS });
    const page = await browser.newPage();
    await page.goto('data:text/html,<title>runs</title>');
    return (await page.title()) === 'runs';
  } catch {
    return false;
  }
}

const LAUNCH_MS = 60_000;
